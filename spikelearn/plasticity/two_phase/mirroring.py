"""Weight mirroring: the matrix from the output to the input is a product of factors that learn from noise."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spikelearn.network import Network
from spikelearn.neurons import Rate
from spikelearn.plasticity.back_weights import PREFIX
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.requires import Chain, Need, Neurons, NoFeedback, NoTrainableBias, Passes
from spikelearn.synapses import as_linear, float_type

#: What stands before a block in the name of the noise that it is sent.
NOISE = "noise."


def check_dense(network: Network, rule: str) -> None:
    """Raise ValueError where a layer is not a matrix alone."""
    for name, block in network.blocks.items():
        if as_linear(block.synapse) is None:
            raise ValueError(
                f"{rule} with feedback=mirrored sends noise through each layer and back through a matrix of the same "
                f"shape, but the synapse of block {name!r} is {' '.join(repr(block.synapse).split())}: use dense "
                "layers, or feedback=fixed"
            )


#: What a network must have for its layers to be mirrored.
MIRROR_NEEDS: tuple[Need, ...] = (
    Chain("has a matrix on the way back for every layer of a chain", "feedback=fixed"),
    NoFeedback("has a matrix on the way back for every layer", "feedback=fixed"),
    Passes("dense layers", check_dense),
    NoTrainableBias("mirrors weights alone"),
    Neurons(Rate, why="sends noise through a layer by itself, without time"),
)


def weights_of(network: Network) -> dict[str, Tensor]:
    """{block: weight [n, inputs]} of dense layers, from the input on."""
    return {name: linear.weight.detach() for name, linear in _linears(network).items()}


def _linears(network: Network) -> dict[str, nn.Linear]:
    linears = {name: as_linear(block.synapse) for name, block in network.blocks.items()}
    return {name: linear for name, linear in linears.items() if linear is not None}


def drawn_factors(network: Network, scale: float, generator: torch.Generator) -> Memory:
    r"""{``back_weights.<block>``: normal numbers, shaped like the block's weight}.

    The standard deviation of each is $(k\sqrt{2/n_0} / \sqrt{n_1 \cdots n_{L-1}})^{1/L}$, so that their product has
    $k\sqrt{2/n_0}$, $n_0$ the number of inputs.
    """
    weights = weights_of(network)
    hidden = math.prod(len(weight) for weight in list(weights.values())[:-1])
    spread = (_spread(weights, scale) / math.sqrt(hidden)) ** (1.0 / len(weights))
    return {
        PREFIX + name: (
            spread * torch.randn(weight.shape, generator=generator, dtype=torch.float64, device=generator.device)
        ).to(weight)
        for name, weight in weights.items()
    }


def product_of(memory: Mapping[str, Tensor]) -> Tensor:
    """The matrix from the output to the input, [outputs, inputs]: the factors' product, as that of the weights."""
    whole: Tensor | None = None
    for name, factor in memory.items():
        if name.startswith(PREFIX):
            whole = factor if whole is None else factor @ whole
    assert whole is not None
    return whole


def noise_for(
    network: Network, batch: Batch, amplitude: float, dropout: float, generator: torch.Generator
) -> dict[str, Tensor]:
    """{``noise.<block>``: what a layer is sent, [B, inputs]}; with ``dropout`` {``noise.<block>.mask``: [B, n]} too."""
    noise = {}
    kind, device = float_type(network), batch.inputs.device
    for name, weight in weights_of(network).items():
        outputs, inputs = weight.shape
        raw = torch.randn(batch.size, inputs, generator=generator, dtype=kind, device=generator.device)
        noise[NOISE + name] = centred(raw, amplitude).to(device)
        if dropout and name not in network.outputs:
            kept = torch.rand(batch.size, outputs, generator=generator, device=generator.device) >= dropout
            noise[f"{NOISE}{name}.mask"] = (kept.to(kind) / (1.0 - dropout)).to(device)
    return noise


def centred(raw: Tensor, amplitude: float) -> Tensor:
    """``raw`` times ``amplitude``, less the mean of all entries."""
    scaled = amplitude * raw
    return scaled - scaled.mean()


def mirrored(network: Network, draws: Mapping[str, Tensor], gain: float) -> dict[str, Tensor]:
    r"""{``back_weights.<block>``: $-\frac1B \sum_b f_l(\xi) \otimes \xi$}, minus what correlation asks for.

    $f_l$ is the layer by itself, with its dropout; that of the output is the softmax of ``gain`` times its current.
    """
    changes = {}
    for name, layer in _linears(network).items():
        noise = draws[NOISE + name]
        current = layer(noise)
        if name in network.outputs:
            response = (gain * current).softmax(1)
        else:
            response = network.blocks[name].neuron.steady_rate(current)
            response = response * draws.get(f"{NOISE}{name}.mask", 1.0)
        changes[PREFIX + name] = -(response.t() @ noise) / len(noise)
    return changes


def rescaled(network: Network, memory: Mapping[str, Tensor], scale: float) -> dict[str, Tensor]:
    r"""The factors, all times the number by which their product's entries have standard deviation $k\sqrt{2/n_0}$."""
    spread = _spread(weights_of(network), scale)
    factors = {name: factor for name, factor in memory.items() if name.startswith(PREFIX)}
    ratio = (spread / product_of(factors).std()) ** (1.0 / len(factors))
    return {name: ratio * factor for name, factor in factors.items()}


def _spread(weights: Mapping[str, Tensor], scale: float) -> float:
    first = next(iter(weights.values()))
    return scale * math.sqrt(2.0 / first.shape[1])
