"""Every kernel that Python calls has a door, and what does not fit is refused there: nothing is read or written."""

import ast
import contextlib
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

import spikelearn
from spikelearn.event_products import gather, outer_product
from spikelearn.events import _pack, events_of, remember_spikes, spikes_of
from spikelearn.kernels.compiled import FOLDERS, kernel
from spikelearn.kernels.doors import Door

PACKAGE = Path(spikelearn.__file__).parent
FILES = sorted(path for folder in FOLDERS for path in (PACKAGE / folder).rglob("*.py"))
F4, I4, I8, U1, U2, U8 = np.float32, np.int32, np.int64, np.uint8, np.uint16, np.uint64


def real(*shape):
    return np.zeros(shape, F4)


def doors():
    found = {}
    for path in FILES:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        module = importlib.import_module(name)
        found |= {value.title: value for value in vars(module).values() if isinstance(value, Door)}
    return found


def ranged(door):
    """The arguments of a door whose values are looked at."""
    return [taken for taken in door.takes if taken.below or taken.rising]


T, B, N, M = 3, 2, 5, 7
ROWS, FLAT = T * B, B * N
LISTS = np.arange(4, dtype=U2), np.array([0, 1, 1, 3, 4, 4, 4])
ERRORS = np.zeros(8, I4), real(8), np.array([0, 1, 2, 2, 3, 4]), np.array([1, 2, 2, 3, 4, 4])
NUMBERS = tuple(map(F4, (0.9, 1, 0, 1, 1, 0, 0)))
#: Connections from N sources to M targets, which take up to two steps.
CONNECTIONS = np.array([0, 1, 2, 2, 3, 4]), np.arange(4, dtype=I4), np.array([0, 1, 2, 0], I4)
CONV = (2, 3, 4, 6), (1, 2, 1, 0, 3, 3, 4, 2)  # shape; stride, padding, kernel, output


def forward(count):
    states = tuple(real(FLAT) for _ in range(count))
    return (
        real(T, FLAT),
        states,
        NUMBERS,
        real(T, FLAT),
        real(T, FLAT),
        np.zeros((T, FLAT), U1),
        states,
        np.zeros(1, I8),
    )


def backward(count):
    states = tuple(real(FLAT) for _ in range(count))
    records = real(T, FLAT), real(T, FLAT), real(1, FLAT)
    return *records, states, NUMBERS, (1, F4(1), F4(1)), False, real(T, FLAT), states, real(FLAT)


