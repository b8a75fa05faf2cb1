"""A run is gone on with by as many threads as it began with: by others sums are taken in another order."""

import pytest
import torch

from spikelearn.runs import Settings, open_run, train
from spikelearn.threads import threads
from spikelearn.training import Interrupted, RunFolder

SETTINGS = Settings(net="64-200-10", rule="dfa", steps=4, epochs=2, batch=128, data_fraction=0.4)


def trained(path, settings=SETTINGS, stop_after=None, resume=False):
    """(the folder, the numbers of threads that were seen)"""
    folder, seen = RunFolder(path), []

    def watch(training, epoch):
        seen.append(torch.get_num_threads())
        if epoch == stop_after:
            raise Interrupted("stopped")

    try:
        train(settings, folder, resume=resume, watch=watch)
    except Interrupted:
        assert stop_after is not None
    return folder, seen


def test_it_keeps_its_number_of_threads_and_leaves_the_process_its_own(tmp_path):
    with threads(2):
        whole, _ = trained(tmp_path / "whole")
        stopped, _ = trained(tmp_path / "stopped", stop_after=1)
    with threads(1):
        assert open_run(stopped).threads == 2
        resumed, seen = trained(stopped.path, open_run(stopped), resume=True)
        assert set(seen) == {2}
        assert torch.get_num_threads() == 1
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()


def test_as_many_as_are_asked_for(tmp_path):
    _, seen = trained(tmp_path, SETTINGS.model_copy(update={"threads": 3, "epochs": 1}))
    assert set(seen) == {3}


@pytest.mark.parametrize("number", [0, -1, 2000, 1.5, True])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(ValueError, match="threads"):
        Settings(threads=number)
