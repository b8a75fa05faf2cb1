"""Locality of a rule, measured: one signal after another is perturbed, and the update of a synapse compared."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikelearn.measure.isolation import isolated
from spikelearn.measure.payload import payload_bytes
from spikelearn.network import Network
from spikelearn.plasticity import Batch, Memory, Rule, Update

#: Differences below this share of the largest change are rounding.
ROUNDING = 1e-9

#: A weight by which a source hardly changes a run, and the relative change of its own updates that tells a dependence.
FAINT, FAINT_CHANGE = 1e-6, 1e-2
#: What is kept grows with the number of steps where it grows by more than this share of the inputs, in float64.
FLAT = 0.5

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Locality:
    """The signals on which a synapse into the first block that learns depends, in the form that goes to JSON.

    Args:
        block: the block that was looked at.
        depends: {one of ``plasticity.factors.FACTORS``: whether it changes the update}; None where it could
            not be perturbed alone.
        live_bytes: most that was alive at once while an update was formed.
        live_bytes_quarter: the same with a quarter of the steps.
    """

    block: str
    depends: dict[str, bool | None]
    live_bytes: int
    live_bytes_quarter: int

    @property
    def factors(self) -> frozenset[str]:
        """The factors that the update depends on."""
        return frozenset(name for name, depends in self.depends.items() if depends)


def locality(network: Network, rule: Rule, batch: Batch, memory: Memory, generator: torch.Generator) -> Locality:
    r"""Perturb each signal that a synapse might use, with all others held, and see whether its change is another one.

    Looked at are the weights $W_{ij}$ into the first block that learns, i one of its neurons:

    - "pre": the activity of a source j whose weights are 0, so that nothing else of the run changes; one source after
      another, for a rule may write labels over the first inputs; of rules whose changes vanish with the weight, of a
      source with faint weights, by whose own changes it is told;
    - "post": the state of neuron i, by its other weights;
    - "targets": the targets of the samples, exchanged;
    - "error": the output's activity, by weights into the output that do not come from i;
    - "weights": those from i to the blocks above, where a twin of i, with the same weights into it, takes over what i
      loses, so that no activity changes; of rules that depend on neither targets nor errors also those into a
      neighbour of i, which moves them between two inputs that are alike;
    - "record": the number of steps, with which what an update keeps grows.

    Signals are perturbed in the first quarter of the steps.

    "error" is None where nothing stands above the block, and "weights" of rules that depend on targets.

    Args:
        network: made of Linear synapses, in float64; left as it was, as are memory and generator.
        rule: whose updates are formed, and thrown away.
        batch: two samples of different classes at least, of spikes, by which the rule changes weights.
        memory: the rule's. Weights in it that are all 0 are replaced by random ones.

    Shapes: inputs [T, B, n], T some 80, so that what grows with T is more than what else an update keeps.

    Raises:
        ValueError: a network or batch that the rule refuses; a rule that changes no Linear synapse, or by 0.
    """
    quarter = Batch(batch.inputs[: len(batch.inputs) // 4], batch.targets)
    probe = _Probe(network, rule, quarter, memory, generator)
    depends: dict[str, bool | None] = {
        "pre": probe.differs_by_a_source(),
        "post": probe.differs(_nothing, probe.change_own_weights),
        "targets": probe.differs(_nothing, probe.exchange_targets),
        "error": probe.differs(_nothing, probe.change_output) if probe.above else None,
        "weights": probe.differs(probe.make_a_twin, probe.move_weight_to_the_twin) if probe.above else None,
    }
    if not depends["targets"] and not depends["error"] and probe.below == "inputs":
        depends["weights"] = bool(depends["weights"]) or probe.differs_by_a_neighbour()
    whole, some = (_live(network, rule, part, memory, generator) for part in (batch, quarter))
    depends["record"] = whole - some > FLAT * 8 * (batch.inputs.numel() - quarter.inputs.numel())
    return Locality(probe.block, depends, whole, some)


def _live(network: Network, rule: Rule, batch: Batch, memory: Memory, generator: torch.Generator) -> int:
    return payload_bytes(network, rule, batch, memory, generator).live


@dataclass
class _Run:
    """A network and a batch that may be changed before the rule looks at them."""

    network: Network
    inputs: Tensor
    targets: Tensor
    memory: Memory

    def weight(self, name: str) -> Tensor:
        return self.network.get_parameter(name).data


Change = Callable[[_Run, float], None]


def _nothing(run: _Run, strength: float) -> None:
    """The run as it is."""


class _Probe:
    """One neuron of one block, and the ways in which what surrounds it is changed."""

    def __init__(self, network: Network, rule: Rule, batch: Batch, memory: Memory, generator: torch.Generator) -> None:
        self.network, self.rule, self.batch, self.generator = network, rule, batch, generator
        self.memory = {name: _random_where_zero(tensor) for name, tensor in memory.items()}
        updates = self._updates(self._run())
        weights = [name for name in _linear_weights(network) if name in updates[0]]
        if not weights:
            raise ValueError(f"{rule.name} changes no weight of a Linear synapse, by which locality is told: {weights}")
        self.weight = weights[0]
        # Of rules that form several updates, some of which leave the weight as it is, the largest change of it.
        changed = max(
            updates, key=lambda update: float(update[weights[0]].abs().max()) if weights[0] in update else 0.0
        )
        if not changed[self.weight].any():
            raise ValueError(
                f"{rule.name} changes {self.weight} by 0 on this batch, which tells no dependence: take another one, "
                "with several samples of each class"
            )
        self.block = self.weight.split(".")[1]
        self.below = next(source for _, source, _ in network.into(self.block))
        self.above = [name for name in _linear_weights(network) if _reads(network, name, self.block)]
        self.beside = [name for name in _linear_weights(network) if _reads(network, name, self.below)]
        self.into_source = [name for name in _linear_weights(network) if name.startswith(f"blocks.{self.below}.")]
        # The neuron whose weights change most, and the source that it learns most from: others may be silent.
        sizes = changed[self.weight].abs()
        channels = network.blocks[self.block].neuron.channels
        neurons = sizes.unflatten(0, (-1, channels)).sum((1, 2))
        self.neuron, self.sources = int(neurons.argmax()), sizes.sum(0).argsort(descending=True).tolist()
        self.source = self.sources[0]
        self.twin = (self.neuron + 1) % len(neurons)
        #: Rows of the neighbour whose weights are moved between two sources.
        self.changed = slice(0, channels)

    def differs_by_a_source(self) -> bool:
        """Tell whether the activity of any source makes another update, the one learned from most first."""
        for source in self.sources:
            self.source = source
            if self.differs(self.silence_a_source, self.change_that_source, anywhere=True):
                return True
            if self.differs_by_a_faint_source():
                return True
        return False

    def differs_by_a_faint_source(self) -> bool:
        """The same of rules whose changes vanish with the weight: by the changes of faint weights alone."""
        column = (slice(None), self.source)
        strengths, before, perturb = (0.1, 1.0, 10.0), self.make_a_source_faint, self.change_that_source
        return any(self._differs(before, perturb, column, s, least=FAINT_CHANGE) for s in strengths)

    def differs_by_a_neighbour(self) -> bool:
        """Tell whether the update of a neuron is another by the weights into another one that does as before.

        Neurons may stand in an order: the first and the last are changed, and all others looked at.
        """
        channels = self.network.blocks[self.block].neuron.channels
        first, last = slice(0, channels), slice(-channels, None)
        for self.changed, others in ((first, slice(channels, None)), (last, slice(0, -channels))):
            if any(self._differs(self.make_sources_alike, self.move_between_them, others, s) for s in (0.1, 1.0, 10.0)):
                return True
        return False

    def differs(self, prepare: Change, perturb: Change, *, anywhere: bool = False) -> bool:
        """Tell whether the update of the neuron's weights is another after ``perturb``, at any of six strengths.

        ``anywhere``: that of any neuron of the block.
        """
        rows = slice(None) if anywhere else self._into(self.block, self.neuron)
        return any(self._differs(prepare, perturb, rows, strength) for strength in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0))

    def _differs(
        self,
        prepare: Change,
        perturb: Change,
        rows: slice | tuple[slice, int],
        strength: float,
        *,
        least: float = ROUNDING,
    ) -> bool:
        updates = []
        for changes in ((prepare,), (prepare, perturb)):
            run = self._run()
            for change in changes:
                change(run, strength)
            updates.append([grads[self.weight][rows] for grads in self._updates(run)])
        largest = max(float(grad.abs().max()) for grad in updates[0] + updates[1])
        gaps = [float((a - b).abs().max()) for a, b in zip(*updates, strict=True)]
        return max(gaps) > least * largest

    def _into(self, block: str, neuron: int) -> slice:
        """The rows of weights into a neuron, one for each channel of its current."""
        channels = self.network.blocks[block].neuron.channels
        return slice(neuron * channels, (neuron + 1) * channels)

    def _run(self) -> _Run:
        memory = {name: tensor.clone() for name, tensor in self.memory.items()}
        return _Run(copy.deepcopy(self.network), self.batch.inputs.clone(), self.batch.targets.clone(), memory)

    def _updates(self, run: _Run) -> list[Mapping[str, Tensor]]:
        with isolated(run.network, self.generator) as drawn:
            batch = Batch(run.inputs, run.targets)
            updates: list[Update] = list(self.rule.updates(run.network, batch, run.memory, drawn))
        # Those of what the rule itself learns leave the network alone.
        return [update.grads for update in updates if update.grads]

    def silence_a_source(self, run: _Run, strength: float) -> None:
        for name in self.beside:
            run.weight(name)[:, self.source] = 0.0

    def make_a_source_faint(self, run: _Run, strength: float) -> None:
        for name in self.beside:
            run.weight(name)[:, self.source] = FAINT

    def change_that_source(self, run: _Run, strength: float) -> None:
        if self.below == "inputs":
            run.inputs[..., self.source] = 1.0 - run.inputs[..., self.source]
            return
        for name in self.into_source:
            rows = run.weight(name)[self._into(self.below, self.source)]
            rows += strength * rows.abs()

    def make_sources_alike(self, run: _Run, strength: float) -> None:
        run.inputs[..., self.sources[1]] = run.inputs[..., self.sources[0]]

    def move_between_them(self, run: _Run, strength: float) -> None:
        for place, sign in zip(self.sources[:2], (1.0, -1.0), strict=True):
            run.weight(self.weight)[self.changed, place] += sign * strength

    def change_own_weights(self, run: _Run, strength: float) -> None:
        run.weight(self.weight)[self._into(self.block, self.neuron)] *= 1.0 + strength

    def exchange_targets(self, run: _Run, strength: float) -> None:
        """Exchange all, or some alone: where two classes change places, the same samples are of one class as before."""
        count = len(run.targets) if strength < 1.0 else max(2, len(run.targets) // 2)
        run.targets = torch.cat([run.targets[:count].roll(1, 0), run.targets[count:]])

    def change_output(self, run: _Run, strength: float) -> None:
        for name in self.above:
            kept = run.weight(name)[:, self.neuron].clone()
            run.weight(name).copy_(_drawn(run.weight(name), strength))
            run.weight(name)[:, self.neuron] = kept

    def make_a_twin(self, run: _Run, strength: float) -> None:
        size = run.weight(self.weight).shape[0]
        own = [p for name, p in run.network.named_parameters() if name.startswith(self.weight.removesuffix("weight"))]
        own_rows, others = self._into(self.block, self.neuron), self._into(self.block, self.twin)
        for parameter in own:
            parameter.data[others] = parameter.data[own_rows]
        for tensor in run.memory.values():
            for axis in (axis for axis, length in enumerate(tensor.shape) if length == size):
                tensor.select(axis, self.twin).copy_(tensor.select(axis, self.neuron))

    def move_weight_to_the_twin(self, run: _Run, strength: float) -> None:
        for name in self.above:
            moved = _drawn(run.weight(name)[:, self.neuron], strength)
            run.weight(name)[:, self.neuron] += moved
            run.weight(name)[:, self.twin] -= moved


def _drawn(like: Tensor, scale: float) -> Tensor:
    """Normal numbers of standard deviation ``scale``, others for another one."""
    generator = torch.Generator().manual_seed(round(1000 * scale))
    return scale * torch.randn(like.shape, generator=generator, dtype=like.dtype)


def _linear_weights(network: Network) -> list[str]:
    """Names of the weights of plain Linear layers, in order."""
    return [f"{name}.weight" for name, module in network.named_modules() if type(module) is nn.Linear]


def _reads(network: Network, weight: str, block: str) -> bool:
    """Tell whether a weight meets what ``block`` sends."""
    path = weight.removesuffix(".weight")
    if path.startswith("readout"):
        return block in network.outputs
    for name in network.blocks:
        for place, source, _ in network.into(name):
            if path.startswith(f"{place}.") and source == block:
                return True
    return False


def _random_where_zero(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point() or bool(tensor.any()):
        return tensor
    return torch.rand(tensor.shape, generator=torch.Generator().manual_seed(0), dtype=tensor.dtype) - 0.5