#: {door: arguments that it takes}.
EXAMPLES = {
    "kernels.events.as_bytes": lambda: (real(ROWS, N), np.zeros((ROWS, N), U1), np.zeros(ROWS, bool)),
    "kernels.events.count_rows": lambda: (np.zeros((ROWS, 2), U8), np.zeros(ROWS + 1, I8)),
    "kernels.events.list_rows": lambda: (np.zeros((ROWS, 2), U8), LISTS[1], LISTS[0]),
    "kernels.events.gather_rows": lambda: (*LISTS, real(N * 64), real(M), M, 1, real(ROWS * M)),
    "kernels.events.list_columns": lambda: (*LISTS, 256, np.zeros(N + 1, I8), np.zeros(4, U2)),
    "kernels.events.correlate_rows": lambda: (
        *(np.zeros(4, U2), np.array([0, 1, 2, 3, 4, 4]), real(ROWS, M), 256, 1, True, real(N * M)),
    ),
    "kernels.traces.forward": lambda: (real(T, FLAT), real(T, FLAT), real(1), real(FLAT)),
    "kernels.traces.backward": lambda: (real(T, FLAT), real(T, FLAT), real(1), real(FLAT)),
    "fused.cpu.membrane.forward": lambda: forward(1),
    "fused.cpu.membrane.backward": lambda: backward(1),
    "fused.cpu.cuba.forward": lambda: forward(2),
    "fused.cpu.cuba.backward": lambda: backward(2),
    "fused.cpu.adaptive.forward": lambda: forward(2),
    "fused.cpu.adaptive.backward": lambda: backward(2),
    "fused.cpu.tssl.forward": lambda: (*forward(2)[:6], np.zeros((T, FLAT), U1), *forward(2)[6:]),
    "fused.cpu.tssl.backward": lambda: (
        *(real(T, FLAT), real(FLAT), np.zeros((1, FLAT), U1), real(T, FLAT), NUMBERS[:5]),
        *(F4(0), F4(1), F4(1), F4(1), True, real(T, FLAT)),
    ),
    "fused.cpu.derivative_bytes.as_bytes": lambda: (real(FLAT), F4(1), (1, F4(1), F4(1)), F4(1), np.zeros(FLAT, U1)),
    "fused.cpu.derivative_bytes.backward": lambda: (
        *(np.zeros((T, FLAT), U1), np.zeros((T, FLAT), U1), real(T, FLAT), real(1, FLAT), real(FLAT)),
        *(NUMBERS, F4(1), real(T, FLAT), real(FLAT), real(FLAT)),
    ),
    "fused.cpu.event_layer.forward": lambda: (
        *(*LISTS, real(N * 64), real(M), real(B, M), NUMBERS, ((1, F4(1), F4(1)), F4(1)), 1),
        *(real(T, B, M), real(T, B, M), np.zeros((T, B, M), U1), np.zeros(T * B * M, U1), real(B, M), np.zeros(B, I8)),
    ),
    "fused.cpu.sparse_errors.count_near": lambda: (real(FLAT), F4(1), F4(1), np.zeros(2, I8)),
    "fused.cpu.sparse_errors.list_errors": lambda: (
        *(real(T, B, M), real(T, B, M), F4(1), F4(1), (5, F4(1), F4(1)), real(T), 70, np.zeros(140, I4), real(140)),
        *(np.zeros(ROWS, I8), np.zeros(ROWS, I8), np.zeros(2, I8), real(2, M)),
    ),
    "fused.cpu.sparse_errors.pull_back": lambda: (*ERRORS, real(M * 64), F4(0.9), B, 1, real(ROWS, N)),
    "fused.cpu.sparse_errors.turn": lambda: (*ERRORS, 4, B, np.zeros(2 * M + 2, I8), np.zeros(4, I4), real(4)),
    "fused.cpu.sparse_errors.correlate_errors": lambda: (
        *(np.zeros(4, I4), real(4), np.arange(2 * M + 2) // 4, *LISTS, F4(0.9), B, 2, 1, real(M, N)),
    ),
    "kernels.conv.convolve": lambda: (
        *(real(144), CONV[0], real(3 * 9 * M), real(M), CONV[1], np.array([0, 2, 3]), 1, real(2 * M * 8)),
    ),
    "kernels.conv.correlate": lambda: (
        *(real(144), CONV[0], real(2 * M * 8), CONV[1], np.array([0, 2, 3]), 1, real(27 * M), real(M)),
    ),
    "kernels.connections.deliver": lambda: (real(T + 2, B, N), *CONNECTIONS, real(4), 2, real(T, B, M)),
    "kernels.connections.deliver_one": lambda: (real(T + 2, N), *CONNECTIONS, real(4), 2, real(T, M)),
    "kernels.connections.correlate": lambda: (real(N, T + 2, B), *CONNECTIONS, real(T, B, M), 2, real(4)),
    "kernels.connections.carry_back": lambda: (real(T, B, M), *CONNECTIONS, real(4), 2, real(T + 2, B, N)),
    "kernels.listed_changes.change_listed": lambda: (
        *(real(N), real(N), real(M), real(M), np.array([0, 1, 3, 4], I4), np.arange(4, dtype=I4), CONNECTIONS[0]),
        *(np.arange(4, dtype=I4), np.array([0, 1, 2, 3, 4, 4, 4, 4]), np.arange(4, dtype=I4), 1.0, 1.0, 0.0, 1.0),
        real(4),
    ),
    "kernels.pool.largest_of_four": lambda: (real(60), (2, 5, 6), real(12), np.zeros(12, U1)),
    "kernels.pool.largest": lambda: (real(60), (2, 5, 6), (2, 3), real(8), np.zeros(8, U1)),
    "kernels.pool.put_back": lambda: (
        *(real(8), np.full(8, 5, U1), (2, 5, 6), (2, 3), np.array([0, 1, 2, 6, 7, 8]), real(60)),
    ),
    "kernels.pool.averages": lambda: (real(60), (2, 5, 6), (2, 3), F4(6), real(8)),
    "kernels.pool.spread": lambda: (real(8), (2, 5, 6), (2, 3), F4(6), real(60)),
    "kernels.events.find_events": lambda: (
        *(real(ROWS * N), np.zeros(15, U8), N, np.zeros(ROWS * N, I4), real(ROWS * N), np.zeros(ROWS + 1, I8)),
    ),
    "kernels.events.number_active": lambda: (np.array([0, 3], I4), N),
    "kernels.private_weights.load": lambda: (real(M, N), np.array([0, 3], I4), real(2), real(2, M), real(M, N)),
    "kernels.private_weights.unload": lambda: (real(M, N), np.array([0, 3], I4), real(2, M), real(B, M), real(M, N)),
    "kernels.stdp_online.present": lambda: (
        *(np.array([0, 1, 1, 0], I4), real(4), LISTS[1], real(2, M), real(B, M), real(M, M)),
        *(real(9), False, real(5), False, real(2, T)),
    ),
    "kernels.diehl_cook.present": lambda: (
        *(np.array([0, 1, 1, 0], I4), np.array([0, 1, 4])),
        *(np.zeros(4, I8) for _ in range(3)),
        *(np.zeros(B, I8), np.array([0, 1]), real(2, M), real(0, M), real(11, B, M)),
        *(np.zeros((B, M), I8), np.zeros(B, I8), T, 1, 41, real(13), real(8), real(5), real(T), real(2), True),
    ),
    "kernels.diehl_cook.scan": lambda: (
        *(real(T, B, M), real(11, B, M), real(13), real(8), real(T, B, M), real(T, B, M)),
    ),
}


def changes(array):
    """Arrays of another width, type or layout in place of ``array``, and of indices out of range."""
    wide = np.zeros((*array.shape[:-1], array.shape[-1] + 1), array.dtype)
    yield "wider", wide
    yield "narrower", wide[..., :-2].copy()
    yield "empty", np.zeros((*array.shape[:-1], 0), array.dtype)
    yield "of one more axis", array[None]
    yield "strided", np.repeat(array, 2, axis=-1)[..., ::2]
    yield "backwards", array[..., ::-1]
    yield "of complex numbers", array.astype(np.complex64)
    yield "of the other byte order", array.astype(array.dtype.newbyteorder()) if array.itemsize > 1 else None
    yield "of half floats", array.astype(np.float16)
    yield "a list", array.tolist()
    yield "a tensor", torch.zeros(array.shape)


#: What is right as it is: the other arguments then say the size, or it may be left out.
FREE = {
    ("kernels.events.count_rows", 0, "wider"),
    ("kernels.events.count_rows", 0, "narrower"),
    ("kernels.events.count_rows", 0, "empty"),
    ("kernels.events.list_rows", 0, "wider"),
    ("kernels.events.list_rows", 0, "narrower"),
    ("kernels.events.list_rows", 0, "empty"),
    ("kernels.events.list_rows", 2, "wider"),
    ("kernels.events.gather_rows", 0, "wider"),
    ("kernels.events.list_columns", 0, "wider"),
    *(("kernels.events.list_columns", place, kind) for place in (1, 3, 4) for kind in ("wider", "narrower")),
    ("kernels.events.list_columns", 4, "empty"),  # the kernel looks whether there is room
    ("kernels.events.correlate_rows", 0, "wider"),
    ("fused.cpu.event_layer.forward", 0, "wider"),
    ("fused.cpu.sparse_errors.correlate_errors", 3, "wider"),
    ("fused.cpu.sparse_errors.pull_back", 8, "wider"),
    ("fused.cpu.sparse_errors.pull_back", 8, "narrower"),
    ("fused.cpu.sparse_errors.correlate_errors", 9, "wider"),
    ("fused.cpu.sparse_errors.correlate_errors", 9, "narrower"),
    ("fused.cpu.sparse_errors.count_near", 0, "wider"),
    ("fused.cpu.sparse_errors.count_near", 0, "narrower"),
    ("fused.cpu.sparse_errors.count_near", 0, "empty"),
    ("fused.cpu.sparse_errors.count_near", 3, "wider"),
    ("fused.cpu.sparse_errors.count_near", 3, "narrower"),
    ("fused.cpu.sparse_errors.count_near", 3, "empty"),
    ("fused.cpu.sparse_errors.list_errors", 12, "empty"),
    ("kernels.diehl_cook.present", 6, "wider"),
    ("kernels.diehl_cook.present", 6, "narrower"),
    ("kernels.diehl_cook.present", 6, "empty"),
    ("kernels.diehl_cook.present", 18, "wider"),
    ("kernels.diehl_cook.present", 18, "narrower"),
    *(("kernels.connections.deliver", 6, kind) for kind in ("wider", "narrower")),
    *(("kernels.connections.deliver_one", 6, kind) for kind in ("wider", "narrower")),
    *(("kernels.connections.correlate", 4, kind) for kind in ("wider", "narrower")),
    *(("kernels.connections.carry_back", 0, kind) for kind in ("wider", "narrower")),
    ("kernels.events.number_active", 0, "wider"),
    ("kernels.events.number_active", 0, "narrower"),
    ("kernels.events.number_active", 0, "empty"),
    *((f"fused.cpu.{name}.backward", 9, "empty") for name in ("membrane", "cuba", "adaptive", "derivative_bytes")),
}


def test_every_kernel_that_python_calls_has_a_door_and_an_example():
    assert set(doors()) == set(EXAMPLES)
    plain = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                (text, *_) = [ast.unparse(decorator) for decorator in node.decorator_list]
                if text.startswith("kernel") and "takes" not in text:
                    plain[node.name] = path
    assert plain
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            decorators = [ast.unparse(d) for d in getattr(node, "decorator_list", [])]
            if path in FILES and any(text.startswith("kernel") for text in decorators):
                continue
            called = {c.func for c in ast.walk(node) if isinstance(c, ast.Call)}
            names = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in called}
            module = {f.value.id for f in called if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name)}
            wrong = names & plain.keys() if path in FILES or module & {p.stem for p in plain.values()} else set()
            assert not wrong, (path, wrong)


