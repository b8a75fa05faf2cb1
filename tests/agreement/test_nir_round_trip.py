"""Exported networks fire the same spikes in snnTorch and Norse: no entry of at least 60,000 differs."""

import pytest
import torch

from spikelearn.export import NIR, verify_nir
from spikelearn.network import build
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator

pytest.importorskip("snntorch")
pytest.importorskip("norse")

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
    inputs = (torch.rand(50, 120, *shape) < 0.3).float()
    NIR().write(network, tmp_path / "network.nir", shape, {})
    found = verify_nir(network, tmp_path / "network.nir", inputs)
    assert found.spikes > 1000
    for peer, verdict in found.peers.items():
        assert verdict.entries == 60_000, (peer, verdict.reason)
        assert verdict.differing == 0, peer


def test_a_wrong_file_is_caught(tmp_path):
    """The verification can fail: another network's file differs."""
    network, other = scaled(*CASES["dense"]), scaled(*CASES["dense"])
    NIR().write(other, tmp_path / "network.nir", (20,), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(50, 120, 20) < 0.3).float())
    assert all(verdict.differing > 0 and not verdict.agrees for verdict in found.peers.values())


def test_what_a_peer_cannot_import_is_said(tmp_path):
    network = scaled("20-10", (20,), IF, 3.0)
    NIR().write(network, tmp_path / "network.nir", (20,), {})
    found = verify_nir(network, tmp_path / "network.nir", (torch.rand(50, 120, 20) < 0.3).float())
    assert found.peers["norse"].differing == 0
    assert found.peers["snntorch"].differing is None
    assert "its import failed" in found.peers["snntorch"].reason
    network = build("20-10", output=LeakyIntegrator)
    NIR().write(network, tmp_path / "network.nir", (20,), {})
    found = verify_nir(network, tmp_path / "network.nir", torch.rand(5, 2, 20))
    assert all("does not fire" in verdict.reason for verdict in found.peers.values())
