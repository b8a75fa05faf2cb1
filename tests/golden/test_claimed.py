"""Every file of the authors' numbers is read by a test, or belongs to a family whose rules are still to come."""

import importlib
from pathlib import Path

import pytest

from tests.golden.files import CLAIMED, FOLDER

#: Families whose rules are not here yet; whoever adds the rule takes its line away.


def test_every_file_is_claimed_or_waits():
    files = set(FOLDER.glob("*.npz"))
    if not files:
        pytest.skip(f"no files in {FOLDER}")
    for module in Path(__file__).parent.glob("test_*.py"):
        importlib.import_module(f"tests.golden.{module.stem}")
    unread = sorted(path.name for path in files - CLAIMED if not path.name.startswith(WAITING))
    assert not unread, f"no test reads {unread}"
    read = {family for family in WAITING if all(p in CLAIMED for p in files if p.name.startswith(family))}
    stale = sorted(family for family in read if any(p.name.startswith(family) for p in files))
    assert not stale, f"tests read all of {stale}: they wait no more"
