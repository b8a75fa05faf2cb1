"""Florian's network: its structure, and that rewards teach it the exclusive or."""

import pytest
import torch

from spikelearn.museum import Florian2007


def differs(rates):
    """Whether the output fires most where the bits differ."""
    return bool(rates[1:3].min() > 1.3 * rates[[0, 3]].max())


def test_half_the_inputs_inhibit_and_a_bit_of_0_is_silent():
    model = Florian2007()
    network, batch = model.network(), model.batch(torch.Generator().manual_seed(0), copies=20)
    hidden = network.blocks["hidden"].synapse.weight
    assert hidden[:, :30].min() >= 0
    assert hidden[:, 30:].max() <= 0
    assert 4.9 < hidden.abs().max() <= 5.0
    rates = batch.inputs.mean(0).view(20, 4, 60).mean(0) / 1e-3
    assert not rates[0].any()
    assert rates[3].mean().item() == pytest.approx(40.0, rel=0.05)
    assert rates[1].view(4, 15).mean(1).tolist() == pytest.approx([0.0, 40.0, 0.0, 40.0], rel=0.1)
    assert batch.targets[:4].flatten().tolist() == [0.0, 1.0, 1.0, 0.0]


def test_rewards_teach_the_exclusive_or():
    model, shown = Florian2007(0.5), {"steps": 100, "copies": 10}
    before = model.rates(model.network())
    after = model.rates(model.learned(20, **shown)[0])
    assert not differs(before)
    assert differs(after)


@pytest.mark.slow
def test_the_published_network_learns_within_half_of_the_published_epochs():
    model = Florian2007()
    network, counts = model.learned(100)
    assert not differs(model.rates(model.network()))
    assert differs(model.rates(network))
    reward = counts[:, 1] + counts[:, 2] - counts[:, 0] - counts[:, 3]
    assert reward[-10:].mean() > reward[:10].mean() + 20
