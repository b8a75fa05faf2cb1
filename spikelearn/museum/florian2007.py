"""Florian's network that learns the exclusive or by rewards for single spikes."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from spikelearn.museum.base import MODELS, Model, check_scale
from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import MSTDPET, Batch, TargetSpikes
from spikelearn.seeding import generator_for
from spikelearn.tasks import Regress
from spikelearn.training import Training, learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Seconds: membrane, step. Millivolts: threshold over rest, highest weight. Hz: inputs whose bit is 1.
TAU, DT, THRESHOLD, HIGHEST, RATE = 20e-3, 1e-3, 16.0, 5.0, 40.0

#: Inputs and hidden neurons; steps of a pattern; how often all four are learned.
INPUTS, HIDDEN, STEPS, EPOCHS = 60, 60, 500, 200

#: Learning rate, millivolts for a pair of spikes and a reward.
LEARNING_RATE = 0.625

BITS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
WORDS = tuple(f"{int(first)}{int(second)}" for first, second in BITS)


@MODELS.register("florian2007")
class Florian2007(Model):
    r"""Two layers of neurons that jump by the weight at a spike, and learn by reward-modulated STDP with eligibility.

    $$v[t] = e^{-dt/\tau}\,v[t{-}1] + \sum_j w_j\,s_j[t]$$

    in millivolts over rest, reset to rest. A bit of 1 is a group of inputs of 40 Hz each, half of them inhibitory; one
    of 0 is silence. Every spike of the output pays 1 where the bits differ and -1 where they do not.

    Args:
        scale: share of the published inputs and hidden neurons; weights are divided by it.

    Shapes: inputs [T, B, n], rates of the output [4], Hz.

    Raises:
        ValueError: a scale outside (0, 1].

    Source: Florian, Neural Computation 19, 2007, the exclusive or with rate-coded inputs, MSTDPET. deviation: the four
    patterns are presented side by side, and the weights change by the sum of what each of them does; spikes arrive in
    the step in which they are sent.
    """

    title = "Reward and spikes alone teach the exclusive or"
    source = "Florian, Neural Computation 19, 2007, figure of the exclusive or with rate-coded inputs, MSTDPET"
    published = "reward by epoch, and the output's rate for the four inputs, high where the bits differ"
    numbers: ClassVar[Mapping[str, str]] = {
        "neurons": f"{INPUTS} inputs, half of them inhibitory, {HIDDEN} hidden, 1 output",
        "membrane": "tau 20 ms, threshold 16 mV over rest, reset to rest",
        "weights": "0 to 5 mV, those of inhibitory inputs -5 to 0 mV; all learn from random values",
        "inputs": "40 Hz where the bit is 1, silent where it is 0; 500 ms a pattern",
        "rule": "MSTDPET, 0.625 mV, windows of 20 ms, eligibility 25 ms; reward 1 or -1 for a spike of the output",
        "epochs": f"{EPOCHS} of the four patterns",
    }

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = check_scale(scale)
        self.group = max(1, round(scale * INPUTS / 4))
        self.hidden, self.highest = max(2, round(scale * HIDDEN)), HIGHEST / scale

    def network(self, seed: int = 0) -> Network:
        """The network before it learns."""
        decay, generator = math.exp(-DT / TAU), generator_for(seed, "florian2007")
        sizes = {"hidden": (4 * self.group, self.hidden), "out": (self.hidden, 1)}
        blocks = {
            name: Block(nn.Linear(*ends, bias=False), LIF.per_step(decay, v_threshold=THRESHOLD, dt=DT))
            for name, ends in sizes.items()
        }
        network = Network(blocks, input_shape=(4 * self.group,))
        with torch.no_grad():
            for weight in network.parameters():
                weight.copy_(self.highest * torch.rand(weight.shape, generator=generator))
        return network.with_signs({"inputs": 2 * self.group, "hidden": "excitatory"})

    def batch(self, generator: torch.Generator, steps: int = STEPS, copies: int = 1) -> Batch:
        """The four patterns, each some times."""
        bits = BITS.repeat(copies, 1)
        rates = RATE * bits.repeat_interleave(self.group, 1).repeat(1, 2)  # excitatory inputs, then inhibitory ones
        spikes = torch.rand(steps, *rates.shape, generator=generator) < -torch.expm1(-DT * rates)
        return Batch(spikes.float(), (bits[:, :1] != bits[:, 1:]).float(), task=Regress())

    def learned(
        self, epochs: int, *, seed: int = 0, steps: int = STEPS, copies: int = 1, learning_rate: float = LEARNING_RATE
    ) -> tuple[Network, torch.Tensor]:
        """The network behind some epochs, and the output's spikes for the four patterns in each, [epochs, 4].

        Args:
            epochs: how often the patterns are presented.
            seed: from which all that is random follows.
            steps: of a presentation.
            copies: how often each pattern stands in an epoch.
            learning_rate: millivolts.
        """
        network, generator = self.network(seed), generator_for(seed, "florian2007 inputs")
        rule = MSTDPET(
            TargetSpikes(punishment=1.0),
            4 * copies * learning_rate / self.scale,
            low=-self.highest,
            high=self.highest,
            coincident="causal",
            dt=DT,
        )
        training, counts = Training.start(network, rule), []
        for _ in range(epochs):
            update = learn(training, self.batch(generator, steps, copies))
            counts.append(steps * update.scores.view(copies, 4).mean(0))
        return network, torch.stack(counts)

    @torch.no_grad()
    def rates(self, network: Network, copies: int = 4) -> torch.Tensor:
        """The output's rate for each of the four patterns, Hz, [4]; nothing learns."""
        record, _ = network.run(self.batch(generator_for(1, "florian2007 test"), STEPS, copies).inputs)
        return record["out"].spikes.mean((0, 2)).view(copies, 4).mean(0) / DT

    def draw(self) -> "tuple[Figure, list[str]]":
        from matplotlib.figure import Figure  # the numbers are told without it

        from spikelearn.draw.style import COLOURS, clean

        network, counts = self.learned(EPOCHS)
        before, after = self.rates(self.network()), self.rates(network)
        reward = counts[:, 1] + counts[:, 2] - counts[:, 0] - counts[:, 3]
        figure = Figure(figsize=(10, 4), layout="constrained")
        course, bars = figure.subplots(1, 2)
        course.plot(range(1, EPOCHS + 1), reward, color=COLOURS[0], linewidth=1)
        course.axhline(0.0, color="black", linewidth=0.8)
        course.set(xlabel="epoch", ylabel="reward of an epoch", xlim=(0, EPOCHS))
        for offset, rates, colour, label in ((-0.2, before, "0.75", "before"), (0.2, after, COLOURS[0], "after")):
            bars.bar(torch.arange(4) + offset, rates, 0.4, color=colour, label=label)
        bars.set(xlabel="bits", ylabel="rate of the output (Hz)", xticks=range(4), xticklabels=WORDS)
        bars.legend(frameon=False)
        for axis in (course, bars):
            clean(axis)
        words = [
            f"{name}: " + ", ".join(f"{bits} {float(rate):.0f} Hz" for bits, rate in zip(WORDS, rates, strict=True))
            for name, rates in (("before", before), ("after", after))
        ]
        tenth = EPOCHS // 10
        first, last = float(reward[:tenth].mean()), float(reward[-tenth:].mean())
        return figure, [*words, f"reward of an epoch: {first:.1f} in the first {tenth}, {last:.1f} in the last {tenth}"]
