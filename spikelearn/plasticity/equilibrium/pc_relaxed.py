"""Predictive coding with its constraints relaxed: weights back, slopes and error wiring are learned or left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_flag, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import BackWeights, LayeredKind, neuron_shapes
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
from spikelearn.plasticity.equilibrium.energies.layer_maps import Node, Prediction
from spikelearn.plasticity.requires import Need, NoTrainableBias

ErrorWeights = Literal["one-to-one", "learned", "ascending"]

#: What stands before a block in the memory's names of error weights, and of biases by the place in a batch.
ERRORS, BIASES = "error_weights.", "sample_bias."

#: Standard deviation of the first error weights, whose absolute values are taken.
WIDTH = 0.05

#: Part of the learning rate that every step of the values has where weights learn within the inference.
CONTINUAL = 0.05


class Inferred(NamedTuple):
    """What the inference has come to after a step.

    Args:
        values: {block: [T, B, n]}.
        predictions: {block: of its values, before the bias of the place is added}.
        means: {block: what is predicted}, before error weights.
        errors: {block: [T, B, n]}.
    """

    values: dict[str, Tensor]
    predictions: dict[str, Prediction]
    means: dict[str, Tensor]
    errors: dict[str, Tensor]


@dataclass(frozen=True)
class Circuit:
    """The weights of a network and of a rule's memory, as an inference reads them.

    Args:
        maps: of the network.
        network: whose weights they are.
        memory: the rule's.
    """

    maps: OwnWayBack
    network: Network
    memory: Memory

    def mean(self, name: str, prediction: Prediction) -> Tensor:
        """A block's prediction, with the biases of the places in the batch where there are any."""
        bias = self.memory.get(BIASES + name)
        return prediction.value if bias is None else prediction.value + bias[: prediction.value.shape[1]]

    def wired(self, name: str, mean: Tensor) -> Tensor:
        """The prediction as it arrives at the error neurons of a block."""
        weight = self.memory.get(ERRORS + name)
        return mean if weight is None else mean @ weight


