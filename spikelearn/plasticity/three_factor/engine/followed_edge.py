"""The eligibility of an edge's weights in a run that goes step by step, low-passed and summed, and their gradient."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.neurons import LeakyIntegrator
from spikelearn.plasticity.three_factor.engine.slopes import Slopes
from spikelearn.plasticity.three_factor.traces.carrier import Carrier, Eligibility, Whole


class LowPass(NamedTuple):
    r"""The memory of a leaky readout, $\bar e[t] = \kappa\,\bar e[t-1] + g\,e[t]$.

    Args:
        decay: $\kappa$ per step.
        gain: g, $1-\kappa$ of a membrane of unit resistance.
    """

    decay: float
    gain: float

    def follow(self, before: Tensor | None, now: Tensor) -> Tensor:
        """The filtered value at this step, given that of the step before; None: there was none."""
        scaled = self.gain * now
        return scaled if before is None else before.mul_(self.decay).add_(scaled)


def readout_memory(network: Network) -> LowPass | None:
    """The memory that all outputs share, of leaky integrators with one decay and one gain; None: there is none."""
    filters = set()
    for name in network.outputs:
        neuron = network.blocks[name].neuron
        if type(neuron) is not LeakyIntegrator or {"decay_mem", "gain_mem"} & set(neuron.per_neuron):
            return None
        filters.add(LowPass(float(neuron.decay_mem), float(neuron.gain_mem)))
    return filters.pop() if len(filters) == 1 else None


class FollowedEdge:
    """The weights of an edge, whose eligibility is carried from step to step.

    Args:
        carrier: of the eligibility.
        low_pass: of the eligibility, where errors come from a readout that remembers; None: errors meet it as it is.
        summed: whether it is summed over steps and samples too, for what is known at the end alone.
    """

    def __init__(self, carrier: Carrier, low_pass: LowPass | None = None, *, summed: bool = False) -> None:
        self.carrier, self.low_pass, self.summed = carrier, low_pass, summed
        self.filtered: Tensor | None = None
        self.total: Tensor | None = None

    def step(
        self, slopes: Slopes, pre: Tensor, errors: Mapping[str, Tensor], sent: Tensor | None = None
    ) -> dict[str, Tensor]:
        """{parameter of the synapse: gradient} at this step; {} where no error arrives.

        Args:
            slopes: of the neurons' step.
            pre: what crossed the synapse, [B, in...].
            errors: {"spikes" or "v": error there, [B, out...]}.
            sent: share of every spike that is sent on, [B, out...]; None: all.
        """
        fan_in, total = self.carrier.fan_in, None
        always = ("spikes",) if self.low_pass or self.summed else ()
        for result, eligibility in self.carrier.step(slopes, pre, {*errors, *always}).items():
            if self.summed and result == "spikes":
                self._add(eligibility if sent is None else eligibility.scaled(fan_in.neurons(sent)))
            met = self._low_passed(eligibility) if self.low_pass and result == "spikes" else eligibility
            if result in errors:
                more = met.met_by(fan_in.neurons(errors[result]))
                total = more if total is None else total + more
        return {} if total is None else fan_in.gradients(total)

    def met_by_sum(self, error: Tensor) -> dict[str, Tensor]:
        """{parameter: gradient} by an error that is the same at all steps and for all samples, [out...]."""
        if self.total is None:
            return {}
        fan_in = self.carrier.fan_in
        by_neuron = fan_in.neurons(error.unsqueeze(0))[0]
        return fan_in.gradients(torch.einsum("gmp,gmpf->gmf", by_neuron, self.total))

    def _add(self, eligibility: Eligibility) -> None:
        now = eligibility.over_samples()
        self.total = now if self.total is None else self.total.add_(now)

    def _low_passed(self, eligibility: Eligibility) -> Whole:
        assert self.low_pass is not None
        self.filtered = self.low_pass.follow(self.filtered, eligibility.whole())
        return Whole(self.filtered)
