"""The libraries, each driven as its own tutorials do, behind one small interface."""

import copy
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from benchmarks.peers.workloads import DECAY, LEARNING_RATE, Workload, weights_of


class Candidate(ABC):
    """Something whose training step can be timed."""

    #: Named in tables and on the command line.
    name: ClassVar[str]

    @abstractmethod
    def prepare(self) -> None:
        """What stands in front of every step and is not timed: an input that nobody has seen before."""

    @abstractmethod
    def step(self) -> None:
        """One complete training step."""

    @abstractmethod
    def gradients(self) -> list[Tensor]:
        """Of every weight and bias as the last step left them, in the order of the layers."""

    @abstractmethod
    def rates(self) -> list[float]:
        """Mean spikes per step and neuron of every layer."""


class TorchCandidate(Candidate):
    """What the eager torch libraries share: the complete step, with float inputs made outside of it.

    Args:
        workload: what is timed.
        activity: share of input entries that are spikes.
    """

    #: What must be importable, and how pip gets it.
    module: ClassVar[str] = "torch"
    install: ClassVar[str] = "pip install torch"
    #: Factor on weights and biases by which this library's neuron has the input gain 1.
    scale: ClassVar[float] = 1.0

    def __init__(self, workload: Workload, activity: float) -> None:
        self.workload = workload
        self.given, self.targets = workload.inputs(activity).float(), workload.targets()
        synapses = copy.deepcopy(workload.synapses())
        with torch.no_grad():
            for parameter in nn.ModuleList(synapses).parameters():
                parameter.mul_(self.scale)
        self.weights = weights_of(synapses)
        self.network = self.make(synapses)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE) if workload.trained else None
        self.prepare()

    @classmethod
    def missing(cls) -> str | None:
        """Why the library cannot be imported; None where it can."""
        try:
            importlib.import_module(cls.module)
        except ImportError as error:
            return str(error)
        return None

    @classmethod
    def version(cls) -> str:
        return metadata.version(cls.module.split(".")[0])

    @abstractmethod
    def make(self, synapses: list[nn.Module]) -> nn.Module:
        """The network: from inputs [T, B, ...] to the last layer's spikes [T, B, n]."""

    def prepare(self) -> None:
        self.inputs = self.given.clone()

    def reset(self) -> None:
        """Forget the last sequence, where the library's neurons remember it."""

    def step(self) -> None:
        self.reset()
        self.network.zero_grad(set_to_none=True)
        self.workload.loss(self.network(self.inputs), self.targets).backward()
        if self.optimizer is not None:
            self.optimizer.step()

    def gradients(self) -> list[Tensor]:
        return [p.grad * self.scale for m in self.weights for p in m.parameters() if p.grad is not None]

    def neurons(self) -> list[nn.Module]:
        """The neuron layers, in order."""
        return []

    @torch.no_grad()
    def rates(self) -> list[float]:
        self.reset()
        seen: dict[int, list[float]] = {}
        handles = [
            neuron.register_forward_hook(lambda _m, _x, out, i=i: seen.setdefault(i, []).append(_mean(out)))
            for i, neuron in enumerate(self.neurons())
        ]
        self.network(self.inputs)
        for handle in handles:
            handle.remove()
        self.reset()
        return [sum(values) / len(values) for values in seen.values()]


def _mean(out: Any) -> float:
    return float((out[0] if isinstance(out, tuple) else out).mean())


class StepByStep(nn.Module):
    """The whole network once per time step, as the tutorials of snnTorch and Norse loop.

    Args:
        synapses: of every layer.
        neurons: of every layer, from (current, state) to (spikes, state).
        start: the state before the first step.
    """

    def __init__(
        self, synapses: Sequence[nn.Module], neurons: Sequence[nn.Module], start: Callable[[nn.Module], Any]
    ) -> None:
        super().__init__()
        self.synapses, self.neurons, self.start = nn.ModuleList(synapses), nn.ModuleList(neurons), start

    def forward(self, inputs: Tensor) -> Tensor:
        states = [self.start(neuron) for neuron in self.neurons]
        record = []
        for t in range(inputs.shape[0]):
            spikes = inputs[t]
            for layer, (synapse, neuron) in enumerate(zip(self.synapses, self.neurons, strict=True)):
                spikes, states[layer] = neuron(synapse(spikes), states[layer])
            record.append(spikes)
        return torch.stack(record)


