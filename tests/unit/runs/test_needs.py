"""What a rule needs, filled in."""

import pytest
import torch

from spikelearn import network_for
from spikelearn.neurons import IF, CubaLIF, LeakyIntegrator
from spikelearn.plasticity import EMSTDP, IDE, RULES, STDP, Batch, Unmet
from spikelearn.runs import adapted, needs_of


@pytest.mark.parametrize("rule", list(RULES))
def test_every_rule_trains_the_network_that_is_made_for_it(rule):
    made = RULES.make(rule)
    network = network_for(made, "6-8-3")
    generator = torch.Generator().manual_seed(0)
    batch = Batch((torch.rand(30, 4, 6) < 0.5).float(), torch.arange(4) % 3)
    for update in made.updates(network, batch, made.init(network, generator), generator):
        assert update.scores.shape == (4, 3)
        assert update.grads or update.own


def test_a_network_is_what_the_rule_needs_and_what_else_is_said():
    network = network_for("emstdp", "6-8-3", seed=1)
    assert all(isinstance(block.neuron, IF) and block.neuron.inclusive for block in network.blocks.values())
    assert [block.delay for block in network.blocks.values()] == [0, 1]
    assert not any("bias" in name for name, _ in network.named_parameters())
    weights = [
        network_for(EMSTDP(), "6-8-3", seed=seed).get_parameter("blocks.fc1.synapse.1.weight") for seed in (1, 2)
    ]
    assert weights[0].equal(network.get_parameter("blocks.fc1.synapse.1.weight"))
    assert not weights[0].equal(weights[1])
    assert isinstance(next(iter(network_for("tssl-bp", "6-8-3").blocks.values())).neuron, CubaLIF)
    assert network_for("bptt", "6-8-3", neuron_option={"decay": 0.5}).blocks["fc1"].neuron.decay_mem == 0.5
    assert network_for("bptt", "2C3-P2-3", (1, 8, 8)).input_shape == (1, 8, 8)


def test_a_dense_string_gets_the_edges_that_a_rule_cannot_do_without():
    network = network_for("ide", "6-8-5-3")
    assert [(edge.source, edge.target) for edge in network.feedback.values()] == [("fc2", "fc1")]
    assert adapted("6-8(F8)-3", IDE()) == "6-8(F8)-3"
    assert adapted("6-8-3", STDP()) == "6-8-3", "one layer is what it learns well, not what it needs"


def test_settings_that_contradict_a_need_are_refused():
    with pytest.raises(Unmet, match=r"2 needs of emstdp are not met: \(1\) block 'fc2' has delay 2.*\(2\) .*--no-bias"):
        network_for("emstdp", "6-8-3", delay=2, bias=True)
    with pytest.raises(Unmet, match="stdp needs spikes on both sides, but block 'fc2' is a LeakyIntegrator"):
        network_for(STDP(), "6-8-3", output="leaky-integrator")
    assert not LeakyIntegrator.fires


def test_recordings_of_events_get_no_encoder():
    assert needs_of("emstdp", "digits")["encoder"] == "regular"
    assert "encoder" not in needs_of("emstdp", "digits-events")
    assert needs_of("stdp", "digits") == {
        "net": "{input}-{output}",
        "encoder": "rate",
        "encoder_option": {"max_rate": 0.5},
        "bounds": [0.0, 1.0],
        "incoming_norm": 4.0,
        "rule_option": {"teacher": 4.0, "a_minus": 0.0004},
    }


def test_needs_do_not_change_with_what_is_made_of_them():
    needs_of("stdp", "digits")["rule_option"]["teacher"] = 0.0
    assert needs_of("stdp", "digits")["rule_option"]["teacher"] == 4.0
