"""Instructions that loops over arrays cannot be made to use.

Sums of rows in registers, comparisons of many entries at once, and the lowest bit that is set.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

#: Bytes of a vector, and of a row that are summed at once: eight vectors, of which most machines have sixteen, or two.
VECTOR, WIDE, NARROW = 32, 256, 64

#: Entries of which ``near_bits`` tells at once.
LOOKED_AT = 64


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
        return signature, _generator(lanes, size // VECTOR)

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
        return types.void(listed, values, *numbers), _generator(lanes, size // VECTOR, weighted=True)

    return add


def _near_bits(typing: Any, record: Any, at: Any, center: Any, width: Any) -> Any:
    """Bit k of a uint64 says whether entry ``at + k`` of ``record`` is less than ``width`` away from ``center``.

    Of floating point, or bytes.
    """
    signature = types.uint64(record, types.uint64, center, center)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, center, width = arguments
        data = context.make_array(signature.args[0])(context, builder, array).data
        kind = signature.args[0].dtype
        vector = ir.VectorType(context.get_value_type(signature.args[2]), LOOKED_AT)
        read = ir.VectorType(context.get_value_type(kind), LOOKED_AT)
        entries = builder.load(builder.bitcast(builder.gep(data, [at]), read.as_pointer()), align=kind.bitwidth // 8)
        entries = builder.uitofp(entries, vector) if isinstance(kind, types.Integer) else entries
        apart = builder.fsub(entries, _spread(builder, center, vector))
        below = builder.fcmp_ordered("<", apart, _spread(builder, width, vector))
        above = builder.fcmp_ordered(">", apart, _spread(builder, builder.fneg(width), vector))
        return builder.bitcast(builder.and_(below, above), ir.IntType(LOOKED_AT))

    return signature, generate


def _bits_set(typing: Any, word: Any) -> Any:
    """How many bits of ``word``, uint64, are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def _lowest_bit(typing: Any, word: Any) -> Any:
    """Number of the lowest bit that is set in ``word``, uint64 and not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


lowest_bit: Any = intrinsic(_lowest_bit)
near_bits: Any = intrinsic(_near_bits)
bits_set: Any = intrinsic(_bits_set)


def _spread(builder: Any, value: Any, vector: Any) -> Any:
    """``value`` in all places of a vector."""
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


def _generator(lanes: int, vectors: int, *, weighted: bool = False) -> Any:
    """Code that keeps the sum in ``vectors`` registers while it goes through the list."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, argument).data if isinstance(kind, types.Array) else argument
            for kind, argument in zip(signature.args, arguments, strict=True)
        ]
        listed, *values, first, last, source, stride, shift, out, at = arrays
        number = ir.IntType(64)
        real = signature.args[-2].dtype
        aligned = real.bitwidth // 8
        vector = ir.VectorType(context.get_value_type(real), lanes // vectors)

        def places(array: Any, start: Any) -> list[Any]:
            steps = [number(k * (lanes // vectors)) for k in range(vectors)]
            return [builder.bitcast(builder.gep(array, [builder.add(start, s)]), vector.as_pointer()) for s in steps]

        targets = places(out, at)
        sums = [builder.load(target, align=aligned) for target in targets]
        before, test, body, after = (
            builder.block,
            *(builder.append_basic_block(name) for name in ("test", "add", "end")),
        )
        builder.branch(test)
        builder.position_at_end(test)
        k = builder.phi(number)
        k.add_incoming(first, before)
        held = [builder.phi(vector) for _ in sums]
        builder.cbranch(builder.icmp_signed("<", k, last), body, after)
        builder.position_at_end(body)
        row = builder.load(builder.gep(listed, [k]))
        row = row if row.type == number else builder.zext(row, number)
        factor = _spread(builder, builder.load(builder.gep(values[0], [k])), vector) if weighted else None
        rows = places(source, builder.add(builder.mul(row, stride), shift))
        for total, start, place in zip(held, sums, rows, strict=True):
            total.add_incoming(start, before)
            term = builder.load(place, align=aligned)
            # Without a rounding between them, where there is an instruction for that.
            term = builder.fmul(term, factor, flags=("contract",)) if weighted else term
            total.add_incoming(builder.fadd(total, term, flags=("contract",) if weighted else ()), body)
        k.add_incoming(builder.add(k, number(1)), body)
        builder.branch(test)
        builder.position_at_end(after)
        for total, target in zip(held, targets, strict=True):
            builder.store(total, target, align=aligned)
        return context.get_dummy_value()

    return generate
