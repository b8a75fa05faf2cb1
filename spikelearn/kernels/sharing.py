"""Loops of kernels that several threads share.

A kernel that shares a loop is a function like any other: it is compiled once. Called from Python it has itself called
by every thread, each time with the number of the thread, which says what part of the loop is done. (A loop over
``numba.prange`` is compiled three times, as the body, as what hands the body to the threads, and as what calls that,
which took longer than all else.)
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.callconv import RETCODE_OK
from numba.extending import lower_builtin, type_callable

#: In place of a thread's number where Python calls.
EVERY = -1

#: Place of a compiled function's first argument: before are where to write what it returns and what it raises.
FIRST = 2

WORD, POINTER = ir.IntType(64), ir.IntType(8).as_pointer()


def share(thread: int, count: int) -> range:
    """The part of ``range(count)`` that is this thread's: as many successive numbers as the others have, or one fewer.

    Nobody's, where ``thread`` is ``EVERY``: then all threads, or as many as there are numbers, have been through the
    kernel when ``share`` returns. What is written before, and besides the loop, every thread does, and the caller.

    Args:
        thread: first argument of the kernel.
        count: how often the loop goes round, found by all threads alike; a kernel shares one loop.
    """
    return range(count)


@type_callable(share)
def _share_type(context: Any) -> Any:
    return lambda thread, count: types.range_state64_type


def _share(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    thread, count = (
        context.cast(builder, argument, kind, types.int64)
        for argument, kind in zip(arguments, signature.args, strict=True)
    )
    first, last = (cgutils.alloca_once_value(builder, value) for value in (WORD(0), count))
    available = builder.call(_function(builder.module, "get_num_threads", ir.FunctionType(WORD, [])), [])
    threads = builder.select(builder.icmp_signed("<", available, count), available, count)
    with builder.if_else(builder.icmp_signed("==", thread, WORD(EVERY))) as (outside, inside):
        with outside, builder.if_then(builder.icmp_signed(">", threads, WORD(1))):
            _call_by_every(builder, threads)
            builder.store(WORD(0), last)
        with inside:
            for place, number in ((first, thread), (last, builder.add(thread, WORD(1)))):
                builder.store(builder.sdiv(builder.mul(number, count), threads), place)
    make = context.get_function(range, types.range_state64_type(types.int64, types.int64))
    return make(builder, (builder.load(first), builder.load(last)))


lower_builtin(share, types.Integer, types.Integer)(_share)


def _call_by_every(builder: Any, threads: Any) -> None:
    """Have the function that is built here called by ``threads`` threads with what it was called with itself.

    What a call raises, it raises too.
    """
    own = builder.function
    own.attributes.add("noinline")  # else there would be a copy of it in the task, too
    code = cgutils.alloca_once_value(builder, RETCODE_OK)
    given = cgutils.alloca_once_value(builder, cgutils.pack_struct(builder, [*own.args, code]))
    task = _task(own, given.type)
    places = (cgutils.alloca_once_value(builder, value) for value in (ir.Constant(POINTER, None), threads, WORD(1)))
    handed = [builder.bitcast(place, POINTER) for place in (task, *places, given)]
    kind = ir.FunctionType(ir.VoidType(), [POINTER] * 5 + [WORD] * 3)
    builder.call(_function(builder.module, "numba_parallel_for", kind), [*handed, WORD(0), WORD(1), threads])
    raised = builder.load(code)
    with builder.if_then(builder.icmp_signed("!=", raised, RETCODE_OK), likely=False):
        builder.ret(raised)


def _task(own: Any, given: Any) -> Any:
    """A function as ``numba_parallel_for`` calls it, that of a generalised ufunc, which calls ``own``.

    It is given ``[p]`` and ``[n]``, and calls by the numbers of the threads p .. p + n - 1: the place of the first
    array, which begins at 0 and has steps of 1, is that of a thread.
    """
    words = WORD.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [POINTER.as_pointer(), words, words, POINTER])
    task = ir.Function(own.module, kind, name=f"{own.name}.task")
    task.linkage = "internal"
    builder = ir.IRBuilder(task.append_basic_block())
    places, counts, _steps, data = task.args
    start = builder.ptrtoint(builder.load(places), WORD)
    *values, code = cgutils.unpack_tuple(builder, builder.load(builder.bitcast(data, given)), len(own.args) + 1)
    with cgutils.for_range(builder, builder.load(counts)) as loop:
        values[FIRST] = builder.add(start, loop.index)
        returned = builder.call(own, values)
        with builder.if_then(builder.icmp_signed("!=", returned, RETCODE_OK), likely=False):
            builder.store(returned, code)
    builder.ret_void()
    return task


def _function(module: Any, name: str, kind: Any) -> Any:
    return cgutils.get_or_insert_function(module, kind, name)
