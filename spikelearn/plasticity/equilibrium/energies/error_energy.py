"""Predictive coding's energy as a function of errors instead of values: signals reach every block in one iteration."""

from itertools import pairwise

import torch
from torch import Tensor

from spikelearn.plasticity.equilibrium.energies.energy import Energy, Slopes, Values
from spikelearn.plasticity.equilibrium.energies.layer_maps import Prediction
from spikelearn.plasticity.equilibrium.energies.predictive import PredictiveEnergy, PredictiveSlopes


class ErrorEnergy(Energy):
    r"""The energy of predictive coding as a function of the errors $\epsilon_l$, from which values follow.

    $$v_l = f_l(v_{l-1}) + \epsilon_l, \qquad E = \sum_l \tfrac{\pi_l}{2} |\epsilon_l|^2 + \lambda L$$

    The change of variables has an inverse, so equilibria, and what weights learn there, are those of the values. But an
    error acts on the loss through all blocks above at once, where a value acts on the block above alone: what arrives
    at a block does not fade with every block that it crosses. ``Values`` are errors here. They begin at 0.

    Args:
        inner: the energy of the values, with half squared distances.

    Source: Goemaere, Oliviers, Bogacz & Demeester, "Error Optimization", arXiv 2505.20137, 2025.
    """

    def __init__(self, inner: PredictiveEnergy) -> None:
        super().__init__(inner.network)
        self.inner = inner

    def start(self) -> Values:
        return {name: torch.zeros_like(value) for name, value in self.inner.start().items()}

    def weights_changed(self) -> None:
        self.inner.weights_changed()

    def values_of(self, errors: Values) -> tuple[Values, dict[str, Prediction]]:
        """The values with these errors, and their predictions."""
        values, predictions = Values(), {}
        below: Tensor | None = None
        for name in self.inner.maps.names:
            kept = self.inner.forward if below is None else None
            predictions[name] = kept[name] if kept else self.inner.maps.predict(name, below)
            if name in errors:
                below = values[name] = predictions[name].value + errors[name]
        return values, predictions

    def of(self, values: Values) -> tuple[Tensor, Tensor]:
        return self.inner.of(self.values_of(values)[0])

    @torch.no_grad()
    def slopes(self, values: Values) -> PredictiveSlopes:
        found, predictions = self.values_of(values)
        own, errors, top = self.inner.terms(found, predictions)
        names = self.inner.maps.names
        # How the loss changes with a block's values while the errors above stay: errors of backpropagation.
        reaching = {names[-1]: errors[names[-1]] if top is None else top}
        for name, below in pairwise(reversed(names)):
            reaching[below] = self.inner.maps.back(name, predictions[name], reaching[name], found[below])
        forces = {name: (own[name], reaching[name]) for name in values}
        slopes = {name: one + other for name, (one, other) in forces.items()}
        return PredictiveSlopes(lambda: self.inner.sums(found, predictions), slopes, forces, predictions, errors)

    def weight_slopes(self, values: Values, slopes: Slopes) -> dict[str, Tensor]:
        return self.inner.weight_slopes(values, slopes)
