"""Izhikevich's network, in which dopamine that comes seconds late finds the synapse that earned it."""

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikelearn.museum.base import MODELS, Model, check_scale
from spikelearn.network import Block, Feedback, Network, Record
from spikelearn.neurons import Izhikevich
from spikelearn.plasticity import DopamineSTDP, Payments
from spikelearn.seeding import generator_for
from spikelearn.simulation import Place, Simulation, Source
from spikelearn.simulation.sources import drawn
from spikelearn.synapses import Scale, SparseLinear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Neurons of both kinds, connections from each, and the highest weight, mV.
EXCITATORY, INHIBITORY, SENT, HIGHEST = 800, 200, 100, 4.0

#: Width of the uniform noise that every neuron gets at every step, mV; step, seconds.
NOISE, DT = 13.0, 1e-3

#: Steps within which the second neuron must follow the first, and after which the reward comes, at least and at most.
WITHIN, DELAY = 20, (1000, 3000)

#: Dopamine of a reward, and what is there without; learning rate for a pair of spikes.
REWARD, BASELINE, LEARNING_RATE = 0.5, 0.002, 10.0

#: The published hour is so many stretches side by side, of so many steps each.
STRETCHES, STEPS = 40, 90_000

#: Steps from one look at the weights to the next.
EVERY = 500


class UniformNoise(Source):
    """Independent currents at every step, spread evenly about 0.

    Args:
        width: from the lowest to the highest, mV per ms.
    """

    def __init__(self, width: float) -> None:
        self.width = width

    def at(self, first: int, count: int, place: Place) -> Tensor:
        return drawn(torch.rand, first, count, place).sub_(0.5).mul_(self.width)


class Course(NamedTuple):
    """A simulation: biological seconds [N], weight of the rewarded synapse and mean of the others [N], rewards, rate.

    Args:
        seconds: of all stretches together.
        rewarded, others: mV.
        last: all excitatory weights at the end, the rewarded one first, mV.
        rewards: how many were paid.
        rate: mean rate of the neurons, Hz.
    """

    seconds: np.ndarray
    rewarded: np.ndarray
    others: np.ndarray
    last: np.ndarray
    rewards: int
    rate: float


class FollowedPair(Payments):
    """Pays, some seconds later, when the second neuron fires behind the first.

    Args:
        pair: numbers of both neurons.
        delay: steps until the reward comes, at least and at most.
        reward: what is paid.
        generator: draws the delays.
    """

    def __init__(self, pair: tuple[int, int], delay: tuple[int, int], reward: float, generator: torch.Generator):
        self.pair, self.delay, self.reward, self.generator = pair, delay, reward, generator
        self.fired: Tensor | None = None
        self.due: deque[Tensor] = deque()
        self.count = 0

    def at(self, t: int, record: Record) -> Tensor:
        first, second = (record["neurons"].spikes[:, number] for number in self.pair)
        if self.fired is None:
            self.fired = torch.full_like(first, -1e9)
            self.due.extend(torch.zeros_like(first) for _ in range(self.delay[1] + 1))
        hits = (second != 0) & (t - self.fired < WITHIN) & (self.fired < t)
        self.fired = torch.where(first != 0, t, self.fired)
        for sample in hits.nonzero().flatten().tolist():
            wait = int(torch.randint(self.delay[0], self.delay[1] + 1, (), generator=self.generator))
            self.due[wait][sample] += self.reward
        paid = self.due.popleft()
        self.due.append(torch.zeros_like(paid))
        self.count += int((paid != 0).sum())
        return paid


