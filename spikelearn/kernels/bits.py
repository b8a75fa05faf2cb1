"""Bits that numba's loops do not make: comparisons of many entries at once, counts, and the lowest bit that is set."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from spikelearn.kernels.vectors import spread

#: Entries that ``near_bits`` compares at once.
LOOKED_AT = 64


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
        apart = builder.fsub(entries, spread(builder, center, vector))
        below = builder.fcmp_ordered("<", apart, spread(builder, width, vector))
        above = builder.fcmp_ordered(">", apart, spread(builder, builder.fneg(width), vector))
        return builder.bitcast(builder.and_(below, above), ir.IntType(LOOKED_AT))

    return signature, generate


def _bits_set(typing: Any, word: Any) -> Any:
    """Count the set bits of ``word``, uint64."""

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
