"""Predictive coding under biological constraints: positive rates, synapses that lead one way, errors by division."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_flag, check_not_negative, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import BackWeights, LayeredKind
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.equilibrium.energies.constrained import (
    ConstrainedCoding,
    OwnWayBack,
    mean_of,
    moved,
    one_hot,
    refuse_left_out,
    scores_of,
    squares,
)
from spikelearn.plasticity.equilibrium.energies.layer_maps import Prediction
from spikelearn.plasticity.requires import Need, NoTrainableBias

ErrorKind = Literal["difference", "division"]

#: Added to both sides of a quotient of rates, to a rate by which an error is divided, and the largest root.
APART, FLOOR, LARGEST = 1e-3, 0.1, 100.0


class Compared(NamedTuple):
    """What a layer's neurons say of their values and of the prediction from below; all are [T, B, n].

    Args:
        prediction: from the values below, before c is added.
        mean: what is predicted, with c.
        error: what error neurons hold.
        sent: the error in the prediction that goes down, and that the weights learn by.
        own: what error neurons send to those that hold the values.
    """

    prediction: Prediction
    mean: Tensor
    error: Tensor
    sent: Tensor
    own: Tensor


class Inferred(NamedTuple):
    """{block: values [T, B, n]}, and {block: what is compared there}."""

    values: dict[str, Tensor]
    compared: dict[str, Compared]


@RULES.register("pc-constrained")
class PCConstrained(ConstrainedCoding):
    r"""Predictive coding with positive rates and synapses that lead one way; errors are differences or quotients.

    Values v of all layers, the input's and the output's given, move in ``steps`` steps while weights rest, each layer
    by what it makes of its own error and by what the error above sends:

    $$p_l = W_l v_{l-1}, \qquad \mu_l = \phi(p_l) + c, \qquad v_0 = x, \quad v_L = y + c,$$
    $$v_l \leftarrow [\,v_l + r_\uparrow\, B_{l+1}^\top d_{l+1} - r_\downarrow\, \epsilon_l\,]_+, \qquad
      \Delta W_l \propto \frac1B \sum_b d_l \otimes v_{l-1} .$$

    Values begin at $[\mu_l]_+$ of a pass from below; without ``positive``, $[x]_+$ is x. Errors are differences or
    quotients of rates, which are positive like the rates themselves:

    $$\epsilon_l = v_l - \mu_l, \quad d_l = \epsilon_l\, \phi'(p_l) \qquad\text{or}\qquad
      \epsilon_l = \sqrt{\frac{v_l + 0.001}{\mu_l + 0.001}}, \quad
      d_l = \frac{\ln \epsilon_l\; \phi'(p_l)}{\mu_l + 0.001},$$

    the root at most 100, and there $\ln \epsilon_l / (v_l + 0.1)$ stands for $\epsilon_l$ in the values' step. $B_l$
    has the shape of $W_l$. A synapse into a hidden layer needs its own two neurons, and no weight of another synapse
    unless ``feedback`` reads them. With "kolen-pollack" B learns by the same product as W; the decay of weights of the
    network's optimizer (AdamW by default) takes the difference of the two away.

    With ``online`` weights learn in every step, before it is looked at again: by errors of the values that have moved
    from the predictions that they had before, and by the presynaptic values before the move. A batch is then ``steps``
    updates.

    Predictions are by the pass from below, with c and the rectification. Metrics: ``energy``, half the squared
    differences $|v - \mu|^2$ of all layers after the last step, mean of the samples, and ``energy_start`` before the
    first; ``residual``, how far the last step moved the values, relative to their length.

    Args:
        feedback: where B comes from, as ``fa`` has it.
        errors: "difference" or "division".
        positive: whether values are rectified.
        offset: c, unit of rate; above 0 where errors are quotients.
        steps: of the values, a batch.
        rate_up: $r_\uparrow$, by which a value follows the error above.
        rate_down: $r_\downarrow$, by which it follows its own prediction.
        scale: size of B as drawn, in units of that of W as torch draws it.
        online: whether weights learn in every step of the values.

    Shapes: inputs [T, B, ...], whose steps are presentations of their own, targets [B]; values [T, B, n], W and B
        [n, n below].

    Raises:
        ValueError: a value out of range, quotients without an offset; blocks that are not dense or no rate neurons, a
            bias, feedback edges, a readout other than the plain rate.

    Source: Alonso & Neftci, ICONS 2021 ("Tightening the biological constraints on gradient-based predictive coding"),
    equations of the authors' program, whose output is a sigmoid whatever the hidden layers are. deviation: the mean of
    the samples in place of their sum; any activation of the output.
    """

    default_settings = {
        "steps": 1,
        "neuron_option": {"activation": "sigmoid"},
        "output": "rate",
        "output_option": {"activation": "sigmoid"},
        "batch": 32,
    }

    def __init__(
        self,
        *,
        feedback: LayeredKind = "kolen-pollack",
        errors: ErrorKind = "difference",
        positive: bool = True,
        offset: float = 0.0,
        steps: int = 20,
        rate_up: float = 0.1,
        rate_down: float = 0.1,
        scale: float = 1.0,
        online: bool = False,
    ) -> None:
        check_flag("online", online)
        check_choice("feedback", feedback, get_args(LayeredKind))
        check_choice("errors", errors, get_args(ErrorKind))
        check_flag("positive", positive)
        check_not_negative("offset", offset)
        check_count("steps", steps)
        check_positive("rate_up", rate_up)
        check_positive("rate_down", rate_down)
        check_positive("scale", scale)
        if errors == "division" and not (positive and offset > 0.0):
            raise ValueError(
                f"errors='division' divides rates, which must be above 0, but positive is {positive} and offset "
                f"{offset:g}: set positive=true and offset=1"
            )
        self.feedback, self.errors, self.positive, self.offset = feedback, errors, positive, offset
        self.steps, self.rate_up, self.rate_down, self.online = steps, rate_up, rate_down, online
        self.back = BackWeights(feedback, scale)
        self.own_as_network = feedback == "kolen-pollack"
        decay = {"weight_decay": 0.01 if self.own_as_network else 0.0}
        self.default_optimizer = OptimizerChoice("adamw", 1e-2, decay)

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, NoTrainableBias("has a constant in place of biases")

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        maps = OwnWayBack(network, batch.inputs, batch.masks, "post")
        values, last = self.forward(maps), maps.names[-1]
        scores = scores_of(network, values[last] - self.offset)
        values[last] = one_hot(batch, values[last]) + self.offset
        maps.weights_back = self.weights_back(network, memory)
        states = self.infer(maps, values)
        end = next(states)
        start = _energy(end)
        for number, new in enumerate(states, start=1):
            before, end = end, new
            if not self.online and number < self.steps:
                continue
            grads = self._changes(maps, end, batch.size)
            metrics = {
                "energy": float(_energy(end)),
                "energy_start": float(start),
                "residual": moved(before.values.values(), end.values.values()),
            }
            yield Update(grads, scores, start, own=self.own_changes(network, grads), metrics=metrics)
            # The step of the weights behind an update may have changed those on the way back.
            maps.weights_back = self.weights_back(network, memory)

    def _changes(self, maps: OwnWayBack, inferred: Inferred, samples: int) -> dict[str, Tensor]:
        """{parameter: minus the desired change}, mean of the samples."""
        summed: dict[str, Tensor] = {}
        for name, seen in inferred.compared.items():
            summed |= maps.weights(name, seen.prediction, seen.sent)
        return mean_of(summed, maps.network, samples)

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """What a pass from below predicts of the output, without c, [B, classes]."""
        refuse_left_out(self.name, valid)
        with torch.no_grad():
            maps = OwnWayBack(network, inputs, {}, "post")
            return scores_of(network, self.forward(maps)[maps.names[-1]] - self.offset)

    def forward(self, maps: OwnWayBack) -> dict[str, Tensor]:
        """{block: values [T, B, n]} in a pass from below."""
        if not (self.positive or self.offset):
            return {name: prediction.value for name, prediction in maps.forward().items()}
        maps.forward()  # checks the inputs, and brings them to the first weights
        found: dict[str, Tensor] = {}
        value: Tensor | None = None
        for name in maps.names:
            value = found[name] = self._rectified(maps.predict(name, value).value + self.offset)
        return found

    def infer(self, maps: OwnWayBack, values: Mapping[str, Tensor]) -> Iterator[Inferred]:
        """The values as they are, then after each step, with what is compared there; weights may change in between.

        Args:
            maps: of the network.
            values: {block: [T, B, n]}; those of the last rest.
        """
        now = Inferred(dict(values), self.compare(maps, values))
        yield now
        for _ in range(self.steps):
            new = dict(now.values)
            for name, above in pairwise(maps.names):
                seen, arriving = now.compared[name], now.compared[above]
                came = maps.back(above, arriving.prediction, arriving.sent, now.values[name])
                new[name] = self._rectified(new[name] + self.rate_up * came - self.rate_down * seen.own)
            if self.online:
                told = now.compared.items()
                yield Inferred(new, {name: self._compared(old.prediction, new[name]) for name, old in told})
            now = Inferred(new, self.compare(maps, new))
            if not self.online:
                yield now

    def compare(self, maps: OwnWayBack, values: Mapping[str, Tensor]) -> dict[str, Compared]:
        """{block: its prediction from the values below, and its errors}."""
        below = dict(zip(maps.names, [None, *values.values()], strict=False))
        return {name: self._compared(maps.predict(name, below[name]), value) for name, value in values.items()}

    def _compared(self, prediction: Prediction, value: Tensor) -> Compared:
        mean = prediction.value + self.offset
        if self.errors == "difference":
            error = value - mean
            return Compared(prediction, mean, error, error, error)
        error = ((value + APART) / (mean + APART)).sqrt().clamp(0.0, LARGEST)
        logarithm = error.log()
        return Compared(prediction, mean, error, logarithm / (mean + APART), logarithm / (value + FLOOR))

    def _rectified(self, values: Tensor) -> Tensor:
        return values.relu() if self.positive else values


def _energy(inferred: Inferred) -> Tensor:
    return squares([value - inferred.compared[name].mean for name, value in inferred.values.items()])
