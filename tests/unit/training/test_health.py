"""Faults without an error: which rates and which scales of inputs are said, once, and which are not."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from spikelearn import BPTT, ArrayDataset, Digits, Loader, Training, build, fit
from spikelearn.datasets import DataWarning
from spikelearn.neurons import Izhikevich
from spikelearn.training import ConsoleDisplay
from spikelearn.training.health import Health, odd_scale


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([0.0], ["never fired"]),
        ([0.0005], ["hardly fired"]),
        ([0.1, 0.0], ["", "fell silent"]),
        ([0.95], ["fired at nearly every step"]),
        ([0.2, 0.6], ["", "ran away"]),
        ([0.6, 0.8], ["", ""]),
        ([0.0, 0.0, 0.1, 0.0], ["never fired", "", "", ""]),
        ([0.1, 0.2, 0.15], ["", "", ""]),
    ],
)
def test_every_fault_of_a_block_is_said_once(rates, expected):
    health = Health()
    said = [" ".join(health.words({"fc1": rate})) for rate in rates]
    assert [bool(words) for words in said] == [bool(words) for words in expected]
    assert all(f"fc1 {part}" in words for part, words in zip(expected, said, strict=True) if part)


def test_blocks_with_one_fault_share_a_sentence():
    (words,) = Health().words({"a": 0.0, "b": 0.0, "c": 0.3})
    assert words.startswith("a, b never fired")


READINGS = torch.randn(6, 20, 4)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (READINGS, ""),
        (READINGS.sign().clamp(min=0), ""),
        (300 * READINGS, "inputs go up to"),
        (0.001 * READINGS, "inputs go up to"),
        (0.01 * READINGS, "inputs go up to"),
        (0.05 * READINGS, ""),
        (1.0 + 0.01 * READINGS, "inputs vary by a small part of their mean"),
        (1.0 + 0.5 * READINGS, ""),
        (torch.rand(20, 64).expand(6, 20, 64), ""),
        (torch.zeros(6, 20, 4), ""),
        (torch.full((6, 20, 4), float("inf")), ""),
        ((READINGS > 0).byte(), ""),
        (torch.ones(6, 1, 4), ""),
    ],
)
def test_odd_scales(inputs, expected):
    assert odd_scale(inputs, 1.0)[: len(expected)] == expected if expected else not odd_scale(inputs, 1.0)


@settings(deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 2**31))
def test_the_scale_is_that_of_the_threshold(threshold, seed):
    inputs = torch.randn(3, 50, 4, generator=torch.Generator().manual_seed(seed))
    assert odd_scale(threshold * inputs, threshold) == ""
    assert "standardise" in odd_scale(100 * threshold * inputs, threshold)
    assert "standardise" in odd_scale(threshold * inputs / 500, threshold)


def test_fit_says_both(recwarn):
    words = io.StringIO()
    data = ArrayDataset(500 + 30 * torch.randn(20, 5, 4), torch.arange(20) % 2, sequence=True)
    network = build("4-6-2", input_shape=(4,))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    display = ConsoleDisplay(Console(file=words, soft_wrap=True))
    with pytest.warns(DataWarning, match="inputs go up to .* where neurons fire at 1"):
        fit(Training.start(network, BPTT()), Loader(data, 5, 10), epochs=2, display=display)
    assert words.getvalue().count("fired at nearly every step") == 1


def test_a_peak_in_other_units_is_no_measure_of_inputs(recwarn):
    network = build("64-5-10", neuron=Izhikevich, input_shape=(1, 8, 8))
    fit(Training.start(network, BPTT()), Loader(Digits("train"), 3, 500), epochs=1)
    assert not [one for one in recwarn if issubclass(one.category, DataWarning)]


def test_bundled_data_are_of_no_odd_scale(recwarn):
    fit(Training.start(build("64-5-10", input_shape=(1, 8, 8)), BPTT()), Loader(Digits("train"), 3, 500), epochs=1)
    assert not [one for one in recwarn if issubclass(one.category, DataWarning)]
