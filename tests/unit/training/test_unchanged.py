"""Trainings in which no weight changes, and those whose metrics are not finite."""

import warnings

import pytest
import torch

from spikelearn.network import build
from spikelearn.plasticity import RULES, OptimizerChoice, Rule, RuleWarning, Split, Update
from spikelearn.runs import network_for
from spikelearn.training import NonFiniteUpdate, Training, fit

BATCHES = [((torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(0)) < 0.5).float(), torch.arange(4) % 3)] * 2


class Constant(Rule):
    """Wishes the same change of every weight in every batch."""

    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(self, change, **metrics):
        self.change, self.metrics = change, metrics

    def updates(self, network, batch, memory, generator):
        grads = {name: torch.full_like(weight, self.change) for name, weight in network.named_parameters()}
        yield Update(grads, torch.zeros(batch.size, 3), metrics=self.metrics)


def train(rule, network=None):
    fit(Training.start(network or build("4-3"), rule), BATCHES, epochs=1)


@pytest.mark.parametrize(
    ("name", "options", "phase"),
    [
        ("dtp", {"pretraining": 3}, "pretraining of dtp is 3 batches"),
        ("hebbian-conv", {"burn_in": 3}, "burn_in of hebbian-conv is 3 batches"),
        ("pepita", {"modulation": "input", "feedback": "mirrored", "mirror_alone": 3}, "mirror_alone of pepita is 3 b"),
    ],
)
def test_a_phase_as_long_as_the_training_is_named(name, options, phase):
    rule = RULES.build(name, options)
    with pytest.warns(RuleWarning, match=rf"changed no weight in 2 batches: {phase}.*train longer"):
        train(rule, network_for(rule, "4-5-3", bias=False))


def test_a_phase_of_a_part_is_named():
    rule = Split({"fc1": RULES.build("hebbian-conv", {"burn_in": 3}), "rest": Constant(0.0)})
    network = network_for("hebbian-conv", "4-5-3", bias=False, neuron="rate", readout="rate")
    with pytest.warns(RuleWarning, match="burn_in of hebbian-conv is 3 batches"):
        train(rule, network)


def test_changes_that_are_zero_are_said_with_their_cures():
    with pytest.warns(
        RuleWarning, match=r"2 batches: all changes by the rule were zero: .*\(--init kaiming\).*\(--lr\)"
    ):
        train(Constant(0.0))


def test_a_training_that_changes_something_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        train(Constant(1e-3))


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_metrics_that_are_not_finite_end_training(value):
    with pytest.raises(NonFiniteUpdate, match=f"epoch 1, batch 1 of 2: the mean of error is {value}: lower the lear"):
        train(Constant(1e-3, error=value))
