"""Sums and exponentials over long rows, written so that the compiler turns them into vector instructions.

Nothing is reordered behind the caller's back: sums run in eight strands, always the same, and the fused multiply-add is
rounded once on every machine, so results do not depend on the processor.
"""

# numba hides the first argument of an intrinsic, which mypy cannot see
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic


@intrinsic
def _fused(typing_context, a, b, c):
    """a b + c, rounded once."""

    def build(context, builder, signature, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), build


@intrinsic
def _ratio(typing_context, a, b):
    """a / b without Python's test for 0, which would keep a loop from becoming vector instructions."""

    def build(context, builder, signature, args):
        return builder.fdiv(*args)

    return types.float64(types.float64, types.float64), build


@intrinsic
def _bits_as_float(typing_context, bits):
    """The float64 that has these 64 bits."""

    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), build


@intrinsic
def _float_as_bits(typing_context, x):
    """The 64 bits of a float64."""

    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), build


@njit(nogil=True, inline="always", cache=True)
def exponential(x):
    """exp(x) for x <= 709 within 1 ulp; 3e-308 for all x below -708.

    exp(x) = 2^m exp(r) with |r| <= ln(2) / 2: the Taylor series of exp(r) up to r^12 leaves out less than 2e-16, and
    2^m is written into the exponent's bits. In a loop eight times faster than math.exp, which has to be called.
    """
    x = max(x, -708.0)
    m = np.floor(x * 1.4426950408889634 + 0.5)
    r = _fused(m, -1.90821492927058770002e-10, _fused(m, -6.93147180369123816490e-01, x))  # ln 2 in two parts
    p = _fused(r, 1.0 / 479001600.0, 1.0 / 39916800.0)
    p = _fused(p, r, 1.0 / 3628800.0)
    p = _fused(p, r, 1.0 / 362880.0)
    p = _fused(p, r, 1.0 / 40320.0)
    p = _fused(p, r, 1.0 / 5040.0)
    p = _fused(p, r, 1.0 / 720.0)
    p = _fused(p, r, 1.0 / 120.0)
    p = _fused(p, r, 1.0 / 24.0)
    p = _fused(p, r, 1.0 / 6.0)
    p = _fused(p, r, 0.5)
    p = _fused(p, r, 1.0)
    p = _fused(p, r, 1.0)
    return p * _bits_as_float((np.int64(m) + 1023) << 52)


@njit(nogil=True, inline="always", cache=True)
def logarithm(x):
    """log(x) of a normal positive number within 2e-16 max(1, |log x|), for loops; math.log has to be called.

    x = 2^m y with sqrt(1/2) <= y < sqrt(2), and log y = 2 artanh s with s = (y - 1) / (y + 1), |s| < 0.172: its series
    up to s^21 leaves out less than 1e-17.
    """
    bits = _float_as_bits(x) + 0x95F6198000000  # carries into the exponent where y would be above sqrt(2)
    m = (bits >> 52) - 1023
    y = _bits_as_float(_float_as_bits(x) - (m << 52))
    s = _ratio(y - 1.0, y + 1.0)
    t = s * s
    p = _fused(t, 1.0 / 21.0, 1.0 / 19.0)
    p = _fused(p, t, 1.0 / 17.0)
    p = _fused(p, t, 1.0 / 15.0)
    p = _fused(p, t, 1.0 / 13.0)
    p = _fused(p, t, 1.0 / 11.0)
    p = _fused(p, t, 1.0 / 9.0)
    p = _fused(p, t, 1.0 / 7.0)
    p = _fused(p, t, 1.0 / 5.0)
    p = _fused(p, t, 1.0 / 3.0)
    return _fused(np.float64(m), 0.6931471805599453, 2.0 * _fused(p * t, s, s))


@njit(nogil=True, cache=True)
def exponentiate_below(row, highest):
    """row becomes exp(row - highest), in place; no entry may lie above `highest`."""
    for j in range(row.size):
        row[j] = exponential(row[j] - highest)


@njit(nogil=True, cache=True)
def dot(a, b):
    """Sum of products."""
    strands = np.zeros(8)
    whole = a.size - a.size % 8
    for j in range(0, whole, 8):
        for s in range(8):
            strands[s] += a[j + s] * b[j + s]
    total = 0.0
    for j in range(whole, a.size):
        total += a[j] * b[j]
    for s in range(8):
        total += strands[s]
    return total


@njit(nogil=True, cache=True)
def sum_of(a):
    """Sum."""
    strands = np.zeros(8)
    whole = a.size - a.size % 8
    for j in range(0, whole, 8):
        for s in range(8):
            strands[s] += a[j + s]
    total = 0.0
    for j in range(whole, a.size):
        total += a[j]
    for s in range(8):
        total += strands[s]
    return total


@njit(nogil=True, cache=True)
def highest_of(a):
    """The largest entry; -inf where there is none."""
    strands = np.full(8, -np.inf)
    whole = a.size - a.size % 8
    for j in range(0, whole, 8):
        for s in range(8):
            strands[s] = max(strands[s], a[j + s])
    highest = -np.inf
    for j in range(whole, a.size):
        highest = max(highest, a[j])
    for s in range(8):
        highest = max(highest, strands[s])
    return highest


@njit(nogil=True, cache=True)
def log_sum_exp(row):
    """log of the sum of exponentials; overwrites the row."""
    highest = highest_of(row)
    if highest == -np.inf:
        return highest
    exponentiate_below(row, highest)
    return highest + math.log(sum_of(row))


@njit(nogil=True, cache=True)
def pick(cumulative, u):
    """Index of the first entry of rising `cumulative` above u times its last; entries of no width are never picked."""
    target = u * cumulative[cumulative.size - 1]
    low, high = 0, cumulative.size - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > target:
            high = middle
        else:
            low = middle + 1
    return low


def contiguous(array: np.ndarray) -> np.ndarray:
    """Float64 in C order, as compiled loops want it."""
    return np.ascontiguousarray(array, dtype=np.float64)
