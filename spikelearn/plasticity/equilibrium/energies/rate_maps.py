"""The maps of mean rates of a chain of neurons that fire, linear around what a run did, and back."""

from collections.abc import Mapping

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.neurons import Rate, Surrogate
from spikelearn.plasticity.base import firing_rates
from spikelearn.plasticity.equilibrium.energies.layer_maps import LayerMaps, Prediction
from spikelearn.synapses import as_float, transpose


class RateMaps(LayerMaps):
    r"""The maps of ``LayerMaps`` where neurons fire: values are mean rates of a run, slopes those of a surrogate.

    $$r_l = \frac1T \sum_t s_l[t], \qquad J_l = \mathrm{diag}(\bar\psi_l)\,W_l, \qquad
      \bar\psi_l = \frac1T \sum_t \psi(v_l[t] - v_{threshold})$$

    They are known at what the run did alone, which fixed predictions ask for. Rate neurons among them have the mean
    of their own slopes.

    Args:
        network: a chain of neurons that fire, or of rate neurons, without delays.
        inputs: [T, B, ...], one presentation.
        masks: {place: factor [B, ...]}, as in ``Network.run``.
        adjoint: $\psi$, per unit of potential.

    Shapes: values and what meets weights [1, B, ...].
    """

    def __init__(self, network: Network, inputs: Tensor, masks: Mapping[str, Tensor], adjoint: Surrogate) -> None:
        super().__init__(network, inputs, masks, "post")
        assert adjoint.spike_function.derivative is not None
        self.derivative = adjoint.spike_function.derivative
        #: Potentials, or currents of rate neurons, of every block, [T, B, ...]; known from ``forward`` on.
        self.potentials: dict[str, Tensor] = {}
        #: {block: mean firing rate}, from then on too.
        self.rates: dict[str, float] = {}

    @torch.no_grad()
    def forward(self) -> dict[str, Prediction]:
        record, _ = self.network.run(self.given, masks=self.masks)
        self.rates = firing_rates(self.network, record)
        found = {}
        for name, seen in record.items():
            self.potentials[name] = seen.v
            pre = as_float(seen.pre, self.network).mean(0, keepdim=True)
            found[name] = Prediction(pre, seen.v, seen.spikes.mean(0, keepdim=True))
        return found

    def predict(self, name: str, below: Tensor | None) -> Prediction:
        raise ValueError(
            f"neurons of block {name!r} fire, whose rates are known at what a run did alone: fix predictions"
        )

    def sent(self, name: str, value: Tensor) -> Tensor:
        """The values, in which masks have their part already."""
        return value

    def error_at_current(self, name: str, prediction: Prediction, error: Tensor) -> Tensor:
        v, neuron = self.potentials[name], self.network.blocks[name].neuron
        masked = self._masked(error, name)
        if isinstance(neuron, Rate):
            repeated = masked.expand(len(v), *masked.shape[1:])
            carried = self.slope(name, v, repeated).mean(0, keepdim=True)
        else:
            carried = masked * self.derivative(v - neuron.v_threshold).mean(0, keepdim=True)
        return self._masked(carried, f"{name}.synapse")

    def back(self, name: str, prediction: Prediction, error: Tensor, below: Tensor) -> Tensor:
        at_current = self.error_at_current(name, prediction, error)
        return transpose(self.network.blocks[name].synapse, prediction.pre, at_current)
