"""The eligibility of a leaky membrane whose threshold rises with every spike."""

from collections.abc import Collection

import torch
from torch import Tensor

from spikelearn.neurons import Adjoint, Neuron
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.three_factor.engine.slopes import Slopes
from spikelearn.plasticity.three_factor.traces.base import TRACES
from spikelearn.plasticity.three_factor.traces.carrier import Carrier, Eligibility, Whole
from spikelearn.plasticity.three_factor.traces.closed import ClosedForm, misfit_of_constants, misfit_of_membrane
from spikelearn.plasticity.three_factor.traces.lif import ADAPTIVE, LIFTrace


class ALIFCarrier(Carrier):
    r"""A trace for each input, and for each weight how far it has moved the neuron's adaptation, $\epsilon^a$."""

    per_input, per_weight = 1, 1
    trace: Tensor | None = None
    adapted: Tensor | None = None

    def step(self, slopes: Slopes, pre: Tensor, of: Collection[str]) -> dict[str, Eligibility]:
        x = self.fan_in.arriving(pre)
        decay = one_number(self.neuron, "decay_mem", "the trace 'alif'")
        self.trace = x if self.trace is None else decay * self.trace + x
        beta, gain, rho = (self._constant(name, slopes) for name in ("beta", "gain_mem", "decay_adaptation"))
        moved = self.trace.unsqueeze(2)
        if self.mask is not None:
            moved = moved * self.mask.unsqueeze(-1)
        if self.adapted is not None:
            moved = moved - beta / gain * self.adapted
        slopes_of = {result: self.slope(slopes, result, masked=False) for result in {*of, "spikes"}}
        whole = {result: slope.unsqueeze(-1) * moved for result, slope in slopes_of.items() if slope is not None}
        if "spikes" in whole:
            self.adapted = whole["spikes"] if self.adapted is None else rho * self.adapted + whole["spikes"]
        return {result: Whole(values) for result, values in whole.items() if result in of}

    def _constant(self, name: str, slopes: Slopes) -> Tensor:
        """A constant of the neurons, [1, G, M, P, 1]."""
        like = slopes.results["spikes"][:1].detach()
        value = torch.as_tensor(getattr(self.neuron, name), dtype=like.dtype, device=like.device)
        return self.fan_in.neurons(value.expand_as(like)).unsqueeze(-1)


@TRACES.register("alif")
class ALIFTrace(ClosedForm):
    r"""The eligibility of adaptive leaky integrate-and-fire neurons.

    $$e_{ji}[t] = \psi_j[t]\,\big(g\,\bar x_i[t] - \beta\,\epsilon^a_{ji}[t-1]\big), \qquad
      \epsilon^a_{ji}[t] = \rho\,\epsilon^a_{ji}[t-1] + e_{ji}[t], \qquad
      \bar x_i[t] = \lambda\,\bar x_i[t-1] + x_i[t]$$

    $\lambda$ is the membrane's decay, g its input gain, $\rho$ the decay of the adaptation, $\beta$ the rise of the
    threshold per spike; $\beta$ and $\rho$ may differ from neuron to neuron. It takes a number for each weight and
    sample. Neurons of ``lif`` keep the trace of that name.

    Shapes: x [T, B, in...], spikes per step.

    Raises:
        ValueError: neurons other than adaptive ones and those of ``lif``; a reset to a value, or one that is
            differentiated; a decay_mem for each neuron.

    Source: Bellec et al., Nature Communications 11, 2020, eligibility of ALIF, where $\epsilon^a[t]$ is that of the
    step before here.
    """

    def misfit(self, adjoint: Adjoint, neuron: Neuron) -> str:
        if isinstance(neuron, ADAPTIVE):
            misfit = misfit_of_membrane(adjoint, neuron, ADAPTIVE)
            return misfit or misfit_of_constants(neuron, "decay_mem")
        return LIFTrace().misfit(adjoint, neuron)

    def carried_by(self, adjoint: Adjoint, neuron: Neuron) -> tuple[str, type[Carrier]]:
        plain = LIFTrace()
        return ("alif", ALIFCarrier) if plain.misfit(adjoint, neuron) else plain.carried_by(adjoint, neuron)
