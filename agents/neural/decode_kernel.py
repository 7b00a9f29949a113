"""Writing with GPT-2, compiled for the CPU: one agent's documents in lock step, with a key-value cache.

A few documents are at work at a time, one a row; where one ends the next takes its row, so matrix products are over as
many rows as there are. A document depends on its agent and its own random numbers and on nothing else, to the last
bit: not on other rows, other agents or threads.

Letters: R rows at work, k documents, l tokens of a prompt, L of a document, d width, h heads, e = d / h, V vocabulary,
P weights.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from agents.kernels.choice import choose, choose_marked
from agents.kernels.single import ONE, exponentiate, gelu, normalise, ratio
from agents.kernels.tiles import LANES, add_product, pack, padded, set_lanes
from agents.neural.places import ATTENTION, INWARD, LN_1, LN_2, OUTWARD, PROJECTION, VECTORS
from ecosystem.streams import two_units


class Sizes(NamedTuple):
    """Tokens of the vocabulary V, layers, width d, heads; documents at work at a time R."""

    vocabulary: int
    layers: int
    width: int
    heads: int
    slots: int


class Room(NamedTuple):
    """What is worked on. All float32 unless said, columns of rows in whole panels, 0 beyond their numbers."""

    packed: np.ndarray  # the matrices of the model in panels
    at: np.ndarray  # (layers + 1, 4) int64: where each begins; [layers, 0] is the output's
    vectors: np.ndarray  # (8 layers + 2, 4 d): the vectors of the model
    x: np.ndarray  # (R, d): the residual stream
    y: np.ndarray  # (R, d): what a matrix is applied to
    wide: np.ndarray  # (R, 4 d)
    scores: np.ndarray  # (h, L)
    mixed: np.ndarray  # (e,)
    logits: np.ndarray  # (R, V)
    keys: np.ndarray  # (R, layers, h, L / lanes, e, lanes) flat
    values: np.ndarray  # (R, layers, h, L, e in whole lanes) flat
    chance: np.ndarray  # (V,) float64
    order: np.ndarray  # (V,) int32
    seen: np.ndarray  # (R, V) bool, (R, 0) without a repetition penalty: tokens of a document so far
    rows: np.ndarray  # (5, R) int64, see below


# What a row is at: its slot of keys, values and seen; its document; the place of the token to come; the token before
# it; and (for the first rows only) which rows choose a token in this step.
SLOT, DOCUMENT, PLACE, TOKEN, CHOOSES = range(5)


class Stream(NamedTuple):
    """Which random numbers: those of an agent's row of a call, as in `ecosystem.streams`."""

    key: np.uint64
    call: np.uint64
    agent: np.uint64
    step: np.uint64


@njit(nogil=True, cache=True)
def write_documents(weights_P, sizes, places, room, prompt_kl, rules, favour, stream, first, out_kL):
    """Fills out_kL (k, L) int32, given as 0, for one agent; document j takes numbers (first + j) L .. of its row."""
    k, given, rows = out_kL.shape[0], prompt_kl.shape[1], room.rows
    _make_ready(weights_P, sizes, places, room.packed, room.at, room.vectors)
    begun = running = min(sizes.slots, k)
    for r in range(running):
        rows[SLOT, r] = r
        _begin(rows, room.seen, r, r)
    while running:
        _step(weights_P, sizes, places, room, running, out_kL.shape[1])
        choosing = 0
        for r in range(running):
            if rows[PLACE, r] < given:
                out_kL[rows[DOCUMENT, r], rows[PLACE, r]] = prompt_kl[rows[DOCUMENT, r], rows[PLACE, r]]
            else:
                normalise(room.x, r, sizes.width, room.vectors, VECTORS * sizes.layers, room.y, choosing)
                rows[CHOOSES, choosing] = r
                choosing += 1
        _choose(sizes, room, choosing, rules, favour, stream, first, out_kL)
        for r in range(running - 1, -1, -1):
            if _goes_on(rows, room.seen, r, out_kL):
                continue
            if begun < k:
                _begin(rows, room.seen, r, begun)
                begun += 1
            else:
                running -= 1
                for part in range(CHOOSES):
                    rows[part, r] = rows[part, running]


@njit(nogil=True, cache=True)
def _make_ready(weights_P, sizes, places, packed, at, vectors):
    """Packs the matrices and lays out the vectors of a model."""
    d, layers, matrices_L4, vectors_L8 = sizes.width, sizes.layers, places.matrices_L4, places.vectors_L8
    inner, columns = (d, d, d, 4 * d), (3 * d, d, 4 * d, d)
    free = np.int64(0)
    for i in range(layers):
        for m in range(4):
            at[i, m] = free
            free = pack(weights_P, matrices_L4[i, m], inner[m], columns[m], columns[m], 1, packed, free)
        for v in range(VECTORS):
            size = columns[0] if v == ATTENTION else columns[2] if v == OUTWARD else d
            for j in range(size):
                vectors[VECTORS * i + v, j] = weights_P[vectors_L8[i, v] + j]
    at[layers, 0] = free
    pack(weights_P, places.outer_5[4], d, sizes.vocabulary, 1, d, packed, free)
    for v in range(2):
        for j in range(d):
            vectors[VECTORS * layers + v, j] = weights_P[places.outer_5[2 + v] + j]


