"""Loss and gradient of one GPT-2 on a minibatch, compiled for the CPU.

A few documents go forward and back at a time, so that all that is remembered between the two stays in the cache; only
tokens that count are computed. A model's gradient depends on its weights and minibatch and on nothing else, to the
last bit: not on other models or threads. `gpt.logits` says what is computed, and the tests that this is the same.

Letters: B documents, L tokens, C rows (tokens) of some documents, d width, h heads, e = d / h, V vocabulary, P weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from agents.kernels.slopes import (
    add_norm_slope,
    add_rows,
    add_to_rows,
    empty_rows,
    gelu_with_slope,
    multiply_rows,
    norm,
    set_rows,
    surprise_with_slope,
)  # fmt: skip
from agents.kernels.tiles import LANES, add_matrices, add_product, pack
from agents.neural.attention_kernel import Heads, attend, attend_slope
from agents.neural.places import (
    ATTENTION,
    INWARD,
    LN_1,
    LN_2,
    LN_F,
    OUTPUT,
    OUTWARD,
    PROJECTION,
    WPE,
    WTE,
)  # fmt: skip


class TrainSizes(NamedTuple):
    """Tokens of the vocabulary V, layers, width d, heads; rows at a time C."""

    vocabulary: int
    layers: int
    width: int
    heads: int
    rows: int


class TrainRoom(NamedTuple):
    """What is worked on. float32 unless said; columns of rows in whole vectors, what is beyond their numbers is void.

    Layer i keeps its rows from i C on, and norm number m, of the 2 layers + 1, from m C on.
    """

    packed: np.ndarray  # the matrices of the model in panels, and the same transposed
    at: np.ndarray  # (2, layers + 1, 4) int64: where each begins; [:, layers, 0] is the output's
    x: np.ndarray  # (C, d): the residual stream, then its gradient
    normed: np.ndarray  # ((2 layers + 1) C, d): of mean 0 and variance 1
    factor: np.ndarray  # ((2 layers + 1) C,): 1 / spread of each
    fed: np.ndarray  # ((2 layers + 1) C, d): scaled and shifted, what matrices are applied to
    qkv: np.ndarray  # (layers C, 3 d)
    share: np.ndarray  # (layers h C, L): what is attended to
    mixed: np.ndarray  # (layers C, d): what heads gather
    inner: np.ndarray  # (layers C, 4 d): after GELU
    slope: np.ndarray  # (layers C, 4 d): of GELU
    scores: np.ndarray  # (C, V), then their gradient
    y: np.ndarray  # (C, d)
    wide: np.ndarray  # (C, 4 d)
    heads: Heads
    share_row: np.ndarray  # (h,) int64
    rows: np.ndarray  # (3, C) int64: the token that is fed, its place, the token to predict
    weight: np.ndarray  # (C,): of each token in the loss
    documents: np.ndarray  # (2, C) int64: first row and length


@njit(nogil=True, cache=True)
def loss_and_gradient(weights_P, sizes, places, room, content_BL, weight_B, gradient_P):
    """Mean nats a token, documents by weight; gradient_P is filled. 0 where all weights are 0."""
    gradient_P[:] = np.float32(0.0)
    tokens = 0.0
    for b in range(len(content_BL)):
        tokens += weight_B[b] * _length(content_BL[b])
    if tokens == 0.0:
        return 0.0
    _pack_all(weights_P, sizes, places, room.packed, room.at)
    begun, loss = 0, 0.0
    while begun < len(content_BL):
        begun, documents, rows = _take(content_BL, weight_B, begun, 1.0 / tokens, sizes.rows, room)
        if rows:
            _forward(weights_P, sizes, places, room, documents, rows)
            loss += _judge(weights_P, sizes, places, room, rows, gradient_P)
            _back(weights_P, sizes, places, room, documents, rows, gradient_P)
    return loss


@njit(nogil=True, cache=True)
def _length(content_L):
    """Tokens up to and including the end token."""
    for t in range(content_L.size):
        if content_L[t] == 0:
            return t + 1
    return content_L.size


@njit(nogil=True, cache=True)
def _take(content_BL, weight_B, first, share, most, room):
    """Lays out documents first .. of a minibatch while there is room; the next one, documents and rows laid out."""
    b, documents, rows = first, 0, 0
    while b < len(content_BL):
        length = _length(content_BL[b])
        if rows + length > most:
            break
        if weight_B[b] > 0:
            room.documents[0, documents], room.documents[1, documents] = rows, length
            for t in range(length):
                room.rows[0, rows] = content_BL[b, t - 1] if t else 0
                room.rows[1, rows], room.rows[2, rows] = t, content_BL[b, t]
                room.weight[rows] = weight_B[b] * share
                rows += 1
            documents += 1
        b += 1
    return b, documents, rows


@njit(nogil=True, cache=True)
def _pack_all(weights_P, sizes, places, packed, at):
    """Packs each matrix (in, out), then its transpose."""
    d, layers, free = sizes.width, sizes.layers, np.int64(0)
    inner, columns = (d, d, d, 4 * d), (3 * d, d, 4 * d, d)
    for i in range(layers):
        for m in range(4):
            first = places.matrices_L4[i, m]
            at[0, i, m] = free
            free = pack(weights_P, first, inner[m], columns[m], columns[m], 1, packed, free)
            at[1, i, m] = free
            free = pack(weights_P, first, columns[m], inner[m], 1, columns[m], packed, free)
    first = places.outer_5[OUTPUT]
    at[0, layers, 0] = free
    free = pack(weights_P, first, d, sizes.vocabulary, 1, d, packed, free)
    at[1, layers, 0] = free
    pack(weights_P, first, sizes.vocabulary, d, d, 1, packed, free)


@njit(nogil=True, cache=True)
def _forward(weights_P, sizes, places, room, documents, rows):
    """The residual stream x of the documents laid out, all layers through; the last norm is fed to the output."""
    d, capacity, x = sizes.width, sizes.rows, room.x
    for r in range(rows):
        token_at = places.outer_5[WTE] + room.rows[0, r] * d
        place_at = places.outer_5[WPE] + room.rows[1, r] * d
        set_rows(x, r, 1, weights_P[token_at : token_at + d])
        add_to_rows(x, r, 1, weights_P[place_at : place_at + d])
    for i in range(sizes.layers):
        first, vectors, at = i * capacity, places.vectors_L8[i], room.at[0, i]
        _norm(weights_P, vectors[LN_1], room, 2 * first, rows, d)
        set_rows(room.qkv, first, rows, _of(weights_P, vectors[ATTENTION], 3 * d))
        add_product(room.qkv, first, room.fed, 2 * first, rows, room.packed, at[0], d, 3 * d)
        for b in range(documents):
            row, length = room.documents[0, b], room.documents[1, b]
            _find_shares(room.share_row, i, capacity, row)
            attend(room.qkv, first + row, length, d, sizes.heads, room.share, room.share_row, room.mixed, room.heads)
        add_to_rows(x, 0, rows, _of(weights_P, vectors[PROJECTION], d))
        add_product(x, 0, room.mixed, first, rows, room.packed, at[1], d, d)
        _norm(weights_P, vectors[LN_2], room, 2 * first + capacity, rows, d)
        set_rows(room.inner, first, rows, _of(weights_P, vectors[OUTWARD], 4 * d))
        add_product(room.inner, first, room.fed, 2 * first + capacity, rows, room.packed, at[2], d, 4 * d)
        gelu_with_slope(room.inner, room.slope, first, rows, 4 * d)
        add_to_rows(x, 0, rows, _of(weights_P, vectors[INWARD], d))
        add_product(x, 0, room.inner, first, rows, room.packed, at[3], 4 * d, d)
    _norm(weights_P, places.outer_5[LN_F], room, 2 * sizes.layers * capacity, rows, d)


@njit(nogil=True, cache=True)
def _judge(weights_P, sizes, places, room, rows, gradient_P):
    """The loss of the rows; y becomes the gradient of what the output's weights are applied to."""
    d, size, last, scores, fed = sizes.width, sizes.vocabulary, 2 * sizes.layers * sizes.rows, room.scores, room.fed
    at, output, loss = room.at[:, sizes.layers, 0], places.outer_5[OUTPUT], 0.0
    empty_rows(scores, 0, rows, scores.shape[1])
    add_product(scores, 0, fed, last, rows, room.packed, at[0], d, size)
    for r in range(rows):
        loss += room.weight[r] * surprise_with_slope(scores, r, size, room.rows[2, r], room.weight[r])
    _add_gradient(gradient_P, output, scores, 0, rows, size, fed, last, d)
    empty_rows(room.y, 0, rows, room.y.shape[1])
    add_product(room.y, 0, scores, 0, rows, room.packed, at[1], size, d)
    return loss


