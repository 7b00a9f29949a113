"""Text as an n-gram table: every place of what was read, sorted by the tokens that come before it.

A *place* is a token of a document, or the blank after its last one. Sorted by the token before it, then by the one
before that, and so on for `order` tokens, the places that follow the same j tokens lie side by side, for every j at
once: one array of 4 bytes a token is the table of all orders. Such a stretch is a *run* of level j. If j > 0 it has

  a parent   the run of level j - 1 that it lies in: the same tokens but for the oldest;
  a context  the run of level j - 1 that holds the places just before its own: the same tokens but for the newest,

so that it is also an n-gram: its newest token after its context. Runs of a level are numbered in sorted order, and the
runs inside a parent have neighbouring numbers and rising oldest tokens.

Letters: b documents, L tokens a document, S = order + L + 1 tokens of a document with margins, P = b S places, E of
them in use, R of these that hold a token, J = order + 1 levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

BLANK = -1  # after the last token of a document
DIGIT = 11  # bits of a token sorted at a time


class Runs(NamedTuple):
    """A sorted text. Rows of the tables are levels 0 .. order; columns are runs, or places where the name ends in E."""

    rank_P: np.ndarray  # number of a place in sorted order
    weight_E: np.ndarray  # of the document, at each place
    before_E: np.ndarray  # places with a token before this one in sorted order: E + 1 of them
    heard_E: np.ndarray  # cumulative weight of all places, E + 1
    token_R: np.ndarray  # the token at a place
    after_R: np.ndarray  # number of the place after it
    followed_R: np.ndarray  # cumulative weight of the places with a token, R + 1
    many_J: np.ndarray  # runs of each level
    run_JE: np.ndarray  # the run that a place lies in
    first: np.ndarray  # first place of a run; one entry more ends the last run
    begin: np.ndarray  # the same among places with a token
    oldest: np.ndarray  # oldest token of a run
    parent: np.ndarray
    context: np.ndarray  # -1 where the newest token is the mark before a document
    kinds: np.ndarray  # different tokens at the places of a run


@njit(nogil=True, cache=True)
def room_for_runs(order, places, used):
    """Space for the runs of a text of P places, `used` of them in use at most."""
    levels, wide = order + 1, used + 1
    return Runs(
        np.empty(places, np.int32),
        np.empty(used),
        np.empty(wide, np.int32),
        np.empty(wide),
        np.empty(used, np.int32),
        np.empty(used, np.int32),
        np.empty(wide),
        np.zeros(levels, np.int64),
        np.empty((levels, used), np.int32),
        np.empty((levels, wide), np.int32),
        np.empty((levels, wide), np.int32),
        np.empty((levels, used), np.int32),
        np.empty((levels, used), np.int32),
        np.empty((levels, used), np.int32),
        np.empty((levels, wide), np.int32),
    )


@njit(nogil=True, cache=True)
def lay_out(content_bL, weight_b, mark, text_bS):
    """Writes documents with margins: `order` marks before each, blanks after its end token or last token.

    `mark` is a token of its own, the size of the vocabulary. Documents of weight 0 are not looked at and left blank.
    """
    b, length = content_bL.shape
    order = text_bS.shape[1] - length - 1
    text_bS[:, :order] = mark
    text_bS[:, order:] = BLANK
    for d in range(b):
        if weight_b[d] > 0.0:
            for t in range(length):
                text_bS[d, order + t] = content_bL[d, t]
                if content_bL[d, t] == 0:
                    break


@njit(nogil=True, cache=True)
def sort_places(text_bS, weight_b, order, mark, place_E, spare_E, counts):
    """Fills place_E with the places in use, sorted by the `order` tokens before them; returns E.

    Radix sort from the oldest token to the newest; stable, so places that agree in all of them stay in the order of the
    text. `spare_E` and `counts` (2^DIGIT) are scratch.
    """
    used = _places_in_use(text_bS, weight_b, order, place_E)
    text, here, there = text_bS.ravel(), place_E[:used], spare_E[:used]
    moves = 0
    for j in range(order, 0, -1):
        shift = 0
        while mark >> shift > 0:
            _sort_digit(text, j, shift, here, there, counts)
            here, there = there, here
            shift += DIGIT
            moves += 1
    if moves % 2:
        for e in range(used):
            there[e] = here[e]
    return used


@njit(nogil=True, cache=True)
def _places_in_use(text_bS, weight_b, order, place_E):
    text, stride, e = text_bS.ravel(), text_bS.shape[1], 0
    for d in range(text_bS.shape[0]):
        if weight_b[d] > 0.0:
            for p in range(d * stride + order, (d + 1) * stride):
                place_E[e] = p
                e += 1
                if text[p] == BLANK:
                    break
    return e


@njit(nogil=True, cache=True)
def _sort_digit(text, j, shift, source, target, counts):
    """Moves places to `target`, sorted by some bits of the token j before them."""
    last = counts.size - 1
    for c in range(counts.size):
        counts[c] = 0
    for e in range(source.size):
        counts[(text[source[e] - j] >> shift) & last] += 1
    total = 0
    for c in range(counts.size):
        counts[c], total = total, total + counts[c]
    for e in range(source.size):
        c = (text[source[e] - j] >> shift) & last
        target[counts[c]] = source[e]
        counts[c] += 1


@njit(nogil=True, cache=True)
def find_runs(text_bS, weight_b, place_E, order, mark, runs):
    """Fills `runs` from the sorted places of a text."""
    used = place_E.size
    text = text_bS.ravel()
    _link_places(text_bS, weight_b, place_E, order, runs)
    runs.many_J[0] = 1
    runs.run_JE[0, :used] = 0
    runs.first[0, 0], runs.first[0, 1] = 0, used
    for j in range(1, order + 1):
        _split(text, place_E, j, runs)
        _describe(text, place_E, j, mark, runs)
    for j in range(order + 1):
        first, begin, before_E = runs.first[j], runs.begin[j], runs.before_E
        for r in range(runs.many_J[j] + 1):
            begin[r] = before_E[first[r]]


@njit(nogil=True, cache=True)
def _link_places(text_bS, weight_b, place_E, order, runs):
    """Everything about single places: rank, weight, token, the place after, cumulative weights."""
    text, stride, used = text_bS.ravel(), text_bS.shape[1], place_E.size
    rank = runs.rank_P
    for e in range(used):
        rank[place_E[e]] = e
    for d in range(text_bS.shape[0]):
        if weight_b[d] > 0.0:
            for p in range(d * stride + order, (d + 1) * stride):
                runs.weight_E[rank[p]] = weight_b[d]
                if text[p] == BLANK:
                    break
    heard, followed, n = 0.0, 0.0, 0
    for e in range(used):
        p, weight = place_E[e], runs.weight_E[e]
        runs.before_E[e], runs.heard_E[e] = n, heard
        heard += weight
        if text[p] != BLANK:
            runs.token_R[n], runs.after_R[n], runs.followed_R[n] = text[p], rank[p + 1], followed
            followed += weight
            n += 1
    runs.before_E[used], runs.heard_E[used], runs.followed_R[n] = n, heard, followed


@njit(nogil=True, cache=True)
def _split(text, place_E, j, runs):
    """The runs of level j as parts of those of level j - 1."""
    above, run, first = runs.run_JE[j - 1], runs.run_JE[j], runs.first[j]
    r, last_token, last_above = -1, -2, -1
    for e in range(place_E.size):
        token = text[place_E[e] - j]
        r += (token != last_token) | (above[e] != last_above)
        run[e] = r
        last_token, last_above = token, above[e]
    runs.many_J[j] = r + 1
    first[r + 1] = place_E.size
    for e in range(place_E.size - 1, -1, -1):  # backwards, so that the first place of a run is written last
        first[run[e]] = e


@njit(nogil=True, cache=True)
def _describe(text, place_E, j, mark, runs):
    """Oldest token, parent and context of the runs of level j; the kinds of level j - 1."""
    above, first, rank, kinds = runs.run_JE[j - 1], runs.first[j], runs.rank_P, runs.kinds[j - 1]
    oldest, parent, context = runs.oldest[j], runs.parent[j], runs.context[j]
    kinds[: runs.many_J[j - 1]] = 0
    for r in range(runs.many_J[j]):
        e = first[r]
        p = place_E[e]
        oldest[r], parent[r], context[r] = text[p - j], above[e], -1
        if text[p - 1] != mark:
            context[r] = above[rank[p - 1]]
            kinds[context[r]] += 1


@njit(nogil=True, cache=True)
def find_run(first, run_E, oldest, parent, token):
    """The run of a level inside a run of the level above whose oldest token is `token`; -1 if there is none.

    `first` is the row of the level above, `run_E` and `oldest` are rows of the level itself.
    """
    low, end = first[parent], first[parent + 1]
    if low == end:
        return np.int64(-1)
    r = np.int64(run_E[low])
    n = np.int64(run_E[end - 1]) - r + 1
    while n > 1:
        half = n >> 1
        r = r + half if oldest[r + half] <= token else r
        n -= half
    return r if oldest[r] == token else np.int64(-1)


@njit(nogil=True, cache=True)
def count_runs(runs, times):
    """Fills `times`, a row a level: how often the tokens of each run were read, in weight."""
    heard_E = runs.heard_E
    for j in range(times.shape[0]):
        first, times_r = runs.first[j], times[j]
        for r in range(runs.many_J[j]):
            times_r[r] = heard_E[first[r + 1]] - heard_E[first[r]]
