"""FA, DFA, sDFA and DRTP against one program: networks of rates, trained from the first weights to the last step."""

import pytest

from spikelearn.plasticity import BPTT, RULES
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load
from tests.golden.rates import (
    LOSSES,
    OPTIMIZERS,
    batch_of,
    check_activity,
    check_changes,
    layer_of,
    network_of,
    parameters_of,
    watched,
    watched_blocks,
)
from tests.helpers import only_update


def summed(case):
    """The program sums a hidden layer's signal over the batch, and leaves the mean over outputs out of its error.

    In feedback alignment the error that goes down is that of the mean.
    """
    if case["rule"] == "fa":
        return 1
    mean_over_outputs = case["rule"] == "dfa" and case["loss"] == "BCE"
    return case["batch"] * (case["D1"].shape[0] if mean_over_outputs else 1)


def weights_back(case, network):
    """The fixed weights on the way back: fa's by the layer that an error crosses, else by the block it arrives at."""
    layers = range(1, case["n_layers"] + 1)
    if case["rule"] == "fa":
        return {f"back_weights.{layer_of(network, n)}": case[f"B{n}"] for n in layers if n > 1}
    return {f"back_weights.layer{n}": summed(case) * case[f"D{n}"] for n in layers if n < case["n_layers"]}


@pytest.mark.parametrize("path", golden_files("drtp_*.npz", "dfa_*.npz", "fa_*.npz"))
def test_training(path, monkeypatch):
    case = load(path)
    network, rule = network_of(case), RULES.make(case["rule"], {"loss": LOSSES[case["loss"]]()})
    tolerance = 1e-11 if case["dtype"] == "float64" else 1e-5
    exact = only_update(BPTT(LOSSES[case["loss"]]()), network, batch_of(case, 1)).grads
    for n in range(1, case["n_layers"] + 1):
        assert_relative(exact[f"{layer_of(network, n)}.weight"], case[f"bp_g{n}_1"], tolerance, f"bp_g{n}_1")
    training = Training.start(network, rule, optimizer=OPTIMIZERS[case["optimizer"]](case))
    assert training.memory.keys() == weights_back(case, network).keys()
    training.memory = weights_back(case, network)
    signals = watched(monkeypatch, rule) if "dfa" in case["rule"] else []
    told = watched_blocks(monkeypatch, rule) if case["rule"] == "drtp" else {}
    for step in range(1, case["n_steps"] + 1):
        batch = batch_of(case, step)
        check_activity(case, network, batch, step, tolerance)
        update = learn(training, batch)
        out = update.scores.sigmoid() if case["output_act"] == "sigmoid" else update.scores
        assert_relative(out, case[f"out_{step}"], tolerance, f"out_{step}")
        check_changes(case, network, update, step, tolerance)
        signal = {name: taught.spikes for name, taught in told.items()}
        if signals:
            error, signal = signals[-1]
            of_the_mean = case["batch"] * (error.shape[-1] if case["loss"] == "BCE" else 1)
            assert_relative(of_the_mean * error[0], case[f"e_{step}"], tolerance, f"e_{step}")
        assert len(signal) == (0 if case["rule"] == "fa" else case["n_layers"] - 1)
        for name, sent in signal.items():
            delta = f"delta{name.removeprefix('layer')}_{step}"
            assert_relative(sent[0], case[delta], tolerance, delta)
    assert len(signals) == (case["n_steps"] if "dfa" in case["rule"] else 0)


@pytest.mark.parametrize("path", golden_files("fa_*symmetric*.npz", "dfa_*symmetric*.npz"))
def test_symmetric_weights_back_are_backpropagation(path):
    """Of one step with the forward weights on the way back: the file's, and what the option makes of them."""
    case = load(path)
    network, loss = network_of(case), LOSSES[case["loss"]]()
    rule = RULES.make(case["rule"], {"loss": loss, "feedback": "transpose"})
    grads = only_update(rule, network, batch_of(case, 1)).grads
    assert set(grads) == set(parameters_of(case, network).values())
    for n in range(1, case["n_layers"] + 1):
        name = f"{layer_of(network, n)}.weight"
        assert_relative(grads[name], case[f"bp_g{n}_1"], 1e-11, name)
        by_file = case[f"g{n}_1"] / (summed(case) if n < case["n_layers"] else 1)
        assert_relative(grads[name], by_file, 1e-11, name)
