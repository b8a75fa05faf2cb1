"""Shared by the tests that go through the command line."""

from spikelearn.cli.app import run
from spikelearn.documents import read_json


def trained_resumed_and_evaluated(flags, folder, capsys):
    """Result of two epochs, and what was said; a run resumed after the first is the same, and ``evaluate`` agrees."""
    whole, part = folder / "whole", folder / "part"
    assert run(["train", *flags, "--epochs", "2", "--out", str(whole)]) == 0
    said = capsys.readouterr().err
    result = read_json(whole / "result.json")
    assert run(["train", *flags, "--epochs", "1", "--out", str(part)]) == 0
    assert run(["train", "--resume", str(part), "--epochs", "2"]) == 0
    assert (part / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    capsys.readouterr()
    assert run(["evaluate", str(whole)]) == 0
    assert f"test accuracy {100 * result['test_accuracy']:.2f} %" in capsys.readouterr().out
    return result, said
