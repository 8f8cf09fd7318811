"""Vector operations that Numba lacks: sums in a stated order, a 16 × 16 turn, a copy, a small matrix product.

A compiler that may choose the order of a sum was seen to choose another when its work comes from the cache, and one
that may not sums one number at a time. Here the order is written down: 32 sums side by side, joined in halves.
What writes it is private to numba; kernels import `vectors`, which has plain loops for a numba where that has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .loops import DEEP, LANES, STEP

_VECTOR, _INDEX = ir.VectorType(ir.FloatType(), LANES), ir.IntType(32)


def _pointer(context, builder, kind, array, place):
    return builder.gep(context.make_array(kind)(context, builder, array).data, [place])


def _load(builder, pointer):
    vector = builder.load(builder.bitcast(pointer, _VECTOR.as_pointer()))
    vector.align = 4
    return vector


def _store(builder, vector, pointer):
    builder.store(vector, builder.bitcast(pointer, _VECTOR.as_pointer())).align = 4


def _fused(builder):
    """Return the function x y + z of vectors."""
    return cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{LANES}f32"
    )


def _sum(builder, vectors):
    """Add up vectors in halves."""
    while len(vectors) > 1:
        half = len(vectors) // 2
        vectors = [builder.fadd(*both) for both in zip(vectors[:half], vectors[half:], strict=True)]
    return vectors[0]


def _shuffled(builder, one, other, places):
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_INDEX, len(places)), places))


@intrinsic
def _inner(_, x, i, y, j, length):
    """Return Σ x y over `length` numbers, in float32, of two C-ordered float32 arrays from flat places i and j.

    `length` is a multiple of `STEP`; nothing is checked.
    """

    def generate(context, builder, signature, args):
        of_x, of_y = signature.args[0], signature.args[2]
        x, y = (
            _pointer(context, builder, of_x, args[0], args[1]),
            _pointer(context, builder, of_y, args[2], args[3]),
        )
        multiply = _fused(builder)
        sums = [cgutils.alloca_once_value(builder, ir.Constant(_VECTOR, [0.0] * LANES)) for _ in range(STEP // LANES)]
        start, step = (ir.Constant(args[4].type, n) for n in (0, STEP))
        with cgutils.for_range_slice(builder, start, args[4], step) as (place, _):
            for number, total in enumerate(sums):
                here = builder.add(place, ir.Constant(place.type, number * LANES))
                factors = [_load(builder, builder.gep(side, [here])) for side in (x, y)]
                builder.store(builder.call(multiply, [*factors, builder.load(total)]), total)
        total, width = builder.fadd(*map(builder.load, sums)), LANES
        while width > 1:
            width //= 2
            halves = (range(width), range(width, 2 * width))
            total = builder.fadd(*(_shuffled(builder, total, total, list(half)) for half in halves))
        return builder.extract_element(total, _INDEX(0))

    return types.float32(x, types.intp, y, types.intp, types.intp), generate


@intrinsic
def _turn(_, x, i, stride, shift, s, out, j, stride_out, sums, k, squares, l):
    """Write 16 rows of 16 numbers, `stride` apart from flat place i of x, as columns to `out`, from flat place j.

    Each row is taken about 16 numbers of `shift`, from flat place s. Four perfect shuffles turn the rows. Their sum is
    added to `sums` from flat place k, and the sum of their squares to `squares` from place l, row by row in halves.
    Nothing is checked.
    """

    def generate(context, builder, signature, args):
        source = _pointer(context, builder, signature.args[0], args[0], args[1])
        about = _load(builder, _pointer(context, builder, signature.args[3], args[3], args[4]))
        target = _pointer(context, builder, signature.args[5], args[5], args[6])
        rows = [
            _load(builder, builder.gep(source, [builder.mul(args[2], ir.Constant(args[2].type, row))]))
            for row in range(LANES)
        ]
        rows = [builder.fsub(row, about) for row in rows]
        of_squares = [builder.fmul(row, row) for row in rows]
        for kind, array, place, vectors in zip(
            (signature.args[8], signature.args[10]), args[8::2], args[9::2], (rows, of_squares), strict=True
        ):
            target_sum = _pointer(context, builder, kind, array, place)
            _store(builder, builder.fadd(_load(builder, target_sum), _sum(builder, vectors)), target_sum)
        first = [place // 2 + LANES * (place % 2) for place in range(LANES)]
        second = [place + LANES // 2 for place in first]
        for _ in range(4):
            both = zip(rows[: LANES // 2], rows[LANES // 2 :], strict=True)
            rows = [_shuffled(builder, *pair, places) for pair in both for places in (first, second)]
        for column, vector in enumerate(rows):
            place = builder.gep(target, [builder.mul(args[7], ir.Constant(args[7].type, column))])
            _store(builder, vector, place)
        return context.get_dummy_value()

    places = (types.intp, types.intp)
    about = shift, types.intp
    return types.void(x, *places, *about, out, *places, sums, types.intp, squares, types.intp), generate


@intrinsic
def _fetch(_, x, i, stride):
    """Ask for the lines of 16 rows, `stride` apart from flat place i of x, ahead of their use; any place will do."""

    def generate(context, builder, signature, args):
        source = _pointer(context, builder, signature.args[0], args[0], args[1])
        byte, kind = ir.IntType(8).as_pointer(), [_INDEX(n) for n in (0, 3, 1)]  # to be read, into all caches, data
        ask = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, _INDEX, _INDEX, _INDEX]), "llvm.prefetch.p0i8"
        )
        for row in range(LANES):
            place = builder.gep(source, [builder.mul(args[2], ir.Constant(args[2].type, row))])
            builder.call(ask, [builder.bitcast(place, byte), *kind])
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp), generate


@intrinsic
def _move(_, x, i, out, j, length):
    """Copy `length` numbers of x, from flat place i, to `out`, from flat place j.

    `length` is a multiple of `STEP`; nothing is checked.
    """

    def generate(context, builder, signature, args):
        of_x, of_out = signature.args[0], signature.args[2]
        source = _pointer(context, builder, of_x, args[0], args[1])
        target = _pointer(context, builder, of_out, args[2], args[3])
        start, step = (ir.Constant(args[4].type, n) for n in (0, STEP))
        with cgutils.for_range_slice(builder, start, args[4], step) as (place, _):
            places = [builder.add(place, ir.Constant(place.type, n)) for n in range(0, STEP, LANES)]
            for number, vector in [(n, _load(builder, builder.gep(source, [n]))) for n in places]:
                _store(builder, vector, builder.gep(target, [number]))
        return context.get_dummy_value()

    return types.void(x, types.intp, out, types.intp, types.intp), generate


@intrinsic
def _multiply(_, x, i, stride, y, j, out, k, stride_out, length):
    """Add the product of `DEEP` rows of x, from flat place i, `stride` apart, with y to `out`, from flat place k.

    y holds `length` rows of `STEP` numbers, from flat place j, side by side; `out` gets `DEEP` rows of `STEP`,
    `stride_out` apart. Each number of a product is summed in order. Nothing is checked.
    """

    def generate(context, builder, signature, args):
        kinds = signature.args
        rows = _pointer(context, builder, kinds[0], args[0], args[1])
        columns = _pointer(context, builder, kinds[3], args[3], args[4])
        target = _pointer(context, builder, kinds[5], args[5], args[6])
        add = _fused(builder)
        zero = ir.Constant(_VECTOR, [0.0] * LANES)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(STEP // LANES)] for _ in range(DEEP)]
        start, step = (ir.Constant(args[8].type, n) for n in (0, 1))
        with cgutils.for_range_slice(builder, start, args[8], step) as (place, _):
            low = builder.mul(place, ir.Constant(place.type, STEP))
            given = [
                _load(builder, builder.gep(columns, [builder.add(low, ir.Constant(place.type, n * LANES))]))
                for n in range(STEP // LANES)
            ]
            for row, totals in enumerate(sums):
                number = builder.gep(rows, [builder.add(place, builder.mul(args[2], ir.Constant(place.type, row)))])
                single = builder.insert_element(zero, builder.load(number), _INDEX(0))
                everywhere = _shuffled(builder, single, single, [0] * LANES)
                for vector, total in zip(given, totals, strict=True):
                    builder.store(builder.call(add, [everywhere, vector, builder.load(total)]), total)
        for row, totals in enumerate(sums):
            for n, total in enumerate(totals):
                offset = builder.mul(args[7], ir.Constant(args[7].type, row))
                place = builder.gep(target, [builder.add(offset, ir.Constant(offset.type, n * LANES))])
                _store(builder, builder.fadd(_load(builder, place), builder.load(total)), place)
        return context.get_dummy_value()

    places = (types.intp, types.intp)
    return types.void(x, *places, y, types.intp, out, *places, types.intp), generate


# Called with all but the first argument, which is numba's.
inner: Callable[..., Any] = _inner
turn: Callable[..., Any] = _turn
fetch: Callable[..., Any] = _fetch
move: Callable[..., Any] = _move
multiply: Callable[..., Any] = _multiply
