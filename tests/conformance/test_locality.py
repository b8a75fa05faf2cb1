"""What a rule declares that a synapse needs is what its update depends on, found by perturbing one signal at a time."""

import pytest
import torch

from spikelearn.measure import locality
from spikelearn.plasticity import Batch
from tests.conformance.cases import RULES

#: Rules whose change to a small difference is seen over many steps alone; others are asked over few.
LONG = ("tssl-bp", "desire", "emstdp", "emstdp-loihi")
CASES = [
    pytest.param(case, id=f"{name}-{n}", marks=pytest.mark.slow if n else ())
    for name, cases in RULES.items()
    for n, case in enumerate(cases)
]


@pytest.mark.parametrize("case", CASES)
def test_a_synapse_needs_what_is_declared(case):
    torch.manual_seed(2)
    rule, network = case.make(), case.network(gain=2.5).double()
    steps = 80 if rule.name in LONG else 30
    batch = Batch((torch.rand(steps, 6, 6) < 0.5).double(), torch.arange(6) % 2)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    found = locality(network, rule, batch, memory, torch.Generator().manual_seed(0))
    told = {name for name, depends in found.depends.items() if depends is not None}
    assert rule.factors is not None, f"declare the factors of {rule.name}: {sorted(found.factors)} was found"
    assert found.factors == rule.factors & told
