import nir
import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.export import NIR, Safetensors, load_weights, verify_nir
from spikelearn.export.nir_neurons import FILE_DT
from spikelearn.network import Block, Network, RateReadout, build
from spikelearn.neurons import IF, LIF, AdaptiveLIF, CubaLIF, LeakyIntegrator


def exported(network, tmp_path, shape=(6,)):
    path = tmp_path / "network.nir"
    result = NIR().write(network, path, shape, {"rule": "bptt"})
    return nir.read(path), result


def test_nodes_and_numbers(tmp_path):
    network = build("6-4-3", lambda: LIF.per_step(0.9))
    graph, result = exported(network, tmp_path)
    assert sorted(graph.nodes) == ["01_fc1", "02_fc1_neurons", "03_fc2", "04_fc2_neurons", "input", "output"]
    neurons = graph.nodes["02_fc1_neurons"]
    assert isinstance(neurons, nir.CubaLIF)
    assert neurons.tau_syn.dtype == np.float64
    assert neurons.tau_syn.tolist() == [FILE_DT] * 4
    np.testing.assert_allclose(neurons.tau_mem, 1e-3, rtol=1e-12)
    np.testing.assert_allclose(neurons.r, neurons.tau_mem / FILE_DT, rtol=1e-12)
    assert neurons.v_threshold.tolist() == [1.0] * 4
    np.testing.assert_array_equal(
        graph.nodes["01_fc1"].weight, network.blocks["fc1"].synapse[1].weight.detach().numpy()
    )
    metadata = graph.metadata
    assert float(metadata["dt"]) == FILE_DT
    assert metadata["reset"] == "to_value"
    assert metadata["rule"] == "bptt"
    assert any("time constants" in note for note in result.notes)
    assert any("LIF neurons are written as CubaLIF" in note for note in result.notes)


def test_weights_that_are_computed_are_written_as_they_are(tmp_path):
    network = build("1x6x6-2C3(ws)-5-3", weight_standardisation=True, input_shape=(1, 6, 6))
    graph, _ = exported(network, tmp_path, (1, 6, 6))
    conv, first, last = (n for n in graph.nodes.values() if isinstance(n, nir.Conv2d | nir.Affine))
    synapses = [network.blocks[name].synapse for name in ("conv1", "fc1", "fc2")]
    layers = [synapse if isinstance(synapse, nn.Conv2d) else synapse[-1] for synapse in synapses]
    for node, layer in zip((conv, first, last), layers, strict=True):
        np.testing.assert_array_equal(node.weight, layer.weight.detach().numpy())


def test_a_plain_form_for_readers_of_lif_alone(tmp_path):
    network = build("6-4-3", lambda: LIF(10e-3, r=3.0, v_threshold=0.8), output=LeakyIntegrator)
    path = tmp_path / "network.nir"
    result = NIR("lif").write(network, path, (6,), {})
    graph = nir.read(path)
    neurons, integrators = graph.nodes["02_fc1_neurons"], graph.nodes["04_fc2_neurons"]
    decay = network.blocks["fc1"].neuron.decay_mem
    assert isinstance(neurons, nir.LIF)
    assert isinstance(integrators, nir.LI)
    assert neurons.r.tolist() == [1.0] * 4
    assert integrators.r.tolist() == [1.0] * 3
    np.testing.assert_allclose(1 - FILE_DT / neurons.tau, decay)
    assert neurons.v_threshold.tolist() == [0.8] * 4
    # One Euler step of a reader, v + dt / tau (W x - v), is one of ours: its input gain is r (1 - decay).
    own = network.blocks["fc1"].synapse[1].weight.detach().numpy()
    np.testing.assert_allclose(
        FILE_DT / neurons.tau[0] * graph.nodes["01_fc1"].weight, 3.0 * (1 - decay) * own, rtol=1e-5
    )
    assert float(graph.metadata["dt"]) == FILE_DT
    assert not any("written as CubaLIF" in note for note in result.notes)
    NIR("lif").write(build("6-3", CubaLIF), path, (6,), {})
    assert isinstance(nir.read(path).nodes["02_fc1_neurons"], nir.CubaLIF)
    with pytest.raises(ValueError, match="form is 'LIF', expected one of cuba-lif, exponential-lif, lif, nir"):
        NIR("LIF")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_any_floating_type(dtype, tmp_path):
    network = build("6-4-3", lambda: LIF.per_step(0.9)).to(dtype)
    graph, _ = exported(network, tmp_path)
    for block, node in zip(network.blocks.values(), ("01_fc1", "03_fc2"), strict=True):
        (linear,) = (layer for layer in block.synapse if isinstance(layer, nn.Linear))
        assert torch.from_numpy(graph.nodes[node].weight).to(dtype).equal(linear.weight)
        assert torch.from_numpy(graph.nodes[node].bias).to(dtype).equal(linear.bias)


def test_pools_become_sums_and_flatten_counts_from_behind(tmp_path):
    network = build("3C3-P2-5C2-10", input_shape=(1, 8, 8))
    graph, _ = exported(network, tmp_path, (1, 8, 8))
    assert isinstance(graph.nodes["03_conv2_pool"], nir.SumPool2d)
    own = network.blocks["conv2"].synapse[1].weight.detach().numpy()
    np.testing.assert_allclose(graph.nodes["04_conv2"].weight, own / 4)
    flatten = graph.nodes["06_fc1_flatten"]
    assert (flatten.start_dim, flatten.end_dim) == (-3, -1)


