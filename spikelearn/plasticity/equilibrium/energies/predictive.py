"""The energy of predictive coding: how far the values of every block are from what the block below predicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Activity, Network
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.equilibrium.energies.divergence import Divergence, Gaussian
from spikelearn.plasticity.equilibrium.energies.energy import Energy, Slopes, Values
from spikelearn.plasticity.equilibrium.energies.layer_maps import LayerMaps, Node, Prediction
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
        energy, loss: as in ``Slopes``.
        own: {block: derivative of its term in its values}.
        errors: {block: derivative of its term, or of the loss, in its prediction}.
        top: derivative of the loss in the last block's values; None where it has none.
    """

    energy: Tensor
    loss: Tensor
    own: Values
    errors: Values
    top: Tensor | None


class NudgingLoss(NamedTuple):
    """A loss of the output's values.

    Args:
        maps: of the network.
        batch: with its targets.
        loss: mean of the samples.
        strength: factor of the loss in the energy.
    """

    maps: LayerMaps
    batch: Batch
    loss: Loss
    strength: float

    def of(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """(loss in the energy, sum of all samples; scores [B, n]), differentiable in the output's values."""
        sent = self.maps.sent(self.maps.names[-1], value)
        output = Activity(sent, sent, sent)
        scores = self.maps.network.readout(output)
        mean = self.loss.of(self.batch, output, scores)
        return self.strength * self.batch.size * mean, scores

    def slope(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """(loss in the energy, its derivative in the output's values)."""
        leaf = value.detach().requires_grad_()
        with torch.enable_grad():
            loss, _ = self.of(leaf)
            (found,) = torch.autograd.grad(loss, leaf)
        return loss.detach(), found


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
        self.output_loss = NudgingLoss(self.maps, batch, loss, strength)
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
            self.held = top - self.output_loss.slope(top)[1]
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
        loss, top = self.output_loss.slope(self.forward[last].value)
        errors = {last: top}
        for name, below in pairwise(reversed(self.maps.names)):
            errors[below] = self.maps.back(name, self.forward[name], errors[name], self.forward[below].value)
        return PredictiveSlopes(torch.zeros_like(loss), loss, {}, {}, self.forward, errors)

    def of(self, values: Values) -> tuple[Tensor, Tensor]:
        names, total = self.maps.names, []
        value: Tensor | None = None
        for name in names:
            predicted = self.maps.predict(name, value).value
            value = values.get(name, self.held if name == names[-1] else None)
            if value is not None:
                total.append(self.precision[name] * self.divergences[name].of(value, predicted).sum())
        energy = torch.stack(total).sum() if total else predicted.new_zeros(())
        if self.output == "clamped":
            return energy, torch.zeros_like(energy)
        loss, _ = self.output_loss.of(predicted if value is None else value)
        return energy, loss

    @torch.no_grad()
    def terms(self, values: Values, predictions: Mapping[str, Prediction]) -> Terms:
        """The terms of E and of its derivatives that need no way back through a block."""
        last = self.maps.names[-1]
        known = values if self.held is None else values | {last: self.held}
        energy, loss = predictions[last].value.new_zeros(2).unbind()
        own, errors, top = Values(), Values(), None
        for name, value in known.items():
            term, weight = self.divergences[name].slopes(value, predictions[name].value), self.precision[name]
            energy = energy + weight * term.energy
            own[name], errors[name] = weight * term.value, weight * term.prediction
        if self.output == "predicted":
            loss, errors[last] = self.output_loss.slope(predictions[last].value)
        elif self.output == "free":
            loss, top = self.output_loss.slope(values[last])
        return Terms(energy, loss, own, errors, top)

    @torch.no_grad()
    def slopes(self, values: Values) -> PredictiveSlopes:
        predictions = self.predictions(values)
        energy, loss, own, errors, top = self.terms(values, predictions)
        arriving = Values() if top is None else {self.maps.names[-1]: top}
        for below, name in pairwise(self.maps.names):
            point = self.forward[below].value if self.fixed else values[below]
            arriving[below] = self.maps.back(name, predictions[name], errors[name], point)
        forces = {name: (own[name], arriving[name]) for name in values}
        found = {name: one + other for name, (one, other) in forces.items()}
        return PredictiveSlopes(energy, loss, found, forces, predictions, errors)

    @torch.no_grad()
    def weight_slopes(self, values: Values, slopes: Slopes) -> dict[str, Tensor]:
        assert isinstance(slopes, PredictiveSlopes)
        found: dict[str, Tensor] = {}
        for name, prediction in slopes.predictions.items():
            found |= self.maps.weights(name, prediction, slopes.errors[name])
        return found
