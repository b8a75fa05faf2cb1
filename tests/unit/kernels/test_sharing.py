"""A loop that threads share: every number once, and what a thread raises."""

import numba
import numpy as np
import pytest
import torch

from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.events import list_columns
from spikelearn.kernels.sharing import share


@kernel(parallel=True)
def note(thread, seen, wrong):
    for number in share(thread, len(seen)):
        if number == wrong:
            raise ValueError("this number is wrong")
        seen[number] += 10 + thread


@pytest.fixture(params=[1, 2])
def threads(request):
    if request.param > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("there are not as many threads")
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 1000])
def test_every_number_is_gone_through_once_by_a_thread_that_has_its_neighbours(threads, count):
    seen = np.zeros(count, np.int64)
    note(seen, -1)
    sharing = min(threads, count)
    expected = [
        10 + thread
        for thread in range(sharing)
        for _ in range(count * (thread + 1) // sharing - count * thread // sharing)
    ]
    assert seen.tolist() == (expected if sharing > 1 else [9] * count)  # by the caller alone: no thread is woken


@pytest.mark.parametrize("wrong", [0, 6])
def test_what_a_thread_raises_the_kernel_raises(threads, wrong):
    with pytest.raises(ValueError, match="this number is wrong"):
        note(np.zeros(7, np.int64), wrong)


def test_no_event_is_written_beyond_the_room_for_it():
    columns, offsets = np.array([0, 1, 1], np.uint16), np.array([0, 2, 3])
    starts, room = np.zeros(3, np.int64), np.zeros(2, np.uint16)
    with pytest.raises(ValueError, match="no room in by_column"):
        list_columns(columns, offsets, 256, starts, room)
    assert not starts.any()
    room = np.zeros(3, np.uint16)
    list_columns(columns, offsets, 256, starts, room)
    assert (starts.tolist(), room.tolist()) == ([0, 1, 3], [0, 0, 1])


def test_without_a_compiler_a_loop_is_whole():
    assert list(share(-1, 3)) == [0, 1, 2]
