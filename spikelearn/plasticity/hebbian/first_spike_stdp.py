"""STDP of first spikes: the first neurons to fire learn what fired before them, map by map and layer by layer."""

import math

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_not_negative, check_positive
from spikelearn.network import Network, Record
from spikelearn.neurons import FirstSpikeIF
from spikelearn.plasticity.base import RULES, Memory, OptimizerChoice
from spikelearn.plasticity.hebbian.competition import by_neuron
from spikelearn.plasticity.hebbian.layerwise import LayerwiseHebbian, LearningLayer
from spikelearn.plasticity.per_layer import PerLayer, check_places, of_layer, per_layer
from spikelearn.plasticity.requires import Encoding, Need, Passes
from spikelearn.synapses import as_float, correlate, trainable

#: Axis of the neurons, or maps, of a layer behind the batch.
MAPS = 1

#: Doublings of a rate, beyond which its power of two is no float; ``largest`` stands far below.
MOST = 1000.0


@RULES.register("first-spike-stdp")
class FirstSpikeSTDP(LayerwiseHebbian):
    r"""A few neurons win a presentation by firing first, and their kernels learn what fired before them.

    $$\Delta w_{ij} = \begin{cases} a_+\,w_{ij}\,(1 - w_{ij}) & t_j \le t_i \\
      -a_-\,w_{ij}\,(1 - w_{ij}) & \text{otherwise} \end{cases}$$

    for a winner i with its first spike at $t_i$ and every input j of its receptive field with its first spike at $t_j$,
    at once where j is silent. At each place of a layer the map that fires first inhibits all others, of those that fire
    in the same step the one with the highest potential. Of those that are left the first, and then the one with the
    highest potential, wins; it inhibits its own map everywhere, and all maps within ``radius`` of it; and so on until
    there are ``winners``. A dense layer is one place. The change goes to the kernel that a whole map shares.

    Layers learn one after another, from below: a block learns for its ``turns``, the last one without an end. The rate
    doubles every ``doubling`` batches of a block's turn. The rule sees no target; a readout is fitted.

    Metrics: ``convergence_<block>``, the mean of w (1 - w), which goes to 0 as weights become 0 or 1.

    Args:
        a_plus, a_minus: potentiation and depression of one winner, dimensionless.
        winners: of a presentation at most, one number for all blocks, or one a block as in 5/8.
        radius: of the inhibition among maps, places; one for all blocks, or one a block as in 2/1.
        turns: batches for which a block learns before the next one does, one number for all blocks, or one a block;
            0: the next one learns together with it.
        doubling: batches after which a_plus and a_minus are doubled, each time; 0: never.
        largest: up to which a_plus is doubled, dimensionless; a_minus keeps its ratio to it.

    Shapes: inputs [T, B, ...]; W [n, in] or [n, C, h, w], 0 to 1.

    Raises:
        ValueError: a value out of range; neurons that may fire more than once, weights or inputs below 0; feedback
            edges, weights that do not stand last in their synapse.

    Source: Kheradpisheh, Ganjtabesh, Thorpe & Masquelier, Neural Networks 99, 2018, section 2.4; winners and doubled
    rates as in Mozafari, Ganjtabesh, Nowzari-Dalini & Masquelier, Frontiers in Neuroscience 13, 2019 (SpykeTorch).
    deviation: the winners of all samples of a batch are found with the same weights, and their changes are added;
    batches of 1 are the papers'.
    """

    default_optimizer = OptimizerChoice("sgd", 1.0)
    default_bounds = (0.0, 1.0)
    sums_over_batch = True
    default_settings = {
        "net": "16C5p-MP2-10",
        "steps": 8,
        "neuron_option": {"v_threshold": 6.0, "window": 2},
        "bias": False,
        "readout": "linear-probe",
        "rule_option": {"winners": 3, "radius": 1},
    }

    def __init__(
        self,
        a_plus: float = 0.004,
        a_minus: float = 0.003,
        *,
        winners: PerLayer = 1,
        radius: PerLayer = 0,
        turns: PerLayer = 100,
        doubling: int = 0,
        largest: float = 0.15,
    ) -> None:
        check_positive("a_plus", a_plus)
        check_not_negative("a_minus", a_minus)
        check_positive("largest", largest)
        check_count("doubling", doubling, least=0)
        self.a_plus, self.a_minus, self.doubling, self.largest = a_plus, a_minus, doubling, largest
        self.winners = _counts("winners", winners, 1)
        self.radius = _counts("radius", radius, 0)
        self.turns = _counts("turns", turns, 0)

    @property
    def requires(self) -> tuple[Need, ...]:
        return (
            *super().requires,
            Encoding("latency"),
            Passes("neurons that fire once", _check_neurons, {"neuron": "first-spike-if"}),
            Passes(
                "weights of one sign",
                _check_signs,
                {"init": "normal", "init_option": {"mean": 0.8, "std": 0.05, "each": True}},
            ),
            Passes("constants of its blocks", self._check_places),
        )

    def _check_places(self, network: Network, rule: str) -> None:
        for name in ("winners", "radius", "turns"):
            check_places(rule, name, getattr(self, name), len(network.blocks))

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """How many batches were seen, and with which of them the turn of each block begins."""
        self.check(network)
        learning = [bool(trainable(block.synapse)) for block in network.blocks.values()]
        begins = [0]
        for place, learns in enumerate(learning[:-1]):
            begins.append(begins[-1] + learns * any(learning[place + 1 :]) * of_layer(self.turns, place))
        return {"batches": torch.zeros(()), "begins": torch.tensor(begins, dtype=torch.get_default_dtype())}

    def kept(self, memory: Memory, record: Record) -> Memory:
        return {"batches": memory["batches"] + 1.0}

    def metrics(self, network: Network) -> dict[str, float]:
        return {
            f"convergence_{name}": float((weight * (1.0 - weight)).detach().mean())
            for name, block in network.blocks.items()
            for weight in trainable(block.synapse).values()
            if weight.ndim > 1
        }

    def changes(self, layer: LearningLayer, memory: Memory) -> dict[str, Tensor]:
        begins, now = memory["begins"].tolist(), float(memory["batches"])
        begun = now - begins[layer.place]
        if begun < 0 or any(begins[layer.place] < other <= now for other in begins):
            return {"weight": torch.zeros_like(layer.weight)}
        before, won = self.competition(layer)
        samples = won.shape[1]
        potentiated = correlate(layer.module, before, won)["weight"]
        depressed = by_neuron(won.transpose(0, 2).flatten(1).sum(1), layer.weight) - potentiated
        doubled = min(2.0 ** min(begun // self.doubling, MOST), self.largest / self.a_plus) if self.doubling else 1.0
        free = (layer.weight * (1.0 - layer.weight)).clamp(min=0.0)
        change = free * (self.a_plus * potentiated - self.a_minus * depressed)
        return {"weight": change * (-doubled / samples)}

    def competition(self, layer: LearningLayer) -> tuple[Tensor, Tensor]:
        """Of each winner in turn the inputs up to its spike, and itself: [k, B, in...] and [k, B, n, ...]."""
        if (lowest := float(layer.pre.min())) < 0.0:
            raise ValueError(
                f"{self.name} learns from first spikes, but inputs of a block go down to {lowest:g}, expected spikes: "
                "take an encoder of spikes, for example --encoder latency"
            )
        v, pre = layer.seen.v.abs(), layer.pre  # that of silenced neurons is reported with a minus
        when = first_steps(v >= layer.neuron.v_threshold if layer.neuron.inclusive else v > layer.neuron.v_threshold)
        potential = v.gather(0, when.clamp(max=len(v) - 1).unsqueeze(0)).squeeze(0)
        open_ = firsts_of_places(when, potential, when < len(v))
        arrived = first_steps(pre > 0)
        before, won = [], []
        for _ in range(int(of_layer(self.winners, layer.place))):
            winner = first_of_all(when, potential, open_)
            spike = torch.where(winner, when, -1).flatten(1).amax(1)
            before.append(arrived <= spike.view(-1, *[1] * (arrived.ndim - 1)))
            won.append(winner)
            open_ = open_ & ~inhibited(winner, int(of_layer(self.radius, layer.place)))
        return as_float(torch.stack(before), layer.module), as_float(torch.stack(won), layer.module)


def first_steps(active: Tensor) -> Tensor:
    """The first step of a record [T, B, ...] of bools at which each entry is true; T where none is."""
    steps = active.byte().argmax(0)
    return torch.where(active.any(0), steps, len(active))


def firsts_of_places(when: Tensor, potential: Tensor, open_: Tensor) -> Tensor:
    """Of the maps at each place the one that fires first, and of those the highest; bool [B, n, ...]."""
    earliest = torch.where(open_, when, torch.iinfo(when.dtype).max).amin(MAPS, keepdim=True)
    chosen = torch.where(open_ & (when == earliest), potential, -math.inf).argmax(MAPS, keepdim=True)
    return torch.zeros_like(open_).scatter(MAPS, chosen, True) & open_


def first_of_all(when: Tensor, potential: Tensor, open_: Tensor) -> Tensor:
    """Of each sample's neurons the one that fires first, and of those the highest, if any; bool [B, n, ...]."""
    rows = (part.flatten(1).unsqueeze(2) for part in (when, potential, open_))
    return firsts_of_places(*rows).view_as(open_)


def inhibited(winner: Tensor, radius: int) -> Tensor:
    """The map of each winner, and with a radius all maps within it, a square; bool [B, n, ...]."""
    places = tuple(range(MAPS + 1, winner.ndim))
    silent = winner.any(places, keepdim=True) if places else winner
    if not radius:
        return silent
    near = winner.any(MAPS, keepdim=True)
    for axis in places:
        place = torch.arange(near.shape[axis], device=near.device)
        reach = ((place.unsqueeze(1) - place).abs() <= radius).to(torch.float32)
        near = (near.movedim(axis, -1).to(torch.float32) @ reach).movedim(-1, axis) > 0
    return silent | near


def _counts(name: str, value: PerLayer, least: int) -> tuple[int, ...]:
    numbers = per_layer(name, value, check_not_negative)
    if any(number != int(number) or number < least for number in numbers):
        raise ValueError(f"{name} is {value!r}, expected whole numbers from {least} on, or one a block, as in 5/8")
    return tuple(int(number) for number in numbers)


def _check_neurons(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if not isinstance(block.neuron, FirstSpikeIF):
            raise ValueError(
                f"{rule} learns from the first spikes of neurons that fire once, but those of block {name!r} are "
                f"{type(block.neuron).__name__}: take --neuron first-spike-if"
            )


def _check_signs(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        for own in trainable(block.synapse).values():
            least = float(own.detach().min())
            if least < 0.0:
                raise ValueError(
                    f"{rule} moves weights between 0 and 1, but those of block {name!r} begin as low as "
                    f"{least:g}: draw them between, for example --init normal --init-option mean=0.8 "
                    "--init-option std=0.05 --init-option each=true"
                )
