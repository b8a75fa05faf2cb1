"""The energy of a layered Hopfield network: neurons pull at each other through the same weights in both directions."""

import copy
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.neurons import Activation, Rate
from spikelearn.neurons.activations import Elementwise
from spikelearn.plasticity.back_weights import PREFIX
from spikelearn.plasticity.equilibrium.energies.coupling import Coupling
from spikelearn.plasticity.equilibrium.energies.energy import Energy, Slopes, Values
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss

#: {parameter: derivative}.
Changes = dict[str, Tensor]


class Phase(NamedTuple):
    """The values that a phase ends in, the largest change of any in its last step, and the strength of its nudge."""

    values: Values
    residual: float
    strength: float

    @property
    def output(self) -> Tensor:
        """Values of the last block."""
        return self.values[next(reversed(self.values))]


class Hopfield(Energy):
    r"""The energy of a chain of rate neurons that are coupled in both directions by one set of weights.

    $$E = -\Phi + \beta L(s_L), \quad \Phi = \sum_{l=1}^L \gamma^{l-L} \langle f_l(s_{l-1}), s_l \rangle, \quad
      s_l \leftarrow \sigma_l\Big(-\gamma^{L-l} \frac{\partial E}{\partial s_l}\Big)
      = \sigma_l\big(f_l(s_{l-1}) + \gamma\,J_{l+1}^\top s_{l+1} - [l = L]\,\beta\,L'\big)$$

    with $s_0$ the input, $f_l$ the synapse of block l with bias and whatever stands beside its weights, and $J_l$ its
    derivative in $s_{l-1}$. The neurons' own part of a Hopfield energy, $\sum_l \int \sigma_l^{-1}$, in which no weight
    enters, is left out. All blocks step at once, from zero. As $\gamma \to 0$ the network becomes a feedforward one.

    Args:
        network: a chain of rate neurons, within a presentation.
        inputs: [T, B, ...]; what is constant in time is one presentation.
        masks: {place: factor [B, ...]}, as in ``Network.run``.
        output: L; None: nothing nudges.
        gain: $\gamma$, dimensionless.
        back: {layer: (its weights, those in place of them in J)}; empty: its own.

    Shapes: values shaped like the blocks' neurons, [T, B, ...].

    Raises:
        ValueError: inputs or masks that ``Network.run`` refuses.

    Source: Scellier & Bengio, Frontiers in Computational Neuroscience 11, 2017, as a primitive function in Ernoult,
    Grollier, Querlioz, Bengio & Scellier, NeurIPS 2019; $\gamma$: Xie & Seung, Neural Computation 15, 2003.
    """

    def __init__(
        self,
        network: Network,
        inputs: Tensor,
        masks: Mapping[str, Tensor],
        output: OutputLoss | None = None,
        *,
        gain: float = 1.0,
        back: Mapping[str, tuple[Tensor, Tensor]] | None = None,
    ) -> None:
        super().__init__(network)
        network.check_run(inputs, masks=masks)
        if masks:
            network.run(inputs, masks=masks)  # refuses masks of another shape
        self.output, self.gain, self.strength = output, gain, 0.0
        self.couplings: dict[str, Coupling] = {}
        for below, name in pairwise(["inputs", *network.blocks]):
            pairs = [pair for layer, pair in (back or {}).items() if layer.startswith(f"blocks.{name}.")]
            sent, passed = masks.get(below), masks.get(f"{name}.synapse")
            self.couplings[name] = Coupling(network.blocks[name].synapse, sent, passed, pairs)
        self.names = list(self.couplings)
        self.inputs = inputs[:1] if inputs.stride(0) == 0 else inputs
        self.driven = self.couplings[self.names[0]].current(self.inputs)

    def nudged(self, strength: float) -> Self:
        r"""The same with $\beta$ = ``strength``."""
        found = copy.copy(self)
        found.strength = strength
        return found

    def start(self) -> Values:
        """Zeros."""
        values = {self.names[0]: torch.zeros_like(self.driven)}
        for below, name in pairwise(self.names):
            values[name] = self.couplings[name].at_rest(values[below])
        return values

    def of(self, values: Values) -> tuple[Tensor, Tensor]:
        total = -self._weight(0) * (self.driven * values[self.names[0]]).sum()
        for place, (below, name) in enumerate(pairwise(self.names), start=1):
            total = total - self._weight(place) * (self.couplings[name].current(values[below]) * values[name]).sum()
        if self.output is None or not self.strength:
            return total, torch.zeros_like(total)
        _, loss = self.output.read(values[self.names[-1]])
        return total, self.strength * self.output.batch.size * loss

    @torch.no_grad()
    def slopes(self, values: Values) -> Slopes:
        weighted = enumerate(self.currents(values))
        found = {self.names[n]: -self._weight(n) * current for n, current in weighted}
        return Slopes(lambda: self.of(values), found)

    def currents(self, values: Values) -> list[Tensor]:
        r"""$-\gamma^{L-l}\,\partial E/\partial s_l$ of every block, what its neurons answer to."""
        found = [self.driven]
        for below, name in pairwise(self.names):
            current, pull = self.couplings[name].both(values[below], values[name])
            found[-1] = torch.add(found[-1], pull, alpha=self.gain)
            found.append(current)
        if self.output is not None and self.strength:
            force = self.output.slope(values[self.names[-1]])
            found[-1] = torch.sub(found[-1], force, alpha=self.strength)
        return found

    def step(self, values: Values) -> Values:
        """The values after all neurons have answered once."""
        answers = zip(self.activations, self.currents(values), strict=True)
        return dict(zip(self.names, (_answer(activation, current) for activation, current in answers), strict=True))

    @cached_property
    def activations(self) -> list[Activation]:
        """What the neurons of every block answer by."""
        return [_activation(self.network, name) for name in self.names]

    def relax(self, values: Values, steps: int, *, clamp: Tensor | None = None) -> Phase:
        """Let values move for some steps; of all only the last two are held.

        Args:
            values: where they begin.
            steps: how many, at least 1.
            clamp: at what the last block's values are held, [T, B, ...]; None: they are free.
        """
        held = {} if clamp is None else {self.names[-1]: clamp}
        before = values = values | held
        for _ in range(steps):
            before, values = values, self.step(values) | held
        changes = [(values[name] - before[name]).abs().amax() for name in self.names]
        return Phase(values, float(torch.stack(changes).amax()), self.strength)

    def weight_slopes(self, values: Values, slopes: Slopes | None = None) -> Changes:
        phase = Phase(values, 0.0, self.strength)
        return self._met([[pair] for pair in self._pairs(values)], 1.0) | self._readout(phase, 1.0)

    def contrast(self, high: Phase, low: Phase, share: float) -> Changes:
        r"""{parameter: $\partial E/\partial\theta$ at ``high`` less that at ``low``, each with its own nudge}.

        ``share``: factor of the difference.
        """
        first = self.names[0]
        pairs = [[(self.inputs, high.values[first] - low.values[first])]]
        above = zip(self._pairs(high.values), self._pairs(low.values), strict=True)
        pairs += [[up, (pre, -post)] for up, (pre, post) in list(above)[1:]]
        return self._met(pairs, share) | self._readouts(high, low, share)

    def _pairs(self, values: Values) -> list[tuple[Tensor, Tensor]]:
        """(what meets its weights, what answers) of every block."""
        return list(zip([self.inputs, *list(values.values())[:-1]], values.values(), strict=True))

    def _met(self, pairs: list[list[tuple[Tensor, Tensor]]], share: float) -> Changes:
        r"""$-\gamma^{l-L}$ ``share`` times what meets the weights of block l times what answers, sum of its pairs."""
        found: Changes = {}
        for place, (name, given) in enumerate(zip(self.names, pairs, strict=True)):
            factor = -self._weight(place) * share
            met = self.couplings[name].correlated([(pre, factor * post) for pre, post in given])
            found |= {f"blocks.{name}.synapse.{key}": value for key, value in met.items()}
        return found

    def _readout(self, phase: Phase, share: float) -> Changes:
        if self.output is None or not phase.strength:
            return {}
        factor = share * phase.strength
        return {name: factor * slope for name, slope in self.output.weight_slopes(phase.output).items()}

    def _readouts(self, high: Phase, low: Phase, share: float) -> Changes:
        more, less = self._readout(high, share), self._readout(low, share)
        return {name: slope - less[name] if less else slope for name, slope in more.items()}

    def _weight(self, place: int) -> float:
        """Factor of the term of the block at ``place``."""
        return float(self.gain ** (place + 1 - len(self.names)))


