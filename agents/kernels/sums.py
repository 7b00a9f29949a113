"""Sums of numbers that lie in a row, in an order that is written down here and not left to the compiler.

A sum that the compiler may take in any order, so that it can use vector instructions, is another one in each kernel
that it is compiled into, and which of these a process calls hangs on what it has compiled or loaded before. So lane l
adds up the numbers l, l + 16, l + 32, .. one after the other, halves of the lanes are then added until one is left, and
the numbers behind the last whole vector follow one by one: the same to the last bit on all processors.
"""

# numba hides the first argument of an intrinsic, which mypy cannot see
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

LANES = 16


@njit(nogil=True, inline="always", cache=True)
def row_sum(x, r, size):
    """The sum of x[r, :size]; x lies in C order, as in all of these."""
    return _sum(x, r * x.shape[1], size)


@njit(nogil=True, inline="always", cache=True)
def row_product(x, r, y, s, size):
    """The inner product of x[r, :size] and y[s, :size]."""
    return _product(x, r * x.shape[1], y, s * y.shape[1], size)


@njit(nogil=True, inline="always", cache=True)
def part_sum(x, first, size):
    """The sum of `size` numbers of the flat array x from `first` on."""
    return _sum(x, first, size)


@njit(nogil=True, inline="always", cache=True)
def sum_where(x, rank, least, size):
    """The sum of those of x[:size] whose rank, as many integers, is `least` or above."""
    return _sum_where(x, rank, least, size)


@intrinsic
def _sum(typing_context, x, at, size):
    """Numbers of x from `at` on."""

    def build(context, builder, signature, args):
        start = _place(context, builder, signature, args, 0, args[1])
        return _in_lanes(builder, start.type.pointee, args[2], lambda load, total: builder.fadd(total, load(start)))

    return _of(x)(x, types.int64, types.int64), build


@intrinsic
def _product(typing_context, x, x_at, y, y_at, size):
    """Numbers of x from x_at on times as many of y from y_at on."""

    def build(context, builder, signature, args):
        a = _place(context, builder, signature, args, 0, args[1])
        b = _place(context, builder, signature, args, 2, args[3])

        def add(load, total):
            return builder.fadd(total, builder.fmul(load(a), load(b)))

        return _in_lanes(builder, a.type.pointee, args[4], add)

    return _of(x, y)(x, types.int64, y, types.int64, types.int64), build


@intrinsic
def _sum_where(typing_context, x, rank, least, size):
    """Numbers of x where `rank` is `least` or above."""

    def build(context, builder, signature, args):
        a = _place(context, builder, signature, args, 0)
        ranks = _place(context, builder, signature, args, 1)

        def add(load, total):
            given, place = load(a), load(ranks)
            bound, none = args[2], ir.Constant(given.type, None)
            if isinstance(given.type, ir.VectorType):
                bound, none = _spread(builder, bound), ir.Constant(given.type, [0.0] * LANES)
            return builder.fadd(total, builder.select(builder.icmp_signed(">=", place, bound), given, none))

        return _in_lanes(builder, a.type.pointee, args[3], add)

    return _of(x)(x, rank, rank.dtype, types.int64), build


def _of(*arrays):
    """The type of the numbers; TypingError where arrays do not lie in C order or hold different numbers."""
    if any(a.layout != "C" or a.dtype != arrays[0].dtype for a in arrays):
        raise TypingError(f"Sums are of arrays in C order, of numbers of one type. Got {arrays} instead")
    return arrays[0].dtype


def _place(context, builder, signature, args, i, at=None):
    """A pointer to number `at` of argument i."""
    data = context.make_array(signature.args[i])(context, builder, args[i]).data
    return builder.gep(data, [at]) if at is not None else data


def _spread(builder, x):
    """A vector of LANES times x."""
    empty, places = ir.Constant(ir.VectorType(x.type, LANES), ir.Undefined), ir.VectorType(ir.IntType(32), LANES)
    filled = builder.insert_element(empty, x, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(filled, empty, ir.Constant(places, [0] * LANES))


def _in_lanes(builder, number, size, add):
    """The instructions of a sum: add(load, total) is the total with what `load` reads from its pointers added to it.

    The same `add` serves for vectors and for single numbers.
    """
    vector, one = ir.VectorType(number, LANES), ir.Constant(size.type, LANES)
    lanes, total = cgutils.alloca_once(builder, vector), cgutils.alloca_once(builder, number)
    builder.store(ir.Constant(vector, [0.0] * LANES), lanes)
    whole = builder.sdiv(size, one)
    with cgutils.for_range(builder, whole, intp=size.type) as loop:
        here = builder.mul(loop.index, one)

        def several(start):
            wide = ir.VectorType(start.type.pointee, LANES).as_pointer()
            place = builder.bitcast(builder.gep(start, [here]), wide)
            return builder.load(place, align=4)

        builder.store(add(several, builder.load(lanes)), lanes)
    builder.store(_halved(builder, builder.load(lanes)), total)
    with cgutils.for_range_slice(
        builder, builder.mul(whole, one), size, ir.Constant(size.type, 1), size.type, inc=True
    ) as (j, _):
        builder.store(add(lambda start: builder.load(builder.gep(start, [j])), builder.load(total)), total)
    return builder.load(total)


def _halved(builder, lanes):
    """The sum of a vector's numbers: its second half is added to its first, and so on."""
    count = lanes.type.count
    while count > 1:
        count //= 2
        halves = [
            builder.shuffle_vector(lanes, lanes, ir.Constant(ir.VectorType(ir.IntType(32), count), list(part)))
            for part in (range(count), range(count, 2 * count))
        ]
        lanes = builder.fadd(*halves)
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))
