"""A small network that all neurons of a network have in common, between their currents and their output."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_shape
from spikelearn.learned_tensors import LearnedTensors
from spikelearn.neurons.base import SharedConstants

#: Files and texts of phenotypes.
PHENOTYPES = LearnedTensors("phenotype", "a phenotype", "spikelearn phenotype")

#: {name: from which layer, to which} of its maps; layers 0 to 4 are the channels, three hidden layers and the output.
MAPS = {f"fc{n}": (n, n + 1) for n in range(4)} | {
    f"skip_{start}_{end}": (start, end) for start, end in ((0, 2), (0, 3), (0, 4), (1, 3), (1, 4), (2, 4))
}


class Phenotype(SharedConstants):
    r"""A network of tanh units from the channels of a neuron to one number, with all forward skips.

    $$h_0 = c, \qquad h_l = \tanh\Big(\sum_{k<l} h_k W_{kl}^\top + b_{kl}\Big), \quad l = 1 \ldots 4, \qquad
      y = h_4$$

    Args:
        tensors: {``<map>.weight``, ``<map>.bias``}, maps as in ``MAPS``; sizes are read off them.

    Shapes: c [..., channels], hidden layers [..., width], y [...].

    Raises:
        ValueError: tensors that are missing, too many, or of sizes that do not fit.

    Source: Camp, Mandivarapu & Estrada, arXiv 2011.07035, 2020, and the authors' program.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        expected = {f"{name}.{kind}" for name in MAPS for kind in ("weight", "bias")}
        if tensors.keys() != expected:
            odd = sorted(tensors.keys() ^ expected)
            raise ValueError(
                f"tensors of the phenotype are missing or too many: {', '.join(odd)}; expected weight and bias of "
                f"each of {', '.join(MAPS)}: learn another (spikelearn phenotype)"
            )
        if tensors["fc0.weight"].ndim != 2:
            raise ValueError("fc0.weight of the phenotype is no matrix [width, channels]: learn another")
        self.width, self.channels = tensors["fc0.weight"].shape
        for name, (outputs, inputs) in shapes(self.channels, self.width).items():
            check_shape(f"{name}.weight", tensors[f"{name}.weight"], (outputs, inputs), "learn another phenotype")
            check_shape(f"{name}.bias", tensors[f"{name}.bias"], (outputs,), "learn another phenotype")
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "_"), tensor.detach().clone(), persistent=False)

    @classmethod
    def drawn(cls, channels: int, width: int, seed: int = 0) -> "Phenotype":
        r"""One that has learned nothing, every map from $U(-1/\sqrt{n}, 1/\sqrt{n})$ for its n inputs."""
        check_count("channels", channels)
        check_count("width", width)
        generator = torch.Generator().manual_seed(seed)
        tensors = {}
        for name, (outputs, inputs) in shapes(channels, width).items():
            bound = 1.0 / math.sqrt(inputs)
            for kind, shape in (("weight", (outputs, inputs)), ("bias", (outputs,))):
                uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
                tensors[f"{name}.{kind}"] = (bound * (2.0 * uniform - 1.0)).to(torch.get_default_dtype())
        return cls(tensors)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """{``<map>.weight``, ``<map>.bias``}, the buffers themselves."""
        return {f"{name}.{kind}": getattr(self, f"{name}_{kind}") for name in MAPS for kind in ("weight", "bias")}

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """The output y [...] of ``channels`` [..., channels], and the potential of which it is the tanh."""
        layers, total = [channels], channels
        for target in range(1, 5):
            into = [self._mapped(name, layers[start]) for name, (start, end) in MAPS.items() if end == target]
            total = sum(into[1:], into[0])
            layers.append(total.tanh())
        return layers[-1].squeeze(-1), total.squeeze(-1)

    def _mapped(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias"))


def shapes(channels: int, width: int) -> dict[str, tuple[int, int]]:
    """{map: (outputs, inputs)}."""
    sizes = (channels, width, width, width, 1)
    return {name: (sizes[end], sizes[start]) for name, (start, end) in MAPS.items()}
