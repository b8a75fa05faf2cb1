"""EMSTDP: networks and options that it takes, and those that it refuses."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.neurons import IF, LIF
from spikelearn.plasticity import RULES, Batch
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.plasticity.two_phase.emstdp_loihi import EMSTDPLoihi
from tests.helpers import only_update
from tests.unit.plasticity.emstdp.networks import F64, both_phases, chain, counting, initialised, random_batch


def front_end():
    """A frozen convolution with batch norm, average pooling in front of the first dense layer."""
    conv = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2))
    conv.requires_grad_(False)
    blocks = {
        "conv": Block(conv, LIF.per_step(0.8, v_threshold=0.2)),
        "fc1": Block(nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 6, bias=False)), counting(0.1), delay=1),
        "fc2": Block(nn.Linear(6, 3, bias=False), counting(0.3), delay=1),
    }
    return Network(blocks).to(F64)


def test_a_frozen_front_end_is_only_run():
    network, rule = front_end(), EMSTDP(epsilon=1.0)
    data = Batch((torch.rand(21, 4, 1, 4, 4) < 0.5).to(F64), torch.tensor([0, 1, 2, 0]))
    update = only_update(rule, network, data)
    assert set(update.grads) == {"blocks.fc1.synapse.2.weight", "blocks.fc2.synapse.weight"}
    assert set(update.rates) == {"conv", "fc1", "fc2"}
    assert all(value.equal(network.get_buffer(name)) for name, value in update.buffers.items())
    network.eval()
    free, moments = both_phases(rule, network, data)
    assert set(moments[0].errors) == {"fc1", "fc2"}
    pre = network.run(data.inputs)[0]["fc1"].pre[2:12].sum(0)
    pooled = nn.functional.avg_pool2d(pre, 2).flatten(1)
    spikes = torch.cat([free["fc1"].spikes, torch.stack([m.record["fc1"].spikes for m in moments])])
    post = (spikes[11:21].sum(0) - spikes[1:11].sum(0)) / 10
    torch.testing.assert_close(update.grads["blocks.fc1.synapse.2.weight"], -post.t() @ pooled / 4)


def test_frozen_layers_between_and_biases_are_left_alone():
    network = build("12-8-6-5", counting, delay=1).to(F64)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not name.endswith("bias") and "fc2" not in name)
    update = only_update(EMSTDP(), network, random_batch())
    assert set(update.grads) == {"blocks.fc1.synapse.1.weight", "blocks.fc3.synapse.1.weight"}
    assert "corrected_fc2" in update.metrics


def test_masks_hold_in_both_phases():
    network, data = initialised(), random_batch()
    mask = torch.ones(6, 20, dtype=F64)
    mask[:, ::2] = 0.0
    _, moments = both_phases(EMSTDP(epsilon=1.0), network, Batch(data.inputs, data.targets, {"fc1": mask}))
    for moment in moments:
        assert moment.record["fc1"].spikes[:, ::2].abs().max() == moment.errors["fc1"][:, ::2].abs().max() == 0


def with_neuron(neuron):
    return Network({"a": Block(nn.Linear(4, 3, bias=False), neuron)})


def no_bias(text, **options):
    return build(text, counting, bias=False, **options)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            lambda: with_neuron(IF(inclusive=True, reset="subtract")),
            'IF with reset="subtract": use IF with .*reset="to_value"',
        ),
        (lambda: with_neuron(IF(inclusive=True, v_reset=-0.5)), "v_reset=-0.5"),
        (lambda: no_bias("1x6x6-2C3-3", delay=1), "block 'conv1' has a Conv2d.*--weights RUN --freeze BLOCK"),
        (lambda: no_bias("4-5-3", delay=1, batch_norm=True), "plain nn.Linear only"),
    ],
)
@pytest.mark.parametrize("rule", [EMSTDP(), EMSTDPLoihi()], ids=["emstdp", "emstdp-loihi"])
def test_networks_that_are_refused(rule, network, message):
    with pytest.raises(ValueError, match=message) as refused:
        rule.init(network(), torch.Generator())
    assert ("emstdp-loihi" in str(refused.value)) == isinstance(rule, EMSTDPLoihi)


def test_presentations_that_are_refused():
    network = initialised()
    with pytest.raises(ValueError, match=r"at least 5 steps, but the inputs have 4: raise n_steps"):
        only_update(EMSTDP(), network, random_batch(4))
    with pytest.raises(ValueError, match="targets go from 0 to 5, but the network has 5 outputs"):
        only_update(EMSTDP(), network, random_batch(classes=6))
    images = Batch(torch.ones(9, 2, 3, 4, dtype=F64), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"one output neuron a class, but the last block has the shape \[3, 2\]"):
        only_update(EMSTDP(), chain(4, 2), images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feedback": "random"}, "feedback is 'random', expected one of alignment, direct, symmetric"),
        ({"epsilon": 0.0}, "epsilon is 0.0, expected a positive number"),
        ({"scale": -1.0}, "scale is -1.0"),
        ({"hidden_ratio": 0.0}, "hidden_ratio is 0.0"),
        ({"gate": 1}, "gate is 1, expected true or false"),
        ({"error_reset": "soft"}, "error_reset is 'soft'"),
        ({"presynaptic": "rate"}, "presynaptic is 'rate'"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make("emstdp", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feedback": "symmetric"}, "feedback is 'symmetric', expected one of alignment, direct"),
        ({"hidden_exponent": -1}, "hidden_exponent is -1"),
        ({"output_exponent": 1.5}, "output_exponent is 1.5"),
        ({"tau_trace": 0.0}, r"tau_trace is 0.0, expected a positive number \(s\)"),
    ],
)
def test_options_of_the_chip_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make("emstdp-loihi", options)


def test_rules_from_plain_values():
    rule = RULES.make("emstdp", {"feedback": "alignment", "epsilon": 1, "gate": False, "presynaptic": "event"})
    assert (rule.feedback, rule.epsilon, rule.gate, rule.presynaptic) == ("alignment", 1, False, "event")
    assert RULES.make("emstdp-loihi", {"tau_trace": 0.064}).tau_trace == 0.064
