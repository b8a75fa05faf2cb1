"""Modules of other libraries and networks fire alike, both ways."""

from importlib.util import find_spec

import pytest
import torch
from torch import nn

from spikelearn.export.peer_modules import from_norse, from_snntorch, from_spikingjelly, to_norse, to_snntorch
from spikelearn.export.rate_conversion import from_relu_network
from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF, Rate

needs = {name: pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")
         for name in ("snntorch", "norse", "spikingjelly")}  # fmt: skip


def spikes(*shape):
    return (torch.rand(30, 8, *shape) < 0.4).float()


def linear(inputs, outputs):
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.mul_(5)
    return layer


def fired(network, x):
    with torch.no_grad():
        return network.run(x)[0].output.spikes


@needs["snntorch"]
@pytest.mark.parametrize("kind", ["Leaky", "Synaptic"])
def test_a_module_of_snntorch(kind):
    import snntorch
    from snntorch import utils

    torch.manual_seed(0)
    decays = {"beta": 0.9} if kind == "Leaky" else {"alpha": 0.8, "beta": 0.9}

    def neuron(n):
        values = {name: value * torch.ones(n) for name, value in decays.items()}
        options = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": kind == "Leaky"}
        return getattr(snntorch, kind)(**values, threshold=torch.ones(n), **options)

    module, x = nn.Sequential(linear(12, 20), neuron(20), linear(20, 6), neuron(6)), spikes(12)
    utils.reset(module)
    with torch.no_grad():
        theirs = torch.stack([module(now) for now in x])
    utils.reset(module)
    assert theirs.sum() > 50
    assert fired(from_snntorch(module, torch.rand(1, 12)).network, x).equal(theirs)


@needs["snntorch"]
def test_constants_of_snntorch_that_a_layer_shares():
    import snntorch
    from snntorch import utils

    leaky = {"beta": 0.9, "init_hidden": True, "reset_mechanism": "zero"}
    module = nn.Sequential(linear(12, 20), snntorch.Leaky(**leaky), linear(20, 6), snntorch.Leaky(**leaky))
    network = from_snntorch(module, torch.rand(1, 12)).network
    x = spikes(12)
    utils.reset(module)
    with torch.no_grad():
        theirs = torch.stack([module(now) for now in x])
    assert theirs.sum() > 50
    assert fired(network, x).equal(theirs)
    assert module[1].beta.numel() == 1


@needs["snntorch"]
def test_soft_resets_of_snntorch_are_subtractions_and_said():
    import snntorch

    module = nn.Sequential(linear(4, 3), snntorch.Leaky(0.9 * torch.ones(3), threshold=torch.ones(3), init_hidden=True))
    found = from_snntorch(module, torch.rand(1, 4))
    assert list(found.network.blocks.values())[-1].neuron.reset == "subtract"
    assert any("one step later" in note for note in found.notes)


@needs["norse"]
def test_a_module_of_norse():
    import norse.torch as norse

    torch.manual_seed(0)
    cells = [norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.full((n,), 100.0), v_th=torch.full((n,), 0.3),
                                                     v_leak=torch.zeros(n))) for n in (20, 6)]  # fmt: skip
    module, x = norse.SequentialState(linear(12, 20), cells[0], linear(20, 6), cells[1]), spikes(12)
    state, theirs = None, []
    with torch.no_grad():
        for now in x:
            out, state = module(now, state)
            theirs.append(out)
    assert torch.stack(theirs).sum() > 50
    assert fired(from_norse(module, torch.rand(1, 12)).network, x).equal(torch.stack(theirs))


@needs["spikingjelly"]
@pytest.mark.parametrize("decay_input", [True, False])
def test_a_module_of_spikingjelly(decay_input):
    from spikingjelly.activation_based import functional, layer, neuron

    torch.manual_seed(0)

    def dense(inputs, outputs):
        own = layer.Linear(inputs, outputs)
        with torch.no_grad():
            own.weight.mul_(20.0 if decay_input else 5.0)
        return own

    module = nn.Sequential(dense(12, 20), neuron.LIFNode(10.0, decay_input, v_reset=0.0), dense(20, 6),
                           neuron.LIFNode(10.0, decay_input, v_reset=0.0))  # fmt: skip
    x = spikes(12)
    with torch.no_grad():
        theirs = torch.stack([module(now) for now in x])
    functional.reset_net(module)
    assert theirs.sum() > 50
    assert fired(from_spikingjelly(module, torch.rand(1, 12)).network, x).equal(theirs)


@needs["snntorch"]
def test_to_snntorch():
    from snntorch import utils

    torch.manual_seed(0)
    network, x = build("12-20-6", lambda: LIF.per_step(0.9)), spikes(12)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5)
        module, state, theirs = to_snntorch(network, (12,)), None, []
        utils.reset(module)
        for now in x:
            out, state = module(now, state) if state is not None else module(now)
            theirs.append(out)
    assert torch.stack(theirs).sum() > 50
    assert torch.stack(theirs).equal(fired(network, x))
    with pytest.raises(ValueError, match="a threshold for each neuron"):
        to_snntorch(Network({"a": Block(nn.Linear(3, 2), LIF.per_step(v_threshold=[1.0, 2.0]))}), (3,))


@needs["norse"]
def test_to_norse():
    torch.manual_seed(0)
    network, x = build("12-20-6", lambda: LIF.per_step(0.9)), spikes(12)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5)
        module, state, theirs = to_norse(network, (12,)), None, []
        for now in x:
            out, state = module(now, state)
            theirs.append(out)
    assert torch.stack(theirs).equal(fired(network, x))


def test_an_ordinary_network_becomes_rates():
    """The loss of rounding to T steps goes down as 1/T, and the scores are those of the model."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
                          nn.Linear(64, 30), nn.ReLU(), nn.Dropout(0.5), nn.Linear(30, 5))  # fmt: skip
    x = torch.rand(40, 1, 8, 8)
    model(x)  # statistics of the batch norm
    losses = [from_relu_network(model, x, n_steps=steps, quantile=1.0).loss for steps in (20, 400)]
    assert losses[1] < losses[0] / 4
    assert losses[1] < 0.03
    found = from_relu_network(model, x, n_steps=400, quantile=1.0)
    assert found.agreement > 0.9
    assert [type(block.neuron).__name__ for block in found.network.blocks.values()] == ["IF", "IF", "Rate"]
    assert isinstance(list(found.network.blocks.values())[-1].neuron, Rate)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.Linear(4, 3), nn.Tanh()), "Tanh.* cannot be converted"),
        (nn.Sequential(nn.ReLU()), "behind no weights"),
        (nn.Sequential(nn.Flatten()), "has no weights"),
        (nn.Sequential(nn.Linear(4, 3), nn.Flatten(), nn.ReLU()), "between weights and their ReLU"),
    ],
)
def test_what_cannot_be_converted_is_refused(model, words):
    with pytest.raises(ValueError, match=words):
        from_relu_network(model, torch.rand(5, 4))
