"""The energy of predictive coding: how far the values of every block are from what the block below predicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.equilibrium.energies.divergence import Divergence, Gaussian
from spikelearn.plasticity.equilibrium.energies.energy import Energy, Slopes, Values
from spikelearn.plasticity.equilibrium.energies.layer_maps import LayerMaps, Node, Prediction
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.per_layer import of_layer

#: Where the target enters: the loss of what the output predicts, of values of its own, or values that are held.
Output = Literal["predicted", "free", "clamped"]


@dataclass(frozen=True)
class PredictiveSlopes(Slopes):
    """Derivatives of predictive coding's energy.

    Args:
        predictions: {block: its prediction, from the values below}.
        errors: {block: derivative in the prediction}.
    """

    predictions: dict[str, Prediction] = field(default_factory=dict)
    errors: dict[str, Tensor] = field(default_factory=dict)


class Terms(NamedTuple):
    """What the slopes of predictive coding's energy are made of.

    Args:
        own: {block: derivative of its term in its values}.
        errors: {block: derivative of its term, or of the loss, in its prediction}.
        top: derivative of the loss in the last block's values; None where it has none.
    """

    own: Values
    errors: Values
    top: Tensor | None


class NudgingLoss(NamedTuple):
    """A loss of the output's values.

    Args:
        maps: of the network.
        output: the loss of what the output neurons make of the values.
        strength: factor of the loss in the energy.
    """

    maps: LayerMaps
    output: OutputLoss
    strength: float

    def of(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """(loss in the energy, sum of all samples; scores [B, n]), differentiable in the output's values."""
        scores, mean = self.output.read(self._outputs(value))
        return self.strength * self.output.batch.size * mean, scores

    def slope(self, value: Tensor) -> Tensor:
        """Derivative of the loss in the energy in the output's values."""
        found = self.strength * self.output.slope(self._outputs(value))
        return found if self.maps.node == "post" else self.maps.slope(self.maps.names[-1], value, found)

    def _outputs(self, value: Tensor) -> Tensor:
        return value if self.maps.node == "post" else self.maps.answer(self.maps.names[-1], value)


