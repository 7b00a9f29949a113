"""Self-BLEU: how much the documents of one model repeat each other (Zhu et al. 2018, arXiv:1802.01886).

BLEU of each document with all others of its model as references (Papineni et al. 2002, doi:10.3115/1073083.1073135),
then the mean: the geometric mean of the clipped precisions of 1- to 4-grams of tokens, times the brevity penalty
against the reference of nearest length (of two the shorter). Smoothing as in NLTK's method 1 (Chen & Cherry 2014,
doi:10.3115/v1/W14-3346): where no n-gram of an order is met, EPSILON is put in place of 0, but a document without a
token that another has scores 0. A document of fewer than 4 tokens is judged by the orders it has, one without tokens
is left out. 1: all documents alike.

Letters: k documents of a model, L tokens of one, o orders, G different (model, n-gram, document), E different (model,
n-gram) or n-grams of one document.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

ORDERS = 4
EPSILON = 0.1
BLOCK = 1 << 21  # tokens looked at a time


def self_bleu(sample_NkL: np.ndarray) -> np.ndarray:
    """(N,) mean BLEU of each document against the others of its model; NaN for models with fewer than two."""
    n, k, length = sample_NkL.shape
    rows = max(1, BLOCK // (k * length))
    return np.concatenate([_of_block(sample_NkL[first : first + rows]) for first in range(0, n, rows)])


def _of_block(sample_NkL: np.ndarray) -> np.ndarray:
    length_Nk = np.minimum.accumulate(sample_NkL > 0, axis=2).sum(axis=2)
    matched_oNk, there_oNk = map(np.array, zip(*_matches(sample_NkL, length_Nk), strict=True))
    share_oNk = np.where(matched_oNk > 0, matched_oNk, EPSILON) / np.maximum(there_oNk, 1)
    log_oNk = np.where(there_oNk > 0, np.log(share_oNk), 0.0)
    orders_Nk = np.maximum((there_oNk > 0).sum(axis=0), 1)
    bleu_Nk = np.exp(log_oNk.sum(axis=0) / orders_Nk + _brevity(length_Nk)) * (matched_oNk[0] > 0)
    written_N = (length_Nk > 0).sum(axis=1)
    return np.where(written_N > 1, bleu_Nk.sum(axis=1) / np.maximum(written_N, 1), np.nan)


def _matches(sample_NkL: np.ndarray, length_Nk: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each order: n-grams of each document that another has too, clipped, and all of them, (N, k) each."""
    number_NkL: np.ndarray = np.unique(sample_NkL, return_inverse=True)[1].reshape(sample_NkL.shape)
    single, kinds = number_NkL, int(number_NkL.max()) + 1
    for order in range(1, min(ORDERS, sample_NkL.shape[2]) + 1):
        if order > 1:  # numbered anew at each order: no vocabulary is too large for the numbers to fit
            longer = number_NkL[:, :, :-1].astype(np.int64) * kinds + single[:, :, order - 1 :]
            number_NkL = np.unique(longer, return_inverse=True)[1].reshape(longer.shape)
        inside = np.arange(number_NkL.shape[2]) <= (length_Nk - order)[:, :, None]
        yield _clipped(number_NkL, inside), inside.sum(axis=2)


def _clipped(number_NkE: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(N, k): of each n-gram of a document as many as the other document with the most of them has, at most."""
    n, k, _ = number_NkE.shape
    model, document, _ = np.nonzero(inside)
    many = int(number_NkE.max(initial=0)) + 1
    key_G, count_G = np.unique((model * many + number_NkE[inside]) * k + document, return_counts=True)
    if not len(key_G):
        return np.zeros((n, k))
    first_E = np.flatnonzero(np.diff(key_G // k, prepend=-1))  # where the documents of one n-gram begin
    which_G = np.repeat(np.arange(len(first_E)), np.diff(first_E, append=len(key_G)))
    top_E = np.maximum.reduceat(count_G, first_E)
    is_top = count_G == top_E[which_G]
    alone_E = np.add.reduceat(is_top.astype(int), first_E) == 1
    second_E = np.maximum.reduceat(np.where(is_top, 0, count_G), first_E)
    others_G = np.where(is_top & alone_E[which_G], second_E[which_G], top_E[which_G])
    place = (key_G // k // many) * k + key_G % k
    return np.bincount(place, np.minimum(count_G, others_G), n * k).reshape(n, k)


def _brevity(length_Nk: np.ndarray) -> np.ndarray:
    """(N, k) log of the brevity penalty, 0 or below."""
    k = length_Nk.shape[1]
    apart_Nkk = np.abs(length_Nk[:, :, None] - length_Nk[:, None, :]).astype(float)
    unusable = (np.arange(k)[:, None] == np.arange(k)) | (length_Nk[:, None, :] == 0)
    # the nearest; of two as near, the shorter
    nearest = np.where(unusable, np.inf, apart_Nkk + 0.25 * (length_Nk[:, None, :] > length_Nk[:, :, None])).argmin(2)
    reference_Nk = np.take_along_axis(length_Nk, nearest, axis=1)
    return np.minimum(0.0, 1.0 - reference_Nk / np.maximum(length_Nk, 1))
