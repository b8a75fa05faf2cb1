"""Export: one file a format; importing them registers them."""

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.c_header import CHeader
from spikelearn.export.integers import IntegerNetwork, to_integers
from spikelearn.export.nir import NIR
from spikelearn.export.nir_import import Imported, from_nir, read_nir
from spikelearn.export.nir_proof import Proof, add_proof, read_proof
from spikelearn.export.nir_quirks import QUIRKS
from spikelearn.export.nir_readers import READERS
from spikelearn.export.onnx_step import ONNX, step_model
from spikelearn.export.peer_modules import from_norse, from_snntorch, from_spikingjelly, to_norse, to_snntorch
from spikelearn.export.rate_conversion import Converted, from_relu_network
from spikelearn.export.safetensors import Safetensors, load_weights, save_weights
from spikelearn.export.verify import Verdict, Verification, recorded_spikes, verify_nir
from spikelearn.export.verify_file import FileVerdict, verify_file

__all__ = [
    "FORMATS",
    "NIR",
    "ONNX",
    "CHeader",
    "Converted",
    "IntegerNetwork",
    "QUIRKS",
    "READERS",
    "Exported",
    "FileVerdict",
    "Proof",
    "Format",
    "Imported",
    "Safetensors",
    "Verdict",
    "Verification",
    "add_proof",
    "from_nir",
    "from_norse",
    "from_relu_network",
    "from_snntorch",
    "from_spikingjelly",
    "step_model",
    "to_integers",
    "to_norse",
    "to_snntorch",
    "load_weights",
    "read_nir",
    "read_proof",
    "recorded_spikes",
    "save_weights",
    "verify_file",
    "verify_nir",
]
