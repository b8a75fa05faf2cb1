"""Networks of any floating type, converted before a training begins or in the middle of it."""

import pytest
import torch

from spikelearn import Training, evaluate, fit
from tests.conformance.cases import RULES

BATCHES = [((torch.arange(5 * 8 * 6).reshape(5, 8, 6) % 3 == 0).float(), torch.arange(8) % 2)]


def made(case):
    return case.network(deep=case.deep)


CASES = [pytest.param(case, id=f"{name}-{at}") for name, cases in RULES.items() for at, case in enumerate(cases)]


@pytest.mark.parametrize("when", ["before", "after", "between", "back"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_kept_follows_the_network(case, when):
    network = made(case)
    if when in ("before", "back"):
        network.double()
    training = Training.start(network, case.make())
    if when == "after":
        network.double()
    fit(training, BATCHES, epochs=1)
    network.float() if when == "back" else network.double()
    fit(training, BATCHES, epochs=2)
    kind = torch.float32 if when == "back" else torch.float64
    assert evaluate(network, BATCHES).samples == 8
    kept = [*network.parameters(), *training.memory.values()]
    assert {tensor.dtype for tensor in kept if tensor.is_floating_point()} == {kind}


def test_a_network_converted_before_and_after_the_start_learns_the_same():
    found = []
    for late in (False, True):
        network = RULES["bptt"][0].network()
        training = None if not late else Training.start(network, RULES["bptt"][0].make())
        network.double()
        training = training or Training.start(network, RULES["bptt"][0].make())
        fit(training, BATCHES, epochs=3)
        found.append(network.state_dict())
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
