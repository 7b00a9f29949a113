"""How likely a document is to be let through by its score: the best so many of a queue, or by weight.

Letters: M documents, each in one group (queue); s documents of one group.
"""

from __future__ import annotations

import numpy as np
from numba import njit


def top_share(score_M: np.ndarray, group_M: np.ndarray, keep: float) -> np.ndarray:
    """(M,) probabilities: 1 for the best keep s of each group's s documents, 0 for the others.

    Documents that score alike across the bound share what is left of it (with 2 places left for 5 of them, 0.4 each),
    so that keep s pass on average, whole or not, and documents that are alike are treated alike.
    """
    order, first_G = _queues(group_M)
    probability_M = np.empty(len(score_M))
    probability_M[order] = _top_shares(np.asarray(score_M, float)[order], first_G, keep)
    return probability_M


def by_weight(score_M: np.ndarray, group_M: np.ndarray, strength: float) -> np.ndarray:
    """(M,) probabilities exp(strength (score - best)), `best` being the best score of the group: 1 for those."""
    order, first_G = _queues(group_M)
    score = np.asarray(score_M, float)[order]
    if not len(score):
        return score
    best = np.repeat(np.maximum.reduceat(score, first_G[:-1]), np.diff(first_G))
    with np.errstate(invalid="ignore"):
        below = np.where(score == best, 0.0, score - best)  # also where the best is infinite
    probability_M = np.empty(len(score))
    probability_M[order] = np.exp(strength * below)
    return probability_M


def _queues(group_M: np.ndarray) -> tuple[np.ndarray | slice, np.ndarray]:
    """An order in which groups lie together, and where each begins: (G + 1,), ending with M."""
    rising = (group_M[1:] >= group_M[:-1]).all()
    order = slice(None) if rising else np.argsort(group_M, kind="stable")
    starts = np.flatnonzero(np.diff(group_M[order], prepend=group_M[:1] - 1))
    return order, np.append(starts, len(group_M))


@njit(nogil=True, cache=True)
def _top_shares(score, first_G, keep):
    """Scores of groups that lie one after the other, as probabilities."""
    out = np.empty(score.size)
    for g in range(first_G.size - 1):
        own, given = score[first_G[g] : first_G[g + 1]], out[first_G[g] : first_G[g + 1]]
        s = own.size
        places = keep * s
        last = int(places)  # number of the document, the best being 0, at which places run out
        if last >= s:
            given[:] = 1.0
            continue
        bound = np.partition(own, s - 1 - last)[s - 1 - last]
        above, alike = 0, 0
        for m in range(s):
            above += own[m] > bound
            alike += own[m] == bound
        for m in range(s):
            given[m] = 1.0 if own[m] > bound else (places - above) / alike if own[m] == bound else 0.0
    return out
