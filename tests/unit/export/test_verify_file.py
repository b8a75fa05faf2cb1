"""A file is checked by itself, and recorded spikes travel with it."""

import sys

import h5py
import nir
import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.export import NIR, READERS, Proof, add_proof, from_nir, read_nir, read_proof, verify_file
from spikelearn.export import verify as its
from spikelearn.export.nir import to_graph
from spikelearn.export.nir_programs import NotRun
from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF, CubaLIF, LeakyIntegrator


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(0)
    network = build("6-8-4", lambda: LIF.per_step(0.8))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(6.0)
    path = tmp_path / "a.nir"
    NIR().write(network, path, (6,), {})
    return path


def other(where):
    """A reader that fires one spike more or less."""

    def run_it(path, inputs):
        network = __import__("spikelearn.export", fromlist=["read_nir"]).read_nir(path).network
        spikes = network.run(torch.from_numpy(inputs))[0].output.spikes.detach().clone()
        spikes[where] = 1 - spikes[where]
        return spikes.numpy()

    return run_it


def test_the_first_entry_that_differs_is_named(file, monkeypatch):
    monkeypatch.setitem(its.PROGRAMS, "snntorch", other((3, 1, 2)))
    found = verify_file(file, against=["snntorch"], steps=10, samples=4)
    assert found.spikes > 10
    assert found.readers["spikelearn"].agrees
    verdict = found.readers["snntorch"]
    assert (verdict.entries, verdict.differing, verdict.first) == (160, 1, (3, 1, 2))
    assert verdict.words == "1 of 160 output entries differ, the first at step 3 in neuron 2 of sample 1"
    assert 0 < found.margin < 1


def test_recorded_spikes_are_the_reference_and_prove_what_the_file_fires(file):
    first = verify_file(file, against=[], steps=10, samples=4, record=True)
    proof = read_proof(file)
    assert (proof.inputs.shape, proof.spikes.shape) == ((10, 4, 6), (10, 4, 4))
    again = verify_file(file, against=[], steps=3, samples=1, seed=5)
    assert (again.recorded, again.spikes, again.readers["spikelearn"].differing) == (True, first.spikes, 0)
    wrong = proof.spikes.clone()
    wrong[2, 0, 1] = 1 - wrong[2, 0, 1]
    add_proof(file, Proof(proof.inputs, wrong, proof.margin))
    assert verify_file(file, against=[]).readers["spikelearn"].first == (2, 0, 1)
    assert run(["verify", str(file), "--against", "sparx"]) == 1


def test_a_proof_of_another_network_or_a_damaged_one_is_refused(file):
    verify_file(file, against=[], steps=4, samples=2, record=True)
    with h5py.File(file, "r+") as opened:
        opened["proof/spikes"][0, 0, 0] = 1 - opened["proof/spikes"][0, 0, 0]
    with pytest.raises(ValueError, match="are damaged, or of another network"):
        read_proof(file)


def test_a_reader_in_another_python(file, tmp_path):
    """The program is run there by itself; what it says is the verdict."""
    found = verify_file(
        file,
        against=["sparx", "jaxpike"],
        pythons={"sparx": sys.executable, "jaxpike": "/no/python"},
        steps=5,
        samples=2,
    )
    assert "is not installed there" in found.readers["sparx"].reason
    assert "cannot be started" in found.readers["jaxpike"].reason
    with pytest.raises(ValueError, match="reader is 'spyx'"):
        verify_file(file, against=["spyx"])


def test_readers_that_take_time_constants_otherwise_are_named(file, tmp_path, monkeypatch):
    monkeypatch.setitem(its.PROGRAMS, "jaxpike", other((0, 0, 0)))
    monkeypatch.setitem(its.PROGRAMS, "norse", other((0, 0, 0)))
    (note,) = verify_file(file, against=["jaxpike", "norse"], steps=3).notes
    assert "are of Euler steps, and jaxpike takes them for those of exponential decays" in note
    path = tmp_path / "for.nir"
    NIR(reader="jaxpike").write(build("6-4"), path, (6,), {})
    (note,) = verify_file(path, against=["jaxpike", "norse"], steps=3, share=0.9).notes
    assert "(export --for norse)" in note


def test_a_reader_that_cannot_run_says_what_it_found(file, monkeypatch):
    def refuse(path, inputs):
        raise NotRun("its check takes the file")

    monkeypatch.setitem(its.PROGRAMS, "snn-mlir", refuse)
    assert verify_file(file, against=["snn-mlir"], steps=3).readers["snn-mlir"].reason == "its check takes the file"


def test_silent_networks_and_integrators_prove_nothing(tmp_path):
    path = tmp_path / "a.nir"
    NIR().write(build("6-4", output=LeakyIntegrator), path, (6,), {})
    with pytest.raises(ValueError, match="do not fire"):
        verify_file(path)
    NIR().write(build("6-4", lambda: LIF.per_step(v_threshold=1e6)), path, (6,), {})
    assert "no output neuron fired" in verify_file(path, against=["norse"]).readers["norse"].reason


