"""What processes of the program do, where a test runs: for what becomes of it, not for the processes."""

from contextlib import contextmanager

import pytest
import torch

from spikelearn.bench import LocalEngine
from spikelearn.bench.run.engines.base import Attempt, Crew, attempted


class InThisProcess(Crew):
    """One worker, which is the caller: attempts are what a worker would do with them, one after another."""

    def __init__(self, work, root):
        self._work, self._root, self._begun = work, root, []

    @property
    def running(self):
        return list(self._begun)

    def free(self):
        return not self._begun

    def begin(self, trial):
        self._begun.append(trial)

    def collect(self, seconds):
        begun, self._begun = self._begun, []
        return [Attempt(trial, attempted(self._work, self._root, (), trial)) for trial in begun]

    def ask_to_stop(self):
        """Nothing runs while another thing is done."""

    def close(self):
        """No process is to be ended."""


@contextmanager
def denormals_flushed():
    """As commands and workers compute: inside, denormal numbers are flushed."""
    before = float(torch.tensor(1e-38) * 1e-3) == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def trials_in_this_process():
    """Inside, the local engine starts no processes; its trials are computed as in them."""
    with pytest.MonkeyPatch.context() as patch, denormals_flushed():
        patch.setattr(LocalEngine, "crew", lambda _, work, trials, root: InThisProcess(work, root))
        yield
