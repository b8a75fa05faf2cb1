"""The weights of a block, as pictures and movies show them."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import one_of
from spikelearn.network.network import Network
from spikelearn.synapses import SparseLinear


def tensors_of(network: Network | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights by name; of listed connections as matrices [out, in], summed over their delays."""
    if not isinstance(network, Network):
        return network
    tensors: dict[str, Tensor] = dict(network.state_dict())
    for prefix, synapse in network.synapses().items():
        if isinstance(synapse, SparseLinear):
            matrix = synapse.dense().detach()
            tensors[f"{prefix}weight"] = matrix.sum(1) if matrix.ndim == 3 else matrix
    return tensors


def chosen_weights(tensors: Mapping[str, Tensor], block: str | None) -> tuple[str, np.ndarray]:
    """A block, None: the first that has weights, and its weights: of dense layers [out, in], of filters [out, in, ...].

    Raises:
        ValueError: an unknown block, or one without weights.
    """
    there: dict[str, Tensor] = {}
    for name, value in tensors.items():
        parts = name.split(".")
        if parts[0] == "blocks" and len(parts) > 1 and 2 <= value.ndim <= 5:
            there.setdefault(parts[1], value)
    block = next(iter(there), None) if block is None else block
    if block is None or block not in there:
        raise ValueError(
            f"block {block!r} has no dense or convolutional weights to show, expected {one_of(str(block), list(there))}"
        )
    return block, np.nan_to_num(torch.as_tensor(there[block]).detach().double().cpu().numpy())
