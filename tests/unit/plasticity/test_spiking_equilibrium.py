"""Predictive coding and equilibrium propagation with neurons that fire."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import IF, LIF, ATan, LeakyIntegrator, Rate, Surrogate
from spikelearn.neurons.activations import HardSigmoid, Linear
from spikelearn.plasticity import Batch, CrossEntropy, EqProp, EqPropSpiking, PredictiveCoding

TARGETS = torch.tensor([0, 1, 2, 1])


def still():
    return Batch(torch.rand(1, 4, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64), TARGETS)


def positive(make, **options):
    """Weights that leave every unit between silence and its highest rate."""
    network = build("5-6-3", make, generator=torch.Generator().manual_seed(1), **options).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(0.3) if name.endswith("bias") else parameter.mul_(0.6)
    return network


def grads(rule, network, batch):
    return next(rule.updates(network, batch, rule.init(network, torch.Generator()), torch.Generator())).grads


def test_windows_come_to_the_changes_of_units_with_a_hard_sigmoid():
    """The longer they are: what is left falls as 1 over their steps."""
    expected = grads(EqProp(beta=0.2, free_steps=200, nudged_steps=200), positive(lambda: Rate(HardSigmoid())), still())
    network, off = positive(lambda: IF(reset="subtract")), []
    for steps in (100, 800):
        found = grads(EqPropSpiking(beta=0.2, free_steps=steps, nudged_steps=steps), network, still())
        off.append(max(float((found[k] - value).norm() / value.norm()) for k, value in expected.items()))
    assert off[1] < 0.03
    assert off[1] < 0.3 * off[0]


def test_a_linear_readout_stands_outside_and_learns():
    network = build("5-6-3", lambda: IF(reset="subtract"), readout="linear", bias=False).double()
    found = grads(EqPropSpiking(), network, still())
    assert set(found) == {"blocks.fc1.synapse.1.weight", "readout.head.weight", "readout.head.bias"}
    assert all(value.isfinite().all() for value in found.values())


def test_spikes_at_the_input_drive_by_their_mean():
    network, batch = positive(lambda: LIF.per_step(0.9, reset="subtract")), still()
    spikes = (torch.rand(6, 4, 5, generator=torch.Generator().manual_seed(2)) < 0.5).to(torch.float64)
    one = grads(EqPropSpiking(), network, Batch(spikes, TARGETS))
    other = grads(EqPropSpiking(), network, Batch(spikes.mean(0, keepdim=True), TARGETS))
    torch.testing.assert_close(one, other)
    assert not torch.equal(
        one["blocks.fc1.synapse.1.weight"], grads(EqPropSpiking(), network, batch)["blocks.fc1.synapse.1.weight"]
    )


def test_what_settles_is_told():
    rule = EqPropSpiking()
    assert not rule.warnings({"residual_free": 0.1})
    assert "raise free_steps" in rule.warnings({"residual_free": 0.5})[0]


def test_masks_are_those_of_the_run():
    """Fixed predictions of rates with dropout are the gradient through the masked rates."""
    network = build(
        "5-6-3", lambda: LIF.per_step(0.8), output=lambda: Rate(Linear()), generator=torch.Generator().manual_seed(1)
    ).double()
    with torch.no_grad():
        network.blocks["fc1"].synapse[-1].weight.mul_(4)
    inputs = torch.rand(7, 4, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    masks = {"fc1": 2.0 * (torch.rand(4, 6, generator=torch.Generator().manual_seed(4)) < 0.5)}
    batch = Batch(inputs, TARGETS, masks=masks)
    record, _ = network.run(inputs, masks=masks)
    first, second = (block.synapse for block in network.blocks.values())
    current = ATan()(record["fc1"].v - 1.0).mean(0).detach() * first(inputs.mean(0)) * masks["fc1"]
    rate = record["fc1"].spikes.mean(0).detach() + current - current.detach()
    loss = torch.nn.functional.cross_entropy(second(rate), TARGETS)
    expected = torch.autograd.grad(loss, list(network.parameters()))
    found = grads(PredictiveCoding(CrossEntropy(), "fixed-pred"), network, batch)
    torch.testing.assert_close(list(found.values()), list(expected))
    assert any(value.any() for value in expected)


def test_neurons_that_fire_need_fixed_predictions():
    network = build("5-6-3", lambda: LIF.per_step(0.8), output=lambda: Rate(Linear()))
    with pytest.raises(ValueError, match="finds values of rate neurons block by block, but block 'fc1' is LIF"):
        PredictiveCoding().check(network)
    with pytest.raises(ValueError, match="use Rate or LIF or IF"):
        PredictiveCoding(form="exact").check(build("5-6-3", LeakyIntegrator.per_step, output=lambda: Rate(Linear())))
    with pytest.raises(ValueError, match="without effect, for form is 'strict'"):
        PredictiveCoding(adjoint=Surrogate(ATan()))
