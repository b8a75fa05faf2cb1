"""Numbers computed by the methods' authors' own programs: files that lie beside the repository, where they are there."""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import ledger

#: Names the folder; else it is looked for beside the checkout.
VARIABLE = "SPIKELEARN_GOLDEN"
FOLDER = Path(os.environ.get(VARIABLE) or Path(__file__).parents[3] / "shared" / "golden")
#: Their checksums, as ``sha256sum`` writes them.
CHECKSUMS = Path(__file__).with_name("checksums.txt")
#: Files that a test reads, of all test modules that were imported.
CLAIMED: set[Path] = set()


def golden_files(*patterns: str) -> list:
    """One test parameter for each file that fits a pattern; a single skipped one where there is none."""
    found = sorted({path for pattern in patterns for path in FOLDER.glob(pattern)})
    if not found:
        why = f"no {' or '.join(patterns)} in {FOLDER}: name the folder of the authors' numbers with {VARIABLE}"
        return [pytest.param(None, id="none", marks=pytest.mark.skip(reason=why))]
    CLAIMED.update(found)
    return [pytest.param(path, id=path.stem) for path in found]


def known_checksums() -> dict[str, str]:
    """{file: SHA-256} of the files that were there when the list was written."""
    lines = CHECKSUMS.read_text("utf-8").splitlines()
    return {name: checksum for checksum, name in (line.split("  ") for line in lines)}


def check_unchanged(path: Path) -> None:
    """Fail where a file is not what its checksum says; a file that the list does not know is taken."""
    known = known_checksums().get(path.name)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert known in (None, found), f"{path} was changed: its SHA-256 is {found}, that of {CHECKSUMS.name} {known}"


class Case(dict):
    """What a file holds; it remembers which of its keys were read."""

    def __init__(self, values: dict) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.read.add(key)
        return super().get(key, default)

    def assert_all_read(self, besides: str = "") -> None:
        """Fail where the file has a key that was not read and does not match the pattern ``besides``."""
        unread = sorted(key for key in self.keys() - self.read if not re.fullmatch(besides, key))
        assert not unread, f"keys of the file that the test did not look at: {unread}"


def load(path: Path) -> Case:
    """The arrays of a file as tensors; strings and numbers of no dimension as plain values."""
    check_unchanged(path)
    ledger.read(path)
    with np.load(path) as stored:
        arrays = {key: stored[key] for key in stored.files}
    plain = {
        key: value.item() if value.ndim == 0 else torch.from_numpy(value)
        for key, value in arrays.items()
        if value.ndim == 0 or value.dtype.kind in "fiub"
    }
    return Case(plain)


def assert_relative(found: torch.Tensor, expected: torch.Tensor, tolerance: float, what: str = "") -> None:
    """Differences below ``tolerance`` times the largest magnitude of what is expected."""
    assert found.shape == expected.shape, f"{what}: {list(found.shape)} against {list(expected.shape)}"
    scale = float(expected.abs().max())
    gap = float((found.detach().double() - expected.double()).abs().max())
    assert gap <= tolerance * max(scale, 1e-300) or gap == 0.0, f"{what}: off by {gap:.3g}, largest value {scale:.3g}"
    ledger.compared(found, expected)