@pytest.mark.parametrize("title", EXAMPLES)
def test_what_does_not_fit_is_refused(title):
    door, example = doors()[title], EXAMPLES[title]
    for _ in range(2):  # the second time the form is remembered
        door.check(*example())
    taken = []
    for place, given in enumerate(example()):
        arrays = given if isinstance(given, tuple) and isinstance(given[0], np.ndarray) else (given,)
        if not isinstance(arrays[0], np.ndarray):
            continue
        for kind, other in changes(arrays[0]):
            arguments = list(example())
            arguments[place] = (other, *arrays[1:]) if arrays is given else other
            if other is None or (kind in ("strided", "backwards") and other.flags.c_contiguous):
                continue
            with contextlib.suppress(ValueError):
                door.check(*arguments)
                taken.append((title, place, kind))
    assert set(taken) == {free for free in FREE if free[0] == title}


@pytest.mark.parametrize("title", [name for name, door in doors().items() if ranged(door)])
def test_indices_out_of_range_are_refused(title):
    door = doors()[title]
    for taken in ranged(door):
        for value in (-1, 10**4, np.iinfo(np.int32).max):
            arguments = list(EXAMPLES[title]())
            arguments[taken.place] = arguments[taken.place].copy()
            if value > np.iinfo(arguments[taken.place].dtype).max or (
                value < 0 and arguments[taken.place].dtype.kind == "u"
            ):
                continue
            arguments[taken.place][1] = value
            with pytest.raises(ValueError, match=f"{taken.name} (has values|goes) from"):
                door.check(*arguments)


