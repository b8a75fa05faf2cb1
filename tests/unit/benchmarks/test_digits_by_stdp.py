"""The networks of the benchmark digits_by_stdp."""

import pytest

from benchmarks.digits_by_stdp import settings_of
from spikelearn.neurons import DiehlCookLIF


def test_thresholds_fall_in_a_time_in_proportion_to_the_neurons():
    """With the 400 neurons of the authors' program, in its time, which is the neuron's default."""
    few, many = (settings_of("diehl-cook/mnist", neurons, 3000, 2) for neurons in (100, 400))
    assert (few.net, many.net) == ("784-784=-100-10", "784-784=-400-10")
    assert (few.epochs, few.data_fraction) == (2, 0.05)
    assert few.output_option["tau_theta"] == 2500.0
    assert many.output_option["tau_theta"] == DiehlCookLIF().tau_theta == 1e4


def test_a_preset_of_another_form_is_refused():
    with pytest.raises(ValueError, match=r"the net of ide/nmnist is .*, expected one that ends in =-NEURONS-10"):
        settings_of("ide/nmnist", 100, 3000, 1)
