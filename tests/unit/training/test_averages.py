"""Where an optimizer keeps an average, that is what is measured, kept and handed on, and learning goes on elsewhere."""

import copy

import pytest
import torch

from spikelearn import evaluate, network_for
from spikelearn.datasets import Digits
from spikelearn.loading import Loader, hold_out
from spikelearn.plasticity import LLSM, Batch, OptimizerChoice
from spikelearn.sparsity import PRUNINGS
from spikelearn.training import Bounds, RunFolder, Training, fit, learn
from spikelearn.training.averages import BATCHES, refresh_statistics

CHOICE = OptimizerChoice("schedule-free-adamw", 5e-3)


def made(optimizer=CHOICE, **given):
    network = network_for("lls-m", "64-20-10", (1, 8, 8))
    data = Digits("train")
    train, held = hold_out(data, 0.2, 0)
    loaders = (Loader(data, 4, 100, indices=train, shuffle=True), Loader(data, 4, 100, indices=held))
    return Training.start(network, LLSM(), optimizer=optimizer, **given), *loaders


def values(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def averages_by_hand(training):
    """x of y = (1 - b) z + b x, of every parameter."""
    state = training.optimizer.state
    return {name: p + (p - state[p]["stepped"]) * (0.1 / 0.9) for name, p in training.network.named_parameters()}


def test_the_average_is_measured_and_kept_and_the_checkpoint_goes_on_from_where_it_steps(tmp_path):
    training, loader, held = made()
    seen = []

    def watch(training, epoch):
        if epoch:
            seen.append((values(training.network), averages_by_hand(training)))

    fitted = fit(training, loader, epochs=2, validation=held, folder=RunFolder(tmp_path), watch=watch)
    stepped, averages = seen[-1]
    ended = values(training.network)
    for name, average in averages.items():
        torch.testing.assert_close(ended[name], average)
        assert not ended[name].equal(stepped[name])
    assert fitted.best >= evaluate(training.network, held).accuracy
    state = copy.deepcopy(training.state_dict())
    for name in averages:
        assert state["network"][name].equal(stepped[name])
    assert state["memory"]["modulation.fc1"].equal(training.optimizer.kept[training.memory["modulation.fc1"]])
    batch = Batch.of(next(iter(loader.epoch(5))))
    again, *_ = made()
    again.load_state_dict(state)
    for each in (training, again):
        learn(each, batch)
    assert all(value.equal(again.network.state_dict()[name]) for name, value in training.network.state_dict().items())


def test_a_longer_run_is_one_that_was_measured_in_between(tmp_path):
    """Weights that learn know nothing of when the average was looked at; nor does the average that is kept."""
    whole, loader, held = made()
    fit(whole, loader, epochs=3, validation=held, folder=RunFolder(tmp_path / "whole"))
    part, *_ = made()
    fit(part, loader, epochs=1, validation=held, folder=RunFolder(tmp_path / "part"))
    later, *_ = made()
    fit(later, loader, epochs=3, validation=held, folder=RunFolder(tmp_path / "part"), resume=True)
    ended, *_ = made()
    fit(ended, loader, epochs=3, validation=held, folder=RunFolder(tmp_path / "part"), resume=True)
    for other in (later, ended):
        assert all(value.equal(other.network.state_dict()[name]) for name, value in values(whole.network).items())


def test_statistics_of_batch_norms_are_means_of_those_of_training_batches():
    training, loader, _ = made()
    network = training.network
    norm = next(m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d))
    met = []
    hook = norm.register_forward_pre_hook(lambda _, given: met.append(given[0].detach()))
    norm.running_mean.fill_(7.0)
    refresh_statistics(network, loader)
    hook.remove()
    assert len(met) == min(BATCHES, len(loader))
    torch.testing.assert_close(norm.running_mean, torch.stack([x.mean(0) for x in met]).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([x.var(0) for x in met]).mean(0))
    assert norm.momentum == 0.1


def test_the_best_epoch_is_one_of_averages(tmp_path):
    training, loader, held = made()
    fitted = fit(training, loader, epochs=6, validation=held, patience=1, folder=RunFolder(tmp_path))
    assert evaluate(training.network, held).accuracy == fitted.best


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (lambda training: setattr(training, "constraints", (Bounds(-1.0, 1.0),)), "constraints"),
        (lambda training: setattr(training, "pruning", PRUNINGS.make("global:sparsity=0.5")), "pruning"),
    ],
)
def test_what_must_hold_after_every_step_is_refused(given, what):
    training, loader, _ = made()
    given(training)
    with pytest.raises(ValueError, match=rf"keeps the average of the weights that it steps, but {what} act.*adamw"):
        fit(training, loader, epochs=1)
    training, loader, _ = made(OptimizerChoice("adam", 1e-3))
    given(training)
    if what == "constraints":
        fit(training, loader, epochs=1)
