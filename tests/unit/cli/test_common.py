import pytest

from spikelearn.cli.common import read_shared


def test_options_of_a_component_are_named_behind_a_dot():
    items = ["steps=10", "data-option.sequence=true", "neuron_option.tau-mem=0.02", "data-option.classes=3"]
    data = {"sequence": True, "classes": 3}
    assert read_shared(items) == {"steps": 10, "data_option": data, "neuron_option": {"tau_mem": 0.02}}
    assert read_shared(None) == {}


@pytest.mark.parametrize("item", ["data_option=sequence=true", "data-option.=3", "data_option"])
def test_options_without_a_name_are_refused(item):
    with pytest.raises(ValueError, match="expected (one option of it|key=value)"):
        read_shared([item])
