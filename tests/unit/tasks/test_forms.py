"""Targets of every task: forms, refusals, measures."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network, StepReadout
from spikelearn.neurons import LIF, LeakyIntegrator
from spikelearn.plasticity import BPTT, RULES, STDP, Batch, CrossEntropyRate, MSECount, check_takes
from spikelearn.tasks import CLASSIFY, TASKS, Autoencode, PerStep, Regress, Tally, task_of
from spikelearn.training import Training, learn

T, B, N = 5, 3, 2
INPUTS = torch.rand(T, B, 4)


@pytest.mark.parametrize("text", ["classify", "regress", "autoencode", "per-step", "per-step:values=true"])
def test_a_task_is_a_value_with_the_text_of_the_command_line(text):
    task = TASKS.make(text)
    assert str(task) == text
    assert task == TASKS.make(text)
    assert len({task, TASKS.make(text)}) == 1
    assert task.name in TASKS


def test_an_unknown_task_or_option_is_refused():
    with pytest.raises(ValueError, match="unknown task 'regres', expected .*did you mean 'regress'"):
        TASKS.make("regres")
    with pytest.raises(ValueError, match="values"):
        TASKS.make("per-step:value=true")
    with pytest.raises(ValueError, match="values is 'maybe', expected true or false"):
        TASKS.make("per-step:values=maybe")


@pytest.mark.parametrize(
    ("task", "targets", "message"),
    [
        (CLASSIFY, torch.zeros(B), r"float32, expected class numbers \[B\].*convert them with .long\(\)"),
        (CLASSIFY, torch.zeros(B, N), r"real targets need task=Regress\(\)"),
        (CLASSIFY, torch.zeros(T, B, dtype=torch.int64), r"every step \[T, B\] needs task=PerStep\(\)"),
        (CLASSIFY, torch.tensor([0, -1, 2]), "go down to -1"),
        (Regress(), torch.zeros(B), r"one value a sample is \[B, 1\]"),
        (Regress(), torch.zeros(B, N, dtype=torch.int64), r"int64, expected real numbers \[B, n\]"),
        (Regress(), torch.zeros(T, N), "for 5 targets: this is batch first"),
        (Regress(), torch.full((B, N), float("nan")), r"targets \[B, n\] is nan at \[0, 0\]"),
        (PerStep(), torch.zeros(B, T, dtype=torch.int64), "one of them is batch first, expected time first in both"),
        (PerStep(), torch.zeros(T + 1, B, dtype=torch.int64), "6 steps and inputs 5"),
        (PerStep(), torch.zeros(T, B), r"float32, expected class numbers \[T, B\]"),
        (PerStep(), torch.full((T, B), -1), "leave padded steps out"),
        (PerStep(values=True), torch.zeros(T, B, N, dtype=torch.int64), r"expected real numbers \[T, B, n\]"),
        (PerStep(values=True), torch.full((T, B, N), float("inf")), "is inf"),
    ],
)
def test_targets_of_another_form_are_refused(task, targets, message):
    with pytest.raises(ValueError, match=message):
        Batch(INPUTS, targets, task=task)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"lengths": torch.tensor([5.0, 3, 2])}, "float32, expected whole numbers"),
        ({"lengths": torch.tensor([5, 3])}, r"lengths has shape \[2\], expected \[3\]"),
        ({"lengths": torch.tensor([0, 3, 5])}, "from 0 to 5, expected 1 to 5"),
        ({"lengths": torch.tensor([6, 3, 5])}, "from 3 to 6, expected 1 to 5"),
        ({"valid": torch.ones(B, T, dtype=torch.bool)}, "this is batch first"),
        ({"valid": torch.ones(T, B)}, "expected torch.bool"),
        ({"valid": torch.zeros(T, B, dtype=torch.bool)}, "leaves sample 0 of the batch no step"),
        ({"rewards": torch.zeros(B)}, r"rewards has shape \[3\], expected \[5, 3\]"),
        ({"rewards": torch.full((T, B), float("nan"))}, "rewards"),
        ({"task": Regress}, "the class Regress, expected an object of the class Task"),
    ],
)
def test_what_is_known_of_steps_is_checked(more, message):
    with pytest.raises(ValueError, match=message):
        Batch(INPUTS, torch.zeros(B, dtype=torch.int64), **more)


def test_lengths_and_valid_must_leave_each_sample_a_step():
    valid = torch.ones(T, B, dtype=torch.bool)
    valid[:2, 1] = False
    with pytest.raises(ValueError, match="leaves sample 1"):
        Batch(INPUTS, torch.zeros(B, dtype=torch.int64), lengths=torch.tensor([5, 2, 5]), valid=valid)
    batch = Batch(INPUTS, torch.zeros(B, dtype=torch.int64), lengths=torch.tensor([5, 3, 5]), valid=valid)
    assert batch.valid_steps.sum(0).tolist() == [5, 1, 5]


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (torch.zeros(B, dtype=torch.int64), CLASSIFY),
        (torch.zeros(T, B, dtype=torch.int64), PerStep()),
        (torch.zeros(B, N), Regress()),
        (torch.zeros(T, B), PerStep(values=True)),
        (torch.zeros(T, B, N), PerStep(values=True)),
    ],
)
def test_the_form_of_targets_says_the_task(targets, task):
    assert task_of(INPUTS, targets) == task
    Batch(INPUTS, targets, task=task)


def test_a_form_that_can_mean_two_tasks_is_said():
    with pytest.raises(ValueError, match=r"say task=Regress\(\) or task=PerStep\(values=True\)"):
        task_of(torch.rand(B, B, 4), torch.zeros(B, B))


def test_the_first_samples_and_another_type_keep_everything():
    batch = Batch(
        INPUTS, torch.rand(T, B, N), lengths=torch.tensor([5, 4, 3]), rewards=torch.rand(T, B), task=PerStep(True)
    )
    two = batch.first(2).to(torch.device("cpu"), torch.float64)
    assert two.targets.dtype == two.inputs.dtype == torch.float64
    assert two.targets.shape == (T, 2, N)
    assert two.lengths.tolist() == [5, 4]
    assert two.rewards.shape == (T, 2)
    assert two.task == PerStep(True)


def test_measures_by_hand():
    scores, targets = torch.tensor([[0.0, 1.0], [2.0, 2.0]]), torch.tensor([[1.0, 1.0], [0.0, 2.0]])
    assert Regress().score(scores, targets) == (0.5 + 2.0, 2)
    assert Autoencode().tally(scores, targets) == Tally({"mse": 2.5}, 2)
    each = torch.stack([scores, scores])
    numbers, valid = torch.tensor([[1, 0], [0, 1]]), torch.tensor([[True, True], [False, True]])
    assert PerStep().score(each, numbers, valid) == (2, 3)  # a tie goes to the lower number
    tally = PerStep().tally(each, numbers, valid)
    assert tally.means() == {"accuracy": 2 / 3, "unique_accuracy": 1 / 3}
    assert tally.confusion.tolist() == [[1, 0], [1, 1]]
    assert PerStep(True).score(each[..., :1], torch.ones(2, 2), valid) == (1.0 + 1.0 + 1.0, 3)
    assert (tally + tally).count == 6


def test_better_is_lower_for_an_error():
    assert Regress().measure.is_better(0.1, 0.2)
    assert not Regress().measure.is_better(float("inf"), 0.2)
    assert CLASSIFY.measure.is_better(0.2, 0.1)
    assert (Regress().measure.shown(0.012345), CLASSIFY.measure.shown(0.5)) == ("0.01235", "50.00 %")


def network(readout=None, neuron=lambda: LIF.per_step(0.8)):
    return Network({"out": Block(nn.Linear(4, N), neuron())}, readout=readout)


def takes(rule):
    return RULES.get(rule).takes


@pytest.mark.parametrize("rule", [name for name in RULES if takes(name) is not None and "regress" not in takes(name)])
def test_rules_of_classes_refuse_other_tasks_by_name(rule):
    with pytest.raises(ValueError, match=f"{rule} learns one of classify.*, but the task is 'regress'.*bptt"):
        check_takes(RULES.make(rule), Batch(INPUTS, torch.rand(B, N), task=Regress()))


@pytest.mark.parametrize("rule", [name for name in RULES if not RULES.get(name).leaves_out_steps])
def test_rules_of_every_step_refuse_lengths_by_name(rule):
    with pytest.raises(ValueError, match=f"{rule} learns from every step.*bptt"):
        check_takes(RULES.make(rule), Batch(INPUTS, torch.zeros(B, dtype=torch.int64), lengths=torch.tensor([5, 4, 3])))


def test_learn_asks_the_rule_and_the_loss():
    real = Batch(INPUTS, torch.rand(B, N), task=Regress())
    with pytest.raises(ValueError, match="stdp learns"):
        learn(Training.start(network(), STDP(0.1, 0.1)), real)
    for loss in (CrossEntropyRate(), MSECount()):
        with pytest.raises(ValueError, match=r"serves classify, but the task is 'regress': use 'mse'"):
            learn(Training.start(network(), BPTT(loss)), real)


def test_scores_that_do_not_fit_are_refused():
    from spikelearn.plasticity import MSE

    with pytest.raises(ValueError, match=r"\[3, 2\], expected \[3, 4\]: end the network in 4 neurons"):
        learn(Training.start(network(), BPTT(MSE())), Batch(INPUTS, torch.rand(B, 4), task=Regress()))
    from spikelearn.plasticity import MSESteps

    with pytest.raises(ValueError, match=r"use StepReadout\(RateReadout\(\)\)"):
        Training.start(network(), BPTT(MSESteps()))
    silent = network(StepReadout(MembraneReadout()), lambda: LeakyIntegrator.per_step(0.9))
    with pytest.raises(ValueError, match="end the network in 1 neurons"):
        learn(Training.start(silent, BPTT(MSESteps())), Batch(INPUTS, torch.rand(T, B), task=PerStep(True)))