@RULES.register("pc-relaxed")
class PCRelaxed(ConstrainedCoding):
    r"""Predictive coding without weight transport, slopes on the way back, or one-to-one wiring of errors.

    Values v of the hidden layers move in ``steps`` steps while weights rest, x and the target y given, down

    $$E = \sum_l |\epsilon_l|^2, \qquad \epsilon_l = v_l - M_l\, \mu_l, \qquad \mu_l = \phi(W_l v_{l-1} + b_l),
      \qquad v_0 = x, \quad v_L = y,$$
    $$v_l \leftarrow v_l - 2 r\, [\epsilon_l - B_{l+1}^\top (\epsilon_{l+1}\, \phi'_{l+1})], \qquad
      \Delta W_l \propto \frac2B \sum_b (\epsilon_l\, \phi'_l) \otimes v_{l-1},$$

    where three things may differ from the gradient. $B_l$, of the shape of $W_l$, is W (``feedback="transpose"``),
    random, or learned: then it gets the change of W. ``slopes=false`` leaves $\phi'_{l+1}$ out of what comes back, not
    out of what the weights learn by. Error weights $M_l$ of the hidden layers are 1 ("one-to-one") or dense and
    learned, $\Delta M_l \propto \frac1B \sum_b \epsilon_l \otimes \mu_l$. With ``fixed`` (the default) $\mu$, $\phi'$
    and the $v_{l-1}$ by which weights learn stay those of a pass from below, so that with the transpose, and steps
    enough, W changes as by backpropagation.

    Metrics: ``energy``, $E / 2$ after the last step, mean of the samples, and ``energy_start`` before the first (with
    fixed predictions it may rise, for E is not descended then); ``residual``, how far the last step moved the values,
    relative to their length.

    Args:
        feedback: where B comes from, as ``fa`` has it; "kolen-pollack": drawn, then changed as W is.
        slopes: whether what comes back is multiplied by $\phi'$.
        error_weights: "one-to-one", "learned", or "ascending": learned with the sign of the authors' program, which
            raises the error.
        fixed: whether predictions stay those of the pass from below.
        steps: of the values, a batch.
        rate: r, per step.
        continual: whether weights learn after every step of the values too, each time by a twentieth of the change.
        node: "post": v are outputs of the neurons; "pre": currents, $\mu_l = W_l\,\phi_{l-1}(v_{l-1}) + b_l$, as the
            program has it with ``neural_forward``; weights then change by half as much.
        clip_values: largest entry of $2[\dots]$ in the values' step; None: no bound.
        clip_changes: largest entry of a change of W, B and biases, mean of the samples; None: no bound.
        sample_biases: number of places in a batch that have biases of their own behind $\phi$, as in the program, in
            place of the network's; None: the network's.
        scale: size of B as drawn, in units of that of W as torch draws it.

    Shapes: inputs [T, B, ...], whose steps are presentations of their own, targets [B]; values [T, B, n], W and B
        [n, n below], M [n, n] with $\mu M$ for samples in rows.

    Raises:
        ValueError: a value out of range; blocks that are not dense or no rate neurons, feedback edges, a readout other
            than the plain rate; more samples than ``sample_biases``, or biases of the network beside these.

    Source: Millidge, Tschantz, Seth & Buckley, arXiv 2010.01047, 2020 ("Relaxing the constraints on predictive coding
    models"), equations of the authors' program. deviation: the mean of the samples in place of their sum; biases of the
    network, inside $\phi$; error weights that lower the error, where the program's raise it.
    """

    default_settings = {
        "steps": 1,
        "neuron_option": {"activation": "relu"},
        "output": "rate",
        "output_option": {"activation": "linear"},
        "batch": 32,
    }

    def __init__(
        self,
        *,
        feedback: LayeredKind = "kolen-pollack",
        slopes: bool = False,
        error_weights: ErrorWeights = "one-to-one",
        fixed: bool = True,
        steps: int = 50,
        rate: float = 0.05,
        continual: bool = False,
        node: Node = "post",
        clip_values: float | None = None,
        clip_changes: float | None = None,
        sample_biases: int | None = None,
        scale: float = 1.0,
    ) -> None:
        check_choice("feedback", feedback, get_args(LayeredKind))
        check_flag("slopes", slopes)
        check_choice("error_weights", error_weights, get_args(ErrorWeights))
        check_flag("fixed", fixed)
        check_count("steps", steps)
        check_positive("rate", rate)
        check_flag("continual", continual)
        check_choice("node", node, get_args(Node))
        for name, value in (("clip_values", clip_values), ("clip_changes", clip_changes)):
            if value is not None:
                check_positive(name, value)
        if sample_biases is not None:
            check_count("sample_biases", sample_biases)
        check_positive("scale", scale)
        self.feedback, self.slopes, self.error_weights, self.fixed = feedback, slopes, error_weights, fixed
        self.steps, self.rate, self.continual, self.node = steps, rate, continual, node
        self.clip_values, self.clip_changes, self.sample_biases = clip_values, clip_changes, sample_biases
        self.back = BackWeights(feedback, scale)
        self.own_as_network = feedback == "kolen-pollack" or error_weights != "one-to-one" or sample_biases is not None
        self.default_optimizer = OptimizerChoice("sgd", 0.1)

    @property
    def requires(self) -> tuple[Need, ...]:
        if self.sample_biases is None:
            return super().requires
        return *super().requires, NoTrainableBias("has biases by the place in a batch in place of the network's")

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """The weights on the way back, error weights [n, n] and biases [samples, n], as far as options ask for them."""
        memory = super().init(network, generator)
        like = next(network.parameters())
        sizes = {name: shape[0] for name, shape in neuron_shapes(self.name, network).items()}
        if self.error_weights != "one-to-one":
            for name in list(sizes)[:-1]:
                drawn = torch.randn(sizes[name], sizes[name], generator=generator, device=generator.device)
                memory[ERRORS + name] = (WIDTH * drawn.abs()).to(like)
        if self.sample_biases is not None:
            memory |= {BIASES + name: like.new_zeros(self.sample_biases, size) for name, size in sizes.items()}
        return memory

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        self._check_places(batch.size)
        circuit = Circuit(
            OwnWayBack(network, batch.inputs, batch.masks, self.node, slopes=self.slopes), network, memory
        )
        values, last = self.forward(circuit), circuit.maps.names[-1]
        scores, before = scores_of(network, values[last]), values
        values = values | {last: one_hot(batch, values[last])}
        states = self.infer(circuit, before, values)
        now = next(states)
        first = squares(now.errors.values())
        for new in states:
            metrics = {
                "energy": float(squares(new.errors.values())),
                "energy_start": float(first),
                "residual": moved(now.values.values(), new.values.values()),
            }
            now = new
            if self.continual:
                grads, own = self._changes(circuit, now, batch.size)
                yield Update(grads, scores, first, own=own, metrics=metrics)
        grads, own = self._changes(circuit, now, batch.size)
        yield Update(grads, scores, first, own=own, metrics=metrics)

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """What a pass from below predicts of the output, [B, classes]."""
        refuse_left_out(self.name, valid)
        self._check_places(inputs.shape[1])
        with torch.no_grad():
            circuit = Circuit(OwnWayBack(network, inputs, {}, self.node), network, memory)
            return scores_of(network, self.forward(circuit)[circuit.maps.names[-1]])

    def forward(self, circuit: Circuit) -> dict[str, Tensor]:
        """{block: values [T, B, n]} in a pass from below."""
        predictions = circuit.maps.forward()
        if self.sample_biases is None:
            return {name: prediction.value for name, prediction in predictions.items()}
        found: dict[str, Tensor] = {}
        value: Tensor | None = None
        for name in circuit.maps.names:
            value = found[name] = circuit.mean(name, circuit.maps.predict(name, value))
        return found

    def infer(self, circuit: Circuit, start: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Iterator[Inferred]:
        """The values as they are, then after each step; weights may change in between.

        Args:
            circuit: of the network.
            start: {block: values of the pass from below}, from which predictions are at first.
            values: {block: [T, B, n]}; those of the last rest.
        """
        now = self._look(circuit, start, values)
        yield now
        for _ in range(self.steps):
            circuit.maps.weights_back, new = self.weights_back(circuit.network, circuit.memory), dict(now.values)
            for name, above in pairwise(circuit.maps.names):
                came = circuit.maps.back(above, now.predictions[above], now.errors[above], now.values[name])
                slope = _clipped(2.0 * (now.errors[name] - came), self.clip_values)
                new[name] = now.values[name] - self.rate * slope
            now = self._with_errors(circuit, now._replace(values=new)) if self.fixed else self._look(circuit, new, new)
            yield now

    def _look(self, circuit: Circuit, below: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Inferred:
        """The predictions from the values ``below``, and what ``values`` are off by."""
        names = circuit.maps.names
        sources = dict(zip(names, [None, *below.values()], strict=False))
        predictions = {name: circuit.maps.predict(name, sources[name]) for name in names}
        means = {name: circuit.mean(name, predictions[name]) for name in names}
        return self._with_errors(circuit, Inferred(dict(values), predictions, means, {}))

    @staticmethod
    def _with_errors(circuit: Circuit, now: Inferred) -> Inferred:
        errors = {name: value - circuit.wired(name, now.means[name]) for name, value in now.values.items()}
        return now._replace(errors=errors)

    def _changes(self, circuit: Circuit, now: Inferred, size: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """({parameter: minus the desired change}, the same of the rule's own tensors) of ``size`` samples."""
        maps = circuit.maps
        part = CONTINUAL if self.continual else 1.0
        whole = part * (2.0 if self.node == "post" else 1.0)
        summed: dict[str, Tensor] = {}
        for name, prediction in now.predictions.items():
            summed |= maps.weights(name, prediction, now.errors[name])
        clip = None if self.clip_changes is None else part * self.clip_changes
        means = mean_of(summed, circuit.network, size)
        grads = {name: _clipped(whole * change, clip) for name, change in means.items()}
        own = self.own_changes(circuit.network, grads)
        sign = 1.0 if self.error_weights == "ascending" else -1.0
        for name in list(maps.names)[:-1] if self.error_weights != "one-to-one" else ():
            change = torch.einsum("tbi,tbj->ij", now.means[name], now.errors[name])
            own[ERRORS + name] = sign * part / size * change
        for name, error in now.errors.items() if self.sample_biases is not None else ():
            change = torch.zeros_like(circuit.memory[BIASES + name])
            change[:size] = _clipped(part / -size * error.sum(0), clip)
            own[BIASES + name] = change
        return grads, own

    def _check_places(self, samples: int) -> None:
        if self.sample_biases is not None and samples > self.sample_biases:
            raise ValueError(
                f"{self.name} has biases for {self.sample_biases} places of a batch, but there are {samples} samples: "
                "raise sample_biases, or show fewer at once (--batch)"
            )


def _clipped(tensor: Tensor, largest: float | None) -> Tensor:
    return tensor if largest is None else tensor.clamp(-largest, largest)
