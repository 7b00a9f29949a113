"""How many copies of a document came before it: exact ones of items, near ones of vectors, texts and sets of claims.

Documents stand in the order in which they came; some of them are asked about. Counts go up to `most` and are not exact
beyond it, since nobody wants to know.

Letters: M documents in order, d dimensions, P permutations of a signature.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

BLOCK = 256  # vectors compared with each other at once
SEED = 1  # of the permutations: signatures are the same everywhere
RECALL = 0.99  # probability that two texts just as alike as asked for are compared


def same_before(item_M: np.ndarray) -> np.ndarray:
    """(M,) how often each item occurs before."""
    order = np.argsort(item_M, kind="stable")
    ranked = item_M[order]
    begins = np.flatnonzero(np.diff(ranked, prepend=ranked[:1] - 1))
    before = np.arange(len(ranked)) - np.repeat(begins, np.diff(begins, append=len(ranked)))
    out = np.empty_like(before)
    out[order] = before
    return out


def near_before(x_Md: np.ndarray, asked_M: np.ndarray, distance: float, most: int) -> np.ndarray:
    """(M,) how many documents before each one asked about lie at most `distance` away; 0 for the others.

    By halves: those of the second half are compared with a tree of the first half, then each half with itself.
    """
    count_M = np.zeros(len(x_Md), np.int64)
    halves = [(0, len(x_Md))]
    while halves:
        first, last = halves.pop()
        middle = (first + last) // 2
        small = last - first <= BLOCK
        which = (first if small else middle) + np.flatnonzero(asked_M[first if small else middle : last])
        which = which[count_M[which] <= most]
        if small and len(which):
            near = cdist(x_Md[which], x_Md[first:last]) <= distance
            count_M[which] += (near & (np.arange(first, last) < which[:, None])).sum(axis=1)
        elif len(which):
            tree = KDTree(x_Md[first:middle])
            # the bound is exclusive
            found, _ = tree.query(
                x_Md[which], list(range(1, most + 2)), distance_upper_bound=np.nextafter(distance, 1e308)
            )
            count_M[which] += np.isfinite(found).sum(axis=1)
        if not small:
            halves += [half for half in ((first, middle), (middle, last)) if asked_M[half[0] : half[1]].any()]
    return count_M


def alike_before(signature_MP: np.ndarray, asked_M: np.ndarray, similarity: float) -> np.ndarray:
    """(M,) how many texts before each one asked about are so alike (Jaccard, as far as signatures tell); else 0.

    Candidates come from an LSH index (datasketch), the different signatures before; it is built anew, linear in M.
    """
    from datasketch import LeanMinHash, MinHashLSH

    permutations = signature_MP.shape[1]
    index = MinHashLSH(
        num_perm=permutations, params=_bands(similarity, permutations), storage_config={"type": "dict", "basename": b""}
    )
    number: dict[bytes, int] = {}  # of different signatures, in the order in which they came
    first_M, times_M = np.zeros(len(signature_MP), np.int64), np.zeros(len(signature_MP), np.int64)
    count_M = np.zeros(len(signature_MP), np.int64)
    for m, row in enumerate(signature_MP):
        sketch, own = LeanMinHash(seed=SEED, hashvalues=row, scheme="affine32"), row.tobytes()
        if asked_M[m]:
            candidates = np.array(index.query(sketch), np.int64)
            alike = (signature_MP[first_M[candidates]] == row).mean(axis=1) >= similarity
            count_M[m] = times_M[candidates[alike]].sum()
        if own not in number:
            first_M[len(number)] = m
            index.insert(len(number), sketch, check_duplication=False)
            number[own] = len(number)
        times_M[number[own]] += 1
    return count_M


def alike_sets_before(set_MC: np.ndarray, asked_M: np.ndarray, apart: float) -> np.ndarray:
    """(M,) how many sets before each one asked about lie nearer than `apart` by Jaccard distance; 0 for the others.

    set_MC (M, C): different numbers >= 0 of each set, in one order, filled up with -1. Two sets of at most C elements
    that differ lie 1 / C apart or more: below that only the same set is a copy, found by sorting. Beyond that,
    intersections are products of sparse incidence matrices.
    """
    m, c = set_MC.shape
    kind_M = np.unique(set_MC, axis=0, return_inverse=True)[1].reshape(m) if c > 1 else set_MC.reshape(m)
    if apart * c <= 1:
        return np.where(asked_M, same_before(kind_M), 0)
    return _near_sets_before(set_MC, kind_M, asked_M, apart)


def _near_sets_before(set_MC: np.ndarray, kind_M: np.ndarray, asked_M: np.ndarray, apart: float) -> np.ndarray:
    """As `alike_sets_before`, whatever `apart`; each different set (its kind_M) is compared once."""
    first_K, kind_M = np.unique(kind_M, return_index=True, return_inverse=True)[1:]
    set_KC = set_MC[first_K]
    element, column = np.unique(set_KC, return_inverse=True)
    there = set_KC >= 0
    rows = np.repeat(np.arange(len(set_KC)), set_KC.shape[1])[there.ravel()]
    holds = csr_array(
        (np.ones(len(rows)), (rows, column.reshape(-1)[there.ravel()])), shape=(len(set_KC), len(element))
    )
    size_K, count_M = there.sum(axis=1), np.zeros(len(set_MC), np.int64)
    asked_K = np.unique(kind_M[asked_M])
    for some_K in np.array_split(asked_K, -(-len(asked_K) // BLOCK)) if len(asked_K) else ():
        shared = (holds[some_K] @ holds.T).toarray()
        union = size_K[some_K][:, None] + size_K - shared
        near = 1 - np.divide(shared, union, out=np.ones_like(shared), where=union > 0) < apart
        for row_K, kind in zip(near, some_K, strict=True):
            alike_M = row_K[kind_M]
            mine = np.flatnonzero((kind_M == kind) & asked_M)
            count_M[mine] = (np.cumsum(alike_M) - alike_M)[mine]
    return count_M


def signatures(texts: Iterable[str], permutations: int) -> np.ndarray:
    """(M, P) uint32 MinHash signatures of texts as sets of three words in a row (fewer where there are no three).

    Case does not matter. Two signatures agree in a share of their places that estimates the Jaccard similarity of the
    sets, off by sqrt(J (1 - J) / P) (one standard deviation). Broder 1997, doi:10.1109/SEQUEN.1997.666900.
    """
    from datasketch import MinHash

    known: dict[str, np.ndarray] = {}  # the same text is often written twice
    rows, fresh = [], MinHash(num_perm=permutations, seed=SEED)
    for text in texts:
        if text not in known:
            sketch = fresh.copy()
            sketch.update_batch(_shingles(text))
            known[text] = sketch.hashvalues
        rows.append(known[text])
    return np.array(rows, np.uint32).reshape(-1, permutations)


def _shingles(text: str) -> set[bytes]:
    words = text.casefold().split()
    return {" ".join(words[i : i + 3]).encode() for i in range(max(len(words) - 2, 1))}


def _bands(similarity: float, permutations: int) -> tuple[int, int]:
    """Bands and rows in each: as many rows as leave texts so alike the recall that is wanted, in two bands at least."""
    fitting = [r for r in range(1, permutations // 2 + 1) if 1 - (1 - similarity**r) ** (permutations // r) >= RECALL]
    rows = max(fitting, default=1)
    return permutations // rows, rows
