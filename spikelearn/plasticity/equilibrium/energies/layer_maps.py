"""The maps of a chain of rate neurons, from the values of one block to the prediction of the next, and back."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.neurons import Activation, Rate
from spikelearn.synapses import correlate, drive, transpose
from spikelearn.synapses.structure import as_linear

#: Whether a block's values are outputs of its neurons or their currents.
Node = Literal["post", "pre"]


class Prediction(NamedTuple):
    """What a block makes of the values below it; all are [T, B, ...].

    Args:
        pre: what meets its weights.
        current: what they make of it.
        value: the prediction of the block's own values.
    """

    pre: Tensor
    current: Tensor
    value: Tensor


class LayerMaps:
    r"""The maps $f_l$ of a chain of blocks of rate neurons, and their transposes.

    With the node "post" values are outputs, $f_l(v) = \phi_l(W_l v + b_l)$; with "pre" they are currents,
    $f_l(v) = W_l\,\phi_{l-1}(v) + b_l$, and $f_1(x) = W_1 x + b_1$.

    Args:
        network: a chain of blocks of rate neurons without delays.
        inputs: [T, B, ...]; every step is a presentation of its own.
        masks: {place: factor [B, ...]}, as in ``Network.run``.
        node: as above.
    """

    def __init__(self, network: Network, inputs: Tensor, masks: Mapping[str, Tensor], node: Node) -> None:
        self.network, self.masks, self.node = network, masks, node
        self.names = list(network.blocks)
        self.below = dict(zip(self.names[1:], self.names, strict=False))
        self.given = inputs
        #: What meets the first weights; known from ``forward`` on.
        self.inputs = inputs
        plain = not torch.is_autocast_enabled(inputs.device.type)
        #: Blocks whose synapse is a dense layer, looked at once: real values meet it at every iteration.
        self.dense = {name: as_linear(network.blocks[name].synapse) if plain else None for name in self.below}

    @torch.no_grad()
    def forward(self) -> dict[str, Prediction]:
        """What the network makes of the inputs: {block: its prediction, from that of the block below}.

        Raises:
            ValueError: as ``Network.run``.
        """
        record, _ = self.network.run(self.given, masks=self.masks)
        self.inputs = record[self.names[0]].pre
        found = {}
        for name, seen in record.items():
            value = seen.v
            if self.node == "post":
                value = self.answer(name, seen.v) if name in self.masks else seen.spikes
            found[name] = Prediction(seen.pre, seen.v, value)
        return found

    def predict(self, name: str, below: Tensor | None) -> Prediction:
        """The prediction of a block from the values of the block below; None: from the inputs, after ``forward``."""
        return self.driven(name, self.inputs if below is None else self.sent(self.below[name], below))

    def driven(self, name: str, pre: Tensor) -> Prediction:
        """The prediction of a block from what meets its weights."""
        dense = self.dense.get(name)
        driven = drive(self.network.blocks[name].synapse, pre) if dense is None else dense(pre.flatten(2))
        current = self._masked(driven, f"{name}.synapse")
        return Prediction(pre, current, self.answer(name, current) if self.node == "post" else current)

    def sent(self, name: str, value: Tensor) -> Tensor:
        """What a block with these values sends."""
        return self.passed(name, value if self.node == "post" else self.answer(name, value))

    def passed(self, name: str, output: Tensor) -> Tensor:
        """What a block with these outputs sends, behind its mask."""
        return self._masked(output, name)

    def error_at_current(self, name: str, prediction: Prediction, error: Tensor) -> Tensor:
        """An error of the prediction, carried back to the current of the block."""
        arrived = error if self.node == "pre" else self.slope(name, prediction.current, error, prediction.value)
        return self._masked(arrived, f"{name}.synapse")

    def back(self, name: str, prediction: Prediction, error: Tensor, below: Tensor) -> Tensor:
        """An error of the prediction, carried back to the values ``below`` that it was made from."""
        at_current = self.error_at_current(name, prediction, error)
        lower = self.below[name]
        arrived = self._masked(self._transposed(name, prediction.pre, at_current), lower)
        if self.node == "post":
            return arrived
        return self.slope(lower, below, arrived, None if lower in self.masks else prediction.pre)

    def _transposed(self, name: str, pre: Tensor, post: Tensor) -> Tensor:
        dense = self.dense.get(name)
        if dense is None:
            return transpose(self.network.blocks[name].synapse, pre, post)
        return (post @ dense.weight).view_as(pre)

    def weights(self, name: str, prediction: Prediction, error: Tensor) -> dict[str, Tensor]:
        """{parameter: derivative}, sum of all samples, of a block by the error of its prediction."""
        at_current = self.error_at_current(name, prediction, error)
        found = correlate(self.network.blocks[name].synapse, prediction.pre, at_current)
        return {f"blocks.{name}.synapse.{key}": value for key, value in found.items()}

    def _masked(self, x: Tensor, place: str) -> Tensor:
        mask = self.masks.get(place)
        return x if mask is None else x * mask.to(x.dtype)

    def _activation(self, name: str) -> Activation:
        neuron = self.network.blocks[name].neuron
        assert isinstance(neuron, Rate)
        return neuron.activation

    def answer(self, name: str, current: Tensor) -> Tensor:
        """The outputs of a block at its currents."""
        return self._activation(name)(current.flatten(0, 1)).view_as(current)

    def slope(self, name: str, current: Tensor, error: Tensor, output: Tensor | None = None) -> Tensor:
        """An error of a block's outputs, carried back to its currents; the ``output`` there where it is known."""
        activation, at, arrived = self._activation(name), current.flatten(0, 1), error.flatten(0, 1)
        known = activation.vjp(at, arrived) if output is None else activation.vjp_at(at, output.flatten(0, 1), arrived)
        return known.view_as(current)
