"""Exported networks fire the same spikes in snnTorch and Norse: no entry of at least 60,000 differs."""

from importlib.util import find_spec

import pytest
import torch
from torch import nn

from spikelearn.export import NIR, verify_nir
from spikelearn.network import Block, Network, build
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator

# Looked for and not imported: every worker collects this file.
pytestmark = pytest.mark.skipif(not (find_spec("snntorch") and find_spec("norse")), reason="they are not installed")

CASES = {
    "dense": ("20-64-10", (20,), lambda: LIF.per_step(0.9), 6.0),
    "dense on images": ("64-32-10", (1, 8, 8), lambda: LIF.per_step(0.8, v_threshold=0.7), 6.0),
    "conv and pool": ("8C5-P2-12C3p1-P2-40-10", (1, 16, 16), lambda: LIF.per_step(0.9), 6.0),
    "strided conv, sum pool": ("6C3s-SP2-10", (2, 13, 13), lambda: LIF.per_step(0.95), 3.0),
    "synaptic filter": ("20-64-10", (20,), lambda: CubaLIF.per_step(0.9, 0.8), 4.0),
    "synaptic filter of unit area, sum pool with a factor": (
        "6C3-SP2x1.1-10",
        (2, 13, 13),
        lambda: CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler"),
        4.0,
    ),
    "exact discretisation": ("20-64-10", (20,), lambda: LIF(10e-3, r=2.0), 20.0),
    "shifted rest": ("20-64-10", (20,), lambda: LIF(10e-3, v_leak=-0.5, v_reset=-0.5, r=2.0), 30.0),
}


def scaled(text, shape, neuron, factor):
    network = build(text, neuron, input_shape=shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network


@pytest.mark.parametrize("name", CASES)
def test_no_entry_differs(name, tmp_path):
    text, shape, neuron, factor = CASES[name]
    network = scaled(text, shape, neuron, factor)
    inputs = (torch.rand(25, 40, *shape) < 0.3).float()
    NIR().write(network, tmp_path / "network.nir", shape, {})
    found = verify_nir(network, tmp_path / "network.nir", inputs)
    assert found.spikes > 500
    for peer, verdict in found.peers.items():
        assert verdict.entries == 10_000, (peer, verdict.reason)
        assert verdict.differing == 0, peer


def test_no_entry_differs_in_double(tmp_path):
    network = scaled("8C5-P2-10", (1, 16, 16), lambda: LIF.per_step(0.9), 6.0).double()
    NIR().write(network, tmp_path / "network.nir", (1, 16, 16), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(25, 40, 1, 16, 16) < 0.3).double())
    assert found.spikes > 500
    assert {peer: verdict.differing for peer, verdict in found.peers.items()} == {"snntorch": 0, "norse": 0}


@pytest.mark.parametrize("name", ["dense", "strided conv, sum pool", "exact discretisation", "shifted rest"])
def test_no_entry_differs_in_the_plain_form(name, tmp_path):
    text, shape, neuron, factor = CASES[name]
    network = scaled(text, shape, neuron, factor)
    NIR("lif").write(network, tmp_path / "network.nir", shape, {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(25, 40, *shape) < 0.3).float())
    assert found.spikes > 500
    assert {peer: verdict.differing for peer, verdict in found.peers.items()} == {"snntorch": 0, "norse": 0}


def spread(low, high, *shape):
    """A constant for each neuron, in no order."""
    count = torch.Size(shape).numel()
    return torch.linspace(low, high, count)[torch.randperm(count)].reshape(shape)


def rested(rest):
    n = len(rest)
    return LIF(spread(5e-3, 20e-3, n), r=spread(10.0, 20.0, n), v_leak=rest, v_reset=rest)


