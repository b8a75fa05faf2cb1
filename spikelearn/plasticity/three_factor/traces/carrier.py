"""The eligibility of every weight of an edge, carried from step to step."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from spikelearn.neurons import Neuron
from spikelearn.plasticity.three_factor.engine.slopes import CURRENT, STATE, Slopes
from spikelearn.plasticity.three_factor.traces.fan_in import FanIn


class FactoredEligibility(NamedTuple):
    """An eligibility that is a factor of the neuron times a factor of what met its weights.

    Args:
        post: [B, G, M, P].
        pre: [B, G, P, fan-in].
    """

    post: Tensor
    pre: Tensor

    def whole(self) -> Tensor:
        """It for every neuron and weight, [B, G, M, P, fan-in]."""
        return self.post.unsqueeze(-1) * self.pre.unsqueeze(2)

    def scaled(self, factor: Tensor) -> "FactoredEligibility":
        """It times a factor for each neuron, [B, G, M, P]."""
        return FactoredEligibility(self.post * factor, self.pre)

    def over_samples(self) -> Tensor:
        """Its sum over the samples, [G, M, P, fan-in]."""
        return torch.einsum("bgmp,bgpf->gmpf", self.post, self.pre)

    def met_by(self, error: Tensor) -> Tensor:
        """The gradient of the weights, [G, M, fan-in], by an error of the neurons, [B, G, M, P]."""
        return torch.einsum("bgmp,bgpf->gmf", error * self.post, self.pre)


class Whole(NamedTuple):
    """An eligibility for every neuron and weight.

    Args:
        values: [B, G, M, P, fan-in].
    """

    values: Tensor

    def whole(self) -> Tensor:
        """It for every neuron and weight, [B, G, M, P, fan-in]."""
        return self.values

    def scaled(self, factor: Tensor) -> "Whole":
        """It times a factor for each neuron, [B, G, M, P]."""
        return Whole(self.values * factor.unsqueeze(-1))

    def over_samples(self) -> Tensor:
        """Its sum over the samples, [G, M, P, fan-in]."""
        return self.values.sum(0)

    def met_by(self, error: Tensor) -> Tensor:
        """The gradient of the weights, [G, M, fan-in], by an error of the neurons, [B, G, M, P]."""
        return torch.einsum("bgmp,bgmpf->gmf", error, self.values)


Eligibility = FactoredEligibility | Whole


class Carrier(ABC):
    r"""The eligibility $\partial z_j[t]/\partial w_{ji}$ of an edge's weights, through the time of the neuron j alone.

    Args:
        fan_in: the weights.
        neuron: the model that they drive.
        current: which of its currents.
    """

    #: Numbers that it keeps for each input, and for each neuron and weight; None: one for each field of the state that
    #: weights reach.
    per_input: ClassVar[int] = 0
    per_weight: ClassVar[int | None] = 0
    #: Factor on the current of the edge, [B, G, M, P], constant in time; None: 1.
    mask: Tensor | None = None
    #: (current that it drives, weight [1 or B, G, M, P]) of every way from a neuron to itself, one step late.
    loops: Sequence[tuple[str, Tensor]] = ()

    def __init__(self, fan_in: FanIn, neuron: Neuron, current: str) -> None:
        self.fan_in, self.neuron = fan_in, neuron
        self.given = CURRENT + current

    @abstractmethod
    def step(self, slopes: Slopes, pre: Tensor, of: Collection[str]) -> dict[str, Eligibility]:
        """The eligibilities at this step of "spikes" or "v", those that ``of`` names and that have one.

        Args:
            slopes: of the neurons' step.
            pre: what crossed the synapse, [B, in...].
            of: results of the step.
        """

    def slope(self, slopes: Slopes, result: str, *, masked: bool = True) -> Tensor | None:
        """The derivative of a result in the current of the edge, [B, G, M, P], or in that behind its mask."""
        given = slopes.of(result, self.given)
        if given is None:
            return None
        own = self.fan_in.neurons(given)
        return own * self.mask if masked and self.mask is not None else own


class Derived(Carrier):
    r"""The eligibility of any neuron, from the derivatives of its step.

    $$\epsilon[t] = \frac{\partial h[t]}{\partial h[t-1]}\,\epsilon[t-1] + \frac{\partial h[t]}{\partial I[t]}\,x_i[t],
      \qquad e_{ji}[t] = \frac{\partial z[t]}{\partial h[t-1]}\,\epsilon[t-1]
      + \frac{\partial z[t]}{\partial I[t]}\,x_i[t]$$

    h is the neuron's state, of any number of fields, x what meets the weight. Fields that no weight reaches by a
    derivative, such as a count of steps, take no room.
    """

    per_weight = None
    #: {field of the state: its eligibility, [B, G, M, P, fan-in]}.
    fields: Mapping[str, Tensor] = {}
    #: That of the last step's spikes, where they come back to their neuron.
    sent: Tensor | None = None

    def step(self, slopes: Slopes, pre: Tensor, of: Collection[str]) -> dict[str, Eligibility]:
        x = self.fan_in.arriving(pre)
        combined = {result: self._combined(slopes, result, x) for result in of}
        after = {field: self._combined(slopes, STATE + field, x) for field in slopes.fields}
        if self.loops:
            self.sent = self._combined(slopes, "spikes", x)
        self.fields = {field: value for field, value in after.items() if value is not None}
        return {result: Whole(value) for result, value in combined.items() if value is not None}

    def _combined(self, slopes: Slopes, result: str, x: Tensor) -> Tensor | None:
        own = self.slope(slopes, result)
        total = None if own is None else own.unsqueeze(-1) * x.unsqueeze(2)
        for field, kept in self.fields.items():
            if (slope := slopes.of(result, STATE + field)) is not None:
                term = self.fan_in.neurons(slope).unsqueeze(-1) * kept
                total = term if total is None else total.add_(term)
        sent = self.sent
        for current, weight in self.loops if sent is not None else ():
            if sent is not None and (slope := slopes.of(result, CURRENT + current)) is not None:
                term = (self.fan_in.neurons(slope) * weight).unsqueeze(-1) * sent
                total = term if total is None else total.add_(term)
        return total
