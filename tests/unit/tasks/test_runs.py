"""Tasks through train, evaluate, resume and comparisons: closed forms, and equal numbers."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.datasets import ArrayDataset, Digits
from spikelearn.loading import Loader, Sequences, StepSamples, collate
from spikelearn.measure import evaluate
from spikelearn.network import Block, MembraneReadout, Network, StepReadout
from spikelearn.neurons import LeakyIntegrator
from spikelearn.plasticity import BPTT, MSE, Batch, CrossEntropySteps, MSESteps, OptimizerChoice
from spikelearn.report import draw_pictures
from spikelearn.runs import make_loaders, open_run, settings_from, train, trained_network
from spikelearn.runs import test_loader as loader_of_tests
from spikelearn.tasks import Autoencode, PerStep, Regress
from spikelearn.training import Interrupted, RunFolder, Training, fit, learn
from tests.unit.tasks.made import delayed_copies, least_squares, linear, written

QUIET = {"threads": 1, "seed": 3}


def reads_its_input(inputs, outputs):
    """One layer without memory or spikes: its potential is W x + b."""
    torch.manual_seed(0)
    return Network({"out": Block(nn.Linear(inputs, outputs), LeakyIntegrator.per_step(0.0))})


def test_regression_reaches_the_least_squares_solution():
    x, y = linear()
    best, error = least_squares(x, y)
    network = reads_its_input(4, 2)
    training = Training.start(network, BPTT(MSE()), optimizer=OptimizerChoice("sgd", 0.4))
    loader = Loader(ArrayDataset(x, y), 1, 96)
    assert (loader.task, loader.outputs) == (Regress(), 2)
    fit(training, loader, epochs=150)
    torch.testing.assert_close(network.blocks["out"].synapse.weight.T.double(), best[:-1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(network.blocks["out"].synapse.bias.double(), best[-1], atol=1e-4, rtol=1e-4)
    found = evaluate(network, loader)
    assert found.value == pytest.approx(error, rel=1e-4)
    assert found.confusion is None
    with pytest.raises(ValueError, match="the task is 'regress', which has no accuracy, expected mse"):
        _ = found.accuracy


@pytest.mark.parametrize("values", [False, True])
def test_the_gradient_of_every_step_is_autograd_written_out(values):
    """A leaky integrator v[t] = 0.7 v[t-1] + W x[t] + b, unrolled by hand, with lengths."""
    x, targets, lengths = delayed_copies(8)
    inputs, steps = torch.tensor(x).transpose(0, 1).double(), torch.tensor(lengths)
    wished = torch.tensor(targets).T
    wished = torch.nn.functional.one_hot(wished, 3).double() if values else wished
    torch.manual_seed(1)
    readout = StepReadout(MembraneReadout(nn.Linear(3, 3)))
    network = Network({"out": Block(nn.Linear(3, 3), LeakyIntegrator.per_step(0.7))}, readout=readout).double()
    rule = BPTT(MSESteps() if values else CrossEntropySteps())
    batch = Batch(inputs, wished, lengths=steps, task=PerStep(values))
    (update,) = rule.updates(network, batch, {}, torch.Generator())
    synapse, head = network.blocks["out"].synapse, readout.readout.head
    v, total = torch.zeros(8, 3, dtype=torch.float64), 0.0
    for t in range(len(inputs)):
        v = 0.7 * v + inputs[t] @ synapse.weight.T + synapse.bias
        scores = v @ head.weight.T + head.bias
        for b in range(8):
            if t < steps[b]:
                given = scores[b] - wished[t, b] if values else torch.log_softmax(scores[b], 0)[wished[t, b]]
                total = total + (given.square().mean() if values else -given) / steps[b] / 8
    names = dict(network.named_parameters())
    expected = torch.autograd.grad(total, list(names.values()))
    torch.testing.assert_close(update.loss, total.detach())
    for (name, _), grad in zip(names.items(), expected, strict=True):
        torch.testing.assert_close(update.grads[name], grad)


def test_a_delayed_copy_is_learned_at_every_step():
    """What was shown a step ago is still in the potential of a leaky neuron, and what is shown now is as well."""
    x, targets, lengths = delayed_copies()
    data = ArrayDataset(x, targets, sequence=True, lengths=lengths)
    assert data.task == PerStep()
    torch.manual_seed(0)
    readout = StepReadout(MembraneReadout(nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3))))
    network = Network({"out": Block(nn.Linear(3, 6), LeakyIntegrator.per_step(0.5))}, readout=readout)
    training = Training.start(network, BPTT(CrossEntropySteps()), optimizer=OptimizerChoice("adam", 0.02))
    loader = Loader(data, 6, 32, shuffle=True)
    before = evaluate(network, loader)
    fit(training, loader, epochs=25)
    after = evaluate(network, loader)
    assert before.accuracy < 0.6 < 0.95 < after.accuracy
    assert after.counted == int(lengths.sum())


def test_sequences_of_several_lengths_are_padded_and_give_the_numbers_of_the_loader():
    x, targets, lengths = delayed_copies(8)
    data = ArrayDataset(x, targets, sequence=True, lengths=lengths)
    found = collate([Sequences(data, 6)[index] for index in range(8)])
    whole = next(iter(Loader(data, 6, 8).epoch()))
    assert isinstance(found, StepSamples)
    for name in ("inputs", "targets", "lengths"):
        torch.testing.assert_close(getattr(found, name), getattr(whole, name))
    values = ArrayDataset(x, targets.astype(np.float32)[:, :, None], sequence=True, lengths=lengths)
    assert collate([Sequences(values, 6)[index] for index in range(8)]).targets.shape == (6, 8, 1)


def test_an_autoencoder_s_target_is_its_input_before_noise():
    data = Digits("test")
    loader = Loader(data, 4, 8, task=Autoencode())
    samples = next(iter(loader.epoch()))
    torch.testing.assert_close(samples.targets, data.pixels(torch.arange(8)).flatten(1))
    assert loader.outputs == 64
    x, _, _ = delayed_copies(8)
    sequences = Loader(ArrayDataset(x, np.arange(8) % 2, sequence=True), 6, 8, task=Autoencode())
    torch.testing.assert_close(next(iter(sequences.epoch())).targets, torch.tensor(x).mean(1))


TASKS_OF_RUNS = {
    "regress": {"net": "4-8-2", "steps": 4, "output": "leaky-integrator", "output_option": {"decay": 0.5}, "lr": 0.02},
    "autoencode": {"net": "64-8-64", "steps": 3, "data": "digits", "task": "autoencode", "data_fraction": 0.1},
    "per-step": {"net": "3-16-3", "steps": 6, "data_option": {"sequence": True}, "lr": 0.02},
}


@pytest.fixture(params=TASKS_OF_RUNS)
def settings(request, tmp_path):
    values = {"epochs": 3, "batch": 32, "validation": 0.25, **QUIET, **TASKS_OF_RUNS[request.param]}
    return (
        settings_from({"data": "digits", **values})
        if "data" in values
        else settings_from({**values, "data": written(tmp_path / "data.npz", request.param)})
    )


def test_a_run_trains_is_evaluated_resumed_and_drawn(settings, tmp_path, monkeypatch):
    name = settings.make_task().measure.name
    whole = RunFolder(tmp_path / "whole")
    result = train(settings, whole)
    rows = whole.read_metrics()
    assert result["task"] == str(settings.make_task())
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert all(row[name] is not None and row[f"validation_{name}"] is not None for row in rows)
    assert ("accuracy" in rows[0]) == (name == "accuracy")
    values = [row[f"validation_{name}"] for row in rows]
    assert result[f"validation_{name}"] == (max(values) if name == "accuracy" else min(values))
    opened = open_run(whole)
    tested = evaluate(trained_network(whole, opened), loader_of_tests(opened))
    assert tested.value == pytest.approx(result[f"test_{name}"], rel=1e-6)
    drawn = draw_pictures(whole)
    assert not drawn.failures
    assert len(drawn.paths) == 4 + (result["test_confusion"] is not None)
    # Stopped after a batch of the second epoch, and gone on with.
    part = RunFolder(tmp_path / "part")
    stopped = []

    class Stops:
        def __getattr__(self, _):
            return lambda *_: None

        def batch(self, epoch, batch, values):
            if epoch == 1 and batch == 1 and not stopped:
                stopped.append(values)
                import signal

                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train(settings, part, display=Stops())
    train(open_run(part), part, resume=True)
    for a, b in zip(part.read_metrics(), rows, strict=True):
        times = ("seconds", "samples_per_second")
        assert {k: v for k, v in a.items() if k not in times} == {k: v for k, v in b.items() if k not in times}
    assert (part.path / "weights.safetensors").read_bytes() == (whole.path / "weights.safetensors").read_bytes()


def test_patience_keeps_the_epoch_with_the_lowest_error(tmp_path):
    data = written(tmp_path / "data.npz", "regress")
    settings = settings_from(
        {**TASKS_OF_RUNS["regress"], **QUIET, "data": data, "epochs": 8, "lr": 3.0, "validation": 0.25, "patience": 2}
    )
    folder = RunFolder(tmp_path / "run")
    result = train(settings, folder)
    errors = [row["validation_mse"] for row in folder.read_metrics()]
    assert result["validation_mse"] == min(errors)
    assert errors[result["best_epoch"] - 1] == min(errors)
    assert len(errors) <= result["best_epoch"] + 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task": "regres"}, "did you mean 'regress'"),
        ({"task": "autoencode"}, "has 10 outputs and data set 'digits' has 64 numbers in a target"),
        ({"task": "regress"}, r"expected a tensor of real numbers, floating point \[N, n\]"),
        ({"task": "autoencode", "rule": "emstdp"}, "emstdp learns one of classify, but the task is 'autoencode'"),
        ({"task": "autoencode", "rule_option": {"loss": "mse-count"}}, "serves classify, .* use 'mse'"),
    ],
)
def test_a_task_that_does_not_fit_is_said_before_training(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(settings_from({**QUIET, **given}), RunFolder(tmp_path / "run"))


def test_a_run_of_classes_writes_what_it_always_wrote(tmp_path):
    settings = settings_from({**QUIET, "net": "64-10", "steps": 2, "epochs": 1, "data_fraction": 0.1})
    folder = RunFolder(tmp_path / "run")
    result = train(settings, folder)
    assert "task" not in result
    assert "task" not in settings.result_depends_on()
    assert "task" not in json.loads(folder.result.read_text())["settings"]
    assert "task" not in folder.settings.read_text()
    assert {"accuracy", "validation_accuracy"} <= folder.read_metrics()[0].keys()


def test_splits_of_targets_that_are_no_classes_are_drawn_from_all(tmp_path):
    settings = settings_from(
        {**TASKS_OF_RUNS["regress"], **QUIET, "data": written(tmp_path / "d.npz", "regress"), "data_fraction": 0.5}
    )
    loaders = make_loaders(settings)
    kept, held = loaders["train"].indices.tolist(), loaders["validation"].indices.tolist()
    assert (len(kept), len(held)) == (43, 5)
    assert not set(kept) & set(held)


@pytest.mark.parametrize(
    ("data", "targets", "more", "message"),
    [
        (
            np.zeros((4, 6, 3)),
            np.zeros((4, 6)),
            {"sequence": True},
            "say task='regress' or task='per-step:values=true'",
        ),
        (np.zeros((4, 3)), np.zeros((4, 3), int), {}, "expected one class number a sample"),
        (np.zeros((4, 3)), np.eye(4), {}, "one-hot rows become numbers"),
        (np.zeros((4, 3)), np.zeros(4), {}, "convert with .long"),
        (np.zeros((4, 3)), np.zeros((4, 3), int), {"task": "per-step"}, "but the samples are still"),
        (np.zeros((4, 3)), np.zeros(4, int), {"lengths": [1, 1, 1, 1]}, "but the samples are still"),
        (np.zeros((4, 6, 3)), np.zeros(4, int), {"sequence": True, "lengths": [7, 1, 1, 1]}, "expected 1 to 6"),
        (np.zeros((4, 6, 3)), np.zeros((4, 5), int), {"sequence": True, "task": "per-step"}, r"expected \[N, 6"),
        (np.zeros((4, 3)), np.full((4, 2), np.nan), {}, "targets"),
    ],
)
def test_arrays_whose_targets_say_no_task_are_refused(data, targets, more, message):
    with pytest.raises(ValueError, match=message):
        ArrayDataset(data, targets, **more)


def test_one_real_value_a_sample_is_a_regression_where_it_is_said():
    data = ArrayDataset(np.zeros((4, 3)), np.array([0.5, 1.0, 2.0, 3.0]), task="regress")
    assert data.targets.shape == (4, 1)
    assert data[1][1].tolist() == [1.0]


def test_rewards_and_valid_steps_come_with_the_samples():
    x, targets, _ = delayed_copies(4)
    rewards, valid = np.arange(24.0).reshape(4, 6), np.ones((4, 6), bool)
    valid[1, 3:] = False
    data = ArrayDataset(x, targets, sequence=True, rewards=rewards, valid=valid)
    batch = Batch.of(next(iter(Loader(data, 6, 4).epoch())), data.task)
    torch.testing.assert_close(batch.rewards, torch.tensor(rewards.T, dtype=torch.float32))
    assert batch.valid_steps.sum(0).tolist() == [6, 3, 6, 6]
    learned = learn(Training.start(reads_steps(), BPTT(CrossEntropySteps())), batch)
    assert learned.scores.shape == (6, 4, 3)


def reads_steps():
    return Network(
        {"out": Block(nn.Linear(3, 3), LeakyIntegrator.per_step(0.5))}, readout=StepReadout(MembraneReadout())
    )
