"""Blockwise backpropagation: a network in parts, each of which descends the loss of a classifier of its own."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spikelearn.checks import check_flag
from spikelearn.events import share_active
from spikelearn.network import Activity, BlockActivity, Network, Record, learning_only
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.back_weights import neuron_shapes, uniform
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.factors import ALL, LOCAL, Factors
from spikelearn.plasticity.gradient.base import GradientRule, named_gradients
from spikelearn.plasticity.gradient.heads import BIASES, WEIGHTS, Heads, Reading, learned_with, of_head, pooled, read
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.per_layer import PerLayer, of_layer, per_layer
from spikelearn.plasticity.requires import Need, NoFeedback, Passes
from spikelearn.synapses import float_type
from spikelearn.tasks import check_targets
from spikelearn.traces import over_steps, step_weights


@dataclass
class Seen:
    """What is kept of a run that goes part by part.

    Args:
        scores: of the readout, [B, classes].
        rates: {block that fires: its mean rate}.
        metrics: {name: number}.
    """

    scores: Tensor = field(default_factory=lambda: torch.zeros(()))
    rates: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@RULES.register("bw-bpf")
class BWBPF(GradientRule):
    r"""Blockwise backpropagation: the network is cut into K parts, each of which descends a loss of its own.

    $$\Delta\theta_k \propto -\frac{\partial L_k}{\partial\theta_k}, \qquad
      L_k = -\log\mathrm{softmax}\big(W_k\,\mathrm{pool}(\bar s_k) + c_k\big)_y, \qquad
      s_k = f_k(\mathrm{stop}(s_{k-1}; \theta_{k-1}); \theta_k)$$

    A part $f_k$ is one or more blocks in a row, with all edges into them. $\bar s_k$ is what its last block sends, mean
    of the steps; the head $W_k, c_k$ is learned with the part, by the same optimizer. Only the last part, which the
    readout reads, descends ``loss``, the one of the whole network. Within a part errors go back as in ``bptt``, through
    time too; none crosses from part to part, so that the graph of one part is kept at a time. With one head, the
    output's, it is ``bptt``.

    With ``detach`` false nothing is stopped: a part descends its own loss and those of all parts above it,
    $\Delta\theta_k \propto -\sum_{j \ge k} \partial L_j/\partial\theta_k$, which is deep supervision.

    Metrics: ``loss_<block>``, the loss of the head behind that block.

    Args:
        loss: what the last part descends.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        heads: K, the output's head among them: hidden ones are spread evenly; or names of hidden blocks joined by
            ``+``, behind which they stand; None: one behind every hidden block.
        pool: edge of the windows whose means a head reads of images, pixels, one number or one a head as in 8/4/2;
            what is left over at the end of the image is left out; 0: the whole image.
        detach: whether errors stop between parts, as the paper has it.

    Shapes: inputs [T, B, ...], targets [B]; W [classes, C H' W'] or [classes, n], c [classes]; gradients shaped like
    their parameters.

    Raises:
        ValueError: feedback edges, more heads than blocks, a head behind no hidden block, a window larger than the
            image, a network that begins with a convolution and does not say its input_shape.

    Source: Cheng et al., ICASSP 2024, and the authors' program. deviation: the program stops nothing between parts
    (``detach=false``) and its heads pool windows of 20, 10, 8 and 4 pixels, which leave out parts of 32 x 32 images
    (``pool``); an optimizer for all parts, each weight by itself; on spikes too.
    """

    takes = frozenset({"classify"})
    own_as_network = True
    unclipped = "learns heads of its own by the losses of its parts, of which the norm of the gradients knows nothing"
    default_optimizer = OptimizerChoice("adam", 5e-3)

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        heads: int | str | None = None,
        pool: PerLayer = 0,
        detach: bool = True,
    ) -> None:
        super().__init__(loss, adjoint)
        check_flag("detach", detach)
        self.places, self.detach = Heads(heads), detach
        self.kernels = tuple(map(int, per_layer("pool", pool, _check_window)))

    @property
    def factors(self) -> Factors:
        if not self.detach or self.places.wanted == 1:
            return ALL
        local: Factors = LOCAL | {"targets", "record"}
        return local if self.places.wanted is None else local | {"weights"}

    @property
    def requires(self) -> tuple[Need, ...]:
        instead = "train with bptt"
        heads = Passes("hidden blocks for the heads", self._check_heads)
        return *super().requires, NoFeedback("trains part by part", instead), heads

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        r"""The heads, from $U(-1/\sqrt n, 1/\sqrt n)$: {``head_weights.<block>``: W, ``head_biases.<block>``: c}."""
        self.check(network)
        heads = self.places.of(network)
        if not heads:
            return {}
        shapes, like = neuron_shapes(self.name, network), next(network.parameters())
        classes = sum(math.prod(shapes[name]) for name in network.outputs)
        memory: Memory = {}
        for place, name in enumerate(heads):
            count = pooled(like.new_zeros(1, *shapes[name]), of_layer(self.kernels, place)).shape[1]
            memory[WEIGHTS + name] = uniform((classes, count), 1.0, generator, like)
            memory[BIASES + name] = uniform((classes,), 1.0 / math.sqrt(count), generator, like)
        return memory

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        names = self.learned(network)
        parts = learned_with(network, self.places.of(network), names)
        points: dict[str, Tensor] = {key: value.detach().requires_grad_() for key, value in memory.items()}
        seen, total = Seen(), torch.zeros(())
        grads: dict[str, Tensor | None] = {}
        with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
            waiting: list[Tensor] = []
            for head, value in self.losses(network, batch, points, seen):
                total = value.detach()
                if self.detach:
                    mine = {name: network.get_parameter(name) for name in parts[head]}
                    grads |= _gradients([value], mine | _own(points, head))
                else:
                    waiting.append(value)
                # Before the next part runs: its graph goes with it.
                del value
            if waiting:
                every = {name: network.get_parameter(name) for name in names}
                grads |= _gradients(waiting, every | points)
        own = {key: grad for key, grad in grads.items() if key in points and grad is not None}
        found = named_gradients(self.loss, names, [grads.get(name) for name in names])
        yield Update(found, seen.scores, total, own=own, buffers=buffers, rates=seen.rates, metrics=seen.metrics)

    def losses(
        self, network: Network, batch: Batch, memory: Mapping[str, Tensor], seen: Seen
    ) -> Iterator[tuple[str, Tensor]]:
        """(block behind which the head stands, its loss with the graph) of one part after the other.

        The last one is ("", the loss of the output). Nothing of a part is kept here once it is handed over.

        Args:
            network: in a presentation.
            batch: what is presented.
            memory: the heads.
            seen: is filled.
        """
        heads = self.places.of(network)
        weights = None if batch.valid_steps is None else step_weights(batch.valid_steps, dtype=float_type(network))
        read_blocks: dict[str, Activity] = {}
        ends = heads if self.detach else ()
        for layer in network.layers(batch.inputs, adjoint=self.adjoint, masks=batch.masks, cut_behind=ends):
            name = layer.name
            if network.blocks[name].neuron.fires:
                seen.rates[name] = share_active(layer.activity.spikes)
            if name in network.outputs:
                read_blocks[name] = layer.activity
            if name not in heads:
                del layer
                continue
            value = self.told_by(layer, of_layer(self.kernels, heads.index(name)), memory, batch, weights).loss
            seen.metrics[f"loss_{name}"] = float(value.detach())
            del layer
            yield name, value
            del value
        record = Record(read_blocks, {}, outputs=network.outputs)
        scores = network.scores(record, batch.valid_steps)
        seen.scores = scores.detach()
        yield "", self.loss.of(batch, record.output, scores)

    def told_by(
        self, layer: BlockActivity, kernel: int, memory: Mapping[str, Tensor], batch: Batch, weights: Tensor | None
    ) -> Reading:
        """What the head behind a block makes of it; ``weights`` [T, B] are those of the steps, None: all alike."""
        own = of_head(layer.name, memory)
        check_targets(batch.targets, len(own[1]))
        sent = layer.activity.spikes
        rate = sent.mean(0) if weights is None else over_steps(sent, weights)
        return read(rate, kernel, *own, batch.targets)

    def _check_heads(self, network: Network, rule: str) -> None:
        try:
            self.places.of(network)
        except ValueError as error:
            raise ValueError(f"{rule}: {error}") from error


def _own(points: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    """The weights and biases of one head."""
    return {key: points[key] for key in (WEIGHTS + head, BIASES + head) if key in points}


def _gradients(values: list[Tensor], points: Mapping[str, Tensor]) -> dict[str, Tensor | None]:
    """{name: gradient of the sum of ``values``}, None where nothing leads there."""
    if not points:
        return {}
    total = values[0] if len(values) == 1 else torch.stack(values).sum()
    return dict(zip(points, torch.autograd.grad(total, list(points.values()), allow_unused=True), strict=True))


def _check_window(name: str, value: float) -> None:
    if value < 0 or value != int(value):
        raise ValueError(f"{name} is {value:g}, expected a whole number of pixels, 0 for the whole image")
