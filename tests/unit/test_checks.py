import pytest
import torch

from spikelearn import checks


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "3", None, True])
def test_positive_refuses(value):
    with pytest.raises(ValueError, match=r"tau is .*expected a positive number \(s\)"):
        checks.check_positive("tau", value, "s")


@pytest.mark.parametrize("value", [1.01, -0.1, float("nan"), "x"])
def test_fraction_refuses(value):
    with pytest.raises(ValueError, match="share is .* expected a number in"):
        checks.check_fraction("share", value)


def test_fraction_below_one():
    checks.check_fraction("decay", 0.0, below_one=True)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        checks.check_fraction("decay", 1.0, below_one=True)


@pytest.mark.parametrize("value", [0, 1.0, True, -3])
def test_count_refuses(value):
    with pytest.raises(ValueError, match="whole number of at least 1"):
        checks.check_count("batch", value)


def test_choice_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'subtract'"):
        checks.check_choice("reset", "substract", ("to_value", "subtract"))


def test_batch_first_is_named():
    with pytest.raises(ValueError, match="batch first"):
        checks.check_time_first(torch.zeros(8, 5, 3), torch.zeros(8, dtype=torch.int64))


def test_missing_time_axis_is_named():
    with pytest.raises(ValueError, match="add the time axis"):
        checks.check_time_first(torch.zeros(8, 5), torch.zeros(8, dtype=torch.int64))


def test_bytes_are_spikes():
    for dtype in (torch.bool, torch.uint8):
        checks.check_time_first(torch.ones(5, 8, 3, dtype=dtype), torch.zeros(8, dtype=torch.int64))
        checks.check_spike_bytes("inputs", torch.ones(5, 8, dtype=dtype))
    checks.check_spike_bytes("inputs", torch.full((5, 8), 3.5))
    checks.check_spike_bytes("inputs", torch.zeros(0, 8, dtype=torch.uint8))
    grey = torch.tensor([[[0, 1, 200]]], dtype=torch.uint8)
    for record in (grey, grey[0, 0], grey.expand(7, 1, 3)):
        with pytest.raises(ValueError, match="inputs are bytes up to 200, expected spikes, 0 or 1"):
            checks.check_spike_bytes("inputs", record)


def test_wrong_types_are_named():
    with pytest.raises(ValueError, match="class numbers"):
        checks.check_time_first(torch.zeros(5, 8, 3), torch.zeros(8))
    with pytest.raises(ValueError, match="type torch.int64, expected floating point, or spikes as bytes"):
        checks.check_time_first(torch.zeros(5, 8, 3, dtype=torch.int64), torch.zeros(8, dtype=torch.int64))
    with pytest.raises(ValueError, match="for 7 targets"):
        checks.check_time_first(torch.zeros(5, 8, 3), torch.zeros(7, dtype=torch.int64))
