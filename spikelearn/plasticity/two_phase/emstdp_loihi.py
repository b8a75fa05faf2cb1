"""EMSTDP as a sum of products, the form that the Loihi chip learns by."""

import math
from typing import Literal

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_positive
from spikelearn.network import Activity, Network
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.requires import Passes
from spikelearn.plasticity.two_phase.base import ErrorNeuronRule
from spikelearn.plasticity.two_phase.network import TWO_PHASE_NEEDS, layers_of, linear_of
from spikelearn.traces import geometric_sum


def check_unit(network: Network, rule: str) -> None:
    """Raise ValueError where weights are too small for changes by whole numbers."""
    for name in layers_of(network):
        linear = linear_of(network.blocks[name].synapse, behind_pooling=True)
        if linear is not None and float(linear.weight.detach().abs().max()) < 1.0:
            raise ValueError(
                f"{rule} changes weights by whole numbers from -128 to 127, but those of block {name!r} are all below "
                "1: draw them in that unit, with the thresholds (--init emstdp-loihi)"
            )


@RULES.register("emstdp-loihi")
class EMSTDPLoihi(ErrorNeuronRule):
    r"""EMSTDP from what a Loihi synapse sees: a decaying pre trace, a decaying post trace and a tag.

    $$\Delta W = 2^{-k}\,y_1 x_1 - 2^{-(k+1)}\,t\,x_1 \approx 2^{-(k+1)}\,(\hat h - h)\,x_1$$

    at the end of a presentation: $x_1$ and $y_1$ are traces of what met the weights and of the spikes, with impulse 1
    and $x[t] = e^{-dt/\tau}x[t-1] + s[t]$; the tag t counts the spikes of both phases. Phases and error spikes are
    those of ``EMSTDP`` with resets to 0; on the chip a presentation has 128 steps, here 129 give phases of 64.

    Weights are meant as whole numbers of 8 bits, -128..127, and thresholds as whole numbers in that unit, with a frozen
    bias of a tenth of the threshold; the default optimizer rounds at random. Not simulated: cores and their limits,
    the rounding of traces, the weights' exponents, error neurons of two compartments (their gate is a product here)
    and the delay of their input.

    Args:
        feedback: "alignment" or "direct": fixed random matrices of unit scale; the chip does not transport weights.
        epsilon: threshold of the output's error neurons, missing or surplus spikes per error spike.
        scale: injection of an error spike, in units of the neuron's threshold.
        gate: whether hidden error spikes need a partner that fired in the free phase; "direct" has no gate.
        hidden_ratio: ratio of the hidden thresholds, dimensionless.
        hidden_exponent, output_exponent: k of the hidden layers and of the output, whole numbers, dimensionless.
        tau_trace: time constant of both traces, seconds; None: about 0.63 of the presentation, where the trace of a
            constant rate is half its tag, so that it changes nothing. The authors' is 64 ms: a constant rate depresses.

    Shapes: inputs [T, B, ...] with T >= 5, targets [B]; Linear weights, [n, in].

    Raises:
        ValueError: symmetric feedback; a value out of range; weights that are not in the chip's unit (all below 1);
            the networks that ``EMSTDP`` refuses.

    Source: Shrestha et al., DAC 2021 (arXiv 2105.03649). deviation: ``tau_trace`` is not the authors' 64 ms unless it
    is set so; traces are real numbers and start anew with every presentation; a batch takes the mean of its samples'
    changes, where the chip learns from one sample at a time.
    """

    default_optimizer = OptimizerChoice("integer-sgd", 1.0)
    default_bounds = (-128.0, 127.0)
    requires = (*TWO_PHASE_NEEDS, Passes("weights in the chip's unit", check_unit, {"init": "emstdp-loihi"}))
    # As emstdp, with weights in the chip's unit, -128..127, and a frozen bias that the initialiser sets. Counts of 12
    # steps are too coarse for its whole-numbered changes: two phases of 31, not the common number of steps (at 25, 24 %
    # at best after 5 epochs of digits). The chip learns from one sample at a time, here a batch takes the mean of its
    # changes: a larger step.
    # It has one hidden layer: with two it stays at chance on MNIST (8 settings), with one it gets to 80 % with the same
    # samples.
    default_settings = {"net": "{input}-{first}-{output}", "steps": 63, "bias": True, "lr": 16.0}

    def __init__(
        self,
        feedback: Literal["alignment", "direct"] = "alignment",
        epsilon: float = 1.0,
        scale: float = 1.0,
        *,
        gate: bool = True,
        hidden_ratio: float = 0.5,
        hidden_exponent: int = 4,
        output_exponent: int = 5,
        tau_trace: float | None = None,
    ) -> None:
        check_choice("feedback", feedback, ("alignment", "direct"))
        check_count("hidden_exponent", hidden_exponent, least=0)
        check_count("output_exponent", output_exponent, least=0)
        if tau_trace is not None:
            check_positive("tau_trace", tau_trace, "s")
        super().__init__(feedback, epsilon, scale, gate=gate, hidden_ratio=hidden_ratio)
        self.hidden_exponent, self.output_exponent, self.tau_trace = hidden_exponent, output_exponent, tau_trace

    def tally(self, network: Network, name: str, free: Activity) -> "TracesAndTag":
        exponent = self.output_exponent if name == layers_of(network)[-1] else self.hidden_exponent
        if self.tau_trace is None:
            return TracesAndTag(free, balanced_decay(2 * len(free.spikes) + 1), exponent)
        return TracesAndTag(free, math.exp(-network.blocks[name].neuron.dt / self.tau_trace), exponent)


def balanced_decay(steps: int) -> float:
    """Decay per step with which the trace of a constant rate ends at half its count."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if geometric_sum(middle, steps) < steps / 2 else (low, middle)
    return high


class TracesAndTag:
    """A synapse's memory on the chip: traces of both sides, and the tag."""

    def __init__(self, free: Activity, decay: float, exponent: int) -> None:
        self.decay, self.exponent = decay, exponent
        steps = len(free.spikes)
        weights = decay ** torch.arange(steps - 1, -1, -1, dtype=free.spikes.dtype, device=free.spikes.device)
        self.x, self.y = (torch.tensordot(weights, record.to(weights.dtype), 1) for record in (free.pre, free.spikes))
        self.tag = free.spikes.sum(0)

    def add(self, number: int, seen: Activity) -> None:
        self.x = self.decay * self.x + seen.pre
        self.y = self.decay * self.y + seen.spikes
        self.tag = self.tag + seen.spikes

    def factors(self) -> tuple[Tensor, Tensor]:
        return self.x, 2.0**-self.exponent * self.y - 2.0 ** -(self.exponent + 1) * self.tag
