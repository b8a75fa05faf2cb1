"""Which networks EMSTDP trains: what learns in them, and what it refuses."""

from torch import Tensor, nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import IF
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
    linear = _linear_of(network.blocks[name].synapse, behind_pooling=True)
    assert linear is not None
    return linear.weight.detach()


def check_network(rule: str, network: Network) -> None:
    """Raise ValueError, with what was found, what is expected and the cure, where ``rule`` cannot train ``network``."""
    if network.feedback:
        raise ValueError(
            f"{rule} sends errors back by error neurons of its own, but the network has feedback edges "
            f"{list(network.feedback)}: leave them out"
        )
    names = layers_of(network)
    if not names:
        raise ValueError(f"{rule} finds no trainable weight: set requires_grad_(True) on what should learn")
    if isinstance(network.readout, MembraneReadout):
        raise ValueError(
            f"{rule} corrects spike counts, but the readout predicts from potentials: use RateReadout (--readout rate)"
        )
    learned = [name for name, parameter in network.readout.named_parameters() if parameter.requires_grad]
    if learned:
        raise ValueError(
            f"{rule} would never change the readout's {learned[0]!r}, it expects one output neuron a class: use "
            "RateReadout() without a head, or freeze it"
        )
    for place, (name, block) in enumerate(network.blocks.items()):
        if block.delay != min(place, 1):
            raise ValueError(
                f"block {name!r} has delay {block.delay}, expected {min(place, 1)}: the windows in which {rule} counts "
                "spikes take 0 for the first block and 1 for every later one: build(..., delay=1) (--delay 1)"
            )
        if name in names:
            _check_synapse(rule, name, block.synapse, first=name == names[0])
            _check_neuron(rule, name, block)


def _check_synapse(rule: str, name: str, synapse: nn.Module, *, first: bool) -> None:
    convolutions = [type(m).__name__ for m in synapse.modules() if isinstance(m, nn.modules.conv._ConvNd)]
    if convolutions:
        raise ValueError(
            f"block {name!r} has a {convolutions[0]}, but {rule} trains dense layers only, and what stands before them "
            "must be frozen: take a front end that was trained elsewhere (--weights RUN --freeze BLOCK)"
        )
    linear = _linear_of(synapse, behind_pooling=first)
    if linear is None:
        raise ValueError(
            f"block {name!r} has the synapse {' '.join(repr(synapse).split())}, but {rule} carries errors through "
            "plain nn.Linear only, with nn.Flatten and, in the first layer that learns, AvgPool2d or SumPool2d before "
            "it: leave the rest out"
        )
    if linear.bias is not None and linear.bias.requires_grad:
        raise ValueError(
            f"block {name!r} has a trainable bias, for which {rule} has no presynaptic count: build it with "
            "bias=False (--no-bias), or freeze the bias with requires_grad_(False)"
        )


def _check_neuron(rule: str, name: str, block: Block) -> None:
    neuron = block.neuron
    if not isinstance(neuron, IF):
        raise ValueError(
            f"block {name!r} is a {type(neuron).__name__}, expected IF: {rule} pushes a membrane by one threshold for "
            'one spike, which a leak would lose; use IF(inclusive=True, reset="to_value")'
        )
    if not neuron.inclusive or neuron.reset != "to_value" or neuron.v_reset != 0.0:
        raise ValueError(
            f"block {name!r} has inclusive={neuron.inclusive}, reset={neuron.reset!r}, v_reset={neuron.v_reset}, "
            f'expected inclusive=True, reset="to_value", v_reset=0: after a reset the push of {rule} lands on the '
            "threshold exactly, and must make a spike"
        )


def _linear_of(synapse: nn.Module, *, behind_pooling: bool) -> nn.Linear | None:
    """The plain Linear inside, Flatten or (``behind_pooling``) a pooling that is linear in the counts before it."""
    if behind_pooling and type(synapse) is nn.Sequential:
        synapse = nn.Sequential(*(m for m in synapse if not isinstance(m, nn.AvgPool2d | SumPool2d)))
    return as_linear(synapse)
