"""The encoder that needs nothing: character n-grams of words, hashed into vectors, weighed by how rare they are.

A text is the set of its n-grams of 3 to 5 characters inside words, spaces at the ends of words included; case and the
kind of white space do not matter. An n-gram found c times has weight (1 + log c) idf with

    idf = log((1 + D) / (1 + d)) + 1,    d of D human documents having it,

so that ' the ' hardly counts. Each n-gram is then added to, or taken off, one of SIZE numbers (Weinberger et al. 2009,
arXiv:0902.2206), which leaves cosines unbiased. Hashes are fixed: the same text has the same vector everywhere.

Collisions: 4,000 documents of 14 words of classic books hold 55,000 different n-grams. 5% of them share their place in
the table of idf with another, and every one of the SIZE numbers stands for 13; since a text holds some 200, the cosine
of two texts is off by up to 1 / sqrt(SIZE) = 0.016 (one standard deviation).
Unrelated passages there of 14 words have cosine 0.02 (30 words: 0.04; without idf 0.09 and 0.15), pieces of one page
0.05 (0.08), a copy with every fifth word replaced 0.81. It sees words, not meaning.

Letters: M texts, C characters of all of them, D documents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from ecosystem.interfaces import Writer
from ecosystem.streams import Streams

SIZE = 4096  # numbers of a vector
TABLE_BITS = 20  # of the table of idf
SHORTEST, LONGEST = 3, 5  # characters of an n-gram
READ = 4096  # documents of each community that idf is learned from, evenly spaced
SPACE = 32


class Hashed:
    """The encoder; idf is a table over hashes."""

    def __init__(self, idf: np.ndarray):
        self.idf = idf

    @classmethod
    def of(cls, writers: Sequence[Writer]) -> Hashed:
        """idf from all that humans write; each writer's different documents are counted once."""
        counted = [_counts(writer) for writer in dict.fromkeys(writers)]
        found, many = sum(c for c, _ in counted), sum(d for _, d in counted)
        return cls((np.log((1.0 + many) / (1.0 + found)) + 1.0).astype(np.float32))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(M, SIZE) float32, rows of length 1. Texts without an n-gram are all alike and like no other."""
        characters, ends = _characters(texts)
        out = np.zeros((len(texts), SIZE), np.float32)
        _encode(characters, ends, self.idf, out)
        return out


_COUNTS: WeakKeyDictionary[Writer, tuple[np.ndarray, int]] = WeakKeyDictionary()


def _counts(writer: Writer) -> tuple[np.ndarray, int]:
    """How many human documents have an n-gram of each hash, and how many documents there are; once for a writer."""
    if writer not in _COUNTS:
        parts = [part for part in (writer.documents, writer.held_out) if part is not None]
        written = np.concatenate(parts) if parts else writer.sample(READ, Streams(0).rows("encoder", 0, 1))[0]
        rows = np.linspace(0, len(written) - 1, min(READ, len(written))).astype(np.int64)
        characters, ends = _characters(writer.show(written[rows]))
        found = np.zeros(1 << TABLE_BITS, np.int64)
        _count(characters, ends, found)
        _COUNTS[writer] = found, len(rows)
    return _COUNTS[writer]


def _characters(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Code points of all texts, one after the other, and where each ends; each word stands between single spaces."""
    plain = [f" {' '.join(text.casefold().split())} " for text in texts]
    ends = np.cumsum([len(text) for text in plain], dtype=np.int64)
    return np.frombuffer("".join(plain).encode("utf-32-le", "surrogatepass"), np.uint32).copy(), ends


@njit(nogil=True, cache=True)
def _hashes(characters, first, end, out):
    """Fills `out` with the hashes of a text's n-grams, rising; returns how many there are."""
    many = 0
    for i in range(first, end):
        key = np.uint64(0x9E3779B97F4A7C15)
        for j in range(i, min(i + LONGEST, end)):
            key = (key ^ np.uint64(characters[j])) * np.uint64(0xFF51AFD7ED558CCD)
            key ^= key >> np.uint64(32)
            if j - i + 1 >= SHORTEST:
                out[many] = _mixed(key)
                many += 1
            if characters[j] == SPACE and j > i:  # a word ends here
                break
    out[:many].sort()
    return many


@njit(inline="always", cache=True)
def _mixed(key):
    """Every bit of the result depends on every bit of the key (the finalizer of splitmix64)."""
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


@njit(inline="always", cache=True)
def _place(key):
    """Of the table of idf."""
    return np.int64(key >> np.uint64(64 - TABLE_BITS))


@njit(nogil=True, cache=True)
def _count(characters, ends, found):
    """Adds 1 for each n-gram of each text, however often it stands there."""
    room = np.empty(characters.size * (LONGEST - SHORTEST + 1), np.uint64)
    first = 0
    for end in ends:
        many = _hashes(characters, first, end, room)
        for x in range(many):
            if x == 0 or _place(room[x]) != _place(room[x - 1]):  # sorted, so equal places lie side by side
                found[_place(room[x])] += 1
        first = end


@njit(nogil=True, cache=True)
def _encode(characters, ends, idf, out):
    longest, first = 0, 0
    for end in ends:
        longest, first = max(longest, end - first), end
    room = np.empty(longest * (LONGEST - SHORTEST + 1), np.uint64)
    first = 0
    for m in range(ends.size):
        many = _hashes(characters, first, ends[m], room)
        _add(room[:many], idf, out[m])
        first = ends[m]


@njit(nogil=True, cache=True)
def _add(keys, idf, out):
    """One text: its hashes (rising) as a vector of length 1."""
    x = 0
    while x < keys.size:
        y = x
        while y < keys.size and keys[y] == keys[x]:
            y += 1
        weight = (1.0 + math.log(y - x)) * idf[_place(keys[x])]
        sign = 1.0 if keys[x] & np.uint64(1) else -1.0
        out[np.int64((keys[x] >> np.uint64(1)) % np.uint64(SIZE))] += sign * weight
        x = y
    square = 0.0
    for value in out:
        square += value * value
    if square > 0.0:
        out /= math.sqrt(square)
    else:
        out[0] = 1.0
