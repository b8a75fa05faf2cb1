"""Rate neurons with prospective coding, stepped in time: noise, potentials, rates and errors of a chain of layers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spikelearn.plasticity.equilibrium.energies.constrained import OwnWayBack
from spikelearn.plasticity.equilibrium.energies.layer_maps import Prediction

#: How the output is compared with its target: by potentials, by their softmax, or by rates.
Compared = Literal["potential", "softmax", "rate"]


class Layer(NamedTuple):
    """State of a layer after a step, each [B, n].

    Args:
        noise: Ornstein-Uhlenbeck noise of its potentials.
        v: membrane potential.
        prospective: what the potential is heading for.
        rate: what it sends.
        high: its rate behind a high-pass filter.
        error: that its weights learn by.
    """

    noise: Tensor
    v: Tensor
    prospective: Tensor
    rate: Tensor
    high: Tensor
    error: Tensor

    @classmethod
    def at_rest(cls, like: Tensor) -> "Layer":
        """All 0, shaped like [B, n]."""
        return cls(*torch.zeros_like(like).expand(6, *like.shape).clone())


class Moment(NamedTuple):
    """A network after a step, and what met its weights in it.

    Args:
        layers: {block: its state}.
        predictions: {block: what met its weights, and the current that it made}, [1, B, n].
    """

    layers: dict[str, Layer]
    predictions: dict[str, Prediction]


@dataclass(frozen=True)
class Dynamics:
    """The constants of the integration; all times in one unit.

    Args:
        dt: step.
        tau: of membranes.
        tau_noise: of the noise.
        tau_high: of the high-pass filter.
        beta: how strongly the output is compared with its target.
        compared: by what.
        sigmas: {block: size of its noise}.
    """

    dt: float
    tau: float
    tau_noise: float
    tau_high: float
    beta: float
    compared: Compared
    sigmas: Mapping[str, float]

    def step(
        self,
        maps: OwnWayBack,
        before: Mapping[str, Layer],
        x: Tensor,
        target: Tensor,
        drawn: Mapping[str, Tensor],
        *,
        first: bool,
    ) -> Moment:
        """One Euler step of all layers at once: every arrow takes one step, that from the inputs none.

        Args:
            maps: of the network, with the weights back as they are.
            before: {block: its state}.
            x: inputs, [B, n].
            target: of the output, [B, n].
            drawn: {block with noise: normal numbers [B, n]}.
            first: whether nothing has happened before: then no rate has a slope, and none has changed.
        """
        errors = self.errors(maps, before, target, first=first)
        layers, predictions = {}, {}
        for name in maps.names:
            below = maps.below.get(name)
            pre = x if below is None else maps.passed(below, before[below].rate)
            predictions[name] = maps.driven(name, pre.unsqueeze(0))
            layers[name] = self._layer(
                maps, name, before[name], predictions[name].current[0], drawn.get(name), errors[name], first=first
            )
        return Moment(layers, predictions)

    def errors(
        self, maps: OwnWayBack, before: Mapping[str, Layer], target: Tensor, *, first: bool
    ) -> dict[str, Tensor]:
        """{block: error [B, n]}, by what was a step ago."""
        last = maps.names[-1]
        seen = before[last]
        if self.compared == "rate":
            apart, potential = (target - seen.rate).unsqueeze(0), seen.prospective.unsqueeze(0)
            compared = torch.zeros_like(target) if first else maps.slope(last, potential, apart)[0]
        else:
            found = seen.prospective.softmax(1) if self.compared == "softmax" else seen.prospective
            compared = target - found
        errors = {last: self.beta * compared}
        for name, above in pairwise(maps.names):
            if first:
                errors[name] = torch.zeros_like(before[name].error)
                continue
            potential = before[name].prospective.unsqueeze(0)
            arriving = Prediction(potential, before[above].prospective.unsqueeze(0), before[above].prospective)
            errors[name] = maps.back(above, arriving, before[above].error.unsqueeze(0), potential)[0]
        return errors

    def _layer(
        self,
        maps: OwnWayBack,
        name: str,
        before: Layer,
        current: Tensor,
        drawn: Tensor | None,
        error: Tensor,
        *,
        first: bool,
    ) -> Layer:
        noise = before.noise - self.dt * before.noise / self.tau_noise
        if drawn is not None:
            noise = noise + math.sqrt(self.tau_noise * self.dt) * self.sigmas[name] * drawn / self.tau_noise
        slope = (current + noise - before.v) / self.tau
        # Prospective coding looks ahead of the membrane by its own time constant, which undoes its delay.
        prospective = before.v + self.tau * slope
        rate = maps.answer(name, prospective.unsqueeze(0))[0]
        change = torch.zeros_like(rate) if first else rate - before.rate
        high = before.high + change - self.dt / self.tau_high * before.high
        return Layer(noise, before.v + self.dt * slope, prospective, rate, high, error)
