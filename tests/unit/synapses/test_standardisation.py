import pytest
import torch
from torch import nn

from spikelearn.network import build
from spikelearn.neurons import LeakyIntegrator
from spikelearn.plasticity import BPTT, OTTT, STLLR, Batch, MixedMembrane
from spikelearn.synapses import WeightStandardisation, layers_with_weights, standardise, standardised
from tests.helpers import only_update

F64 = torch.float64


def test_weights_by_hand():
    layer = standardised(nn.Conv2d(2, 3, 3)).to(F64)
    raw = layer.parametrizations.weight.original.detach()
    gain = layer.parametrizations.weight[0].gain
    with torch.no_grad():
        gain.copy_(torch.tensor([1.0, 2.0, -0.5], dtype=F64).view(3, 1, 1, 1))
    for number, own in enumerate(raw):
        centred = own - own.sum() / 18
        variance = centred.square().sum() / 17
        expected = gain[number] * centred / (18 * variance + 1e-4).sqrt()
        torch.testing.assert_close(layer.weight[number], expected)


def test_every_layer_inside_is_standardised_and_no_other():
    synapse = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    standardise(synapse)
    kinds = [type(m).__name__ for m in synapse]
    assert kinds == ["AvgPool2d", "ParametrizedConv2d", "Flatten", "ParametrizedLinear"]
    assert layers_with_weights(synapse) == ["1", "3"]


@pytest.mark.parametrize("synapse", [nn.Linear(4, 3), nn.Sequential(nn.Flatten(), nn.Linear(4, 3))])
def test_a_standardised_layer_is_one_layer_of_weights(synapse):
    plain = layers_with_weights(synapse)
    standardise(synapse)
    assert layers_with_weights(synapse) == plain
    assert len(plain) == 1


def test_a_single_weight_has_no_variance():
    with pytest.raises(ValueError, match=r"\[3, 1\] cannot be standardised, expected at least two an output unit"):
        WeightStandardisation(torch.ones(3, 1))


@pytest.mark.parametrize(
    ("rule", "net"),
    [
        (BPTT(MixedMembrane()), "6-8(F8x)-3"),
        (OTTT(), "6-8-3"),
        (OTTT(form="step"), "6-8-3"),
        (STLLR(form="step", last_steps=3), "6-8(F8)-3"),
    ],
)
def test_raw_weights_and_gains_learn(rule, net):
    """The scale of raw weights has no effect, but for the small constant: no change lies along them."""
    generator = torch.Generator().manual_seed(0)
    network = build(net, weight_standardisation=True, output=LeakyIntegrator.per_step, generator=generator).to(F64)
    torch.manual_seed(0)
    grads = only_update(rule, network, Batch((torch.rand(8, 5, 6) < 0.5).to(F64), torch.arange(5) % 3)).grads
    raw = [name for name in grads if name.endswith("weight.original")]
    assert len(raw) == (2 if "F" in net else 1)
    for name in raw:
        assert bool(grads[name.replace("original", "0.gain")].any())
        weight, grad = network.get_parameter(name).detach(), grads[name]
        if "F8x" not in net or name.startswith("blocks."):
            along = (weight * grad).sum(1).abs()
            assert bool((along <= 1e-3 * weight.norm(dim=1) * grad.norm(dim=1)).all())
