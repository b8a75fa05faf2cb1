"""Weights alone, in safetensors."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from safetensors.torch import save

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.files import write_atomically
from spikelearn.network import Network


@FORMATS.register("safetensors")
class Safetensors(Format):
    """Every parameter and buffer under its name in the network, with the metadata in the header.

    Shapes: as in the network; weights [out, in...], dimensionless current per spike.

    Source: the safetensors format, version 0.4 and later.
    """

    ending = ".safetensors"

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, str]) -> Exported:
        tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        header = {**metadata, "spikelearn": version("spikelearn"), "input_shape": "x".join(map(str, input_shape))}
        write_atomically(path, save(tensors, metadata=header))
        return Exported(path, ("neurons and readout are not part of the file, only weights",))
