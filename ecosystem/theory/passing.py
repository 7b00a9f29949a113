r"""What is left of a diet behind verifiers, in expectation (derived here).

Verdicts do not look at content: of batch b a document passes for reader i with a probability p_ib that depends on its
kind of author alone. A reader draws again until it has enough, so each document that passed is read with a probability
proportional to its weight w_ib in the rules of reading: what is read of b is the share a_ib = w_ib K_ib / W_i of the
diet, with K_ib documents of b that passed and W_i = sum_b w_ib K_ib.

**Each reading judged anew**, with replacement: a_ib is proportional to A_ib p_ib, and exactly that (law 4).

**Each document judged once**, for all readers: K_ib is binomial, and readers share the luck of it. To first order in
1 / (documents that pass), with s_b the documents of b, z_ib = w_ib / E W_i, A_ib = s_b p_ib z_ib, and
U_ik,b = s_b z_ib z_kb (p_ik,b - p_ib p_kb) from the probability p_ik,b that a document passes for both,

    E a_ib         = A_ib (1 + V_ii - (1 - p_ib) z_ib)                      V_ik = sum_b U_ik,b
    E<m_i, m_k>    = sum_bc E a_ib E a_kc <b, c> + sum_b U_ik,b (D_b - <m_i, b> - <m_k, b> + <m_i, m_k>)

where D_b = E|x|^2: the second sum is the covariance of the shares and of who is in the sample at all. The weights of
all pairs of documents add up to 1, so that the error is of second order and multiplies differences between batches
only; to keep it so, that two readers meet the very same document is carried to the second order. For k = i it gives
two reads with replacement. Without replacement the reader's own luck in `judges: readings` is treated alike.

Letters: G guarded readers, B batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.stats import binom, norm

from ecosystem.theory.diet import Batches, Diet, NoLaw, Rules
from ecosystem.theory.guards import NEVER, PATIENCE, Guards, fewer_than, too_few

FEWEST = 10  # documents that pass for a reader on average: with fewer the first order is not enough


@dataclass(frozen=True)
class Luck:
    """How the diets of readers vary with the verdicts. `who_G`: their numbers.

    weight_GB: z; pass_GB: p; count_B: s. vary_GB: by how much, relative to all, more than expected passes where a
    document of b does: (1 - p) z, and what readings add.
    """

    guards: Guards
    who_G: np.ndarray
    weight_GB: np.ndarray
    pass_GB: np.ndarray
    vary_GB: np.ndarray
    count_B: np.ndarray
    human_B: np.ndarray

    @property
    def mean_GB(self) -> np.ndarray:
        """A: shares if as many passed as is expected."""
        return self.weight_GB * self.pass_GB * self.count_B

    @property
    def spread_G(self) -> np.ndarray:
        """V_ii: squared relative deviation of the weight of what passes."""
        return (self.mean_GB * self.vary_GB).sum(axis=1)

    @property
    def share_GB(self) -> np.ndarray:
        """E a; rows add up to 1."""
        return self.mean_GB * (1 + self.spread_G[:, None] - self.vary_GB)

    @property
    def same_G(self) -> np.ndarray:
        """Probability that two reads with replacement of one reader are the same document."""
        a, v, own = self.mean_GB, self.spread_G[:, None], self.vary_GB
        twice = (self.share_GB**2 + v * a**2) / self.count_B + a * own * (1 + 3 * v - 2 * own)
        return twice.sum(axis=1)


def let_pass(guards: Guards, rules: Rules, diet: Diet, batches: Batches, step: int) -> tuple[Diet, Luck | None]:
    """A diet as verifiers leave it, and how it varies with the verdicts (None: not at all); NoLaw where not known."""
    who = np.flatnonzero(guards.guarded_N & (diet.n_N > 0))
    if not len(who):
        return diet, None
    kind_B = (batches.source_B >= len(guards.guards_NV)).astype(int)
    drawn_GB = diet.share_NB[who].toarray()
    pass_GB = np.array([guards.passes(by) for by in guards.shared_NV[who]])[:, kind_B]
    own_GB = guards.own_N2[who][:, kind_B]
    # nobody judges archives (where verdicts are shared there are none to be read: corpus.keep is step)
    private_B = batches.source_B >= guards.public
    pass_GB[:, private_B] = own_GB[:, private_B] = 1.0
    accepted_G = (drawn_GB * own_GB * pass_GB).sum(axis=1)
    fed = accepted_G > 0
    weight_GB = _over(drawn_GB * own_GB / batches.count_B, accepted_G[:, None])
    vary_GB = weight_GB * (1 - pass_GB)
    once_G = diet.once_N[who]
    vary_GB[once_G] += _over(weight_GB * (1 - own_GB), own_GB)[once_G]
    luck = Luck(guards, who, weight_GB, pass_GB, vary_GB, batches.count_B, kind_B.astype(bool))
    _check(guards, rules, diet, batches, luck, accepted_G, step)
    n_G, size_G = _sizes(guards, rules, diet, luck, accepted_G)
    n_N, size_N = diet.n_N.copy(), diet.size_N.copy()
    n_N[who], size_N[who] = np.where(fed, n_G, 0), np.where(fed, size_G, 0)
    passed = replace(diet, share_NB=_with_rows(diet.share_NB, who, luck.share_GB), n_N=n_N, size_N=size_N)
    return passed, luck if luck.spread_G.any() else None


def together(luck: Luck, read_NB: np.ndarray, square_B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the luck of verdicts adds to E<m_i, m_k> of guarded readers (G, G), and to two reads of each (G,).

    read_NB: <m_i, b> of all models; square_B: E|x|^2 of a document.
    """
    read_GB, z, own, s = read_NB[luck.who_G], luck.weight_GB, luck.vary_GB, luck.count_B
    product_GG = luck.mean_GB @ read_GB.T
    product_GG = (product_GG + product_GG.T) / 2
    joint_GG, first_GG, tilt_GG = (np.zeros_like(product_GG) for _ in range(3))
    kinds, group_G = np.unique(luck.guards.shared_NV[luck.who_G], axis=0, return_inverse=True)
    members = [np.flatnonzero(group_G.ravel() == g) for g in range(len(kinds))]
    for a, i in enumerate(members):
        for b, k in enumerate(members):
            covariance_2 = luck.guards.passes(kinds[a] | kinds[b])
            covariance_2 = covariance_2 - luck.guards.passes(kinds[a]) * luck.guards.passes(kinds[b])
            u_B, block = s * covariance_2[luck.human_B.astype(int)], np.ix_(i, k)
            if not u_B.any():
                continue
            product = product_GG[block]
            joint_GG[block] = (z[i] * u_B) @ z[k].T
            first_GG[block] = (z[i] * u_B * (square_B - read_GB[i])) @ z[k].T - (z[i] * u_B) @ (z * read_GB)[k].T
            first_GG[block] += product * joint_GG[block]
            tilt_GG[block] = (z[i] * own[i] * u_B * square_B) @ z[k].T - product * ((z[i] * own[i] * u_B) @ z[k].T)
    v_G, share_GB = luck.spread_G, luck.mean_GB
    meet_GG = (share_GB * square_B / s) @ share_GB.T - product_GG * ((share_GB / s) @ share_GB.T)
    added_GG = first_GG * (1 + v_G[:, None] + v_G + joint_GG) - tilt_GG - tilt_GG.T + joint_GG * meet_GG
    within_GB = square_B - 2 * read_GB + np.diagonal(product_GG)[:, None]
    twice_G = (share_GB * own * within_GB * (1 + 3 * v_G[:, None] - 2 * own)).sum(axis=1)
    return added_GG, twice_G + v_G * np.diagonal(meet_GG)


