"""What a rule would take on a chip that computes in its memory: time and energy, phase by phase."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from spikelearn.hardware.adc import is_array_layer
from spikelearn.hardware.chip import Chip, Cost
from spikelearn.measure.isolation import same_random_numbers
from spikelearn.measure.operations import Operations
from spikelearn.measure.products import is_ternary
from spikelearn.network import Network, evaluating
from spikelearn.neurons import SharedConstants
from spikelearn.plasticity import Rule
from spikelearn.plasticity.gradient.base import GradientRule
from spikelearn.plasticity.requires import trainable_names
from spikelearn.plasticity.three_factor.signals.base import Layered

#: How a rule's signal reaches its layers: layer by layer, to all at once from the output, from the block itself and
#: the targets, or not at all.
Sending = Literal["layered", "broadcast", "local", "none"]

#: What an estimate does not contain.
LEAVES_OUT = (
    "A first-order model, not a simulation: every layer has arrays of its own; layers work one after the other, as do "
    "samples. Left out: routing, buffers, neurons, traces, the optimizer, static power, and area."
)


@dataclass(frozen=True)
class ArrayLayer:
    """A layer of weights and what was put through it for one sample.

    Args:
        name: of the module.
        block: into which it leads; "readout" for that.
        inputs, outputs: rows and columns of its array.
        vectors: steps times positions of a kernel.
        cycles: reads a vector.
        active: share of inputs that are not 0.
        fed: whether the network's inputs drive it.
        learns: whether its weights change.
    """

    name: str
    block: str
    inputs: int
    outputs: int
    vectors: float
    cycles: int
    active: float
    fed: bool
    learns: bool

    @property
    def products(self) -> float:
        """Multiplications of a pass, zeros included."""
        return self.vectors * self.inputs * self.outputs


@dataclass(frozen=True)
class InMemory:
    """Of one sample; seconds of a phase are those on the longest way, joules those of all layers.

    Args:
        forward, error, weight_gradient, update: the phases; of an update a batch's share.
        sending: how the rule's signal reaches its layers.
        sweeps: further passes of the whole network that the rule takes, from its counted operations.
        backward_seconds: time of error, gradient and update together.
        leaves_out: what is not contained.
    """

    forward: Cost
    error: Cost
    weight_gradient: Cost
    update: Cost
    sending: Sending
    sweeps: float
    backward_seconds: float
    leaves_out: str = LEAVES_OUT

    @property
    def seconds(self) -> float:
        """Time of all phases."""
        return self.forward.seconds + self.backward_seconds

    @property
    def joules(self) -> float:
        """Energy of all phases."""
        return self.forward.joules + self.error.joules + self.weight_gradient.joules + self.update.joules


def in_memory(
    network: Network,
    rule: Rule,
    inputs: Tensor,
    *,
    batch: int,
    learning: Operations | None = None,
    overlapped: bool = False,
    chip: Chip = Chip(),
) -> InMemory:
    r"""Latency and energy of one sample on a chip that computes in its memory.

    With F the forward pass of a layer l, E its error, G its weights' gradient and U their update,

    $$t = \sum_l (F_l + E_l + G_l + U_l) \ \text{(layered)}, \qquad
      t = \sum_l F_l + \max_l (E'_l + G_l + U_l) \ \text{(broadcast, local)}$$

    A layered error crosses every layer's arrays transposed; a broadcast one is a read of a feedback array of outputs x
    neurons at each layer, all at once; a local signal the same of targets, which need not wait for the output. A rule
    whose counted products (``learning``) are more than these errors and gradients has the rest as further passes of the
    whole network, layer after layer.

    Args:
        network: left as it was; its layers of weights are ``nn.Linear`` or convolutions.
        rule: by whose declared factors the sending is known.
        inputs: [T, B, ...], of which the first sample is shown.
        batch: samples that share one update.
        learning: of ``learning_operations``; None: no further passes are looked for.
        overlapped: whether the gradient and update of a layer run while a layered error goes further down:
            $\sum_l E_l + \max_l (G_l + U_l)$ in place of the sum of all.
        chip: its constants.

    Raises:
        ValueError: weights in a layer that arrays cannot hold, a rule that declares no factors, or whose learning could
            not be counted.

    Source: phases: DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40, 2021; direct feedback in parallel: Wolters et al.,
    MWSCAS 2023 (arXiv 2212.14337). The formula is a first-order model of ours.
    """
    if learning is not None and learning.total is None:
        raise ValueError(f"what learning costs is not known: {learning.reason}")
    layers, shapes = array_layers(network, rule, inputs, chip), network.shapes(inputs[0, :1])
    sending, steps = sending_of(rule), len(inputs)
    outputs = sum(math.prod(shapes[name]) for name in network.outputs)
    blocks = list(dict.fromkeys(layer.block for layer in layers))
    forward = _chained(_together(_forward(chip, one) for one in layers if one.block == block) for block in blocks)
    parts, carried = [], 0.0
    for block in blocks:
        own = [layer for layer in layers if layer.block == block]
        learning_ones = [layer for layer in own if layer.learns]
        error = Cost()
        hidden = block in shapes and block not in network.outputs
        if sending == "layered":
            crossed = [one for one in own if not one.fed and _learns_below(layers, blocks, block)]
            error = _together(chip.read(one.vectors, one.outputs, one.inputs, 2 * chip.error_bits) for one in crossed)
            carried += sum(one.products for one in crossed)
        elif sending != "none" and hidden and learning_ones:
            neurons = math.prod(shapes[block])
            error = chip.read(steps, outputs, neurons, 2 * chip.error_bits)
            carried += steps * outputs * neurons
        gradient = _together(chip.correlate(one.vectors, one.inputs, one.outputs) for one in learning_ones)
        update = _together(chip.write(one.inputs, one.outputs).times(1.0 / batch) for one in learning_ones)
        parts.append((error, gradient, update))
    sweeps = _sweeps(layers, carried, learning)
    phases = _phases(parts, sending)
    further = _chained(_together(_pass(chip, one) for one in layers if one.block == block) for block in blocks)
    error = phases[0].plus(further.times(sweeps))
    after = max(part[1].seconds + part[2].seconds for part in parts)
    backward = error.seconds + (after if overlapped else phases[1].seconds + phases[2].seconds)
    return InMemory(forward, error, phases[1], phases[2], sending, sweeps, backward)


def sending_of(rule: Rule) -> Sending:
    """How a rule's signal reaches its layers, by its factors.

    Raises:
        ValueError: a rule that declares none.
    """
    factors = rule.factors
    if factors is None:
        raise ValueError(f"{rule.name} does not declare its factors, by which its signal is known")
    if rule.control or not factors & {"targets", "error", "weights"}:
        return "none"
    if "weights" in factors or isinstance(getattr(rule, "signal", None), Layered):
        return "layered"
    return "broadcast" if "error" in factors else "local"


@torch.no_grad()
def array_layers(network: Network, rule: Rule, inputs: Tensor, chip: Chip) -> list[ArrayLayer]:
    """The layers of weights, in the order in which a run meets them."""
    names = rule.learned(network) if isinstance(rule, GradientRule) else trainable_names(network)
    sources = _sources(network)
    seen: dict[str, list[Tensor]] = {}
    sizes: dict[str, int] = {}
    with same_random_numbers(network), evaluating(network), network.presentation(), _watched(network, seen, sizes):
        record, _ = network.run(inputs[:, :1].contiguous())
        network.scores(record)
    layers = []
    for name, arrived in seen.items():
        weight = network.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        block, fed = sources(name)
        x = torch.cat([part.flatten() for part in arrived])
        cycles = (1 if is_ternary(x) else chip.input_bits) * (2 if bool((x < 0).any()) else 1)
        outputs, fan_in = len(weight), weight[0].numel()
        vectors = sizes[name] / outputs
        active = float((x != 0).double().mean())
        learns = any(own.startswith(f"{name}.") for own in names)
        layers.append(ArrayLayer(name, block, fan_in, outputs, vectors, cycles, active, fed, learns))
    return layers


@contextmanager
def _watched(network: Network, seen: dict[str, list[Tensor]], sizes: dict[str, int]) -> Iterator[None]:
    """Collect what arrives at every layer of weights, and the number of its results."""
    hooks = []
    for name, module in network.named_modules():
        if not is_array_layer(module):
            _refuse_others(name, module)
            continue

        def met(_module: nn.Module, given: Any, result: Tensor, name: str = name) -> None:
            seen.setdefault(name, []).append(given[0].detach())
            sizes[name] = sizes.get(name, 0) + result.numel()

        hooks.append(module.register_forward_hook(met))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _refuse_others(name: str, module: nn.Module) -> None:
    own: list[Tensor] = [p for p in module.parameters(recurse=False) if p.ndim >= 2]
    if isinstance(module, SharedConstants):  # a network within every neuron, whose matrices do not learn
        own += [buffer for buffer in module.buffers(recurse=False) if buffer.ndim >= 2]
    if own and "parametrizations" not in name:
        raise ValueError(
            f"{name} is a {type(module).__name__}, whose weights no array holds: use linear or convolution"
        )


def _sources(network: Network) -> Any:
    """A function from a module's name to the block into which it leads, and whether inputs drive it."""
    places: Mapping[str, tuple[str, bool]] = {
        **{f"blocks.{name}": (name, name in network.wiring.fed) for name in network.blocks},
        **{
            f"feedforward.{name}": (edge.target, f"feedforward.{name}" in network.wiring.fed)
            for name, edge in network.feedforward.items()
        },
        **{f"feedback.{name}": (edge.target, False) for name, edge in network.feedback.items()},
    }
    return lambda name: places.get(".".join(name.split(".")[:2]), ("readout", False))


def _forward(chip: Chip, layer: ArrayLayer) -> Cost:
    return chip.read(layer.vectors, layer.inputs, layer.outputs, layer.cycles, layer.active)


def _pass(chip: Chip, layer: ArrayLayer) -> Cost:
    return chip.read(layer.vectors, layer.inputs, layer.outputs, chip.error_bits)


def _learns_below(layers: list[ArrayLayer], blocks: list[str], block: str) -> bool:
    below = blocks[: blocks.index(block)]
    return any(layer.learns for layer in layers if layer.block in below)


def _sweeps(layers: list[ArrayLayer], carried: float, learning: Operations | None) -> float:
    """Passes of the whole network that counted products hold beyond a rule's errors and gradients."""
    if learning is None or learning.total is None:
        return 0.0
    known = carried + sum(layer.products for layer in layers if layer.learns)
    rest = (learning.total.dense - known) / sum(layer.products for layer in layers)
    # Filters of small size and factors of single neurons are no pass.
    return rest if rest > 0.5 else 0.0


def _phases(parts: list[tuple[Cost, Cost, Cost]], sending: Sending) -> tuple[Cost, Cost, Cost]:
    """Error, gradient and update of all blocks, one after the other or at once."""
    joules = [sum(part[phase].joules for part in parts) for phase in range(3)]
    if sending in ("broadcast", "local"):
        slowest = max(parts, key=lambda part: sum(phase.seconds for phase in part))
        seconds = [phase.seconds for phase in slowest]
    else:
        seconds = [sum(part[phase].seconds for part in parts) for phase in range(3)]
    error, gradient, update = (Cost(*pair) for pair in zip(seconds, joules, strict=True))
    return error, gradient, update


def _together(costs: Iterator[Cost]) -> Cost:
    """At once: the longest time, all energy."""
    made = list(costs)
    return Cost(max((cost.seconds for cost in made), default=0.0), sum(cost.joules for cost in made))


def _chained(costs: Iterator[Cost]) -> Cost:
    """One after the other."""
    total = Cost()
    for cost in costs:
        total = total.plus(cost)
    return total
