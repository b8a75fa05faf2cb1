"""Desire backpropagation: every neuron is told whether it should fire more, less, or stay as it is."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_fraction, check_positive
from spikelearn.event_products import gated_outer_product, outer_product
from spikelearn.network import Network, Record
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.factors import ALL, Factors
from spikelearn.plasticity.requires import (
    Chain,
    Encoding,
    Fires,
    HasDecay,
    NoFeedback,
    NoTrainableBias,
    OneNumber,
    PlainRate,
    PlainSynapses,
    SomethingToLearn,
    weights_of,
)
from spikelearn.synapses import as_float, as_linear, correlate, float_type, trainable, transpose
from spikelearn.synapses.structure import events_for
from spikelearn.tasks import check_targets
from spikelearn.traces import reverse_trace

Tensors = Mapping[str, Tensor]
NOTHING: Tensors = {}


class Wish(NamedTuple):
    """active: whether a neuron is to change, up: whether it should fire more (inactive ones too); bool [B, ...]."""

    active: Tensor
    up: Tensor

    def desire(self, dtype: torch.dtype) -> Tensor:
        """d in {-1, 0, 1}."""
        return self.active * (2 * self.up.to(dtype) - 1)


@RULES.register("desire")
class Desire(Rule):
    r"""Desire backpropagation: ternary desires go down the network, and gate a local rule at every synapse.

    With $n$ spikes in T steps a neuron's rate is $r = n / (T - \mathrm{margin})$. Its desire is $d = c\,(\pm 1)$ with
    two bits, active $c$ and direction up. At the output, for the true class y,

    $$e_y = 1 - r_y, \quad e_j = r_j, \qquad c_j = e_j > \vartheta_{out}, \qquad \mathrm{up}_j = (j = y).$$

    From a block down to the one below, with the error $\epsilon_j = |\mathrm{up}_j - r_j|$ of every upper neuron,

    $$S_i = \sum_j W_{ji}\,\epsilon_j\,d_j, \qquad c_i = |S_i| \geq \vartheta, \qquad \mathrm{up}_i = S_i > 0,$$

    where $\vartheta$ is that of the upper block's kind: ``threshold_conv`` where its neurons lie in an image, else
    ``threshold_dense``. Then the change of a dense and of a convolutional block, per sample and learning rate, is

    $$\Delta W_{ji} = d_j \sum_t z_j[t]\,x_i[t], \quad x_i[t] = \lambda\,x_i[t-1] + \min(s_i[t], 1); \qquad
      \Delta K = -\frac{\eta}{H W}\,\mathrm{correlate}(N^{in}, (r - \mathrm{up})\,c).$$

    $\lambda$ is the target neuron's own decay per step (``decay_mem``), $N^{in}$ the sum of what the source sent,
    $\eta$ = ``conv_rate``, H x W the positions of the block's image. Only active neurons that fire learn in a dense
    block. The step is ternary: its size does not follow the error's. Memory does not grow with T: a sequence longer
    than ``chunk`` is run twice, first for the counts, then for the traces.

    Published setting: ``LIF.per_step(0.75, reset="subtract", inclusive=True)`` in dense and ``SilentLeakLIF`` in
    convolutional blocks, ``Block(delay=1)`` for all but the first, no biases, weights from N(0, 2 / fan-in), T = 20,
    ``RegularRate`` as the code of the input, and accuracy with a tie counted as an error.

    Args:
        margin: steps taken off T, spikes: T - margin of them are a full rate.
        threshold_output, threshold_dense, threshold_conv: $\vartheta$, unit of rate (the first), weight times rate.
        dropout_input, dropout_hidden: probability that an input, or a neuron of a hidden dense block, is masked for
            the whole presentation, in [0, 1); drawn for every sample where the batch brings no mask of that place.
        conv_rate: learning rate of convolutions per learning rate of dense weights; dimensionless.
        chunk: steps that are kept in memory at once.

    Shapes: inputs [T, B, ...], one output neuron a class [B, classes]; targets [B]. Any synapse that ``correlate``
    and ``transpose`` take; pooling in front of the weights is taken at the spike counts.

    Raises:
        ValueError: feedback edges, neurons that never fire or have no ``decay_mem``, a trainable bias, nothing to
            learn, a readout other than the plain firing rate, an output that is no list of classes, T not above margin.

    Source: Gerlinghoff, Luo, Goh & Wong, arXiv 2211.05412, 2022, and the authors' program. deviation: a masked neuron
    resets when it reaches threshold, its spikes are not sent (there it goes on integrating; nothing but its own
    membrane differs); batches: the updates of all samples, at the same weights, are summed (there one at a time).
    """

    default_optimizer = OptimizerChoice("sgd", 1e-5)
    default_schedule = "exponential"
    sums_over_batch = True
    requires = (
        Chain("goes down block by block", "train with bptt"),
        PlainSynapses(),
        NoFeedback("goes down block by block", "train with bptt"),
        Fires("counts spikes"),
        HasDecay("lets traces decay with the membrane"),
        OneNumber("decay_mem"),
        SomethingToLearn("weight", weights_of),
        NoTrainableBias("changes weights only"),
        PlainRate("predicts from the output's spike counts"),
        Encoding("regular"),
    )
    # It compares spike counts with desired ones: input spikes of an exact count, neurons that reset by subtraction, a
    # step of delay between blocks.
    default_settings = {
        "neuron": "lif",
        "delay": 1,
        "init": "kaiming",
        "neuron_option": {"decay": 0.75, "reset": "subtract", "inclusive": True},
    }

    def __init__(
        self,
        margin: int = 4,
        *,
        threshold_output: float = 0.30,
        threshold_dense: float = 0.05,
        threshold_conv: float = 0.20,
        dropout_input: float = 0.0,
        dropout_hidden: float = 0.0,
        conv_rate: float = 0.1,
        chunk: int = 20,
    ) -> None:
        check_count("margin", margin, least=0)
        check_positive("threshold_output", threshold_output)
        check_positive("threshold_dense", threshold_dense)
        check_positive("threshold_conv", threshold_conv)
        check_fraction("dropout_input", dropout_input, below_one=True)
        check_fraction("dropout_hidden", dropout_hidden, below_one=True)
        check_positive("conv_rate", conv_rate)
        check_count("chunk", chunk)
        self.margin, self.conv_rate, self.chunk = margin, conv_rate, chunk
        self.threshold_output = threshold_output
        self.threshold_dense, self.threshold_conv = threshold_dense, threshold_conv
        self.dropout_input, self.dropout_hidden = dropout_input, dropout_hidden

    @property
    def factors(self) -> Factors:
        return ALL

    @torch.no_grad()
    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        n_steps, last = len(batch.inputs), list(network.blocks)[-1]
        if n_steps <= self.margin:
            raise ValueError(f"margin is {self.margin} for T = {n_steps} steps, expected a smaller one: run longer")
        with network.presentation() as buffers:
            masks = {**self.drawn(network, batch, generator), **batch.masks}
            sent = _binary(network, masks)
            runs = self._runs(network, batch.inputs, sent)
            counts = count_spikes(runs(), sent)
            if counts[last].ndim != 2:
                raise ValueError(
                    f"desire needs one output neuron a class, but block {last!r} has the shape "
                    f"{list(counts[last].shape[1:])}: end the network in a dense block"
                )
            check_targets(batch.targets, counts[last].shape[1])
            wishes = self.desires(network, counts, batch.targets, n_steps, masks)
            changes = dense_changes(network, runs(), wishes, whole=n_steps <= self.chunk)
            changes |= self._conv_changes(network, counts, wishes, n_steps, masks)
        yield Update(
            {name: change.div_(-len(batch.targets)) for name, change in changes.items()},
            counts[last] / n_steps,
            buffers=buffers,
            rates={name: float(counts[name].mean()) / n_steps for name in wishes},
            metrics={f"active_{name}": float(wish.active.float().mean()) for name, wish in wishes.items()},
        )

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Dropout where the batch brings no mask of the place."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.dropout_hidden:
            dense = {k: s for k, s in network.shapes(batch.inputs[0, :1]).items() if len(s) == 1}
            shapes = {name: shape for name, shape in dense.items() if name != list(network.blocks)[-1]}
        chances = dict.fromkeys(shapes, self.dropout_hidden)
        if self.dropout_input:
            shapes["inputs"], chances["inputs"] = tuple(batch.inputs.shape[2:]), self.dropout_input
        masks: dict[str, Tensor] = {}
        for place, chance in chances.items():
            if place not in batch.masks:
                kept = torch.rand(len(batch.targets), *shapes[place], generator=generator) >= chance
                masks[place] = kept.to(batch.inputs.device, float_type(network)) / (1.0 - chance)
        return masks

    def desires(
        self, network: Network, counts: Tensors, targets: Tensor, n_steps: int, masks: Tensors = NOTHING
    ) -> dict[str, Wish]:
        """The desired direction of every block's neurons.

        Args:
            network: its weights carry the desires down.
            counts: {block: spikes in the presentation [B, ...]} of all blocks.
            targets: class numbers, [B].
            n_steps: T, steps.
            masks: as in the run; masked neurons pass no desire on.
        """
        full = n_steps - self.margin
        names = list(network.blocks)
        rate = counts[names[-1]] / full
        true = F.one_hot(targets, rate.shape[1]).bool()
        wishes = {names[-1]: Wish(torch.where(true, 1.0 - rate, rate) > self.threshold_output, true)}
        for name, below in pairwise(reversed(names)):
            wish, rate = wishes[name], counts[name] / full
            error = (wish.up.to(rate) - rate).abs() * wish.desire(rate.dtype)
            if name in masks:
                error = error * (masks[name] != 0)
            threshold = self.threshold_dense if error.ndim == 2 else self.threshold_conv
            arrived = transpose(network.blocks[name].synapse, counts[below].unsqueeze(0), error.unsqueeze(0))[0]
            wishes[below] = Wish(arrived.abs() >= threshold, arrived > 0)
        return {name: wishes[name] for name in names}

    def _runs(self, network: Network, inputs: Tensor, masks: Tensors) -> Callable[[], Iterable[Record]]:
        """Yield the records of the presentation chunk by chunk; a single one is kept."""

        def run() -> Iterator[Record]:
            state = None
            for part in inputs.split(self.chunk):
                record, state = network.run(part, state, masks=masks)
                yield record

        if len(inputs) > self.chunk:
            return run
        kept = list(run())
        return lambda: kept

    def _conv_changes(
        self, network: Network, counts: Tensors, wishes: Mapping[str, Wish], n_steps: int, masks: Tensors
    ) -> dict[str, Tensor]:
        """Change of every parameter in blocks whose neurons lie in an image, summed over the batch."""
        changes: dict[str, Tensor] = {}
        for source, name in pairwise(counts):
            wish, rate = wishes[name], counts[name] / (n_steps - self.margin)
            if rate.ndim == 2:
                continue
            # What was sent, not what met the weights: spikes of the last step come too late, and count all the same.
            sent = counts[source] if source == "inputs" else counts[source] * masks.get(source, 1.0)
            post = (rate - wish.up.to(rate)) * wish.active * (masks[name] != 0 if name in masks else 1.0)
            scale = -self.conv_rate / math.prod(rate.shape[2:])
            products = correlate(network.blocks[name].synapse, sent.unsqueeze(0), post.unsqueeze(0))
            changes |= {f"blocks.{name}.synapse.{key}": scale * value for key, value in products.items()}
        return changes


def count_spikes(records: Iterable[Record], masks: Tensors) -> dict[str, Tensor]:
    """{block: number of spikes [B, ...]}; ``masks`` of the run.

    Before them, where the first block's neurons lie in an image, {"inputs": sum of what met the first weights}.
    """
    totals: dict[str, Tensor] = {}
    for record in records:
        first = next(iter(record.values()))
        counted = {"inputs": first.pre} if first.spikes.ndim > 3 else {}
        counted |= {name: seen.spikes for name, seen in record.items()}
        for name, values in counted.items():
            total = values.detach().sum(0)
            totals[name] = totals[name] + total if name in totals else total
    # Sent spikes carry the mask's factor; their quotient is a whole number but for rounding.
    counted = {name: totals[name] / mask.where(mask != 0, 1.0) for name, mask in masks.items() if name in totals}
    return totals | {name: count.round() for name, count in counted.items() if name != "inputs"}


def dense_changes(
    network: Network, records: Iterable[Record], wishes: Mapping[str, Wish], *, whole: bool = False
) -> dict[str, Tensor]:
    """Change of every trainable parameter in blocks without an image, summed over the batch.

    With ``whole`` the presentation is one record. There the filter of time stands on what neurons sent, reversed, so
    that no trace is formed of an input whose events are known: they meet what was sent as they are.
    """
    changes: dict[str, Tensor] = {}
    traces: dict[str, Tensor] = {}
    dense = {name: network.blocks[name] for name, wish in wishes.items() if wish.up.ndim == 2}
    learning = {name: block.synapse for name, block in dense.items() if trainable(block.synapse)}
    if not learning:
        return changes
    for record in records:
        for name, synapse in learning.items():
            seen, decay = record[name], dense[name].neuron.decay_mem
            linear = as_linear(synapse)
            events = events_for(linear, seen.pre) if whole and linear is not None else None
            if events is not None:
                sent = (seen.spikes != 0) * wishes[name].desire(seen.spikes.dtype)
                (key,) = trainable(synapse)
                filtered = reverse_trace(sent, decay).flatten(0, 1)  # type: ignore[arg-type]
                changes[f"blocks.{name}.synapse.{key}"] = outer_product(events, filtered)
                continue
            trace = spike_trace(as_float(seen.pre, synapse), decay, traces.get(name))  # type: ignore[arg-type]
            traces[name] = trace[-1]
            desire = wishes[name].desire(trace.dtype)
            for key, value in _gated(synapse, trace, seen.spikes, desire).items():
                key = f"blocks.{name}.synapse.{key}"
                changes[key] = changes[key] + value if key in changes else value
    return changes


def spike_trace(pre: Tensor, decay: float, before: Tensor | None = None) -> Tensor:
    """x[t] = decay x[t-1] + min(pre[t], 1), [T, B, ...]; ``before`` is x[-1], zero where it is None."""
    trace = pre.detach().clamp(max=1.0)
    for now in trace.unbind(0):
        if before is not None:
            now.add_(before, alpha=decay)
        before = now
    return trace


def _gated(synapse: torch.nn.Module, trace: Tensor, spikes: Tensor, desire: Tensor) -> dict[str, Tensor]:
    """``correlate`` of trace and active neurons' spikes, by these few where the synapse is plainly linear."""
    if as_linear(synapse) is None:
        return correlate(synapse, trace, (spikes != 0) * desire)
    (name,) = trainable(synapse)
    return {name: gated_outer_product(spikes, desire, trace.flatten(2))}


def _binary(network: Network, masks: Tensors) -> dict[str, Tensor]:
    """Keep spikes binary: apply the scale 1/(1-p) of a hidden block's dropout to the next current, where it is linear.

    So records stay binary, and a sparse one is gathered rather than multiplied.
    """
    moved = dict(masks)
    for source, (name, block) in zip(network.blocks, list(network.blocks.items())[1:], strict=False):
        linear, mask = as_linear(block.synapse), masks.get(source)
        if mask is None or linear is None or len(list(linear.parameters())) > 1:
            continue
        # Masks of another form than dropout's stay where they are.
        factor = float(mask.max())
        if factor > 1.0 and bool(((mask == 0) | (mask == factor)).all()):
            moved[source] = (mask != 0).to(mask.dtype)
            moved[f"{name}.synapse"] = mask.new_full((len(mask), 1), factor) * masks.get(f"{name}.synapse", 1.0)
    return moved
