"""Products of small float32 matrices in vector registers, compiled for this processor.

A tile of the result (up to 4 rows, 4 vectors of columns) stays in registers while the inner dimension runs by; the
right-hand matrix is packed beforehand into panels of as many columns, so that it is read in one stream. Every number of
the result is one chain of fused multiply-adds in the order of the inner dimension: it does not depend on how many rows
are multiplied together, on the width of vectors, or on threads. (BLAS promises none of these, wakes threads of its own
and is slow where one side has only a few rows.)

After the register blocking of Goto & van de Geijn 2008, doi:10.1145/1356052.1356053.
"""

# numba hides the first argument of an intrinsic, which mypy cannot see
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_FEATURES = binding.get_host_cpu_features()
LANES = 16 if _FEATURES.get("avx512f") else 8 if _FEATURES.get("avx") else 4  # float32 in a vector register
PANEL = 4 * LANES  # columns of a panel
ROWS = 2 if LANES == 8 else 4  # of a tile: what fits AVX's 16 registers; AVX-512 and Arm have 32
TALL = 2 * ROWS  # of a tile one vector wide
DEEP = 256  # of the inner dimension at a time, so that a panel stays in the cache


def _tile(rows, vectors, begun):
    """An intrinsic: (rows, inner) @ (inner, vectors x LANES) into a tile of `out`, added to what is there if `begun`.

    The three arrays lie in C order; each comes with the place of its first number and the distance of its rows, `a`
    with that of its columns too, so that it may be a transposed one.
    """

    @intrinsic
    def tile(typing_context, out, out_at, out_step, a, a_at, a_step, a_next, b, b_at, b_step, inner):
        def build(context, builder, signature, args):
            data = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3, 7)]
            _write_tile(builder, rows, vectors, begun, *data, *(args[i] for i in (1, 2, 4, 5, 6, 8, 9, 10)))
            return context.get_dummy_value()

        whole = types.int64
        return types.none(out, whole, whole, a, whole, whole, whole, b, whole, whole, whole), build

    return tile


def _write_tile(builder, rows, vectors, begun, out, a, b, out_at, out_step, a_at, a_step, a_next, b_at, b_step, inner):
    """The instructions of a tile: load the sums, run along the inner dimension, store the sums."""
    index, vector = out_at.type, ir.VectorType(ir.FloatType(), LANES)
    zero = ir.Constant(ir.IntType(32), 0)
    several = ir.FunctionType(vector, [vector] * 3)
    fused = cgutils.get_or_insert_function(builder.module, several, f"llvm.fma.v{LANES}f32")

    def number(i):
        return ir.Constant(index, i)

    def place(start, at, r, step):
        return builder.gep(builder.gep(start, [at]), [builder.mul(number(r), step)])

    def lanes(start, v):
        return builder.bitcast(builder.gep(start, [number(v * LANES)]), vector.as_pointer())

    def spread(x):
        empty, first = ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(zero.type, LANES), [0] * LANES)
        return builder.shuffle_vector(builder.insert_element(empty, x, zero), empty, first)

    out_r = [place(out, out_at, r, out_step) for r in range(rows)]
    a_r = [place(a, a_at, r, a_step) for r in range(rows)]
    sums = [(r, v, cgutils.alloca_once(builder, vector)) for r in range(rows) for v in range(vectors)]
    for r, v, total in sums:
        first = builder.load(lanes(out_r[r], v), align=4) if begun else ir.Constant(vector, [0.0] * LANES)
        builder.store(first, total)
    with cgutils.for_range(builder, inner, intp=index) as loop:
        b_row = builder.gep(builder.gep(b, [b_at]), [builder.mul(loop.index, b_step)])
        b_v = [builder.load(lanes(b_row, v), align=4) for v in range(vectors)]
        along = builder.mul(loop.index, a_next)
        x_r = [spread(builder.load(builder.gep(start, [along]))) for start in a_r]
        for r, v, total in sums:
            builder.store(builder.call(fused, [x_r[r], b_v[v], builder.load(total)]), total)
    for r, v, total in sums:
        builder.store(builder.load(total), lanes(out_r[r], v), align=4)


_whole_tile, _two_rows, _one_row = _tile(ROWS, 4, True), _tile(2, 4, True), _tile(1, 4, True)
_tall, _short, _lanes = _tile(TALL, 1, True), _tile(1, 1, True), _tile(1, 1, False)


@njit(nogil=True, inline="always", cache=True)
def padded(size, to):
    """`size` rounded up to a multiple of `to`."""
    return (size + to - 1) // to * to


