"""The exact law of second moments on any reading graph.

A maximum-likelihood categorical or Gaussian model is the empirical distribution of its diet as far as second moments
go, and a published batch is the empirical distribution of s draws from its author. Reading and publishing at random
are linear in these, so inner products of all models and all readable batches, averaged over runs, follow an exact
linear recursion: Wright's island model (Wright 1951, doi:10.1111/j.1469-1809.1949.tb02451.x) on a directed, weighted
graph, with publishing and reading as two separate bottlenecks.

A document x is taken as a vector: one-hot for items, itself for vectors. A model i has mean m_i = E x (its
probabilities p_i, or mu_i) and spread v_i = E|x|^2 - |m_i|^2 (1 - sum p_i^2, or the trace of its covariance). Then

    batch b of s documents of j    E<b, .> = E<m_j, .>
                                   E<b, b> = D_j/s + (1 - 1/s) E|m_j|^2,   D_j = E|x|^2 = v_j + E|m_j|^2
    fit of i to n reads            E<m_i, .> = sum_b A[i, b] E<b, .>,      A: shares of batches in the diet
                                   E|m_i|^2 = E_i/n + (1 - 1/n) T_i,       v_i = n/(n - ddof) (E_i - E|m_i|^2)

with E_i = sum_b A[i, b] D_b and T_i = E<x, y> of two different reads: (A C A^T)[i, i] of C = E<b, c> with replacement,
smaller without. Batches stay in the recursion while they can be read: readers of different steps share them.

Letters: N models, H communities, W = N + H writers, B readable batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, eye_array

from ecosystem.theory.diet import Batches, Rules, diet, inner, two_reads
from ecosystem.theory.guards import Guards
from ecosystem.theory.passing import let_pass, together

DENSE = 0.05  # filled share above which a reading matrix is multiplied as a dense one


@dataclass(frozen=True)
class Web:
    """A web of models whose second moments obey the law.

    rules: who reads what and how. publish_N, pretrain_N, ddof_N: documents a step, documents of step 0, ddof of the
    spread (0 for categorical). rate_TH: human documents of each step, rows 0 .. steps. mixture_NH: what pretraining is
    drawn from, rows add up to 1. overlap_HH = <m_h, m_k> and square_H = E|x|^2 of the communities. archive_N: who
    can read its own pretraining documents. window: steps that stay readable, None for all. guards: verifiers before
    reading.
    """

    rules: Rules
    publish_N: np.ndarray
    pretrain_N: np.ndarray
    ddof_N: np.ndarray
    rate_TH: np.ndarray
    mixture_NH: np.ndarray
    overlap_HH: np.ndarray
    square_H: np.ndarray
    archive_N: np.ndarray
    window: int | None = 1
    guards: Guards | None = None

    @property
    def n(self) -> int:
        return len(self.publish_N)

    @property
    def batches(self) -> int:
        """Largest number of batches in the recursion at once."""
        writers = np.count_nonzero(self.publish_N) + self.rate_TH.shape[1]
        kept = 2 if self.window is None else min(self.window, max(len(self.rate_TH) - 1, 1))
        return int(writers * kept + np.count_nonzero(self.archive_N))


@dataclass(frozen=True)
class Moments:
    """Expectations after a step.

    overlap_WW = E<m_i, m_k> of writers, spread_W = E v; human_N, depth_N: human share and mean depth of the last diet.
    Of the readable batches: overlap_BB = E<b, c>, with_WB = E<m_i, b>, square_B = E|x|^2 of a document, depth_B.
    human_web: human share of the documents on the web (NaN when it is empty).
    """

    step: int
    overlap_WW: np.ndarray
    spread_W: np.ndarray
    human_N: np.ndarray
    depth_N: np.ndarray
    batches: Batches
    overlap_BB: np.ndarray
    with_WB: np.ndarray
    square_B: np.ndarray
    depth_B: np.ndarray
    human_web: float = float("nan")

    @property
    def square_W(self) -> np.ndarray:
        """E|x|^2 of a document that each writer would write now."""
        return self.spread_W + np.diagonal(self.overlap_WW)


def walk(web: Web) -> Iterator[Moments]:
    """The moments after steps 0, 1, ..., one after the other."""
    now = start(web)
    yield now
    for step in range(1, len(web.rate_TH)):
        now = learn(web, publish(web, forget(web, now, step), step))
        yield now


def start(web: Web) -> Moments:
    """Step 0: every model is fitted to pretraining documents of its own; archived, they are its diet itself."""
    n = web.n
    means_WH = np.vstack([web.mixture_NH, np.eye(len(web.square_H))])
    overlap_WW = means_WH @ web.overlap_HH @ means_WH.T
    spread_W = means_WH @ web.square_H - np.diagonal(overlap_WW)
    square_N = web.mixture_NH @ web.square_H
    _fit(overlap_WW, spread_W, np.arange(n), square_N, np.diagonal(overlap_WW)[:n].copy(), web.pretrain_N, web.ddof_N)
    own = np.flatnonzero(web.archive_N)
    batches = Batches(len(spread_W) + own, np.zeros(len(own), np.int64), web.pretrain_N[own].astype(float))
    return Moments(
        0, overlap_WW, spread_W, np.ones(n), np.zeros(n), batches, overlap_WW[np.ix_(own, own)], overlap_WW[:, own],
        square_N[own], np.zeros(len(own)),
    )  # fmt: skip


def forget(web: Web, now: Moments, step: int) -> Moments:
    """Batches that are out of the window go; where all is kept, the batches of a source become one."""
    batches = now.batches
    if web.window is not None:
        kept = np.flatnonzero(batches.step_B > step - web.window)
        return _merged(now, csr_array(eye_array(len(now.square_B)))[kept], kept)
    _, first, group = np.unique(batches.source_B, return_index=True, return_inverse=True)
    share = batches.count_B / np.bincount(group, batches.count_B)[group]
    return _merged(now, csr_array((share, (group, np.arange(len(group)))), (len(first), len(group))), first)


def publish(web: Web, now: Moments, step: int) -> Moments:
    """Communities and models add a batch each, from what they were after the step before."""
    count_W = np.concatenate([web.publish_N, web.rate_TH[step]]).astype(float)
    new = np.flatnonzero(count_W)
    among = now.overlap_WW[np.ix_(new, new)]
    np.fill_diagonal(among, now.square_W[new] / count_W[new] + (1 - 1 / count_W[new]) * np.diagonal(among))
    earlier = now.with_WB[new]
    depth_W = np.append(now.depth_N + 1, np.zeros(len(web.square_H)))
    old = now.batches
    steps_B = np.append(old.step_B, np.full(len(new), step))
    batches = Batches(np.append(old.source_B, new), steps_B, np.append(old.count_B, count_W[new]))
    return replace(
        now,
        step=step,
        batches=batches,
        overlap_BB=np.block([[now.overlap_BB, earlier.T], [earlier, among]]),
        with_WB=np.hstack([now.with_WB, now.overlap_WW[:, new]]),
        square_B=np.append(now.square_B, now.square_W[new]),
        depth_B=np.append(now.depth_B, depth_W[new]),
        human_web=_human_web(batches, web.n, len(count_W)),
    )


def learn(web: Web, now: Moments) -> Moments:
    """Everyone reads and everyone is fitted anew; who read nothing stays as it is."""
    eaten, luck = diet(web.rules, now.batches, now.step), None
    if web.guards is not None:
        eaten, luck = let_pass(web.guards, web.rules, eaten, now.batches, now.step)
    fed = np.flatnonzero(eaten.n_N > 0)
    share = _fast(eaten.share_NB)
    read_NB = share @ now.overlap_BB
    P_N = inner(read_NB, eaten.share_NB)
    if luck is not None:
        added_GG, twice_G = together(luck, read_NB, now.square_B)
        P_N[luck.who_G] += twice_G
    T_N = two_reads(eaten, now.batches, now.overlap_BB, now.square_B, P_N)
    with_WB, overlap_WW, spread_W = now.with_WB.copy(), now.overlap_WW.copy(), now.spread_W.copy()
    with_WB[fed] = read_NB[fed]
    overlap_WW[fed] = (share @ with_WB.T)[fed]
    overlap_WW[:, fed] = overlap_WW[fed].T
    if luck is not None:
        overlap_WW[np.ix_(luck.who_G, luck.who_G)] += added_GG
    _fit(overlap_WW, spread_W, fed, (share @ now.square_B)[fed], T_N[fed], eaten.n_N[fed], web.ddof_N[fed])
    human_B = now.batches.source_B >= web.n
    was_fed = eaten.n_N > 0
    return replace(
        now,
        overlap_WW=overlap_WW,
        spread_W=spread_W,
        with_WB=with_WB,
        human_N=np.where(was_fed, share @ human_B.astype(float), now.human_N),
        depth_N=np.where(was_fed, share @ now.depth_B, now.depth_N),
    )


def _fit(overlap_WW, spread_W, who, square, pair, n, ddof) -> None:
    """Fills in |m|^2 and v of the models `who`, fitted to n documents of mean square and mean product of pairs."""
    norm = square / n + (1 - 1 / n) * pair
    overlap_WW[who, who] = norm
    measured = n > ddof  # too few documents to measure a spread leave none
    spread_W[who] = np.where(measured, n / np.where(measured, n - ddof, 1) * (square - norm), 0.0)


def _merged(now: Moments, mean_CB: csr_array, like: np.ndarray) -> Moments:
    """The batches replaced by means of batches; sources and steps are those of the batches `like`."""
    batches = now.batches
    count_C = (mean_CB > 0).astype(float) @ batches.count_B
    return replace(
        now,
        batches=Batches(batches.source_B[like], batches.step_B[like], count_C),
        overlap_BB=mean_CB @ (mean_CB @ now.overlap_BB).T,
        with_WB=(mean_CB @ now.with_WB.T).T,
        square_B=mean_CB @ now.square_B,
        depth_B=mean_CB @ now.depth_B,
    )


def _human_web(batches: Batches, n: int, writers: int) -> float:
    """Human share of what is on the web; archives are private."""
    public = batches.source_B < writers
    total = batches.count_B[public].sum()
    return float(batches.count_B[public & (batches.source_B >= n)].sum() / total) if total else float("nan")


def _fast(matrix: csr_array) -> csr_array | np.ndarray:
    rows, columns = matrix.shape
    return matrix.toarray() if matrix.nnz > DENSE * rows * columns else matrix
