"""The layer of weights that stands last in a block's synapse, what stands before it, and its name in the network."""

from torch import nn

from spikelearn.network import Network
from spikelearn.synapses import front_and_weights


def parts_of(network: Network, block: str) -> tuple[nn.Sequential, nn.Module]:
    """What stands before the weights of a block, and the layer of weights; of a synapse that has it last."""
    parts = front_and_weights(network.blocks[block].synapse)
    assert parts is not None
    return parts


def weight_name(network: Network, block: str) -> str:
    """The name of a block's weights among the network's parameters."""
    front, module = parts_of(network, block)
    alone = module is network.blocks[block].synapse
    return f"blocks.{block}.synapse.{'' if alone else f'{len(front)}.'}weight"
