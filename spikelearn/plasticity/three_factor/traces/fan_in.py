"""Inputs of a layer's weights, neuron by neuron, and the gradient of the weights from them."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.synapses import as_float, trainable, uses_batch_statistics
from spikelearn.synapses.structure import is_hooked

#: Layers whose weights are known neuron by neuron.
KNOWN = (nn.Linear, nn.Conv1d, nn.Conv2d)


class FanIn:
    """The weights of a synapse as each neuron sees them: [groups, maps, fan-in], one more for a bias.

    A neuron stands at one of P positions of one of M maps in one of G groups; of a dense layer P and G are 1. All
    positions share their map's weights.

    Args:
        synapse: layers without weights, then one layer with weights.

    Raises:
        ValueError: as ``check_fan_in``.
    """

    def __init__(self, synapse: nn.Module) -> None:
        *self.fronts, self.layer = (layer for _, layer in _layers("", synapse))
        self.path = [path for path, _ in _layers("", synapse)][-1]
        check_fan_in(synapse)
        self.synapse = synapse
        self.groups = getattr(self.layer, "groups", 1)
        self.biased = self._parameter("bias") in trainable(synapse)

    def __len__(self) -> int:
        """Weights that meet a neuron, its bias among them."""
        weight = self.layer.weight
        assert isinstance(weight, Tensor)
        return weight[0].numel() + self.biased

    def arriving(self, pre: Tensor) -> Tensor:
        """Inputs of the weights at each position, [B, G, P, fan-in], from the input of the synapse, [B, in...]."""
        x = as_float(pre, self.synapse)
        for front in self.fronts:
            x = front(x)
        if isinstance(self.layer, nn.Linear):
            if x.ndim != 2:
                raise ValueError(
                    f"an eligibility follows a dense layer from [B, n], but {list(x.shape)} arrives: put nn.Flatten() "
                    "in front of it"
                )
            met = x.view(len(x), 1, 1, -1)
        else:
            met = self._patches(x)
        return torch.cat([met, met.new_ones(*met.shape[:-1], 1)], -1) if self.biased else met

    def neurons(self, values: Tensor) -> Tensor:
        """Values of the neurons, [B, out...], as [B, G, M, P]."""
        return values.reshape(len(values), self.groups, values.shape[1] // self.groups, -1)

    def gradients(self, total: Tensor) -> dict[str, Tensor]:
        """{parameter of the synapse that learns: gradient}, of the gradient [G, M, fan-in]."""
        weight, gradients = self.layer.weight, {}
        assert isinstance(weight, Tensor)
        rows = total.flatten(0, 1)
        if self.biased:
            gradients[self._parameter("bias")] = rows[:, -1].contiguous()
            rows = rows[:, :-1]
        by_weight = rows.reshape(weight.shape)
        others = {name: p for name, p in trainable(self.synapse).items() if name != self._parameter("bias")}
        if not parametrize.is_parametrized(self.layer):
            return gradients | dict.fromkeys(others, by_weight)
        grads = torch.autograd.grad(weight, list(others.values()), by_weight, retain_graph=True)
        return gradients | dict(zip(others, grads, strict=True))

    def _parameter(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _patches(self, x: Tensor) -> Tensor:
        conv = self.layer
        assert isinstance(conv, nn.Conv1d | nn.Conv2d)
        mode = "constant" if conv.padding_mode == "zeros" else conv.padding_mode
        x = F.pad(x, conv._reversed_padding_repeated_twice, mode)
        kernel, stride, dilation = conv.kernel_size, conv.stride, conv.dilation
        if isinstance(conv, nn.Conv1d):
            x, kernel, stride, dilation = x.unsqueeze(2), (1, *kernel), (1, *stride), (1, *dilation)
        unfolded = F.unfold(x, kernel, dilation, 0, stride)
        return unfolded.view(len(x), self.groups, -1, unfolded.shape[-1]).transpose(2, 3)


def check_fan_in(synapse: nn.Module) -> None:
    """Raise ValueError where the weights of a synapse cannot be followed neuron by neuron."""
    *fronts, (_, layer) = _layers("", synapse)
    kind = parametrize.type_before_parametrizations(layer) if parametrize.is_parametrized(layer) else type(layer)
    plain = not is_hooked(layer) and not uses_batch_statistics(synapse)
    if kind in KNOWN and plain and not any(list(front.parameters()) for _, front in fronts):
        return
    raise ValueError(
        f"{' '.join(repr(synapse).split())} is no layer of weights ({', '.join(kind.__name__ for kind in KNOWN)}) "
        "behind layers without any"
    )


def _layers(path: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if type(module) is nn.Sequential and not is_hooked(module):
        for name, child in module.named_children():
            yield from _layers(f"{path}.{name}" if path else name, child)
    else:
        yield path, module
