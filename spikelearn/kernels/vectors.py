"""SIMD primitives that numba's loops do not emit: sums of rows in registers, and the transpose of a block.

The arguments of an intrinsic are types when it is compiled; the code it returns is given their values in their order.
Vectors of any number of values are split or joined by LLVM into what the processor has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

#: Bytes of a vector, and of a row that are summed at once: eight vectors, of which most machines have sixteen, or two.
VECTOR, WIDE, NARROW = 32, 256, 64

#: Values of a vector in ``add_rows`` and ``transpose_block``.
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


def row_sum(size: int) -> Any:
    """A compiled ``add(listed, first, last, source, stride, shift, out, at)``.

    It adds to ``size`` bytes of ``out``, from entry ``at`` on, those of ``source`` from entry
    ``listed[k] * stride + shift`` on, for k from ``first`` to ``last``.
    """

    @intrinsic
    def add(
        typing: Any, listed: Any, first: Any, last: Any, source: Any, stride: Any, shift: Any, out: Any, at: Any
    ) -> Any:
        lanes = size // (source.dtype.bitwidth // 8)
        signature = types.void(listed, types.int64, types.int64, source, types.uint64, types.uint64, out, types.uint64)
        return signature, _sum_of_listed_rows(lanes, size // VECTOR)

    return add


def weighted_row_sum(size: int) -> Any:
    """As ``row_sum``, each row times its value; ``values`` stands behind ``listed``."""

    @intrinsic
    def add(
        typing: Any,
        listed: Any,
        values: Any,
        first: Any,
        last: Any,
        source: Any,
        stride: Any,
        shift: Any,
        out: Any,
        at: Any,
    ) -> Any:
        lanes = size // (source.dtype.bitwidth // 8)
        numbers = (types.int64, types.int64, source, types.uint64, types.uint64, out, types.uint64)
        return types.void(listed, values, *numbers), _sum_of_listed_rows(lanes, size // VECTOR, weighted=True)

    return add


def _sum_of_listed_rows(lanes: int, vectors: int, *, weighted: bool = False) -> Any:
    """Code that keeps the sum in ``vectors`` registers while it goes through the list."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = [
            _data(context, builder, kind, argument) if isinstance(kind, types.Array) else argument
            for kind, argument in zip(signature.args, arguments, strict=True)
        ]
        listed, *values, first, last, source, stride, shift, out, at = given
        real = signature.args[-2].dtype
        align = real.bitwidth // 8
        vector = ir.VectorType(context.get_value_type(real), lanes // vectors)

        def places(array: Any, start: Any) -> list[Any]:
            return [_at(builder, array, start, k * (lanes // vectors), vector) for k in range(vectors)]

        targets = places(out, at)
        sums = [builder.load(target, align=align) for target in targets]
        before, test, body, after = (
            builder.block,
            *(builder.append_basic_block(name) for name in ("test", "add", "end")),
        )
        builder.branch(test)
        builder.position_at_end(test)
        k = builder.phi(WORD)
        k.add_incoming(first, before)
        held = [builder.phi(vector) for _ in sums]
        builder.cbranch(builder.icmp_signed("<", k, last), body, after)
        builder.position_at_end(body)
        row = builder.load(builder.gep(listed, [k]))
        row = row if row.type == WORD else builder.zext(row, WORD)
        factor = spread(builder, builder.load(builder.gep(values[0], [k])), vector) if weighted else None
        rows = places(source, builder.add(builder.mul(row, stride), shift))
        for total, start, place in zip(held, sums, rows, strict=True):
            total.add_incoming(start, before)
            term = builder.load(place, align=align)
            # Without a rounding between them, where there is an instruction for that.
            term = builder.fmul(term, factor, flags=("contract",)) if weighted else term
            total.add_incoming(builder.fadd(total, term, flags=("contract",) if weighted else ()), body)
        k.add_incoming(builder.add(k, WORD(1)), body)
        builder.branch(test)
        builder.position_at_end(after)
        for total, target in zip(held, targets, strict=True):
            builder.store(total, target, align=align)
        return context.get_dummy_value()

    return generate


def _add_rows(
    typing: Any, out: Any, o: Any, source: Any, shift: Any, starts: Any, values: Any, count: Any, size: Any
) -> Any:
    """out[o : o + size] += the sum over e < count of values[e] * source[starts[e] + shift :], flat arrays.

    ``out``, ``source`` and ``values`` are of one floating-point type, ``starts`` int64, ``o`` and ``shift`` uint64.
    """
    signature = types.void(out, types.uint64, source, types.uint64, starts, values, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        arrays = (_data(context, builder, kinds[place], arguments[place]) for place in (0, 2, 4, 5))
        target, origin, listed, factors = arrays
        element = context.get_value_type(kinds[0].dtype)
        align = context.get_abi_sizeof(element)
        done = cgutils.alloca_once_value(builder, WORD(0))
        for vectors, lanes in PIECES:
            vector = ir.VectorType(element, lanes)
            with _pieces(builder, done, vectors * lanes, arguments[7]) as start:
                first = builder.add(arguments[1], start)
                places = [_at(builder, target, first, i * lanes, vector) for i in range(vectors)]
                sums = [cgutils.alloca_once(builder, vector) for _ in places]
                for kept, place in zip(sums, places, strict=True):
                    builder.store(builder.load(place, align=align), kept)
                with cgutils.for_range(builder, arguments[6]) as loop:
                    factor = spread(builder, builder.load(builder.gep(factors, [loop.index])), vector)
                    row = builder.add(builder.load(builder.gep(listed, [loop.index])), arguments[3])
                    row = builder.add(row, start)
                    for i, kept in enumerate(sums):
                        weights = builder.load(_at(builder, origin, row, i * lanes, vector), align=align)
                        product = builder.fmul(factor, weights, flags=["contract"])
                        builder.store(builder.fadd(builder.load(kept), product, flags=["contract"]), kept)
                for kept, place in zip(sums, places, strict=True):
                    builder.store(builder.load(kept), place, align=align)
        return context.get_dummy_value()

    return signature, generate


add_rows: Any = intrinsic(_add_rows)


def _transpose_block(typing: Any, source: Any, s: Any, pitch: Any, out: Any, o: Any, out_pitch: Any) -> Any:
    """out[o + j * out_pitch + i] = source[s + i * pitch + j] for i, j < 8, flat arrays of one type, uint64 indices."""
    signature = types.void(source, types.uint64, types.uint64, out, types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        origin, target = (_data(context, builder, kinds[place], arguments[place]) for place in (0, 3))
        element = context.get_value_type(kinds[0].dtype)
        align = context.get_abi_sizeof(element)
        vector = ir.VectorType(element, LANES)

        def place(data: Any, start: Any, step: Any, number: int) -> Any:
            return _at(builder, data, builder.add(start, builder.mul(step, WORD(number))), 0, vector)

        rows = [builder.load(place(origin, arguments[1], arguments[2], i), align=align) for i in range(LANES)]
        for distance, lower, upper in ROUNDS:
            for i in range(LANES):
                if not i & distance:
                    pair = rows[i], rows[i + distance]
                    rows[i], rows[i + distance] = (
                        builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(SHORT, LANES), list(mask)))
                        for mask in (lower, upper)
                    )
        for j, row in enumerate(rows):
            builder.store(row, place(target, arguments[4], arguments[5], j), align=align)
        return context.get_dummy_value()

    return signature, generate


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


def stack_array(size: int) -> Any:
    """A compiled ``array(like)``: ``size`` values of the type of those of ``like``, to be filled, and lost on return.

    What a function keeps for itself is so had without asking for memory, and numpy's ways take long to compile.
    """

    @intrinsic
    def array(typing: Any, like: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.get_data_type(signature.return_type.dtype)
            made = context.make_array(signature.return_type)(context, builder)
            shape, strides = (
                cgutils.pack_array(builder, [WORD(number)]) for number in (size, context.get_abi_sizeof(kind))
            )
            populate_array(
                made,
                data=cgutils.alloca_once(builder, kind, size),
                shape=shape,
                strides=strides,
                itemsize=WORD(context.get_abi_sizeof(kind)),
                meminfo=None,
            )
            return made._getvalue()

        return types.Array(like.dtype, 1, "C")(like), generate

    return array


def spread(builder: Any, value: Any, vector: Any) -> Any:
    """``value`` in all places of a vector."""
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, SHORT(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(SHORT, vector.count), None))
