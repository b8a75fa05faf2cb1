"""Export: one file a format; importing them registers them."""

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.nir import NIR
from spikelearn.export.safetensors import Safetensors, load_weights, save_weights
from spikelearn.export.verify import Verdict, Verification, verify_nir

__all__ = [
    "FORMATS",
    "NIR",
    "Exported",
    "Format",
    "Safetensors",
    "Verdict",
    "Verification",
    "load_weights",
    "save_weights",
    "verify_nir",
]
