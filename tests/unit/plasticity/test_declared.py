"""What rules and losses declare of themselves, so that nobody has to guess."""

import io

import pytest
import torch
from rich.console import Console
from torch import nn

from spikelearn.bench.analyse.base_tables import is_control
from spikelearn.network import Block, Network
from spikelearn.neurons import IF
from spikelearn.plasticity import IDE, LOSSES, RULES, STDP, Batch, Desire, EMSTDPLoihi
from spikelearn.training import ConsoleDisplay
from spikelearn.training.parallel.processes import Processes
from spikelearn.training.parallel.sharing import with_draws


@pytest.mark.parametrize("registry", [RULES, LOSSES], ids=["rules", "losses"])
def test_a_class_has_the_name_under_which_it_is_registered(registry):
    assert [registry.get(name).name for name in registry] == list(registry)


def test_a_refusal_while_training_names_the_rule_that_refuses():
    network = Network({"out": Block(nn.Linear(3, 2, bias=False), IF(inclusive=True))})
    with torch.no_grad():
        network.blocks["out"].synapse.weight.fill_(2.0)
    batch = Batch(torch.ones(3, 1, 3), torch.tensor([0]))
    with pytest.raises(ValueError, match="emstdp-loihi needs two phases, at least 5 steps, but the inputs have 3"):
        next(EMSTDPLoihi().updates(network, batch, {}, torch.Generator()))


def test_the_control_is_declared():
    assert [name for name in RULES if is_control(name)] == ["readout-only"]
    assert not is_control("registered-on-another-machine")


def test_a_teacher_makes_stdp_supervised():
    assert (STDP().supervised, STDP(teacher=1.0).supervised) == (False, True)


def test_a_rule_s_own_warnings_are_shown():
    assert IDE().warnings({"residual": 1e-6}) == []
    (words,) = IDE().warnings({"residual": 0.5})
    shown = io.StringIO()
    row = {"epoch": 1, "accuracy": 0.5, "rates": {}, "samples_per_second": 1.0, "warnings": [words]}
    display = ConsoleDisplay(Console(file=shown, soft_wrap=True))
    display.start(1, 1, 0, 0)
    display.epoch(row)
    display.stop()
    assert "the equilibrium's costate has not settled: raise iterations" in shown.getvalue()


def test_a_process_gets_its_rows_of_what_is_drawn_for_all_beside_the_masks_of_its_batch():
    network, rule = Network({"out": Block(nn.Linear(3, 2, bias=False), IF())}), Desire(dropout_input=0.5)
    given = Batch(torch.ones(5, 2, 3), torch.zeros(2, dtype=torch.int64), {"out": torch.ones(2, 2)})
    whole = Batch(torch.ones(5, 4, 3), torch.zeros(4, dtype=torch.int64))
    expected = rule.draws(network, whole, torch.Generator().manual_seed(3))["inputs"]
    rows = []
    for rank in range(2):
        shard = with_draws(Processes(rank, 2), given, 4, rule, network, torch.Generator().manual_seed(3))
        assert shard.masks["out"] is given.masks["out"]
        rows.append(shard.draws["inputs"])
    assert torch.cat(rows).equal(expected)
    assert with_draws(Processes(0, 2), given, 4, STDP(), network, torch.Generator()) is given