#: Neurons of constants of their own: 64 hidden ones, 10 at the output.
PER_NEURON = {
    "decays": lambda n: LIF.per_step(spread(0.5, 0.95, n)),
    "time constants, input gains and rests": lambda n: rested(spread(-0.3, 0.0, n)),
    "synaptic filters": lambda n: CubaLIF(spread(5e-3, 20e-3, n), spread(2e-3, 6e-3, n), r=15.0),
    "thresholds": lambda n: LIF.per_step(0.9, v_threshold=spread(0.7, 1.3, n)),
}


@pytest.mark.parametrize("form", ["cuba-lif", "lif"])
@pytest.mark.parametrize("name", PER_NEURON)
def test_no_entry_differs_with_constants_of_single_neurons(name, form, tmp_path):
    """snnTorch takes one threshold (above rest) for all, and in the plain form one time constant."""
    neurons = [PER_NEURON[name](n) for n in (64, 10)]
    layers = [nn.Linear(20, 64), nn.Linear(64, 10)]
    network = Network(
        {name: Block(layer, neuron) for name, layer, neuron in zip(("a", "b"), layers, neurons, strict=True)},
        input_shape=(20,),
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(6.0)
    written = NIR(form).write(network, tmp_path / "network.nir", (20,), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(25, 40, 20) < 0.3).float())
    assert found.spikes > 500
    assert found.peers["norse"].differing == 0
    if name in ("thresholds", "time constants, input gains and rests"):
        assert any("each neuron of block 'a' has its own threshold" in note for note in written.notes)
        assert found.peers["snntorch"].differing is None
    elif form == "cuba-lif":
        assert found.peers["snntorch"].differing == 0


def test_no_entry_differs_with_a_constant_for_each_channel_and_place(tmp_path):
    decay, place = spread(0.6, 0.95, 6, 1, 1), spread(0.6, 0.95, 6, 10, 10)
    network = Network(
        {
            "a": Block(nn.Conv2d(2, 6, 3), LIF(-1e-3 / decay.log(), r=8.0)),
            "b": Block(nn.Conv2d(6, 6, 3, padding=1), LIF.per_step(place)),
            "c": Block(nn.Sequential(nn.Flatten(), nn.Linear(600, 10)), LIF.per_step(0.9)),
        },
        input_shape=(2, 12, 12),
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5.0)
    NIR().write(network, tmp_path / "network.nir", (2, 12, 12), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(30, 10, 2, 12, 12) < 0.3).float())
    assert found.spikes > 100
    assert {peer: verdict.differing for peer, verdict in found.peers.items()} == {"snntorch": 0, "norse": 0}
    network.blocks["a"].neuron = LIF(-1e-3 / place.log(), r=8.0)
    with pytest.raises(ValueError, match="block 'a' has an input gain that differs within a channel"):
        NIR().write(network, tmp_path / "network.nir", (2, 12, 12), {})


CONVOLUTIONS = {
    "one column": lambda: nn.Conv2d(2, 6, (3, 1)),
    "one row, strided": lambda: nn.Conv2d(2, 6, (1, 5), (1, 2), padding=(0, 1)),
    "depthwise": lambda: nn.Conv2d(2, 6, 3, padding=1, groups=2),
    "dilated, not square, grouped": lambda: nn.Conv2d(2, 6, (5, 3), dilation=(1, 2), groups=2),
    "same": lambda: nn.Conv2d(2, 6, 3, padding="same"),
    "same, even": lambda: nn.Conv2d(2, 6, (2, 4), padding="same"),
    "padded and strided in pairs": lambda: nn.Conv2d(2, 6, 3, (2, 1), (0, 2)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_no_entry_differs_behind_other_convolutions(name, tmp_path):
    conv = CONVOLUTIONS[name]()
    size = conv(torch.zeros(1, 2, 12, 11)).numel()
    head = nn.Sequential(nn.Flatten(), nn.Linear(size, 10))
    blocks = {"front": Block(conv, LIF.per_step(0.9)), "head": Block(head, LIF.per_step(0.9))}
    network = Network(blocks, input_shape=(2, 12, 11))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5.0)
    NIR().write(network, tmp_path / "network.nir", (2, 12, 11), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(30, 20, 2, 12, 11) < 0.3).float())
    assert found.spikes > 100
    assert {peer: verdict.differing for peer, verdict in found.peers.items()} == {"snntorch": 0, "norse": 0}