class VectorField(Hopfield):
    r"""The dynamics of ``Hopfield`` with weights of their own on the way back, which no energy has.

    In place of a difference of energies stand the changes of each state, met by states ``at`` one point:
    $\Delta s_l \otimes s_{l-1}$ for the forward weights, $\Delta s_{l-1} \otimes s_l$ for those on the way back.

    Source: Scellier, Goyal, Binas, Mesnard & Bengio, arXiv 1808.04873, 2018, equation 14.
    """

    def contrast_at(self, high: Phase, low: Phase, at: Values, share: float) -> tuple[Changes, Changes]:
        """``share`` of the changes from ``low`` to ``high``, met by the values ``at``: of parameters, and of memory."""
        change = {name: value - low.values[name] for name, value in high.values.items()}
        below = [pre for pre, _ in self._pairs(at)]
        own: Changes = {}
        found = self._met([[pair] for pair in zip(below, change.values(), strict=True)], share)
        for place, (lower, name) in enumerate(pairwise(self.names), start=1):
            met = self.couplings[name].correlated([(change[lower], -self._weight(place) * share * at[name])])
            layers = {f"blocks.{name}.synapse.{key}".rpartition(".")[0]: v for key, v in met.items() if v.ndim > 1}
            own |= {PREFIX + layer: value for layer, value in layers.items()}
        return found | self._readouts(high, low, share), own


def _activation(network: Network, name: str) -> Activation:
    neuron = network.blocks[name].neuron
    assert isinstance(neuron, Rate)
    return neuron.activation


def _answer(activation: Activation, current: Tensor) -> Tensor:
    """Of every presentation by itself."""
    if isinstance(activation, Elementwise):
        return activation(current)
    return activation(current.flatten(0, 1)).view_as(current)
