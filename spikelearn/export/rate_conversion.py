"""An ordinary network with ReLU as a spiking one that fires at its activations: rate conversion."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spikelearn.export.nir_fold import Weighted, folded
from spikelearn.network import Block, Network, evaluating
from spikelearn.neurons import IF, Rate
from spikelearn.neurons.activations import Linear

#: Layers that stand in front of the next weights.
_FRONT = (nn.Flatten, nn.AvgPool2d, nn.MaxPool2d, nn.Identity, nn.Dropout, nn.Dropout2d)


class Converted(NamedTuple):
    """A network that was converted.

    Args:
        network: IF neurons with reset by subtraction, one spike a step at most; linear ``Rate`` neurons at the end
            where no ReLU stands there.
        scales: {block: activation at which its neurons fire at every step}.
        loss: mean |score - score of the model| on the samples, over the mean |score| of the model.
        agreement: share of samples with the same largest score.
    """

    network: Network
    scales: dict[str, float]
    loss: float
    agreement: float


@torch.no_grad()
def from_relu_network(
    model: nn.Sequential, samples: Tensor, *, n_steps: int = 100, quantile: float = 0.999, v_start: float = 0.5
) -> Converted:
    r"""A spiking network whose firing rates are the activations of ``model``, layer by layer over their largest value.

    With $\lambda_l$ the ``quantile`` of the activations of layer l over the samples (threshold balancing),
    $W_l \leftarrow W_l\,\lambda_{l-1}/\lambda_l$ and $b_l \leftarrow b_l/\lambda_l$, thresholds 1: an IF neuron with
    reset by subtraction then fires at the rate $\mathrm{clip}(a_l/\lambda_l, 0, 1)$, up to 1/T. Half a threshold is
    added to it at the start, by the bias of the first step alone where there is time, which here is a threshold lower
    by ``v_start``/T: rounding to the nearest in place of downward.

    Args:
        model: Linear, Conv1d and Conv2d layers, batch norms behind them, ReLU, pools, Flatten and Dropout, in order.
        samples: [B, ...], for the scales and the loss.
        n_steps: T, for the loss.
        quantile: share of the activations below the scale.
        v_start: 0 or 0.5, what is added as above.

    Shapes: the network takes [T, B, ...]; give ``x.expand(T, *x.shape)``.

    Raises:
        ValueError: another layer; a model without weights; activations that are all 0.

    Source: Diehl et al., IJCNN 2015 (data-based normalisation); Rueckauer et al., Frontiers in Neuroscience 11, 2017
    (quantile, reset by subtraction). deviation: what is left on the membrane is rounded by a lower threshold.
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile is {quantile}, expected a share in (0, 1]")
    model = model.eval()
    expected = model(samples)
    blocks: dict[str, Block] = {}
    scales: dict[str, float] = {}
    front: list[nn.Module] = []
    waiting: Weighted | None = None
    x, before = samples, 1.0

    def close(fires: bool) -> None:
        nonlocal front, waiting, before
        assert waiting is not None
        name = f"layer{len(blocks) + 1}"
        scale = float(torch.quantile(x.flatten()[:1_000_000], quantile)) if fires else 1.0
        if not scale > 0:
            raise ValueError(f"all activations of {name} are 0 on these samples: give others, or train the model")
        layer = _scaled(waiting, before / scale, 1.0 / scale)
        neuron = IF(1.0 - v_start / n_steps, reset="subtract") if fires else Rate(Linear())
        blocks[name] = Block(nn.Sequential(*front, layer) if front else layer, neuron)
        scales[name], before, front, waiting = scale, scale, [], None

    for part in folded("model", model)[0]:
        if isinstance(part, Weighted):
            if waiting is not None:
                close(fires=False)
            x, waiting = part.layer(x) if _same(part) else _scaled(part, 1.0, 1.0)(x), part
        elif isinstance(part, nn.ReLU):
            x = part(x)
            if waiting is None:
                raise ValueError("a ReLU stands behind no weights, expected Linear or Conv before each")
            close(fires=True)
        elif isinstance(part, _FRONT):
            if waiting is not None:
                raise ValueError(f"{part!r} stands between weights and their ReLU: put it behind")
            x = part(x)
            front += [] if isinstance(part, nn.Dropout | nn.Dropout2d) else [part]
        else:
            raise ValueError(f"{part!r} cannot be converted, expected Linear, Conv, batch norm, ReLU, pools, Flatten")
    if waiting is not None:
        close(fires=False)
    if not blocks:
        raise ValueError("the model has no weights, expected Linear or Conv layers")
    network = Network(blocks)
    with evaluating(network):
        found = network(samples.expand(n_steps, *samples.shape)) * before
    loss = float((found - expected.flatten(1)).abs().mean() / expected.abs().mean().clamp(min=1e-12))
    agreement = float((found.argmax(1) == expected.flatten(1).argmax(1)).float().mean())
    return Converted(network, scales, loss, agreement)


def _same(part: Weighted) -> bool:
    return part.weight.equal(part.layer.weight) and part.bias is part.layer.bias


def _scaled(part: Weighted, weight: float, bias: float) -> nn.Module:
    """A layer like that of ``part`` with its weights and biases times two numbers."""
    own = part.layer
    has = part.bias is not None
    layer: nn.Linear | nn.Conv1d | nn.Conv2d
    if isinstance(own, nn.Linear):
        layer = nn.Linear(own.in_features, own.out_features, bias=has)
    else:
        kind: Any = nn.Conv1d if isinstance(own, nn.Conv1d) else nn.Conv2d
        options: Any = (own.kernel_size, own.stride, own.padding, own.dilation, own.groups)
        layer = kind(own.in_channels, own.out_channels, *options, has, own.padding_mode)
    layer.weight.copy_(part.weight * weight)
    if part.bias is not None and layer.bias is not None:
        layer.bias.copy_(part.bias * bias)
    return layer