@njit(nogil=True, cache=True)
def pack(matrix, at, inner, columns, inner_step, column_step, packed, free):
    """Packs an (inner, columns) matrix that begins at `at` of a flat array; returns where the next may begin.

    Panels lie one after the other, (inner, PANEL) each; the last is as wide as it must be in whole vectors, columns
    that fill it up are 0.
    """
    for first in range(0, columns, PANEL):
        used = min(PANEL, columns - first)
        wide, start = padded(used, LANES), at + first * column_step
        if column_step == 1:
            for i in range(inner):
                _copy(matrix, start + i * inner_step, 1, packed, free + i * wide, 1, used)
        else:
            for j in range(used):
                _copy(matrix, start + j * column_step, inner_step, packed, free + j, wide, inner)
        for i in range(inner if used < wide else 0):
            for j in range(used, wide):
                packed[free + i * wide + j] = np.float32(0.0)
        free += inner * wide
    return free


@njit(nogil=True, inline="always", cache=True)
def _copy(x, x_at, x_step, out, out_at, out_step, size):
    """Numbers from one flat array to another; places are uint64, since a sign would have to be looked at every time."""
    of, to = np.uint64(x_at), np.uint64(out_at)
    of_step, to_step = np.uint64(x_step), np.uint64(out_step)
    for j in range(np.uint64(size)):
        out[to + j * to_step] = x[of + j * of_step]


@njit(nogil=True, cache=True)
def add_product(out, out_row, a, a_row, rows, packed, at, inner, columns):
    """Adds rows of `a`, from a_row on, times the (inner, columns) matrix packed at `at` to as many rows of `out`.

    Whole vectors of columns are written.
    """
    out_step, a_step = out.shape[1], a.shape[1]
    for first in range(0, columns, PANEL):
        wide = min(PANEL, padded(columns - first, LANES))
        out_at, a_at = out_row * out_step + first, a_row * a_step
        _add_panel(out, out_at, out_step, a, a_at, a_step, 1, rows, packed, at + first * inner, wide, inner, wide)


@njit(nogil=True, cache=True)
def add_matrices(out, out_at, out_step, a, a_at, a_step, a_next, rows, b, b_at, b_step, inner, columns):
    """Adds (rows, inner) @ (inner, columns) to `out`: matrices that lie anywhere, see `_tile`; whole vectors."""
    for first in range(0, columns, PANEL):
        wide, to, by = min(PANEL, columns - first), out_at + first, b_at + first
        _add_panel(out, to, out_step, a, a_at, a_step, a_next, rows, b, by, b_step, inner, wide)


@njit(nogil=True, cache=True)
def _add_panel(out, out_at, out_step, a, a_at, a_step, a_next, rows, b, b_at, b_step, inner, wide):
    """The product of a panel of `wide` columns, in whole vectors and at most PANEL."""
    for i in range(0, inner, DEEP):
        deep, i_at, by = min(DEEP, inner - i), a_at + i * a_next, b_at + i * b_step
        if wide == PANEL:
            _add_wide(out, out_at, out_step, a, i_at, a_step, a_next, rows, b, by, b_step, deep)
        else:
            for v in range(0, wide, LANES):
                _add_narrow(out, out_at + v, out_step, a, i_at, a_step, a_next, rows, b, by + v, b_step, deep)


@njit(nogil=True, cache=True)
def _add_wide(out, out_at, out_step, a, a_at, a_step, a_next, rows, b, b_at, b_step, inner):
    """A panel of PANEL columns."""
    r = 0
    while rows - r >= ROWS:
        to, of = out_at + r * out_step, a_at + r * a_step
        _whole_tile(out, to, out_step, a, of, a_step, a_next, b, b_at, b_step, inner)
        r += ROWS
    if rows - r >= 2:
        to, of = out_at + r * out_step, a_at + r * a_step
        _two_rows(out, to, out_step, a, of, a_step, a_next, b, b_at, b_step, inner)
        r += 2
    if rows - r == 1:
        to, of = out_at + r * out_step, a_at + r * a_step
        _one_row(out, to, out_step, a, of, a_step, a_next, b, b_at, b_step, inner)


@njit(nogil=True, cache=True)
def _add_narrow(out, out_at, out_step, a, a_at, a_step, a_next, rows, b, b_at, b_step, inner):
    """A panel of LANES columns."""
    r = 0
    while rows - r >= TALL:
        to, of = out_at + r * out_step, a_at + r * a_step
        _tall(out, to, out_step, a, of, a_step, a_next, b, b_at, b_step, inner)
        r += TALL
    while r < rows:
        to, of = out_at + r * out_step, a_at + r * a_step
        _short(out, to, out_step, a, of, a_step, a_next, b, b_at, b_step, inner)
        r += 1


@njit(nogil=True, inline="always", cache=True)
def set_lanes(out, out_at, a, a_at, b, b_at, b_step, inner):
    """LANES numbers of `out` become a[a_at : a_at + inner] times `inner` rows of LANES numbers, b_step apart."""
    _lanes(out, out_at, 0, a, a_at, 0, 1, b, b_at, b_step, inner)
