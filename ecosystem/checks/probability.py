"""Are log-probabilities probabilities, and of what is really written? Exact where all documents can be listed,
by quadrature for one number.

Of pairs, `log_prob` is that of the target given the features, so it is the target that is integrated over.
Comparisons with a sample raise a false alarm with probability 1e-6 each: by the Dvoretzky-Kiefer-Wolfowitz bound
(doi:10.1214/aop/1176990746) for distributions, by the normal approximation with Bonferroni's bound for moments. Seeds
are fixed, so a component passes or fails once and for all.

Letters: n rows (agents, or one writer), k documents written, M documents listed, q nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.stats import binom, norm

from ecosystem.checks.trial import all_documents, dense, require
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Atoms, Moments

FALSE_ALARM = 1e-6
OFF = 0.01  # quadrature and rounding; a forgotten constant is further off
PAIRS_TRIED = 400
GRADES = np.array([0, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999])  # of a cell
NODES, LENGTHS = np.polynomial.legendre.leggauss(6)

Score = Callable[[np.ndarray], np.ndarray]  # (M, *x) -> (n, M) nats


def sums_to_one(component: object, shape: DocumentShape, score: Score, written: np.ndarray) -> None:
    """Probabilities of all documents add up to 1, the density of one number integrates to 1; others are not looked at.

    `written` (n, k, *x) is a sample: it says where the mass of a density lies.
    """
    every = all_documents(shape)
    if every is not None:
        total = np.exp(score(every)).sum(axis=1)
    elif shape.kind in ("vectors", "pairs") and _integrable(shape):
        total = np.array([_integral(shape, score, written, i)[0][-1] for i in range(len(written))])
    else:
        return
    worst = total[np.argmax(np.abs(total - 1))]
    what = "probabilities of all documents" if every is not None else "the density"
    require(abs(worst - 1) < OFF, component, f"{what} must add up to 1; got {worst:.4g}")


def says_what_it_writes(component: object, shape: DocumentShape, score: Score, written: np.ndarray) -> None:
    """Documents are written as often as `log_prob` says: distribution functions agree within what chance allows."""
    every = all_documents(shape)
    if every is None and not (shape.kind in ("vectors", "pairs") and _integrable(shape)):
        return
    if shape.kind == "pairs":
        gap, k = _gap_of_targets(shape, score, written), PAIRS_TRIED
    else:
        k = written.shape[1]
        gap = _gap_of_list(every, score, written) if every is not None else _gap_of_line(shape, score, written)
    allowed = math.sqrt(math.log(2 * len(written) / FALSE_ALARM) / (2 * k)) + OFF
    require(
        gap < allowed, component,
        f"documents must be written as often as log_prob says; distribution functions are {gap:.3f} apart, "
        f"chance allows {allowed:.3f}",
    )  # fmt: skip


def texts_are_written_as_often_as_said(component: object, texts: np.ndarray, score: Score, written: np.ndarray) -> None:
    """For learners that read text: whole texts (M, L) have probabilities that add up to 1 at most, and each is written
    at least as often as `log_prob` says. That is of one way to spell a text in the learner's own tokens; others add.
    """
    said_nm = np.exp(score(texts))
    total = said_nm.sum(axis=1).max()
    require(total < 1 + OFF, component, f"probabilities of different texts must add up to 1 at most; got {total:.4g}")
    same_nkm = (written[:, :, None] == texts).all(axis=-1)
    count_nm, k = same_nkm.sum(axis=1), written.shape[1]
    chance_nm = binom.cdf(count_nm, k, np.minimum(said_nm, 1))
    i, m = np.unravel_index(np.argmin(chance_nm), chance_nm.shape)
    require(
        chance_nm[i, m] > FALSE_ALARM / chance_nm.size, component,
        f"texts must be written at least as often as log_prob says; one is {count_nm[i, m]} times among {k}, "
        f"{k * said_nm[i, m]:.1f} were said",
    )  # fmt: skip


def moments_are_those_of_the_documents(component: object, moments: Moments | None, written: np.ndarray) -> None:
    """Means and covariances, where a component states them, are those of what it writes (n, k, d)."""
    if moments is None:
        return
    apart = written - moments.mean_ND[:, None]
    allowed = norm.isf(FALSE_ALARM / (4 * moments.covariance_NDD.size))
    for what, observed, stated in (
        ("mean", written, moments.mean_ND),
        ("covariance", apart[..., None] * apart[..., None, :], moments.covariance_NDD),
    ):
        error = observed.std(axis=1) / math.sqrt(written.shape[1]) + 1e-12 * (1 + np.abs(stated))
        z = (np.abs(observed.mean(axis=1) - stated) / error).max()
        sentence = f"the {what} of its documents is {z:.1f} standard errors off the moments it states"
        require(z < allowed, component, f"{sentence}; chance allows {allowed:.1f}")


def atoms_are_its_probabilities(component: object, shape: DocumentShape, atoms: Atoms | None, score: Score) -> None:
    """Item distributions, where a learner states them, are the exponentials of its `log_prob`."""
    every = all_documents(shape) if shape.kind == "items" else None
    if atoms is None or every is None:
        return
    off = np.abs(dense(atoms.item_NU, atoms.mass_NU, shape.size) - np.exp(score(every))).max()
    require(off < 1e-9, component, f"atoms must be the probabilities that log_prob gives; they are {off:.2g} off")


def _integrable(shape: DocumentShape) -> bool:
    return shape.size == (1 if shape.kind == "vectors" else 2)


def _gap_of_list(every: np.ndarray, score: Score, written: np.ndarray) -> float:
    """Largest distance between the distribution functions over the list of all documents."""
    said_nm = np.exp(score(every))
    keys = {document.tobytes(): m for m, document in enumerate(every)}
    gaps = []
    for i, documents in enumerate(written):
        counts = np.bincount([keys[d.tobytes()] for d in documents], minlength=len(every))
        gaps.append(np.abs(np.cumsum(said_nm[i]) - np.cumsum(counts) / len(documents)).max())
    return float(max(gaps))


def _gap_of_line(shape: DocumentShape, score: Score, written: np.ndarray) -> float:
    """The same for one number: the integral up to the edges of cells against the share written below."""
    gaps = []
    for i, documents in enumerate(written):
        mass, edge = _integral(shape, score, written, i)
        below = np.searchsorted(np.sort(documents[:, 0]), edge, side="right") / len(documents)
        gaps.append(np.abs(mass - below).max())
    return float(max(gaps))


def _gap_of_targets(shape: DocumentShape, score: Score, written: np.ndarray) -> float:
    """For pairs: the share of the target's density below each target written, against uniform."""
    gaps = []
    for i, documents in enumerate(written):
        share = np.sort([_share_below(shape, score, written, i, pair) for pair in documents[:PAIRS_TRIED]])
        gaps.append(np.abs(share - (np.arange(len(share)) + 0.5) / len(share)).max())
    return float(max(gaps))