class PredictiveEnergy(Energy):
    r"""The energy of predictive coding, with a loss L of the output.

    $$E = \sum_l \pi_l\,D(v_l, \mu_l) + \lambda L, \qquad \mu_l = f_l(v_{l-1}), \quad v_0 = x$$

    D is half the squared distance unless another divergence is given. With the output "predicted" the last block has no
    values and L is of $\mu_L$; "free": it has, and L is of $v_L$; "clamped": its values are held at
    $\hat v_L - \lambda\,\partial L / \partial \hat v_L$, where $\hat v$ is what the network makes of the inputs, and
    there is no loss. Inference begins at $\hat v$. With fixed predictions $\mu_l$ and the derivatives of $f_l$ are
    those at $\hat v$ whatever the values are; what is descended then is no function of them.

    Args:
        network: a chain of rate neurons, within a presentation.
        batch: inputs [T, B, ...] and targets.
        loss: L, mean of the samples.
        strength: $\lambda$.
        node: values of outputs of the neurons ("post") or of their currents ("pre").
        output: where the target enters.
        fixed: whether predictions are fixed.
        precision: $\pi$ of each block in turn, the last for further ones.
        divergences: D of each block in turn, the last for further ones.
        maps: those of the blocks, such as ``RateMaps`` where neurons fire; None: of rate neurons.
    """

    def __init__(
        self,
        network: Network,
        batch: Batch,
        loss: Loss,
        *,
        strength: float = 1.0,
        node: Node = "post",
        output: Output = "predicted",
        fixed: bool = False,
        precision: Sequence[float] = (1.0,),
        divergences: Sequence[Divergence] = (Gaussian(),),
        maps: LayerMaps | None = None,
    ) -> None:
        super().__init__(network)
        self.maps = maps or LayerMaps(network, batch.inputs, batch.masks, node)
        # Rates of neurons that fire have passed their mask.
        read = OutputLoss(network, batch, loss, masked=maps is None)
        self.output_loss = NudgingLoss(self.maps, read, strength)
        self.output, self.fixed = output, fixed
        self.precision = {name: of_layer(tuple(precision), place) for place, name in enumerate(self.maps.names)}
        self.divergences = {name: of_layer(tuple(divergences), place) for place, name in enumerate(self.maps.names)}
        #: Values of the last block where they are held.
        self.held: Tensor | None = None
        #: Predictions at the start; those of the first block stay as they are while weights do.
        self.forward: dict[str, Prediction] = {}

    def start(self) -> Values:
        self.forward = self.maps.forward()
        last = self.maps.names[-1]
        if self.output == "clamped":
            top = self.forward[last].value
            self.held = top - self.output_loss.slope(top)
        return {name: found.value for name, found in self.forward.items() if name != last or self.output == "free"}

    @torch.no_grad()
    def predicted(self) -> tuple[Tensor, Tensor]:
        """(the loss, mean of the samples, and the scores [B, n] of what the network makes of the inputs)."""
        loss, scores = self.output_loss.of(self.forward[self.maps.names[-1]].value)
        return loss / (self.output_loss.strength * len(scores)), scores

    def weights_changed(self) -> None:
        self.forward = {}

    @torch.no_grad()
    def predictions(self, values: Values) -> dict[str, Prediction]:
        """{block: its prediction, from the values of the block below}."""
        if self.fixed:
            return self.forward
        first, *others = self.maps.names
        found = {first: self.forward[first] if self.forward else self.maps.predict(first, None)}
        for below, name in pairwise([first, *others]):
            found[name] = self.maps.predict(name, values[below])
        return found

    @torch.no_grad()
    def backpropagated(self) -> PredictiveSlopes:
        """Errors as backpropagation has them, at what the network makes of the inputs."""
        last = self.maps.names[-1]
        errors = {last: self.output_loss.slope(self.forward[last].value)}
        for name, below in pairwise(reversed(self.maps.names)):
            errors[below] = self.maps.back(name, self.forward[name], errors[name], self.forward[below].value)
        return PredictiveSlopes(lambda: self.sums({}, self.forward), {}, {}, self.forward, errors)

    def of(self, values: Values) -> tuple[Tensor, Tensor]:
        below: Tensor | None = None
        predictions = {}
        for name in self.maps.names:
            predictions[name] = self.maps.predict(name, below)
            below = values.get(name)
        return self.sums(values, predictions)

    def sums(self, values: Values, predictions: Mapping[str, Prediction]) -> tuple[Tensor, Tensor]:
        """``of`` values whose predictions are known."""
        last = self.maps.names[-1]
        known = values if self.held is None else values | {last: self.held}
        energy = predictions[last].value.new_zeros(())
        for name, value in known.items():
            apart = self.divergences[name].of(value, predictions[name].value)
            energy = energy + self.precision[name] * apart.sum()
        if self.output == "clamped":
            return energy, torch.zeros_like(energy)
        return energy, self.output_loss.of(known.get(last, predictions[last].value))[0]

    @torch.no_grad()
    def terms(self, values: Values, predictions: Mapping[str, Prediction]) -> Terms:
        """The terms of E and of its derivatives that need no way back through a block."""
        last = self.maps.names[-1]
        known = values if self.held is None else values | {last: self.held}
        own, errors, top = Values(), Values(), None
        for name, value in known.items():
            found, weight = self.divergences[name].slopes(value, predictions[name].value), self.precision[name]
            own[name], errors[name] = found if weight == 1.0 else (weight * found.value, weight * found.prediction)
        if self.output == "predicted":
            errors[last] = self.output_loss.slope(predictions[last].value)
        elif self.output == "free":
            top = self.output_loss.slope(values[last])
        return Terms(own, errors, top)

    @torch.no_grad()
    def slopes(self, values: Values) -> PredictiveSlopes:
        predictions = self.predictions(values)
        own, errors, top = self.terms(values, predictions)
        arriving = Values() if top is None else {self.maps.names[-1]: top}
        for below, name in pairwise(self.maps.names):
            point = self.forward[below].value if self.fixed else values[below]
            arriving[below] = self.maps.back(name, predictions[name], errors[name], point)
        forces = {name: (own[name], arriving[name]) for name in values}
        found = {name: one + other for name, (one, other) in forces.items()}
        return PredictiveSlopes(lambda: self.sums(values, predictions), found, forces, predictions, errors)

    @torch.no_grad()
    def weight_slopes(self, values: Values, slopes: Slopes) -> dict[str, Tensor]:
        assert isinstance(slopes, PredictiveSlopes)
        found: dict[str, Tensor] = {}
        for name, prediction in slopes.predictions.items():
            found |= self.maps.weights(name, prediction, slopes.errors[name])
        return found
