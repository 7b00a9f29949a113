"""Causal self-attention of one document and its gradient, compiled (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).

Scores are computed in blocks of rows, each as far as its last row sees: half of the square.

Letters: C rows of a block of documents, T tokens of one (L at most), d width, h heads, e = d / h.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from agents.kernels.slopes import causal_softmax, empty_rows, softmax_slope
from agents.kernels.tiles import LANES, PANEL, add_matrices, padded


class Heads(NamedTuple):
    """What one head of one document is worked on with; float32, columns of rows in whole vectors."""

    turned: np.ndarray  # (e, L): keys or values, transposed
    of_share: np.ndarray  # (L, L): gradient of what is attended to, then of scores
    part: np.ndarray  # (L, e): what a product gives


@njit(nogil=True, cache=True)
def attend(qkv, row, length, d, heads, share, share_row, mixed, room):
    """Rows row .. row + length of `mixed` (., d): what heads gather by queries, keys and values in rows of `qkv`.

    share (., L) keeps what is attended to: head h's rows begin at share_row[h].
    """
    e = d // heads
    factor, lanes, part = np.float32(1.0 / math.sqrt(e)), padded(e, LANES), room.part
    for h in range(heads):
        at = share_row[h]
        _turn(qkv, row, length, d + h * e, e, room.turned)
        _scores(qkv, row, h * e, length, e, room.turned, share, at)
        causal_softmax(share, at, length, factor)
        empty_rows(part, 0, length, lanes)
        for t in range(0, length, LANES):
            rows = min(LANES, length - t)
            _product(part, t, share, (at + t) * share.shape[1], share.shape[1], 1, rows,
                     qkv, row, 2 * d + h * e, t + rows, lanes)  # fmt: skip
        _place(part, length, mixed, row, h * e, e)


@njit(nogil=True, cache=True)
def attend_slope(of_mixed, mixed_row, qkv, row, length, d, heads, share, share_row, of_qkv, room):
    """Gradient of rows of qkv from that of rows of `mixed`; see `attend`."""
    e, step = d // heads, share.shape[1]
    factor, lanes = np.float32(1.0 / math.sqrt(e)), padded(e, LANES)
    of_share, part = room.of_share, room.part
    for h in range(heads):
        at = share_row[h]
        _turn(qkv, row, length, 2 * d + h * e, e, room.turned)
        _scores(of_mixed, mixed_row, h * e, length, e, room.turned, of_share, 0)
        for t in range(length):
            softmax_slope(of_share, t, share, at + t, padded(t + 1, PANEL), factor)
        empty_rows(part, 0, length, lanes)
        for t in range(0, length, LANES):
            rows = min(LANES, length - t)
            _product(part, t, of_share, t * step, step, 1, rows, qkv, row, d + h * e, t + rows, lanes)
        _place(part, length, of_qkv, mixed_row, h * e, e)
        empty_rows(part, 0, length, lanes)
        for t in range(0, length, LANES):
            rows = min(LANES, length - t)
            _product(part, t, of_share, t * step + t, 1, step, rows, qkv, row + t, h * e, length - t, lanes)
        _place(part, length, of_qkv, mixed_row, d + h * e, e)
        empty_rows(part, 0, length, lanes)
        for t in range(0, length, LANES):
            rows = min(LANES, length - t)
            _product(
                part, t, share, (at + t) * step + t, 1, step, rows, of_mixed, mixed_row + t, h * e, length - t, lanes
            )
        _place(part, length, of_qkv, mixed_row, 2 * d + h * e, e)


@njit(nogil=True, cache=True)
def _scores(a, row, column, length, e, turned, out, out_row):
    """out[out_row + t, :t + 1] becomes rows of `a` times `turned`: as far as row t sees, in whole vectors."""
    step = out.shape[1]
    for t in range(0, length, LANES):
        rows, seen = min(LANES, length - t), t + LANES
        empty_rows(out, out_row + t, rows, padded(seen, PANEL))
        a_at = (row + t) * a.shape[1] + column
        add_matrices(out, (out_row + t) * step, step, a, a_at, a.shape[1], 1, rows, turned, 0, turned.shape[1], e, seen)


@njit(nogil=True, cache=True)
def _product(out, out_row, a, a_at, a_step, a_next, rows, b, b_row, b_column, inner, columns):
    """Adds rows of `a` times rows of `b` to rows of `out`."""
    out_step, b_step = out.shape[1], b.shape[1]
    b_at = b_row * b_step + b_column
    add_matrices(out, out_row * out_step, out_step, a, a_at, a_step, a_next, rows, b, b_at, b_step, inner, columns)


@njit(nogil=True, cache=True)
def _turn(x, row, length, column, e, out):
    """out (e, L) becomes x[row : row + length, column : column + e] transposed."""
    for j in range(e):
        for t in range(length):
            out[j, t] = x[row + t, column + j]


@njit(nogil=True, cache=True)
def _place(part, length, out, row, column, e):
    """out[row : row + length, column : column + e] becomes the first rows and columns of `part`."""
    for t in range(length):
        for j in range(e):
            out[row + t, column + j] = part[t, j]
