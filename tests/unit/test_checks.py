import pytest
import torch

from spikelearn import checks


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "3", None, True])
def test_positive_refuses(value):
    with pytest.raises(ValueError, match=r"tau is .*expected a positive number \(s\)"):
        checks.check_positive("tau", value, "s")


@pytest.mark.parametrize("value", [-1e-9, float("nan"), float("inf"), "0", False])
def test_not_negative_refuses(value):
    checks.check_not_negative("scale", 0.0)
    with pytest.raises(ValueError, match="scale is .*expected a number of at least 0"):
        checks.check_not_negative("scale", value)


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
    with pytest.raises(ValueError, match=r"batch first.*inputs\.transpose\(0, 1\).*still images.*inputs\.expand\(T, "):
        checks.check_order(torch.zeros(8, 5, 3), 8)


def test_missing_time_axis_is_named():
    with pytest.raises(ValueError, match="add the time axis"):
        checks.check_order(torch.zeros(8, 5), 8)


def test_bytes_are_spikes():
    for dtype in (torch.bool, torch.uint8):
        checks.check_order(torch.ones(5, 8, 3, dtype=dtype), 8)
        checks.check_spike_bytes("inputs", torch.ones(5, 8, dtype=dtype))
    checks.check_spike_bytes("inputs", torch.full((5, 8), 3.5))
    checks.check_spike_bytes("inputs", torch.zeros(0, 8, dtype=torch.uint8))
    grey = torch.tensor([[[0, 1, 200]]], dtype=torch.uint8)
    for record in (grey, grey[0, 0], grey.expand(7, 1, 3)):
        with pytest.raises(ValueError, match="inputs are bytes up to 200, expected spikes, 0 or 1"):
            checks.check_spike_bytes("inputs", record)


def test_wrong_types_are_named():
    with pytest.raises(ValueError, match="type torch.int64, expected floating point, or spikes as bytes"):
        checks.check_order(torch.zeros(5, 8, 3, dtype=torch.int64), 8)
    with pytest.raises(ValueError, match="for 7 targets"):
        checks.check_order(torch.zeros(5, 8, 3), 7)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_one_entry_that_is_not_finite_is_found_and_placed(bad, dtype):
    values = torch.full((3, 5), torch.finfo(dtype).max, dtype=dtype)  # their sum overflows
    assert checks.is_finite(values)
    values[1, 3] = bad
    assert not checks.is_finite(values)
    with pytest.raises(ValueError, match=r"x is (nan|inf|-inf) at \[1, 3\] and not finite at 1 of 15 entries"):
        checks.check_all_finite("x", values, "mend it")


def test_opposite_infinities_and_constant_records_are_found():
    assert not checks.is_finite(torch.tensor([float("inf"), -float("inf")]))
    assert not checks.is_finite(torch.tensor([[float("nan"), 0.0]]).expand(9, 2))
    assert not checks.is_finite(torch.tensor(float("nan")))
    for whole in (torch.ones(2, dtype=torch.uint8), torch.empty(0), torch.ones(4, dtype=torch.bool)):
        assert checks.is_finite(whole)


@pytest.mark.parametrize("values", [[1.0], None, torch.eye(3).to_sparse(), torch.empty(3, device="meta")])
def test_what_is_no_dense_tensor_is_refused(values):
    with pytest.raises(ValueError, match="x is .*expected a"):
        checks.check_tensor("x", values, "make one")