@MODELS.register("izhikevich2007")
class Izhikevich2007(Model):
    r"""Excitatory and inhibitory neurons of Izhikevich's, one of whose synapses is paid for what it does.

    $$\dot v = 0.04\,v^2 + 5\,v + 140 - u + I, \qquad \dot u = a\,(0.2\,v - u)$$

    in mV and ms. Whenever the neuron behind the chosen synapse fires within 20 ms of the one in front, dopamine rises
    1 to 3 s later, which every excitatory synapse meets alike. The weights of these learn by ``dopamine-stdp``.

    Args:
        scale: share of the published neurons, and of the connections from each.

    Shapes: v, u [B, n]; weights [K], mV.

    Raises:
        ValueError: a scale outside (0, 1].

    Source: Izhikevich, Cerebral Cortex 17, 2007, figure 1, with the numbers of the author's program. deviation: the
    published hour is 40 stretches of 90 s side by side, whose weights are the same and change by the sum of what each
    does; dopamine and eligibility meet at every step, not every 10 ms; traces add up all spikes, not the last alone; no
    two connections join the same neurons.
    """

    title = "Dopamine that comes seconds late finds its synapse"
    source = "Izhikevich, Cerebral Cortex 17, 2007, figure 1"
    published = "the rewarded synapse grows from 0 to 4 mV within the hour, while the others stay low"
    numbers: ClassVar[Mapping[str, str]] = {
        "neurons": f"{EXCITATORY} regular-spiking, {INHIBITORY} fast-spiking, {SENT} connections from each, 1 ms late",
        "weights": "excitatory 1 mV at first, the rewarded one 0, at most 4 mV; inhibitory -1 mV",
        "noise": "uniform, 13 mV wide, at every neuron and step",
        "rule": "dopamine-stdp, 0.1 mV and -0.15 mV, windows 20 ms, eligibility 1 s, dopamine 0.2 s",
        "reward": "1 to 3 s behind a pair within 20 ms; dopamine 0.5, and 0.002 without",
        "time": "1 hour",
    }

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = check_scale(scale)
        sizes = (max(2, round(scale * size)) for size in (EXCITATORY, INHIBITORY))
        self.excitatory, self.inhibitory = sizes
        self.sent = max(1, round(scale * SENT))

    def connections(self, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Sources and targets in their order; the first connection is the rewarded one."""
        generator = generator_for(seed, "izhikevich2007")
        size = self.excitatory + self.inhibitory
        targets = []
        for source in range(size):
            reach = size if source < self.excitatory else self.excitatory  # inhibitory neurons inhibit excitatory ones
            chosen = torch.randperm(reach, generator=generator)
            targets.append(chosen[chosen != source][: self.sent].sort().values)
        return torch.arange(size).repeat_interleave(torch.tensor([len(t) for t in targets])), torch.cat(targets)

    def network(self, seed: int = 0) -> tuple[Network, int]:
        """The network, and the target of the rewarded synapse, which comes from neuron 0; its weight is the first."""
        source, target = self.connections(seed)
        size, excites = self.excitatory + self.inhibitory, source < self.excitatory
        weight = torch.ones(int(excites.sum()))
        weight[0] = 0.0
        exciting = SparseLinear(size, size, source[excites], target[excites], weight=weight, bias=False)
        signs = torch.full((int((~excites).sum()),), -1.0)
        inhibiting = SparseLinear(size, size, source[~excites], target[~excites], weight=signs, bias=False)
        kinds = ["regular-spiking"] * self.excitatory + ["fast-spiking"] * self.inhibitory
        network = Network(
            {"neurons": Block(Scale(1.0), Izhikevich(kinds, r=1.0, dt=DT))},
            {
                "exciting": Feedback("neurons", "neurons", exciting),
                "inhibiting": Feedback("neurons", "neurons", inhibiting),
            },
            input_shape=(size,),
        )
        network.requires_grad_(False)
        exciting.requires_grad_(True)
        return network, int(target[0])

    def simulated(
        self,
        *,
        seed: int = 0,
        stretches: int = STRETCHES,
        steps: int = STEPS,
        reward: float = REWARD,
        delay: tuple[int, int] = DELAY,
        tau_eligibility: float = 1.0,
        noise: float = NOISE,
    ) -> Course:
        """The network over its stretches.

        Args:
            seed: from which all that is random follows.
            stretches: how many are simulated side by side.
            steps: of each.
            reward: dopamine of one; 0: nobody pays.
            delay: steps until a reward comes, at least and at most.
            tau_eligibility: seconds.
            noise: from the lowest to the highest, mV.
        """
        network, second = self.network(seed)
        tau_dopamine = 0.2
        rule = DopamineSTDP(
            learning_rate=LEARNING_RATE * stretches,
            tau_eligibility=tau_eligibility,
            tau_dopamine=tau_dopamine,
            baseline=-BASELINE,
            low=0.0,
            high=HIGHEST,
            dt=DT,
        )
        # A reward raises dopamine by its share of the time constant.
        pays = FollowedPair((0, second), delay, reward * tau_dopamine, generator_for(seed, "izhikevich2007 delays"))
        simulation = Simulation(network, UniformNoise(noise), rule, samples=stretches, seed=seed, payments=pays)
        weight, spikes = "feedback.exciting.synapse.weight", 0.0
        course: list[tuple[float, float, float]] = []
        for begin in range(0, steps, EVERY):
            for moment in simulation.moments(min(EVERY, steps - begin)):
                spikes += float(moment.record["neurons"].spikes.sum())
            now = network.get_parameter(weight).detach().flatten()
            course.append((simulation.seconds * stretches, float(now[0]), float(now[1:].mean())))
        rate = spikes / (simulation.seconds * stretches * (self.excitatory + self.inhibitory))
        seconds, rewarded, others = np.array(course).T
        return Course(seconds, rewarded, others, now.numpy().copy(), pays.count, rate)

    def draw(self) -> "tuple[Figure, list[str]]":
        from matplotlib.figure import Figure  # the numbers are told without it

        from spikelearn.draw.style import COLOURS, clean

        seen = self.simulated(stretches=STRETCHES, steps=STEPS)
        figure = Figure(figsize=(10, 3.8), layout="constrained")
        course, histogram = figure.subplots(1, 2, width_ratios=(1.4, 1))
        minutes = seen.seconds / 60
        course.plot(minutes, seen.rewarded, color=COLOURS[1], label="rewarded synapse")
        course.plot(minutes, seen.others, color=COLOURS[0], label="mean of the others")
        course.set(xlabel="time, all stretches together (min)", ylabel="weight (mV)", xlim=(0, minutes[-1]))
        course.set_ylim(0, 1.05 * HIGHEST)
        course.legend(frameon=False)
        histogram.hist(seen.last[1:], bins=40, range=(0, HIGHEST), color=COLOURS[0])
        histogram.axvline(seen.last[0], color=COLOURS[1])
        histogram.set(xlabel="weight at the end (mV)", ylabel="synapses", yscale="log", xlim=(0, 1.02 * HIGHEST))
        for axis in (course, histogram):
            clean(axis)
        above = int((seen.last[1:] >= seen.last[0]).sum())
        return figure, [
            f"rewarded synapse: 0 to {seen.last[0]:.2f} mV, highest {seen.rewarded.max():.2f} mV; the others: 1 to "
            f"{seen.last[1:].mean():.2f} mV in the mean, {above} of {len(seen.last) - 1} end as high",
            f"{seen.rewards} rewards in {minutes[-1]:.0f} min, neurons fire at {seen.rate:.1f} Hz",
        ]