def test_the_factor_of_a_sum_pool_goes_into_the_next_weights(tmp_path):
    network = build("3C3-SP2x1.1-10", input_shape=(1, 8, 8))
    graph, _ = exported(network, tmp_path, (1, 8, 8))
    own = network.blocks["fc1"].synapse[2].weight.detach().numpy()
    np.testing.assert_allclose(graph.nodes["05_fc1"].weight, 1.1 * own, rtol=1e-6)


def test_gains_go_into_the_weights(tmp_path):
    neuron = LIF(10e-3, r=3.0)
    network = build("6-3", lambda: neuron)
    graph, result = exported(network, tmp_path)
    own = network.blocks["fc1"].synapse[1]
    np.testing.assert_allclose(graph.nodes["01_fc1"].weight, own.weight.detach().numpy() * neuron.gain_mem, rtol=1e-6)
    np.testing.assert_allclose(graph.nodes["01_fc1"].bias, own.bias.detach().numpy() * neuron.gain_mem, rtol=1e-6)
    assert any("multiplied into its weights" in note for note in result.notes)


def test_an_inclusive_threshold_is_one_ulp_lower(tmp_path):
    graph, _ = exported(build("6-3", lambda: LIF.per_step(0.9, inclusive=True)), tmp_path)
    threshold = graph.nodes["02_fc1_neurons"].v_threshold[0]
    assert np.float32(threshold) == np.nextafter(np.float32(1.0), np.float32(0.0))


def test_other_neurons(tmp_path):
    graph, _ = exported(build("6-3", IF), tmp_path)
    assert isinstance(graph.nodes["02_fc1_neurons"], nir.IF)
    assert graph.nodes["02_fc1_neurons"].r.tolist() == [1.0 / FILE_DT] * 3
    graph, _ = exported(build("6-3", lambda: LeakyIntegrator.per_step(0.8)), tmp_path)
    node = graph.nodes["02_fc1_neurons"]
    assert isinstance(node, nir.LI)
    np.testing.assert_allclose(1 - FILE_DT / node.tau, 0.8)
    np.testing.assert_allclose(FILE_DT / node.tau * node.r, 1.0)
    graph, _ = exported(build("6-3", lambda: CubaLIF.per_step(0.9, 0.8)), tmp_path)
    node = graph.nodes["02_fc1_neurons"]
    np.testing.assert_allclose(1 - FILE_DT / node.tau_syn, 0.8)
    np.testing.assert_allclose(node.w_in * FILE_DT / node.tau_syn, 1.0)


def blocks(synapse, neuron=None, **options):
    return {"a": Block(synapse, neuron or LIF.per_step(0.9), **options)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("6-3", lambda: LIF(reset="subtract")), "resets by subtraction, which NIR cannot say"),
        (lambda: build("6-3", lambda: LIF(v_leak=0.2)), "only equal values can be exported"),
        (lambda: build("6-3", AdaptiveLIF.per_step), "AdaptiveLIF neurons, for which NIR has no node"),
        (lambda: Network(blocks(nn.Sequential(nn.Linear(6, 3), nn.ReLU()))), "which NIR cannot say"),
        (lambda: Network(blocks(nn.Sequential(nn.BatchNorm1d(6), nn.ReLU()))), "has no weights for it"),
        (lambda: Network(blocks(nn.BatchNorm1d(6))), "without weights beside it"),
        (
            lambda: Network(blocks(nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3, track_running_stats=False)))),
            "without running statistics",
        ),
    ],
)
def test_what_nir_cannot_say_is_refused(make, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        exported(make(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_max_pools_are_refused(tmp_path):
    with pytest.raises(ValueError, match="MaxPool2d.*which NIR cannot say"):
        exported(build("3C3-MP2-10", input_shape=(1, 8, 8)), tmp_path, (1, 8, 8))


def test_a_readout_with_weights_is_noted(tmp_path):
    network = Network(blocks(nn.Linear(6, 3)), readout=RateReadout(nn.Linear(3, 2)))
    _, result = exported(network, tmp_path)
    assert any("readout RateReadout is not part of the file" in note for note in result.notes)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "network.nir"
    path.write_bytes(b"old")

    def fail(where, graph):
        where.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(nir, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        NIR().write(build("6-3"), path, (6,), {})
    assert path.read_bytes() == b"old"


def test_a_file_that_is_no_nir_is_named(tmp_path):
    path = tmp_path / "x.nir"
    path.write_bytes(b"hello")
    with pytest.raises(ValueError, match="cannot be read as NIR"):
        verify_nir(build("6-3"), path, torch.rand(3, 2, 6))


def test_safetensors_hold_every_weight(tmp_path):
    network = build("6-4-3")
    path = tmp_path / "w.safetensors"
    Safetensors().write(network, path, (6,), {"net": "6-4-3"})
    weights, metadata = load_weights(path)
    assert weights.keys() == network.state_dict().keys()
    assert all(value.equal(network.state_dict()[name]) for name, value in weights.items())
    assert metadata["input_shape"] == "6"
