"""Export: one file a format; importing them registers them."""

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.nir import NIR
from spikelearn.export.nir_import import Imported, from_nir, read_nir
from spikelearn.export.nir_quirks import QUIRKS
from spikelearn.export.nir_readers import READERS
from spikelearn.export.safetensors import Safetensors, load_weights, save_weights
from spikelearn.export.verify import Verdict, Verification, verify_nir

__all__ = [
    "FORMATS",
    "NIR",
    "QUIRKS",
    "READERS",
    "Exported",
    "Format",
    "Imported",
    "Safetensors",
    "Verdict",
    "Verification",
    "from_nir",
    "load_weights",
    "read_nir",
    "save_weights",
    "verify_nir",
]
