"""Steps of a network on rows of float32 with their gradients, compiled: LayerNorm, GELU, softmax and surprise.

`single` has the same without gradients, `sums` says how sums are taken. Loops are kept apart where one would write to
more arrays than the compiler tells apart, and arrays are not sliced row by row, which would cost more than some rows
do.

Letters: R rows, d numbers of one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from agents.kernels.single import (
    EPSILON,
    GELU_CUBE,
    GELU_FACTOR,
    HIGHEST,
    NEVER,
    ONE,
    exponential,
    larger,
    ratio,
)
from agents.kernels.sums import row_product, row_sum
from agents.kernels.tiles import PANEL, padded

f32 = np.float32
_ZERO, _THREE = f32(0.0), f32(3.0)


@njit(nogil=True, cache=True)
def norm(x, rows, size, scale, shift, normed, factor, out, first):
    """LayerNorm of x[:rows, :size], in rows from `first` on: `normed` of mean 0 and variance 1, `out` scaled, shifted.

    factor (R,): 1 / spread of each row.
    """
    for r in range(rows):
        to, mean = first + r, ratio(row_sum(x, r, size), f32(size))
        for j in range(size):
            normed[to, j] = x[r, j] - mean
        by = ratio(ONE, np.sqrt(ratio(row_product(normed, to, normed, to, size), f32(size)) + EPSILON))
        factor[to] = by
        for j in range(size):
            normed[to, j] *= by
        for j in range(size):
            out[to, j] = normed[to, j] * scale[j] + shift[j]


@njit(nogil=True, cache=True)
def add_norm_slope(of_out, rows, size, scale, normed, factor, first, of_scale, of_shift, of_x):
    """Adds the gradients of LayerNorm's scale, shift and input, from that of its output (overwritten)."""
    for r in range(rows):
        to = first + r
        for j in range(size):
            of_shift[j] += of_out[r, j]
        for j in range(size):
            of_scale[j] += of_out[r, j] * normed[to, j]
        for j in range(size):
            of_out[r, j] *= scale[j]
        mean, along = ratio(row_sum(of_out, r, size), f32(size)), row_product(of_out, r, normed, to, size)
        lean, by = ratio(along, f32(size)), factor[to]
        for j in range(size):
            of_x[r, j] += by * (of_out[r, j] - mean - normed[to, j] * lean)


@njit(nogil=True, cache=True)
def gelu_with_slope(x, slope, first, rows, size):
    """GELU in its tanh form of rows of x from `first` on, in place, and its slope.

    v s with s = 1 / (1 + exp(-2 y)), y = sqrt(2 / pi) (v + 0.044715 v^3); slope s + 2 v s (1 - s) y'.
    """
    for r in range(first, first + rows):
        for j in range(size):
            v = x[r, j]
            cube = GELU_CUBE * v * v
            s = ratio(ONE, ONE + exponential(min(GELU_FACTOR * (v + cube * v), HIGHEST)))
            x[r, j] = v * s
            slope[r, j] = s - v * s * (ONE - s) * GELU_FACTOR * (ONE + _THREE * cube)


@njit(nogil=True, cache=True)
def causal_softmax(x, first, rows, factor):
    """Row first + t of x becomes the softmax of `factor` (> 0) times its numbers up to t, and 0 behind them."""
    for t in range(rows):
        r, size, highest = first + t, padded(t + 1, PANEL), x[first + t, 0]
        for j in range(size):
            given = x[r, j]
            x[r, j] = given if j <= t else NEVER
        for j in range(size):
            highest = larger(x[r, j], highest)
        for j in range(size):
            x[r, j] = exponential(factor * (x[r, j] - highest))
        share = ratio(ONE, row_sum(x, r, size))  # 2e-38 of each that is not used: nothing beside the 1 of the highest
        for j in range(size):
            given = x[r, j]
            x[r, j] = (given if j <= t else _ZERO) * share


@njit(nogil=True, cache=True)
def softmax_slope(of_share, r, share, s, size, factor):
    """of_share[r, :size] becomes the gradient of scores, times `factor`, from that of their softmax share[s, :size]."""
    along = row_product(of_share, r, share, s, size)
    for j in range(size):
        of_share[r, j] = share[s, j] * (of_share[r, j] - along) * factor


@njit(nogil=True, cache=True)
def surprise_with_slope(scores, r, size, target, weight):
    """Nats of the target under the softmax of scores[r, :size], which become the gradient of `weight` times as much."""
    highest = _highest(scores, r, size)
    above = highest - scores[r, target]  # no number where one of them is none
    total = _exponentiate(scores, r, size, highest)
    share = ratio(weight, total)
    for j in range(size):
        scores[r, j] *= share
    scores[r, target] -= weight
    return np.float64(above) + math.log(np.float64(total))


@njit(nogil=True, cache=True)
def _highest(x, r, size):
    highest = x[r, 0]
    for j in range(size):
        highest = larger(x[r, j], highest)
    return highest


@njit(nogil=True, cache=True)
def _exponentiate(x, r, size, highest):
    """x[r, :size] becomes exp(x - highest); its sum."""
    for j in range(size):
        x[r, j] = exponential(x[r, j] - highest)
    return row_sum(x, r, size)


@njit(nogil=True, cache=True)
def add_rows(out, x, first, rows, size):
    """Adds rows of x from `first` on to the row `out`."""
    for r in range(first, first + rows):
        for j in range(size):
            out[j] += x[r, j]


@njit(nogil=True, cache=True)
def set_rows(x, first, rows, row):
    """Rows of x from `first` on become `row`."""
    for r in range(first, first + rows):
        for j in range(row.size):
            x[r, j] = row[j]


@njit(nogil=True, cache=True)
def add_to_rows(x, first, rows, row):
    """Adds `row` to rows of x from `first` on."""
    for r in range(first, first + rows):
        for j in range(row.size):
            x[r, j] += row[j]


@njit(nogil=True, cache=True)
def empty_rows(x, first, rows, size):
    """x[first : first + rows, :size] becomes 0."""
    for r in range(first, first + rows):
        for j in range(size):
            x[r, j] = _ZERO


@njit(nogil=True, cache=True)
def multiply_rows(x, rows, by, first, size):
    """Multiplies x[:rows, :size] by rows of `by` from `first` on."""
    for r in range(rows):
        for j in range(size):
            x[r, j] *= by[first + r, j]