def _sizes(guards: Guards, rules: Rules, diet: Diet, luck: Luck, accepted_G) -> tuple[np.ndarray, np.ndarray]:
    """Documents read, and those that could be, as harmonic means where they vary."""
    n_G, once_G = diet.n_N[luck.who_G], diet.once_N[luck.who_G]
    size_G = np.where(once_G, _over(1.0, luck.same_G), diet.size_N[luck.who_G])
    everything_G = once_G & (rules.read_N[luck.who_G] >= diet.size_N[luck.who_G])
    n_G = np.where(everything_G, size_G, np.where(once_G, np.minimum(n_G, size_G), n_G))
    for g in np.flatnonzero(~once_G & ~guards.refill_N[luck.who_G] & (accepted_G > 0)):
        off = np.sqrt(luck.spread_G[g])
        n_G[g] = 2 / sum(_mean_inverse(n_G[g], min(accepted_G[g] * x, 1.0)) for x in (1 - off, 1 + off))
    return n_G, size_G


def _mean_inverse(n: float, accepted: float) -> float:
    """E 1/k of a binomial k, given that it is not 0."""
    k = np.arange(1, int(n) + 1)
    chance = binom.pmf(k, int(n), accepted)
    return float((chance / k).sum() / chance.sum())


def _check(guards: Guards, rules: Rules, diet: Diet, batches: Batches, luck: Luck, accepted_G, step: int) -> None:
    """NoLaw where readers may be left with too little, or where how they read has no closed form."""
    who = luck.who_G
    n_G, size_G, once_G = diet.n_N[who], diet.size_N[who], diet.once_N[who]
    fed_G, refill_G, deviation_G = accepted_G > 0, guards.refill_N[who], np.sqrt(luck.spread_G)
    judged_G = fed_G & (accepted_G < 1 - 1e-12)
    partly_G = judged_G & (once_G | (not rules.replacement)) & (rules.read_N[who] < size_G)
    short_G = norm.cdf(_over(n_G - size_G * accepted_G, size_G * accepted_G * deviation_G)) > NEVER
    looks_G = judged_G & refill_G & (~once_G | (partly_G & (PATIENCE * n_G < size_G)))
    alone_G = (rules.follows_NS[:, batches.source_B] @ batches.count_B)[who] == 0
    effective_G = _over(1.0, (luck.mean_GB * luck.weight_GB).sum(axis=1))
    refused = {
        f"reading without replacement by {rules.draw} behind a verifier": partly_G & (rules.draw != "documents"),
        "reading without replacement a number that varies (refill: false)": partly_G & ~refill_G,
        "less may pass than it reads without replacement": partly_G & (deviation_G > 0) & short_G,
        "it reads its own documents (unfed: self), which may be exempt": alone_G & guards.shared_NV[who].any(axis=1),
        "so little passes that sixteen times its budget may not fill it": looks_G
        & too_few(n_G, accepted_G, deviation_G),
        "next to nothing may pass (refill: false)": judged_G
        & ~refill_G & ~once_G & (fewer_than(2, n_G, accepted_G, deviation_G) > NEVER),
        f"verdicts on fewer than {FEWEST} documents decide what it reads: too few for a first order": (deviation_G > 0)
        & (effective_G < FEWEST),
    }  # fmt: skip
    for reason, wrong_G in refused.items():
        if wrong_G.any():
            raise NoLaw(f"model {who[np.argmax(wrong_G)]} at step {step}: {reason}")


def _with_rows(matrix_NB: csr_array, who_G: np.ndarray, rows_GB: np.ndarray) -> csr_array:
    """A sparse matrix with other rows for some."""
    n, g = matrix_NB.shape[0], len(who_G)
    kept_N = np.ones(n)
    kept_N[who_G] = 0
    place_NG = csr_array((np.ones(g), (who_G, np.arange(g))), shape=(n, g))
    return csr_array(diags_array(kept_N) @ matrix_NB + place_NG @ csr_array(rows_GB))


def _over(top, bottom) -> np.ndarray:
    """top / bottom, 0 where the bottom is."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0)