SAID = {
    ("norse", "pads and averages"): None,
    ("snntorch", "thresholds"): "a threshold for each neuron",
    ("spikingjelly", "thresholds"): "v_threshold for each neuron",
    ("snntorch", "integrator"): "a LI, which it does not know",
    ("norse", "delay"): "a Delay, which it does not know",
    ("jaxpike", "filter"): "CubaLIF neurons, which readers of exponential decays do not know",
    ("sparx", "filter"): "a CubaLIF, which it does not know",
    ("sparx", "pads and averages"): None,
    ("sparx", "thresholds"): "a threshold for each neuron",
    ("jaxpike", "pads and averages"): None,
}
NETWORKS = {
    "pads and averages": lambda: (build("1x6x6-2C3-P2-4"), (1, 6, 6)),
    "thresholds": lambda: (Network({"a": Block(torch.nn.Linear(3, 2), LIF.per_step(v_threshold=[1.0, 2.0]))}), (3,)),
    "integrator": lambda: (build("6-4", output=LeakyIntegrator), (6,)),
    "delay": lambda: (build("6-5-4", delay=2), (6,)),
    "filter": lambda: (build("6-4", CubaLIF), (6,)),
}


@pytest.mark.parametrize(("reader", "name"), SAID)
def test_what_a_reader_does_not_read_is_refused_before_it_is_written(reader, name, tmp_path):
    (network, shape), words = NETWORKS[name](), SAID[reader, name]
    if words is None:
        NIR(reader=reader).write(network, tmp_path / "a.nir", shape, {})
        return
    with pytest.raises(ValueError, match=words):
        NIR(reader=reader).write(network, tmp_path / "a.nir", shape, {})
    assert not list(tmp_path.iterdir())
    if name != "filter":
        notes = NIR(reader=reader, lossy=True).write(network, tmp_path / "a.nir", shape, {}).notes
        assert any(words in note for note in notes)


def test_what_nir_cannot_say_is_written_on_request_with_its_loss():
    network = build("6-4", lambda: LIF.per_step(0.9, reset="subtract"))
    graph, notes = to_graph(network, (6,), {}, lossy=True)
    assert any("fires less" in note for note in notes)
    assert from_nir(graph).network.blocks["fc1"].neuron.reset == "to_value"
    assert network.blocks["fc1"].neuron.reset == "subtract"


def test_padding_is_written_as_what_the_reader_knows(tmp_path):
    network = build("1x6x6-2C3p1-3C5p1-4", lambda: LIF.per_step(0.8))
    with pytest.raises(ValueError, match="padded by a number of pixels, which it does not read") as refused:
        NIR(reader="jaxpike").write(network, tmp_path / "a.nir", (1, 6, 6), {})
    assert "conv2" in str(refused.value)
    assert "conv1" not in str(refused.value)
    graph, _ = to_graph(network, (1, 6, 6), {}, "exponential-lif")
    assert (graph.nodes["01_conv1"].padding, graph.nodes["03_conv2"].padding) == ("same", (1, 1))
    x = (torch.rand(10, 4, 1, 6, 6) < 0.4).float()
    found, expected = (net.run(x)[0].output.v for net in (from_nir(graph).network, network))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("reader", "node"), [("norse", nir.SumPool2d), ("jaxpike", nir.AvgPool2d), ("sparx", nir.Conv2d)]
)
@pytest.mark.parametrize("pool", ["P2", "SP2x1.5"])
def test_pools_are_written_as_what_the_reader_knows(reader, node, pool, tmp_path):
    """All are the same map: the next weights take what they differ by."""
    network = build(f"2x6x6-2C3-{pool}-4", lambda: LIF.per_step(0.8))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(6.0)
    path = tmp_path / "a.nir"
    NIR(reader=reader).write(network, path, (2, 6, 6), {})
    graph = nir.read(path)
    assert isinstance(graph.nodes["03_fc1_pool"], node)
    x = (torch.rand(20, 5, 2, 6, 6) < 0.4).float()
    expected = network.run(x)[0].output
    found = read_nir(path).network.run(x)[0].output
    assert expected.spikes.sum() > 20
    torch.testing.assert_close(found.v, expected.v, rtol=1e-4, atol=1e-5)


def test_every_reader_has_a_form_and_a_program():
    assert set(READERS) == set(its.PROGRAMS) == set(its.INSTALL)


def test_readers_of_exponential_decays_get_time_constants_of_theirs():
    graph, _ = to_graph(build("6-4", lambda: LIF.per_step(0.8)), (6,), {}, "exponential-lif")
    assert graph.nodes["02_fc1_neurons"].tau[0] == pytest.approx(-1e-4 / torch.tensor(0.8).double().log().item())
    assert from_nir(graph).network.blocks["fc1"].neuron.decay_mem == pytest.approx(0.8, abs=1e-12)
