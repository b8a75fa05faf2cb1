"""Every file of the authors' numbers is read by a test."""

import importlib
from pathlib import Path

import pytest

from tests.golden.files import CLAIMED, FOLDER


def test_every_file_is_claimed():
    files = set(FOLDER.glob("*.npz"))
    if not files:
        pytest.skip(f"no files in {FOLDER}")
    for module in Path(__file__).parent.glob("test_*.py"):
        importlib.import_module(f"tests.golden.{module.stem}")
    unread = sorted(path.name for path in files - CLAIMED)
    assert not unread, f"no test reads {unread}"
