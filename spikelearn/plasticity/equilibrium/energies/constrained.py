"""What rules of predictive coding share whose errors come back through synapses of their own, layer by layer."""

import math
from collections.abc import Collection, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Activity, Network
from spikelearn.neurons import Rate
from spikelearn.plasticity.back_weights import PREFIX, BackWeights
from spikelearn.plasticity.base import Batch, Memory, Rule
from spikelearn.plasticity.equilibrium.energies.layer_maps import LayerMaps, Node, Prediction
from spikelearn.plasticity.equilibrium.predictive_rule import check_delays, check_samples
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.requires import (
    Chain,
    Need,
    Neurons,
    NoFeedback,
    Passes,
    PlainRate,
    SomethingToLearn,
    trainable_names,
)
from spikelearn.synapses import as_linear
from spikelearn.tasks import check_targets


class OwnWayBack(LayerMaps):
    """The maps of a chain of dense layers, whose errors come back through weights of their own.

    Args:
        network, inputs, masks, node: as in ``LayerMaps``.
        slopes: whether what comes back is multiplied by the slope of the neurons that it crosses.
    """

    def __init__(
        self, network: Network, inputs: Tensor, masks: Mapping[str, Tensor], node: Node, *, slopes: bool = True
    ) -> None:
        super().__init__(network, inputs, masks, node)
        self.slopes = slopes
        #: {block: weights [n, n below]} of all blocks but the first; to be set before errors are carried back.
        self.weights_back: Mapping[str, Tensor] = {}

    def back(self, name: str, prediction: Prediction, error: Tensor, below: Tensor) -> Tensor:
        if self.slopes:
            crossing = self.error_at_current(name, prediction, error)
        else:
            crossing = self._masked(error, f"{name}.synapse")
        lower = self.below[name]
        arrived = self._masked((crossing @ self.weights_back[name]).view_as(prediction.pre), lower)
        return arrived if self.node == "post" else self.slope(lower, below, arrived)


class ConstrainedCoding(Rule):
    """A rule that moves the values of dense layers by errors, which go down through weights that may be their own.

    A subclass sets ``back`` and says how values move, and by what the weights learn.
    """

    #: Where the weights on the way back come from.
    back: BackWeights
    #: The neurons whose values it moves.
    neurons: Need = Neurons(Rate, why="moves the values of neurons by errors")

    @property
    def factors(self) -> Factors:
        told: Factors = SUPERVISED | {"record"}
        return told | {"weights"} if self.back.reads_forward_weights else told

    @property
    def requires(self) -> tuple[Need, ...]:
        why = "moves the values of neurons by errors"
        return (
            Chain(why, "train with fa or dfa"),
            NoFeedback(why, "train with fa or dfa"),
            self.neurons,
            Passes("no delays", check_delays),
            Passes("dense layers", _check_dense),
            Passes("values that do not depend on other samples", check_samples),
            PlainRate("compares the output's values with targets"),
            SomethingToLearn("weight", trainable_names),
        )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<block>``: B, [n, n below]} of all blocks but the first, where B is not read from W."""
        self.check(network)
        return self.back.init(crossed(network), generator)

    def weights_back(self, network: Network, memory: Memory) -> dict[str, Tensor]:
        """{block: B} of all blocks but the first, as they are now."""
        return self.back.now(crossed(network), memory)

    def own_changes(self, network: Network, grads: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{memory tensor: minus the desired change} of weights on the way back that learn as those of the way up."""
        if self.back.kind != "kolen-pollack":
            return {}
        names = {id(p): name for name, p in network.named_parameters()}
        forward = {block: names[id(weight)] for block, weight in crossed(network).items()}
        return {PREFIX + block: grads[name] for block, name in forward.items() if name in grads}


def crossed(network: Network) -> dict[str, Tensor]:
    """{block: weight} of all blocks but the first: those that errors cross on the way down."""
    return {name: _linear(network, name).weight for name in list(network.blocks)[1:]}


def mean_of(changes: Mapping[str, Tensor], network: Network, samples: int) -> dict[str, Tensor]:
    """Minus the mean of ``samples``, of those of the summed ``changes`` whose parameters learn."""
    return {name: changes[name] / -samples for name in trainable_names(network) if name in changes}


def one_hot(batch: Batch, like: Tensor) -> Tensor:
    """Targets as values of the output, shaped like them [T, B, n]: 1 for the class, 0 for the others.

    Raises:
        ValueError: a class without an output.
    """
    check_targets(batch.targets, like.shape[2])
    return F.one_hot(batch.targets, like.shape[2]).to(like).expand_as(like)


def scores_of(network: Network, output: Tensor) -> Tensor:
    """The readout's scores [B, n] of what the output sends, [T, B, n]."""
    scores: Tensor = network.readout(Activity(output, output, output))
    return scores


def refuse_left_out(rule: str, valid: Tensor | None) -> None:
    """Raise ValueError where steps are left out."""
    if valid is not None:
        raise ValueError(
            f"{rule} looks at every step, but lengths or valid leave some out: cut the samples to one length"
        )


def squares(errors: Iterable[Tensor]) -> Tensor:
    r"""$\frac12 \sum_l |e_l|^2$ of errors [T, B, n], sum of the steps and mean of the samples."""
    return torch.stack([0.5 * error.square().sum((0, 2)).mean() for error in errors]).sum()


def moved(before: Collection[Tensor], after: Collection[Tensor]) -> float:
    """How far values moved in one step, relative to their length; 0 where no layer is free."""
    way = math.hypot(*(float((new - old).norm()) for old, new in zip(before, after, strict=True)))
    length = math.hypot(*(float(new.norm()) for new in after))
    return way / length if length else 0.0


def _linear(network: Network, name: str) -> nn.Linear:
    linear = as_linear(network.blocks[name].synapse)
    assert linear is not None
    return linear


def _check_dense(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if as_linear(block.synapse) is None:
            made = " ".join(repr(block.synapse).split())
            raise ValueError(
                f"{rule} sends errors from neuron to neuron through one matrix of weights, but the synapse of block "
                f"{name!r} is {made}: take a network of dense layers such as 784-300-300-10, with nothing beside their "
                "weights (no norms, no standardised weights)"
            )