#: As the page on export shows it.
SNNTORCH = """
import nir
from snntorch import import_nir

net, state, spikes = import_nir.import_from_nir(nir.read("network.nir")), None, []
for x in inputs:
    out, state = net(x, state) if state is not None else net(x)
    spikes.append(out)
"""


@pytest.mark.parametrize("name", ["dense on images", "strided conv, sum pool"])
def test_a_file_is_stepped_by_hand_in_snntorch(name, tmp_path, monkeypatch):
    text, shape, neuron, factor = CASES[name]
    network = scaled(text, shape, neuron, factor)
    NIR().write(network, tmp_path / "network.nir", shape, {})
    monkeypatch.chdir(tmp_path)
    inputs = (torch.rand(20, 8, *shape) < 0.3).float()
    scope = {"inputs": inputs.flatten(2) if name.startswith("dense") else inputs}
    with torch.no_grad():
        exec(SNNTORCH, scope)
        expected = network.run(inputs)[0].output.spikes
    assert expected.sum() > 20
    assert torch.stack(scope["spikes"]).equal(expected)


def test_a_wrong_file_is_caught(tmp_path):
    """The verification can fail: another network's file differs."""
    network, other = scaled(*CASES["dense"]), scaled(*CASES["dense"])
    NIR().write(other, tmp_path / "network.nir", (20,), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(25, 40, 20) < 0.3).float())
    assert all(verdict.differing > 0 and not verdict.agrees for verdict in found.peers.values())


def test_what_a_peer_cannot_import_is_said(tmp_path):
    network = scaled("20-10", (20,), IF, 3.0)
    NIR().write(network, tmp_path / "network.nir", (20,), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(25, 40, 20) < 0.3).float())
    assert found.peers["norse"].differing == 0
    assert found.peers["snntorch"].differing is None
    assert "its import failed" in found.peers["snntorch"].reason
    network = build("20-10", output=LeakyIntegrator)
    NIR().write(network, tmp_path / "network.nir", (20,), {})
    found = verify_nir(network, tmp_path / "network.nir", torch.rand(5, 2, 20))
    assert all("does not fire" in verdict.reason for verdict in found.peers.values())


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("20-32-24(<inputs)-24(=fc2)-10(+fc1)(+inputs)", (20,)),
        ("1x12x12-4C3p-4C3p(=conv1)-8C3sp(+conv1)-10(+conv2)", (1, 12, 12)),
        ("20-32-10(out)-5(<fc1)", (20,)),
    ],
)
def test_no_entry_differs_of_a_graph(text, shape, tmp_path):
    """snnTorch adds up what several edges bring to a node, as NIR says; Norse 1.1 takes one of them."""
    network = scaled(text, shape, lambda: LIF.per_step(0.9), 5.0)
    inputs = (torch.rand(30, 40, *shape) < 0.3).float()
    exported = NIR().write(network, tmp_path / "network.nir", shape, {})
    assert any("Norse does not" in note for note in exported.notes) == ("+" in text)
    found = verify_nir(network, tmp_path / "network.nir", inputs)
    assert found.spikes > 500
    verdict = found.peers["snntorch"]
    assert (verdict.entries, verdict.differing) == (12_000, 0), verdict.reason


def test_several_outputs_and_factors_without_weights_are_refused(tmp_path):
    for network, words in (
        (build("6-5(out)-4(out)", LIF), "read side by side"),
        (build("6-5-5(=fc1)-4", lambda: LIF(10e-3)), "'fc1_to_fc2' has no weights into which the factor"),
    ):
        with pytest.raises(ValueError, match=words):
            NIR().write(network, tmp_path / "network.nir", (6,), {})
