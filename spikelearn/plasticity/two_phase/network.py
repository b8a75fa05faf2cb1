"""Which networks rules with error neurons train: the layers that errors reach, and what the rules need of them."""

from torch import Tensor, nn

from spikelearn.network import Network
from spikelearn.neurons import IF
from spikelearn.plasticity.requires import (
    Chain,
    Delay,
    Encoding,
    Need,
    Neurons,
    NoFeedback,
    NoTrainableBias,
    Passes,
    SomethingToLearn,
    SpikeReadout,
)
from spikelearn.synapses import SumPool2d, as_linear, trainable


def layers_of(network: Network) -> list[str]:
    """Names of the blocks that errors reach: from the first with something trainable to the last."""
    names = list(network.blocks)
    learning = [place for place, name in enumerate(names) if trainable(network.blocks[name].synapse)]
    return names[learning[0] :] if learning else []


def layer_sizes(network: Network) -> list[int]:
    """Inputs of the first layer that errors reach, then the number of neurons of every such layer."""
    weights = [weight_of(network, name) for name in layers_of(network)]
    return [weights[0].shape[1], *(weight.shape[0] for weight in weights)]


def weight_of(network: Network, name: str) -> Tensor:
    """The weight [n, in] of a layer that errors reach."""
    linear = linear_of(network.blocks[name].synapse, behind_pooling=True)
    assert linear is not None
    return linear.weight.detach()


def check_layers(network: Network, rule: str) -> None:
    """Raise ValueError where errors of ``rule`` would meet something else than dense layers."""
    names = layers_of(network)
    for name in names:
        _check_synapse(rule, name, network.blocks[name].synapse, first=name == names[0])


def _check_synapse(rule: str, name: str, synapse: nn.Module, *, first: bool) -> None:
    convolutions = [type(m).__name__ for m in synapse.modules() if isinstance(m, nn.modules.conv._ConvNd)]
    if convolutions:
        raise ValueError(
            f"block {name!r} has a {convolutions[0]}, but {rule} trains dense layers only, and what stands before them "
            "must be frozen: take a front end that was trained elsewhere (--weights RUN --freeze BLOCK)"
        )
    linear = linear_of(synapse, behind_pooling=first)
    if linear is None:
        raise ValueError(
            f"block {name!r} has the synapse {' '.join(repr(synapse).split())}, but {rule} carries errors through "
            "plain nn.Linear only, with nn.Flatten and, in the first layer that learns, AvgPool2d or SumPool2d before "
            "it: leave the rest out"
        )


def linear_of(synapse: nn.Module, *, behind_pooling: bool) -> nn.Linear | None:
    """The plain Linear inside, Flatten or (``behind_pooling``) a pooling that is linear in the counts before it."""
    if behind_pooling and type(synapse) is nn.Sequential:
        synapse = nn.Sequential(*(m for m in synapse if not isinstance(m, nn.AvgPool2d | SumPool2d)))
    return as_linear(synapse)


#: What every rule with error neurons needs.
TWO_PHASE_NEEDS: tuple[Need, ...] = (
    Chain("sends errors down a chain of error neurons"),
    NoFeedback("sends errors back by error neurons of its own"),
    SomethingToLearn("weight", layers_of),
    SpikeReadout("corrects spike counts"),
    Delay("counts spikes in windows that take", first=0, later=1),
    Passes("dense layers, behind a frozen front end", check_layers),
    NoTrainableBias("has no presynaptic count for a bias"),
    Neurons(
        IF,
        why="pushes a membrane by one threshold for one spike, which a leak or another reset would lose",
        among=layers_of,
        inclusive=True,
        reset="to_value",
        v_reset=0.0,
    ),
    Encoding("regular"),
)