def _share_below(shape: DocumentShape, score: Score, written: np.ndarray, i: int, pair: np.ndarray) -> float:
    mass, edge = _integral(shape, score, written, i, float(pair[0]))
    return float(np.interp(pair[1], edge, mass))


def _integral(
    shape: DocumentShape, score: Score, written: np.ndarray, i: int, feature: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Integral of row i's density up to each edge (E,), and the edges: Gauss's rule between quantiles of the sample."""
    edge = _edges(written[i, :, -1])
    half = np.diff(edge)[:, None] / 2
    node_q = (edge[:-1, None] + half * (1 + NODES)).ravel()
    content = node_q[:, None] if shape.kind == "vectors" else np.column_stack([np.full_like(node_q, feature), node_q])
    density = np.exp(score(content)[i]).reshape(-1, len(NODES))
    return np.append(0, np.cumsum((density * LENGTHS * half).sum(axis=1))), edge


def _edges(number_k: np.ndarray) -> np.ndarray:
    """Cells: narrow where much is written and towards both ends of a gap, and far beyond what was written."""
    inner = np.unique(np.quantile(number_k, np.linspace(0, 1, 201)))
    graded = np.concatenate([inner[:-1, None] + np.diff(inner)[:, None] * GRADES, inner[-1:, None]], axis=None)
    reach = max(float(np.ptp(number_k)), 1e-9) * np.geomspace(1e-4, 30, 60)
    return np.concatenate([inner[0] - reach[::-1], graded, inner[-1] + reach])
