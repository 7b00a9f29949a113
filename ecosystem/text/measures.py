"""Counting and scoring behind the measures of text.

Letters: N models, k documents of the measuring sample, L tokens a document, M documents, H communities, V vocabulary.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from ecosystem.interfaces import Writer
from ecosystem.metrics import MetricError
from ecosystem.streams import Streams

SCORED = 64  # held-out documents that a measure is taken on, all communities together
ENDLESS = 50_000  # documents of an endless writer that stand for all it writes
BLOCK = 1 << 22  # n-grams sorted at a time


def held_out_cross_entropy(world, community: str | None = None) -> np.ndarray:
    """(N,) nats per token, end tokens included, of held-out human documents under each model.

    Communities count in proportion to their writing, or only the one named. At most SCORED documents, evenly spaced
    among the held-out ones and the same at every step, in every arm and for every seed.
    """
    if community is not None:
        writers, weights = [world.reference.writer(community)], np.ones(1)
    else:
        weights = world.reference.weights_H
        writers = [w for w, weight in zip(world.writers, weights, strict=True) if weight > 0]
        weights = weights[weights > 0]
    parts = [_spread(_kept_back(writer), max(1, SCORED // len(writers))) for writer in writers]
    scores = -world.readout.log_prob(np.concatenate(parts))
    ends = np.cumsum([len(part) for part in parts])[:-1]
    scores_H = np.split(scores, ends, axis=1)
    means = [score.sum(axis=1) / lengths(part).sum() for score, part in zip(scores_H, parts, strict=True)]
    return np.einsum("h,hn->n", weights, np.array(means))


def unseen_trigram_share(world) -> np.ndarray:
    """(N,) share of the token trigrams of the measuring sample that no human document has; NaN where there are none."""
    known = np.unique(np.concatenate([_trigrams(writer) for writer in world.writers]))
    share = np.empty(world.n)
    for rows, keys in ngrams(world.readout.sample, 3, world.shape.size):
        there = keys >= 0
        share[rows] = 1 - _ratio((_found(known, keys) & there).sum(axis=1), there.sum(axis=1))
    return share


def distinct_share(world, order: int) -> np.ndarray:
    """(N,) different n-grams of tokens over all n-grams in the measuring sample; NaN where there are none."""
    share = np.empty(world.n)
    for rows, keys in ngrams(world.readout.sample, order, world.shape.size):
        keys.sort(axis=1)
        fresh = np.diff(keys, axis=1, prepend=-1) != 0
        share[rows] = _ratio((fresh & (keys >= 0)).sum(axis=1), (keys >= 0).sum(axis=1))
    return share


def ngrams(sample_NkL: np.ndarray, order: int, size: int):
    """Yields (rows, keys): a number for each n-gram of tokens within the documents of some models, -1 past an end."""
    n, k, length = sample_NkL.shape
    wide = max(length - order + 1, 0)
    block = max(1, BLOCK // max(k * wide, 1))
    for first in range(0, n, block):
        part = sample_NkL[first : first + block].astype(np.int64)
        keys, there = np.zeros((len(part), k, wide), np.int64), np.ones((len(part), k, wide), bool)
        for j in range(order):
            token = part[:, :, j : j + wide]
            keys = keys * size + token
            there &= token > 0
        yield slice(first, first + len(part)), np.where(there, keys, -1).reshape(len(part), -1)


def lengths(content: np.ndarray) -> np.ndarray:
    """(..., L) -> (...): tokens up to and including the end token where there is one."""
    return np.minimum((content > 0).sum(axis=-1) + 1, content.shape[-1])


def _kept_back(writer: Writer) -> np.ndarray:
    if writer.documents is None:
        return _fresh(writer, 4 * SCORED)
    if writer.held_out is None or not len(writer.held_out):
        raise MetricError("human_divergence: no human text was held out to measure on; set world.held_out above 0.")
    return writer.held_out


def _fresh(writer: Writer, k: int) -> np.ndarray:
    """(k, L) documents of an endless writer, the same for all seeds and never published."""
    return writer.sample(k, Streams(0).rows("measures", 0, 1))[0]


def _spread(documents: np.ndarray, most: int) -> np.ndarray:
    return documents[np.linspace(0, len(documents) - 1, min(most, len(documents))).astype(np.int64)]


_TRIGRAMS: WeakKeyDictionary[Writer, np.ndarray] = WeakKeyDictionary()


def _trigrams(writer: Writer) -> np.ndarray:
    """The trigrams of all that a community wrote, held out or not, sorted; counted once for a writer."""
    if writer not in _TRIGRAMS:
        written = [d for d in (writer.documents, writer.held_out) if d is not None] or [_fresh(writer, ENDLESS)]
        keys = [keys for _, keys in ngrams(np.concatenate(written)[None], 3, writer.shape.size)]
        found = np.unique(np.concatenate(keys))
        _TRIGRAMS[writer] = found[found >= 0]
    return _TRIGRAMS[writer]


def _ratio(some: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.where(of > 0, some / np.maximum(of, 1), np.nan)


@njit(nogil=True, cache=True)
def _found(known, keys):
    """Which keys are among the known ones (rising): a table of hashes in place of a search costs a quarter."""
    bits = 4
    while (1 << bits) < 2 * known.size:
        bits += 1
    table, last = np.full(1 << bits, -1, np.int64), (1 << bits) - 1
    for key in known:
        place = _hash(key, bits)
        while table[place] >= 0:
            place = (place + 1) & last
        table[place] = key
    found = np.zeros(keys.shape, np.bool_)
    for i in range(keys.shape[0]):
        for j in range(keys.shape[1]):
            if keys[i, j] >= 0:
                place = _hash(keys[i, j], bits)
                while table[place] >= 0 and table[place] != keys[i, j]:
                    place = (place + 1) & last
                found[i, j] = table[place] == keys[i, j]
    return found


@njit(inline="always", cache=True)
def _hash(key, bits):
    """Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, section 6.4)."""
    return np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits))
