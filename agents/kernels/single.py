"""Functions of rows of float32, written so that the compiler turns them into vector instructions.

No kernel here or elsewhere is compiled with fastmath: what the compiler may reorder is another number in another place,
see `sums`.
"""

# numba hides the first argument of an intrinsic, which mypy cannot see
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from agents.kernels.sums import row_product, row_sum

f32 = np.float32
_LOG2_E, _LN2_HIGH, _LN2_LOW = f32(1.44269504), f32(-0.693359375), f32(2.12194440e-4)
_LOWEST, HIGHEST, _HALF, ONE = f32(-87.0), f32(87.0), f32(0.5), f32(1.0)
EPSILON = f32(1e-5)  # of LayerNorm
_SERIES = tuple(f32(1.0 / n) for n in (5040, 720, 120, 24, 6))
GELU_FACTOR, GELU_CUBE = f32(-2.0 * np.sqrt(2.0 / np.pi)), f32(0.044715)
NEVER = f32(-np.inf)


@intrinsic
def _fused(typing_context, a, b, c):
    """a b + c, rounded once."""

    def build(context, builder, signature, args):
        return builder.fma(*args)

    return types.float32(types.float32, types.float32, types.float32), build


@intrinsic
def _ratio(typing_context, a, b):
    """a / b"""

    def build(context, builder, signature, args):
        return builder.fdiv(*args)

    return types.float32(types.float32, types.float32), build


@intrinsic
def _larger(typing_context, a, b):
    """The larger number, in the one form that the compiler knows as a maximum: else a loop over it stays a loop."""

    def build(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered(">", *args, flags=("nnan",)), *args, flags=("nnan", "nsz"))

    return types.float32(types.float32, types.float32), build


@intrinsic
def _bits_as_float(typing_context, bits):
    """The float32 that has these 32 bits."""

    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), build


@njit(nogil=True, inline="always", cache=True)
def ratio(a, b):
    """a / b without Python's test for 0, which would keep a loop from becoming vector instructions."""
    return _ratio(a, b)


@njit(nogil=True, inline="always", cache=True)
def larger(a, b):
    """The larger of two numbers, fit for loops; anything where one of them is none."""
    return _larger(a, b)


@njit(nogil=True, inline="always", cache=True)
def exponential(x):
    """exp(x) for x <= 88 within 2 ulp; 1.6e-38 for all x below -87.

    exp(x) = 2^m exp(r) with |r| <= ln(2) / 2: the Taylor series of exp(r) up to r^7 leaves out less than 6e-9, and 2^m
    is written into the exponent's bits.
    """
    x = max(x, _LOWEST)
    m = np.floor(_fused(x, _LOG2_E, _HALF))
    r = _fused(m, _LN2_LOW, _fused(m, _LN2_HIGH, x))  # ln 2 in two parts, the first of few bits
    p = _fused(r, _SERIES[0], _SERIES[1])
    p = _fused(p, r, _SERIES[2])
    p = _fused(p, r, _SERIES[3])
    p = _fused(p, r, _SERIES[4])
    p = _fused(p, r, _HALF)
    p = _fused(p, r, ONE)
    p = _fused(p, r, ONE)
    return p * _bits_as_float((np.int32(m) + np.int32(127)) << np.int32(23))


@njit(nogil=True, cache=True)
def gelu(x, rows, size):
    """GELU in its tanh form of x[:rows, :size], in place: v (1 + tanh y) / 2 = v / (1 + exp(-2 y))."""
    for r in range(rows):
        for j in range(size):
            v = x[r, j]
            y = _fused(GELU_CUBE * v * v, v, v)
            x[r, j] = ratio(v, ONE + exponential(min(GELU_FACTOR * y, HIGHEST)))


@njit(nogil=True, cache=True)
def normalise(x, r, size, vectors, row, out, out_r):
    """LayerNorm of x[r, :size] into out[out_r], with the scale in vectors[row] and the shift in the row after it."""
    mean = ratio(row_sum(x, r, size), f32(size))
    for j in range(size):
        out[out_r, j] = x[r, j] - mean
    factor = ratio(ONE, np.sqrt(ratio(row_product(out, out_r, out, out_r, size), f32(size)) + EPSILON))
    for j in range(size):
        out[out_r, j] = _fused(out[out_r, j] * factor, vectors[row, j], vectors[row + 1, j])


@njit(nogil=True, cache=True)
def exponentiate(x, r, used, size, factor):
    """x[r, :used] becomes exp(factor (x - highest)), factor > 0; returns its sum. x[r, used:size] is overwritten."""
    for j in range(size):  # all: what is written in other pieces than it is then read in has to be waited for
        given = x[r, j]
        x[r, j] = given if j < used else NEVER
    highest = x[r, 0]
    for j in range(size):
        highest = larger(x[r, j], highest)
    for j in range(size):
        x[r, j] = exponential(factor * (x[r, j] - highest))
    return row_sum(x, r, size)  # 2e-38 of each that is not used: nothing beside the 1 of the highest