class SnnTorch(TorchCandidate):
    """snnTorch step by step, at its defaults: ATan, and the threshold subtracted in the step after a spike."""

    name, module, install = "snntorch", "snntorch", "pip install snntorch==1.0.0"
    reset_mechanism = "subtract"

    def make(self, synapses: list[nn.Module]) -> nn.Module:
        import snntorch

        neurons = [snntorch.Leaky(beta=DECAY, reset_mechanism=self.reset_mechanism) for _ in synapses]
        return StepByStep(synapses, neurons, lambda neuron: neuron.init_leaky())

    def neurons(self) -> list[nn.Module]:
        return list(self.network.neurons)


class SnnTorchToZero(SnnTorch):
    """The same with a reset to zero, whose order within a step is ours."""

    reset_mechanism = "zero"


class Norse(TorchCandidate):
    """Norse's LIFBoxCell step by step, at its defaults: SuperSpike, and a reset to zero that is differentiated.

    Norse 1.1.0 takes a slope of 1 whatever ``alpha`` says. Its decay per step is 0.9, and its input is multiplied by
    0.1: weights and biases are ten times ours.
    """

    name, module, install, scale = "norse", "norse.torch", "pip install norse==1.1.0", 10.0

    def make(self, synapses: list[nn.Module]) -> nn.Module:
        import norse.torch as norse

        return StepByStep(synapses, [norse.LIFBoxCell() for _ in synapses], lambda _: None)

    def neurons(self) -> list[nn.Module]:
        return list(self.network.neurons)


class SpikingJelly(TorchCandidate):
    """SpikingJelly multi-step: weights on all T * B images at once, then the neuron's loop over T."""

    name, module = "spikingjelly", "spikingjelly.activation_based.neuron"
    install = "pip install --no-deps spikingjelly==2.0.0 && pip install loguru"

    def make(self, synapses: list[nn.Module]) -> nn.Module:
        from spikingjelly.activation_based import functional, layer, neuron, surrogate

        parts: list[nn.Module] = []
        for synapse in synapses:
            parts += [
                layer.SeqToANNContainer(synapse),
                neuron.LIFNode(
                    tau=1.0 / (1.0 - DECAY),
                    decay_input=False,
                    v_reset=None,
                    surrogate_function=surrogate.ATan(),
                    detach_reset=True,
                ),
            ]
        network = nn.Sequential(*parts)
        functional.set_step_mode(network, "m")
        return network

    def neurons(self) -> list[nn.Module]:
        return list(self.network)[1::2]

    def reset(self) -> None:
        from spikingjelly.activation_based import functional

        functional.reset_net(self.network)


class CompiledSpikingJelly(SpikingJelly):
    """The same network under torch.compile, at its defaults."""

    name = "spikingjelly-compiled"
    #: Steps above which the loop that is unrolled takes too long to compile.
    longest = 100

    def make(self, synapses: list[nn.Module]) -> nn.Module:
        if self.workload.steps > self.longest:
            raise ValueError(
                f"{self.name} unrolls the loop over T = {self.workload.steps} steps, which takes minutes to compile: "
                f"use at most {self.longest} steps"
            )
        self.plain = super().make(synapses)
        return torch.compile(self.plain)  # type: ignore[return-value]

    def neurons(self) -> list[nn.Module]:
        return []

    def reset(self) -> None:
        from spikingjelly.activation_based import functional

        functional.reset_net(self.plain)


class Floor(TorchCandidate):
    """No library: the same network with its neurons left out, all T * B images through the weights at once."""

    name = "floor"

    def make(self, synapses: list[nn.Module]) -> nn.Module:
        return _Matmuls(synapses)


class _Matmuls(nn.Module):
    def __init__(self, synapses: list[nn.Module]) -> None:
        super().__init__()
        self.synapses = nn.Sequential(*synapses)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.synapses(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])


PEERS: dict[str, type[TorchCandidate]] = {
    kind.name: kind for kind in (SnnTorch, Norse, SpikingJelly, CompiledSpikingJelly, Floor)
}
