"""The TOML files that come with the package: presets, tuned settings, suites and claims, and their one reader."""

from spikelearn.catalogue.collection import CLAIMS, PRESETS, SUITES, TUNED, Collection

__all__ = ["CLAIMS", "PRESETS", "SUITES", "TUNED", "Collection"]
