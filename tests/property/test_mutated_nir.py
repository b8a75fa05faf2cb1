"""Mutated NIR files: an error that names the file, or what the file says; never a crash, a hang or another network."""

import pytest
import torch

from tests.property.mutated_nir import GOOD, counted, in_this_process


@pytest.fixture
def in_double():
    """What is read is compared with equations in double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("in_double")
def test_some_mutated_files(tmp_path):
    """Of each way of change one: bytes; values of a file of another program; values under a checksum."""
    lines = [line for _, line in in_this_process(tmp_path, [16, 24, 541, 560, 967]) if line is not None]
    assert {line["outcome"] for line in lines} <= set(GOOD), lines
    assert {"refused", "what it says"} <= {line["outcome"] for line in lines}


@pytest.mark.slow
def test_a_thousand_mutated_files(tmp_path):
    """They are read by child processes within limits of time and memory: none crashes, hangs or fires something else."""
    found = counted(1_000, tmp_path)
    assert len(found) == 1_000
    assert [row for row in found if row[3] not in GOOD] == []
    assert 500 < sum(row[3] == "refused" for row in found) < 1_000