@njit(nogil=True, cache=True)
def _back(weights_P, sizes, places, room, documents, rows, gradient_P):
    """Adds the gradients of all weights but the output's; x is the gradient of the residual stream."""
    d, capacity, x, y, wide = sizes.width, sizes.rows, room.x, room.y, room.wide
    empty_rows(x, 0, rows, d)
    _norm_slope(weights_P, places.outer_5[LN_F], room, 2 * sizes.layers * capacity, rows, d, gradient_P)
    for i in range(sizes.layers - 1, -1, -1):
        first, vectors, matrices, at = i * capacity, places.vectors_L8[i], places.matrices_L4[i], room.at[1, i]
        _add_linear(gradient_P, matrices[3], vectors[INWARD], room.inner, first, 4 * d, x, rows, d)
        empty_rows(wide, 0, rows, wide.shape[1])
        add_product(wide, 0, x, 0, rows, room.packed, at[3], d, 4 * d)
        multiply_rows(wide, rows, room.slope, first, 4 * d)
        _add_linear(gradient_P, matrices[2], vectors[OUTWARD], room.fed, 2 * first + capacity, d, wide, rows, 4 * d)
        empty_rows(y, 0, rows, y.shape[1])
        add_product(y, 0, wide, 0, rows, room.packed, at[2], 4 * d, d)
        _norm_slope(weights_P, vectors[LN_2], room, 2 * first + capacity, rows, d, gradient_P)
        _add_linear(gradient_P, matrices[1], vectors[PROJECTION], room.mixed, first, d, x, rows, d)
        empty_rows(y, 0, rows, y.shape[1])
        add_product(y, 0, x, 0, rows, room.packed, at[1], d, d)
        for b in range(documents):
            row, length = room.documents[0, b], room.documents[1, b]
            _find_shares(room.share_row, i, capacity, row)
            attend_slope(
                y, row, room.qkv, first + row, length, d, sizes.heads, room.share, room.share_row, wide, room.heads
            )
        _add_linear(gradient_P, matrices[0], vectors[ATTENTION], room.fed, 2 * first, d, wide, rows, 3 * d)
        empty_rows(y, 0, rows, y.shape[1])
        add_product(y, 0, wide, 0, rows, room.packed, at[0], 3 * d, d)
        _norm_slope(weights_P, vectors[LN_1], room, 2 * first, rows, d, gradient_P)
    for r in range(rows):
        add_rows(_of(gradient_P, places.outer_5[WTE] + room.rows[0, r] * d, d), x, r, 1, d)
        add_rows(_of(gradient_P, places.outer_5[WPE] + room.rows[1, r] * d, d), x, r, 1, d)