@pytest.mark.parametrize(
    ("title", "place", "value"),
    [
        ("kernels.events.gather_rows", 5, 0),
        ("kernels.events.gather_rows", 4, 0),
        ("kernels.events.correlate_rows", 3, 70_000),
        ("fused.cpu.sparse_errors.pull_back", 6, 4),
        ("fused.cpu.sparse_errors.list_errors", 6, 3),
        ("kernels.conv.convolve", 1, (2, 3, 4, 5)),
        ("kernels.conv.convolve", 4, (0, 2, 1, 0, 3, 3, 4, 2)),
        ("kernels.pool.largest", 2, (0, 3)),
        ("kernels.pool.largest", 2, (3, 3)),
        ("kernels.events.find_events", 2, N + 1),
        ("kernels.events.number_active", 1, 3),
    ],
)
def test_numbers_that_do_not_belong_to_the_arrays_are_refused(title, place, value):
    arguments = list(EXAMPLES[title]())
    arguments[place] = value
    with pytest.raises(ValueError, match=title):
        doors()[title].check(*arguments)


def test_an_argument_that_may_be_none_is_an_array_of_the_form_or_none():
    @kernel(takes={"x": "? real n", "y": "real n"})
    def double(x, y):
        for i in range(y.size):
            y[i] *= 2

    for x in (None, real(3), None):
        double(x, real(3))
    with pytest.raises(ValueError, match="double: y has shape"):
        double(real(4), real(3))
    with pytest.raises(ValueError, match="y is a NoneType, expected an array 'real n'"):
        double(None, None)


