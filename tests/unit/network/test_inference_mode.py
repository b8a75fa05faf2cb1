"""torch.inference_mode() is torch's own advice for evaluation: the records of torch.no_grad()."""

import pytest
import torch

from spikelearn import Digits, Loader, evaluate
from spikelearn.network import build
from spikelearn.neurons import IF, LIF, AdaptiveLIF, CubaLIF, LeakyIntegrator, SilentLeakLIF

NEURONS = {
    "lif": LIF,
    "lif-subtract": lambda: LIF.per_step(0.9, reset="subtract"),
    "if": IF,
    "cuba": CubaLIF,
    "adaptive": AdaptiveLIF,
    "silent-leak": SilentLeakLIF,
    "integrator": LeakyIntegrator,
}
NETS = {
    "dense": ("512-128-96-10", (512,)),
    "conv": ("4C3-P2-6C3-SP2-10", (2, 16, 16)),
    "feedback": ("512-64(F64)-10", (512,)),
}


def inputs_of(kind, shape):
    x = torch.rand(12, 16, *shape, generator=torch.Generator().manual_seed(0)) < 0.1
    if kind == "constant":
        return x[0].float().expand(12, 16, *shape)
    return {"float": x.float(), "bytes": x.to(torch.uint8), "bool": x}[kind]


def parts_of(network, x, *, output_only=False, at=5):
    """Every tensor of a run, of one that is split, of steps and of a stream."""
    first, state = network.run(x[:at], output_only=output_only)
    second, _ = network.run(x[at:], state, output_only=output_only)
    third, _ = network.step(x[0], state)
    streamed = [record for record, _ in network.stream(x[:3])]
    found = [part for record in (first, second, third, *streamed) for seen in record.values() for part in seen]
    return [part.clone() for part in found] + [network(x)] + list(state.tensors().values()), first.rates


CASES = [(net, neuron) for net in NETS for neuron in NEURONS if net != "conv" or neuron in ("lif", "cuba", "adaptive")]


@pytest.mark.parametrize(("net", "neuron"), CASES)
@pytest.mark.parametrize("kind", ["float", "bytes", "constant"])
def test_inference_mode_gives_what_no_grad_gives(net, neuron, kind):
    torch.manual_seed(0)
    text, shape = NETS[net]
    network = build(text, NEURONS[neuron], input_shape=shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    x = inputs_of(kind, shape)
    for output_only in (False, True):
        with torch.no_grad():
            expected, rates = parts_of(network, x, output_only=output_only)
        with torch.inference_mode():
            found, same_rates = parts_of(network, x, output_only=output_only)
            assert all(map(torch.allclose, found, expected))
            # An input that was itself made in inference mode.
            found, _ = parts_of(network, 1 * x if x.dtype != torch.bool else x.clone(), output_only=output_only)
            assert all(map(torch.allclose, found, expected))
        assert same_rates == pytest.approx(rates)
        if neuron != "integrator":
            assert any(part.any() for part in expected)


def test_evaluation_in_inference_mode():
    network, loader = build("64-30-10", input_shape=(1, 8, 8)), Loader(Digits("test"), 8, 64)
    expected = evaluate(network, loader)
    with torch.inference_mode():
        found = evaluate(network, loader)
    assert (found.accuracy, found.unique_accuracy) == (expected.accuracy, expected.unique_accuracy)
    assert found.rates == pytest.approx(expected.rates)


def test_a_network_made_in_inference_mode_runs_outside():
    with torch.inference_mode():
        network = build("512-128-10")
    x = inputs_of("float", (512,))
    with torch.no_grad():
        record, state = network.run(x)
    assert record.output.spikes.shape == (12, 16, 10)
    assert network.run(x, state)[0].output.v.shape == (12, 16, 10)
