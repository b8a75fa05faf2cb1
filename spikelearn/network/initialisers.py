"""How weights are drawn before training."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.checks import check_positive
from spikelearn.network.network import Network
from spikelearn.neurons import MembraneNeuron
from spikelearn.registry import Registry
from spikelearn.synapses import SpectralGain

INITIALISERS: Registry[type["Initialiser"]] = Registry("initialiser")

WITH_WEIGHTS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


class Initialiser(ABC):
    """Draws all weights and biases of linear and convolutional layers of a network, in place."""

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        """Draw every layer, blocks first; then the vectors and gains of reparametrised ones."""
        with torch.no_grad():
            for module in network.modules():
                if isinstance(module, WITH_WEIGHTS):
                    own = not any(module is part for part in network.readout.modules())
                    self.draw(module, _drawn(module), generator) if own else _uniform(module, generator)
                    if parametrize.is_parametrized(module):
                        for part in module.modules():
                            if isinstance(part, SpectralGain):
                                part.start(_drawn(module), generator)

    @abstractmethod
    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        """Draw ``weight`` (the tensor that is drawn, where it is reparametrised) and the bias of one layer."""


@INITIALISERS.register("uniform")
class Uniform(Initialiser):
    r"""Weights and biases from $U(-1/\sqrt n, 1/\sqrt n)$, n the fan-in: torch's default.

    Source: He et al., ICCV 2015, in the form of torch's layers.
    """

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        _uniform(module, generator)


@INITIALISERS.register("kaiming")
class Kaiming(Initialiser):
    r"""Weights from $N(0, \sqrt{2/n})$, n the fan-in; biases 0.

    Source: He et al., ICCV 2015.
    """

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        weight.normal_(0.0, math.sqrt(2.0 / _fan_in(module)), generator=generator)
        _zero_bias(module)


@INITIALISERS.register("tssl-bp")
class TSSLInit(Initialiser):
    r"""Dense weights from $N(0, \sqrt{2/n})$, convolutions from $U(-1/\sqrt n, 1/\sqrt n)$; biases 0.

    Args:
        scale: factor on every weight, dimensionless; the published CIFAR-10 convolutions have 5.

    Raises:
        ValueError: ``scale`` not positive.

    Source: Zhang & Li, NeurIPS 2020, the authors' program.
    """

    def __init__(self, scale: float = 1.0) -> None:
        check_positive("scale", scale)
        self.scale = scale

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        if isinstance(module, nn.Linear):
            weight.normal_(0.0, math.sqrt(2.0 / _fan_in(module)), generator=generator)
        else:
            bound = 1.0 / math.sqrt(_fan_in(module))
            weight.uniform_(-bound, bound, generator=generator)
        weight.mul_(self.scale)
        _zero_bias(module)


@INITIALISERS.register("unit-norm")
class UnitNorm(Initialiser):
    r"""Weights from U(-1, 1), those of every output unit then scaled to Euclidean norm 1; biases 0.

    The readout is drawn as by "uniform".

    Source: Xiao et al., NeurIPS 2021, the authors' program.
    """

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        weight.uniform_(-1.0, 1.0, generator=generator)
        unit = 1 if isinstance(module, nn.ConvTranspose2d) else 0
        others = [axis for axis in range(weight.ndim) if axis != unit]
        weight.div_(weight.square().sum(others, keepdim=True).sqrt())
        _zero_bias(module)


@INITIALISERS.register("emstdp")
class EMSTDPInit(Initialiser):
    r"""Weights from $N(0, \sqrt{3/n})$, n the fan-in, and thresholds that fall with the depth that is left.

    $$\vartheta_l = \mathrm{hidden}\,\frac{\sqrt{3 n_{l-1}}}{2 (L + 2 - l)}, \qquad
      \vartheta_{out} = \mathrm{output}\,\frac{\sqrt{3 n_L}}{2}$$

    for hidden layers l = 1..L with $n_{l-1}$ inputs. Biases are 0. Convolutions are a front end that was trained
    elsewhere: they keep their thresholds and are drawn as by "uniform".

    Args:
        hidden, output: ratios of the thresholds, dimensionless.

    Raises:
        ValueError: a ratio not positive; neurons without a threshold of their own.

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019, the authors' program.
    """

    def __init__(self, hidden: float = 0.5, output: float = 0.1) -> None:
        check_positive("hidden", hidden)
        check_positive("output", output)
        self.hidden, self.output = hidden, output

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        super().__call__(network, generator)
        dense = {
            name: next(iter(_layers(block.synapse)))
            for name, block in network.blocks.items()
            if all(isinstance(layer, nn.Linear) for layer in _layers(block.synapse))
        }
        thresholds = self.thresholds([_fan_in(layer) for layer in dense.values()]) if dense else []
        for name, threshold in zip(dense, thresholds, strict=True):
            block = network.blocks[name]
            if not isinstance(block.neuron, MembraneNeuron):
                raise ValueError(
                    f"initialiser 'emstdp' sets thresholds, but block {name!r} is a {type(block.neuron).__name__}: "
                    "use IF"
                )
            block.neuron.v_threshold = threshold

    def thresholds(self, fan_ins: Sequence[int]) -> list[float]:
        """Threshold of every block, the output last, from the fan-in of each."""
        return emstdp_thresholds(fan_ins, self.hidden, self.output)

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        if not isinstance(module, nn.Linear):
            _uniform(module, generator)
            return
        weight.normal_(0.0, math.sqrt(3.0 / _fan_in(module)), generator=generator)
        _zero_bias(module)


@INITIALISERS.register("emstdp-loihi")
class EMSTDPLoihiInit(EMSTDPInit):
    r"""Whole-numbered weights $\mathrm{round}(255\,N(0, \sqrt{3/n}))$ in -128..127, and thresholds in their unit.

    $$\vartheta = \lfloor 255\,\mathrm{ratio}\,\sqrt{3 n} / 2 \rfloor$$

    with n the fan-in; biases, where there are any, are a tenth of the threshold and do not learn.

    Args:
        hidden, output: ratios of the thresholds, dimensionless.

    Raises:
        ValueError: a ratio not positive; neurons without a threshold of their own.

    Source: Shrestha et al., DAC 2021 (arXiv 2105.03649), the authors' program.
    """

    def __init__(self, hidden: float = 0.5, output: float = 0.3) -> None:
        super().__init__(hidden, output)

    def thresholds(self, fan_ins: Sequence[int]) -> list[float]:
        ratios = [self.hidden] * (len(fan_ins) - 1) + [self.output]
        return [float(int(255 * ratio * math.sqrt(3.0 * n) / 2)) for ratio, n in zip(ratios, fan_ins, strict=True)]

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        super().__call__(network, generator)
        for block in network.blocks.values():
            for layer in _layers(block.synapse):
                if isinstance(layer, nn.Linear) and isinstance(layer.bias, nn.Parameter):
                    layer.bias.requires_grad_(False).fill_(block.neuron.v_threshold / 10.0)

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        super().draw(module, weight, generator)
        if isinstance(module, nn.Linear):
            weight.mul_(255.0).round_().clamp_(-128.0, 127.0)


def emstdp_thresholds(fan_ins: Sequence[int], hidden: float, output: float) -> list[float]:
    """Thresholds of all layers, the output last, from the fan-in of each; see ``EMSTDPInit``."""
    depth = len(fan_ins) - 1
    below = [hidden * math.sqrt(3.0 * n) / (2.0 * (depth + 1 - place)) for place, n in enumerate(fan_ins[:-1])]
    return [*below, output * math.sqrt(3.0 * fan_ins[-1]) / 2.0]


def _layers(synapse: nn.Module) -> Iterator[nn.Module]:
    return (module for module in synapse.modules() if isinstance(module, WITH_WEIGHTS))


def _drawn(module: nn.Module) -> Tensor:
    if parametrize.is_parametrized(module):
        original = module.parametrizations["weight"].original  # type: ignore[union-attr,index]
        assert isinstance(original, Tensor)
        return original
    assert isinstance(module.weight, Tensor)
    return module.weight


def _fan_in(module: nn.Module) -> int:
    """Weights that meet one output unit (of a transposed convolution: torch's count, over dim 1)."""
    return _drawn(module)[0].numel()


def _uniform(module: nn.Module, generator: torch.Generator) -> None:
    bound = 1.0 / math.sqrt(_fan_in(module))
    for parameter in (_drawn(module), module.bias):
        if isinstance(parameter, Tensor):
            parameter.uniform_(-bound, bound, generator=generator)


def _zero_bias(module: nn.Module) -> None:
    if isinstance(module.bias, Tensor):
        module.bias.zero_()
