"""Export: one file a format; importing them registers them."""

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.nir import NIR
from spikelearn.export.nir_import import Imported, from_nir, read_nir
from spikelearn.export.nir_proof import Proof, add_proof, read_proof
from spikelearn.export.nir_quirks import QUIRKS
from spikelearn.export.nir_readers import READERS
from spikelearn.export.safetensors import Safetensors, load_weights, save_weights
from spikelearn.export.verify import Verdict, Verification, recorded_spikes, verify_nir
from spikelearn.export.verify_file import FileVerdict, verify_file

__all__ = [
    "FORMATS",
    "NIR",
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
    "load_weights",
    "read_nir",
    "read_proof",
    "recorded_spikes",
    "save_weights",
    "verify_file",
    "verify_nir",
]