def test_a_kernel_behind_a_door_computes():
    @kernel(takes={"x": "real n", "y": "real n"})
    def double(x, y):
        for i in range(x.size):
            y[i] = 2 * x[i]

    x, y = np.arange(3, dtype=F4), real(3)
    double(x, y)
    assert y.tolist() == [0.0, 2.0, 4.0]
    with pytest.raises(ValueError, match="double: y has shape"):
        double(x, real(4))


def record(dtype=torch.float32):
    x = torch.zeros(40, 50, 40, dtype=dtype)
    x[3, 4, 5] = x[20, 1, 39] = 1
    return x


def test_bytes_that_are_no_spikes_have_no_list():
    grey = record(torch.uint8)
    grey[0, 0, 0] = 3
    assert _pack(grey, None) is None
    assert events_of(grey) is None
    assert len(_pack(record(torch.uint8), None).columns) == 2


def test_lists_of_a_tensor_that_got_other_entries_are_stale():
    x = record()
    assert len(events_of(x).columns) == 2
    x.data = torch.zeros(40, 50, 80)
    assert events_of(x).shape == (2000, 80)
    assert len(events_of(x).columns) == 0
    x = record()
    remember_spikes(x, record(torch.uint8))
    x.data = x.data.transpose(0, 1)
    assert spikes_of(x) is None


def test_lists_do_not_meet_weights_or_errors_of_another_size():
    found = events_of(record())
    for width in (39, 41, 0):
        with pytest.raises(ValueError, match="weight has shape"):
            gather(torch.zeros(3, width), None, found)
    for rows in (1999, 2001, 0):
        with pytest.raises(ValueError, match="post has shape"):
            outer_product(found, torch.zeros(rows, 3))
    for wrong in (record(torch.uint8)[:-1], record(), record(torch.uint8).transpose(0, 1)):
        with pytest.raises(ValueError, match="expected contiguous uint8"):
            remember_spikes(record(), wrong)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_other_types_are_dense(dtype):
    assert events_of(record(dtype)) is None