@njit(nogil=True, cache=True)
def _begin(rows, seen, r, document):
    """Row r begins a document: the begin token 0 has been seen, the first is to come."""
    rows[DOCUMENT, r], rows[PLACE, r], rows[TOKEN, r] = document, 0, 0
    for j in range(seen.shape[1]):
        seen[rows[SLOT, r], j] = j == 0


@njit(nogil=True, cache=True)
def _goes_on(rows, seen, r, out_kL):
    """Row r takes up the token that now stands at its place; False where its document has ended."""
    token = out_kL[rows[DOCUMENT, r], rows[PLACE, r]]
    if seen.shape[1]:
        seen[rows[SLOT, r], token] = True
    rows[TOKEN, r] = token
    rows[PLACE, r] += 1
    return token != 0 and rows[PLACE, r] < out_kL.shape[1]


@njit(nogil=True, cache=True)
def _choose(sizes, room, choosing, rules, favour, stream, first, out_kL):
    """The rows that choose a token, normalised in the first rows of y, do so."""
    y, logits, rows, length = room.y, room.logits, room.rows, out_kL.shape[1]
    for m in range(choosing):
        for j in range(logits.shape[1]):
            logits[m, j] = np.float32(0.0)
    add_product(logits, 0, y, 0, choosing, room.packed, room.at[sizes.layers, 0], sizes.width, sizes.vocabulary)
    for m in range(choosing):
        r = rows[CHOOSES, m]
        index = (first + rows[DOCUMENT, r]) * length + rows[PLACE, r]
        even, odd = two_units(stream.key, index // 2, stream.call, stream.agent, stream.step)
        u = odd if index % 2 else even
        slot, chance, order, size = rows[SLOT, r], room.chance, room.order, sizes.vocabulary
        if favour.bias != 0.0:
            before = rows[TOKEN, r]
            token = choose_marked(logits, m, size, rules, room.seen, slot, u, chance, order, favour, before)
        else:
            token = choose(logits, m, size, rules, room.seen, slot, u, chance, order)
        out_kL[rows[DOCUMENT, r], rows[PLACE, r]] = token


@njit(nogil=True, cache=True)
def _step(weights_P, sizes, places, room, running, length):
    """One token further in every row: x becomes what the last layer gives."""
    d, x, y, wide, vectors, packed, rows = sizes.width, room.x, room.y, room.wide, room.vectors, room.packed, room.rows
    for r in range(running):
        token_at, position_at = places.outer_5[0] + rows[TOKEN, r] * d, places.outer_5[1] + rows[PLACE, r] * d
        for j in range(d):
            x[r, j] = weights_P[token_at + j] + weights_P[position_at + j]
    for i in range(sizes.layers):
        row = VECTORS * i
        for r in range(running):
            normalise(x, r, d, vectors, row + LN_1, y, r)
        _set_rows(wide, running, vectors, row + ATTENTION)
        add_product(wide, 0, y, 0, running, packed, room.at[i, 0], d, 3 * d)
        _attend(sizes, wide, y, room.scores, room.mixed, room.keys, room.values, i, rows, running, length)
        _add_rows(x, running, vectors, row + PROJECTION)
        add_product(x, 0, y, 0, running, packed, room.at[i, 1], d, d)
        for r in range(running):
            normalise(x, r, d, vectors, row + LN_2, y, r)
        _set_rows(wide, running, vectors, row + OUTWARD)
        add_product(wide, 0, y, 0, running, packed, room.at[i, 2], d, 4 * d)
        gelu(wide, running, 4 * d)
        _add_rows(x, running, vectors, row + INWARD)
        add_product(x, 0, wide, 0, running, packed, room.at[i, 3], 4 * d, d)


@njit(nogil=True, cache=True)
def _set_rows(out, rows, vectors, row):
    for r in range(rows):
        for j in range(out.shape[1]):
            out[r, j] = vectors[row, j]


@njit(nogil=True, cache=True)
def _add_rows(out, rows, vectors, row):
    for r in range(rows):
        for j in range(out.shape[1]):
            out[r, j] += vectors[row, j]


@njit(nogil=True, cache=True)
def _attend(sizes, wide, y, scores, mixed, keys, values, layer, rows, running, length):
    """Each row's key and value join the cache; its row of y becomes what its heads gather from all tokens so far."""
    d, heads, e = sizes.width, sizes.heads, sizes.width // sizes.heads
    lanes, longest, factor = padded(e, LANES), padded(length, LANES), np.float32(1.0 / math.sqrt(e))
    for r in range(running):
        place, used = rows[PLACE, r], padded(rows[PLACE, r] + 1, LANES)
        for h in range(heads):
            which = (rows[SLOT, r] * sizes.layers + layer) * heads + h
            keys_at, value_at = which * longest * e, (which * length + place) * lanes
            key_at = keys_at + place // LANES * LANES * e + place % LANES
            for j in range(e):
                keys[key_at + j * LANES] = wide[r, d + h * e + j]
                values[value_at + j] = wide[r, 2 * d + h * e + j]
            for j in range(0, used, LANES):
                query_at = r * wide.shape[1] + h * e
                set_lanes(scores, h * longest + j, wide, query_at, keys, keys_at + j * e, LANES, e)
        for h in range(heads):
            values_at = ((rows[SLOT, r] * sizes.layers + layer) * heads + h) * length * lanes
            share = ratio(ONE, exponentiate(scores, h, place + 1, used, factor))
            for j in range(0, lanes, LANES):
                set_lanes(mixed, j, scores, h * longest, values, values_at + j, lanes, place + 1)
            for j in range(e):
                y[r, h * e + j] = mixed[j] * share
