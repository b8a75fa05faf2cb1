"""Marks of a layer in a network string: standardised weights, and a factor on what arrives."""

import pytest
import torch
from torch.nn.utils import parametrize

from spikelearn.network import build
from spikelearn.synapses import Scale


def standardised_places(network):
    return [name for name, m in network.named_modules() if parametrize.is_parametrized(m)]


def test_weight_standardisation_is_on_all_weights_into_hidden_blocks():
    network = build("12-8(F8x)-7(+inputs)-3", weight_standardisation=True, generator=torch.Generator().manual_seed(0))
    assert standardised_places(network) == [
        "blocks.fc1.synapse.1",
        "blocks.fc2.synapse.1",
        "feedforward.inputs_to_fc2.synapse",
        "feedback.from_fc1.synapse",
    ]
    weight = network.blocks["fc1"].synapse[1].weight
    torch.testing.assert_close(weight.mean(1), torch.zeros(8), atol=1e-7, rtol=0)
    variance = weight.var(1) * 12  # of the fan-in times that of each weight, and a constant against a division by 0
    assert bool(((variance > 0.99) & (variance < 1.0)).all())
    loop = network.feedback["from_fc1"].synapse.weight
    assert not loop.diag().any()
    assert bool(loop.abs().sum(1).all())


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("6-5(ws)-3", ["blocks.fc1.synapse.1"]),
        ("6-5-4(F5)(ws)-3(ws)", ["blocks.fc2.synapse.1", "blocks.fc3.synapse.1"]),
        ("6-5(ws)-4(F5)-3", ["blocks.fc1.synapse.1", "feedback.from_fc2.synapse"]),
        ("2x8x8-4C3-P2-5C3(WS)-3", ["blocks.conv2.synapse.1"]),
        ("2x8x8-4R3(ws)-3", [f"blocks.res1.synapse.{part}" for part in ("first", "second", "shortcut")]),
    ],
)
def test_a_mark_standardises_the_weights_into_one_layer(text, places):
    network = build(text)
    assert standardised_places(network) == places
    assert bool(torch.isfinite(network(torch.rand(3, 2, *((6,) if text[0] == "6" else (2, 8, 8))))).all())


def test_a_factor_multiplies_what_arrives_by_the_layers_own_synapse():
    torch.manual_seed(0)
    network = build("2x8x8-4C3-P2-5C3(ws)(X2.5)-3(+conv1)(x0.5)")
    x = torch.rand(2, 4, 6, 6)
    scaled, conv = network.blocks["conv2"].synapse, network.blocks["conv2"].synapse[-1]
    torch.testing.assert_close(scaled(x), conv(2.5 * torch.nn.functional.avg_pool2d(x, 2)))
    dense, joined = network.blocks["fc1"].synapse, network.feedforward["conv1_to_fc1"].synapse
    flat = torch.rand(2, 5)
    torch.testing.assert_close(dense(flat[..., None, None]), dense[-1](flat / 2))
    assert not any(type(part) is Scale for part in joined.modules())


@pytest.mark.parametrize("mark", ["x0", "x1", "x2)(x3", "x1" + "0" * 400])
def test_a_factor_that_says_nothing_is_refused(mark):
    with pytest.raises(ValueError, match=r"a layer has one factor, not 0 or 1.*\(x2.74\)"):
        build(f"6-5({mark})-3")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("6-5(ws)(F5)-3", {"spectral_feedback": True}, "from 'fc1' to 'fc1' has a bounded spectral norm and standard"),
        ("8x8-4C3p(ws)-6C3s2p(F4C3u)-3", {}, "ConvTranspose2d.* cannot be standardised.*image of the same size"),
        ("1-5-3", {"weight_standardisation": True}, r"\[5, 1\] cannot be standardised, expected at least two"),
        ("6-5-3(ws)", {"readout": "linear"}, "does not suit the readout 'linear'.*a number without marks"),
        ("6-5(ws)(ws)-3", {}, r"cannot read '5\(ws\)\(ws\)' at character 3: the mark \(ws\) stands twice"),
        ("6-5(out)(WS)(out)-3", {}, r"the mark \(out\) stands twice"),
    ],
)
def test_weights_that_cannot_be_standardised_are_named(text, options, message):
    with pytest.raises(ValueError, match=message):
        build(text, **options)
