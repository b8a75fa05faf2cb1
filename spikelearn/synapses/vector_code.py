# ruff: noqa: ARG001
"""Two inner loops in vector code of their own: the compiler neither keeps sums in registers nor short pieces whole.

The arguments of the functions are types when they are compiled, whose values ``code`` is given in their order.
Vectors of ``LANES`` values are split or joined by the compiler into what the processor has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 8

WORD, SHORT = ir.IntType(64), ir.IntType(32)

#: Vectors and their lanes of a piece whose sums stay in registers, tried from the left: most of them have sixteen.
PIECES = ((12, LANES), (4, LANES), (1, LANES), (1, 1))

#: Three rounds that turn pairs of rows of an 8 x 8 block into columns: the distance of the pairs, and both shuffles.
ROUNDS = (
    (1, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15)),
    (2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    (4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)


def _add_rows(
    typing: Any, out: Any, o: Any, source: Any, shift: Any, starts: Any, values: Any, count: Any, size: Any
) -> Any:
    """out[o : o + size] += the sum over e < count of values[e] * source[starts[e] + shift :], flat arrays.

    ``out``, ``source`` and ``values`` are of one floating-point type, ``starts`` int64, ``o`` and ``shift`` uint64.
    """
    signature = types.void(out, types.uint64, source, types.uint64, starts, values, types.int64, types.int64)

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kinds = signature.args
        target, origin = _data(context, builder, kinds[0], given[0]), _data(context, builder, kinds[2], given[2])
        listed, factors = _data(context, builder, kinds[4], given[4]), _data(context, builder, kinds[5], given[5])
        element = context.get_value_type(kinds[0].dtype)
        align = context.get_abi_sizeof(element)
        done = cgutils.alloca_once_value(builder, WORD(0))
        for vectors, lanes in PIECES:
            vector = ir.VectorType(element, lanes)
            with _pieces(builder, done, vectors * lanes, given[7]) as start:
                first = builder.add(given[1], start)
                places = [_at(builder, target, first, i * lanes, vector) for i in range(vectors)]
                sums = [cgutils.alloca_once(builder, vector) for _ in places]
                for kept, place in zip(sums, places, strict=True):
                    builder.store(builder.load(place, align=align), kept)
                with cgutils.for_range(builder, given[6]) as loop:
                    factor = _spread(builder, builder.load(builder.gep(factors, [loop.index])), vector)
                    row = builder.add(builder.load(builder.gep(listed, [loop.index])), given[3])
                    row = builder.add(row, start)
                    for i, kept in enumerate(sums):
                        weights = builder.load(_at(builder, origin, row, i * lanes, vector), align=align)
                        product = builder.fmul(factor, weights, flags=["contract"])
                        builder.store(builder.fadd(builder.load(kept), product, flags=["contract"]), kept)
                for kept, place in zip(sums, places, strict=True):
                    builder.store(builder.load(kept), place, align=align)
        return context.get_dummy_value()

    return signature, code


add_rows: Any = intrinsic(_add_rows)


def _transpose_block(typing: Any, source: Any, s: Any, pitch: Any, out: Any, o: Any, out_pitch: Any) -> Any:
    """out[o + j * out_pitch + i] = source[s + i * pitch + j] for i, j < 8, flat arrays of one type, uint64 indices."""
    signature = types.void(source, types.uint64, types.uint64, out, types.uint64, types.uint64)

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kinds = signature.args
        origin, target = _data(context, builder, kinds[0], given[0]), _data(context, builder, kinds[3], given[3])
        element = context.get_value_type(kinds[0].dtype)
        align = context.get_abi_sizeof(element)
        vector = ir.VectorType(element, LANES)

        def place(data: Any, start: Any, step: Any, number: int) -> Any:
            return _at(builder, data, builder.add(start, builder.mul(step, WORD(number))), 0, vector)

        rows = [builder.load(place(origin, given[1], given[2], i), align=align) for i in range(LANES)]
        for distance, lower, upper in ROUNDS:
            for i in range(LANES):
                if not i & distance:
                    pair = rows[i], rows[i + distance]
                    rows[i], rows[i + distance] = (
                        builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(SHORT, LANES), list(mask)))
                        for mask in (lower, upper)
                    )
        for j, row in enumerate(rows):
            builder.store(row, place(target, given[4], given[5], j), align=align)
        return context.get_dummy_value()

    return signature, code


transpose_block: Any = intrinsic(_transpose_block)


@contextmanager
def _pieces(builder: Any, done: Any, step: int, size: Any) -> Iterator[Any]:
    """A loop over whole pieces of ``step`` values, from where the one before it stopped."""
    head, body, end = (builder.append_basic_block(name) for name in ("head", "body", "end"))
    builder.branch(head)
    builder.position_at_end(head)
    start = builder.load(done)
    after = builder.add(start, WORD(step))
    builder.cbranch(builder.icmp_signed("<=", after, size), body, end)
    builder.position_at_end(body)
    yield start
    builder.store(after, done)
    builder.branch(head)
    builder.position_at_end(end)


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value).data


def _at(builder: Any, data: Any, index: Any, further: int, vector: Any) -> Any:
    return builder.bitcast(builder.gep(data, [builder.add(index, WORD(further))]), vector.as_pointer())


def _spread(builder: Any, value: Any, vector: Any) -> Any:
    nothing = ir.Constant(vector, ir.Undefined)
    alone = builder.insert_element(nothing, value, SHORT(0))
    return builder.shuffle_vector(alone, nothing, ir.Constant(ir.VectorType(SHORT, vector.count), [0] * vector.count))
