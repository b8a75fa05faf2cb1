import pytest

from spikelearn.neurons import neuron_factory


def test_options_select_the_form():
    assert neuron_factory("lif", {})().gain_mem == 1.0
    assert neuron_factory("lif", {"tau_mem": 20e-3})().gain_mem == pytest.approx(0.048770575499286, rel=1e-9)
    assert neuron_factory("lif", {"v_leak": 0.1})().gain_mem == pytest.approx(0.048770575499286, rel=1e-9)
    assert neuron_factory("lif", {"v_leak": 0.1, "decay": 0.9})().gain_mem == 1.0


@pytest.mark.parametrize(
    ("name", "options", "steps", "time"),
    [
        ("lif", {"tau_mem": 0.02, "decay": 0.9}, "decay", "tau_mem"),
        ("lif", {"decay": 0.9, "v_leak": 0.1, "r": 2.0}, "decay", "r"),
        ("lif", {"discretisation": "euler", "decay": 0.9}, "decay", "discretisation"),
        ("cuba-lif", {"tau_syn": 5e-3, "decay_mem": 0.9}, "decay_mem", "tau_syn"),
        ("adaptive-lif", {"tau_adaptation": 0.2, "decay": 0.9, "decay_adaptation": 0.9}, "decay, decay_adaptation", "tau_adaptation"),
        ("leaky-integrator", {"tau_mem": 0.02, "decay": 0.9}, "decay", "tau_mem"),
    ],
)  # fmt: skip
def test_options_of_two_forms_of_a_neuron_are_told_apart(name, options, steps, time):
    message = f"{steps} belongs to its per-step form, {time} to the one with time constants: give options of one form"
    with pytest.raises(ValueError, match=message):
        neuron_factory(name, options)


def test_an_option_of_no_form_is_named():
    with pytest.raises(ValueError, match="has no option 'tau'"):
        neuron_factory("lif", {"tau": 0.02})
    with pytest.raises(ValueError, match="has no option 'tau_mem'"):
        neuron_factory("if", {"tau_mem": 0.02})