@njit(nogil=True, cache=True)
def _norm(weights_P, at, room, first, rows, d):
    """Rows from `first` on of `normed` and `fed`, from those of x; scale at `at`, the shift behind it."""
    scale, shift = _of(weights_P, at, d), _of(weights_P, at + d, d)
    norm(room.x, rows, d, scale, shift, room.normed, room.factor, room.fed, first)


@njit(nogil=True, cache=True)
def _norm_slope(weights_P, at, room, first, rows, d, gradient_P):
    """Adds to x the gradient of what was normed, from that in y of what came out."""
    scale, of_scale, of_shift = _of(weights_P, at, d), _of(gradient_P, at, d), _of(gradient_P, at + d, d)
    add_norm_slope(room.y, rows, d, scale, room.normed, room.factor, first, of_scale, of_shift, room.x)


@njit(nogil=True, cache=True)
def _add_linear(gradient_P, matrix, bias, x, first, size, of_out, rows, columns):
    """Adds the gradients of a matrix (size, columns) and its bias, applied to rows of x from `first` on."""
    add_rows(gradient_P[bias : bias + columns], of_out, 0, rows, columns)
    _add_gradient(gradient_P, matrix, x, first, rows, size, of_out, 0, columns)


@njit(nogil=True, cache=True)
def _add_gradient(gradient_P, at, a, a_row, rows, size, b, b_row, columns):
    """Adds the transpose of rows of `a` (., size) times rows of `b` (., columns) to the matrix at `at`."""
    a_step, b_step, whole = a.shape[1], b.shape[1], columns // LANES * LANES
    add_matrices(gradient_P, at, columns, a, a_row * a_step, 1, a_step, size, b, b_row * b_step, b_step, rows, whole)
    for r in range(rows if whole < columns else 0):  # nothing may be written beyond the last column
        for s in range(size):
            for j in range(whole, columns):
                gradient_P[at + s * columns + j] += a[a_row + r, s] * b[b_row + r, j]


@njit(nogil=True, cache=True)
def _find_shares(share_row, layer, capacity, row):
    for h in range(share_row.size):
        share_row[h] = (layer * share_row.size + h) * capacity + row


@njit(nogil=True, cache=True)
def _of(flat_P, at, size):
    return flat_P[at : at + size]
