"""Ours, by the public interface, with its inputs in one of several forms."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from benchmarks.peers.libraries import Candidate
from benchmarks.peers.workloads import DECAY, LEARNING_RATE, Workload, weights_of
from spikelearn import BPTT, LIF, Batch, Network, Training, build, events, learn
from spikelearn.checks import check_choice
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity import CrossEntropyRate, OptimizerChoice
from spikelearn.synapses import event_conv

Reset = Literal["to_value", "subtract"]
ATAN = Surrogate(ATan())
#: Forms of the input: what they are called, and what they mean.
FORMS = {
    "bytes": "uint8, packed into events inside the step",
    "events-given": "uint8, packed before the step",
    "float": "float32, packed into events inside the step",
    "dense": "float32, no events at all",
}


class Ours(Candidate):
    """A network of ours, ``learn`` on a ``Batch``; for a network that is not trained, ``run`` and ``backward``.

    Args:
        workload: what is timed.
        activity: share of input entries that are spikes.
        form: one of ``FORMS``.
        reset: of the neurons.
        adjoint: how derivatives cross them.

    Raises:
        ValueError: an unknown form.
    """

    name = "spikelearn"

    def __init__(
        self,
        workload: Workload,
        activity: float,
        form: str = "bytes",
        *,
        reset: Reset = "subtract",
        adjoint: Adjoint = ATAN,
    ) -> None:
        check_choice("form", form, FORMS)
        self.workload, self.form, self.adjoint = workload, form, adjoint
        given = workload.inputs(activity)
        self.given = given.float() if form in ("float", "dense") else given
        self.targets = workload.targets()
        self.network = network_of(workload, reset)
        self.training = None
        if workload.trained:
            rule = BPTT(CrossEntropyRate(gain=workload.steps), adjoint)
            self.training = Training.start(self.network, rule, optimizer=OptimizerChoice("adam", LEARNING_RATE))
        self.prepare()

    def prepare(self) -> None:
        # Lists of events live on the tensor that they describe: a new tensor has none.
        self.inputs = self.given if self.form == "events-given" else self.given.clone()

    def step(self) -> None:
        if self.form == "dense":
            with without_events():
                self._step()
        else:
            self._step()

    def _step(self) -> None:
        if self.training is not None:
            learn(self.training, Batch(self.inputs, self.targets))
            return
        self.network.zero_grad(set_to_none=True)
        record, _ = self.network.run(self.inputs, adjoint=self.adjoint)
        record.output.spikes.sum().backward()

    def gradients(self) -> list[Tensor]:
        modules = weights_of([block.synapse for block in self.network.blocks.values()])
        return [p.grad for module in modules for p in module.parameters() if p.grad is not None]

    @torch.no_grad()
    def rates(self) -> list[float]:
        record, _ = self.network.run(self.inputs)
        return [float(record[name].spikes.mean()) for name in self.network.blocks]


def network_of(workload: Workload, reset: Reset) -> Network:
    """The workload's network with the workload's weights."""
    network = build(
        workload.architecture,
        lambda: LIF.per_step(DECAY, reset=reset),
        input_shape=workload.input_shape,
        bias=workload.bias,
    )
    for block, synapse in zip(network.blocks.values(), workload.synapses(), strict=True):
        block.synapse.load_state_dict(synapse.state_dict())
    return network


@contextmanager
def without_events() -> Iterator[None]:
    """No record is large enough for events inside this context."""
    before = [(module, module.SMALLEST) for module in (events, event_conv)]
    for module, _ in before:
        module.SMALLEST = sys.maxsize  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, smallest in before:
            module.SMALLEST = smallest  # type: ignore[attr-defined]
