"""Every registered rule learns to tell two patterns apart; its variants do among the slow tests."""

import pytest
import torch

from spikelearn.network import FittedReadout
from spikelearn.plasticity import Batch, OptimizerChoice
from spikelearn.training import Bounds, Training, learn
from tests.conformance.cases import RULES

CASES = [
    pytest.param(case, id=f"{name}-{n}", marks=pytest.mark.slow if n else ())
    for name, cases in RULES.items()
    for n, case in enumerate(cases)
]


@pytest.mark.parametrize("case", CASES)
def test_learns_two_patterns(case):
    network = case.network(deep=case.deep, gain=2.0)
    patterns = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]).repeat(4, 1)
    data = Batch(patterns.expand(12, 8, 6), torch.arange(2).repeat(4))
    constraints = [Bounds(*case.bounds)] if case.bounds else []
    training = Training.start(network, case.make(), optimizer=OptimizerChoice("sgd", case.lr), constraints=constraints)
    assert not knows(training, data), "it knows them already"
    for step in range(200):
        learn(training, data)
        if step % 5 == 4 and knows(training, data):
            break
    assert knows(training, data)


@torch.no_grad()
def knows(training, data):
    """Whether the rule's own scores tell the classes of all samples, behind a readout fitted to them if it is one."""
    network = training.network
    with network.presentation():
        if isinstance(network.readout, FittedReadout):
            network.readout.fit(network.readout.read(network.run(data.inputs)[0].output), data.targets)
        scores = training.rule.scores(network, data.inputs, training.memory)
    return scores.argmax(1).equal(data.targets)
