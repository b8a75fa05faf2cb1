"""NIR files become networks that fire by NIR's equations, and go back to the same file."""

import subprocess
import sys

import h5py
import nir
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikelearn.export import NIR, QUIRKS, from_nir, read_nir
from spikelearn.export.nir import to_graph
from spikelearn.network import Block, Feedback, Feedforward, Network, build
from spikelearn.neurons import IF, LIF, PLIF, CubaLIF, LeakyIntegrator, Rate
from spikelearn.plasticity import BPTT, STDP, Batch
from spikelearn.training import Training, learn

DT = 1e-4


def full(value, n=3):
    return np.full(n, value, np.float64)


def lif(n=3, **fields):
    return nir.LIF(
        **{"tau": full(1e-3, n), "r": full(1.0, n), "v_leak": full(0.0, n), "v_threshold": full(1.0, n)} | fields
    )


def chain(*nodes, shape=(4,), out=(3,), metadata=None):
    """input -> nodes -> output, unchecked by nir where it counts shapes wrongly."""
    named = {"input": nir.Input({"input": np.array(shape)})}
    named |= {f"n{number}": node for number, node in enumerate(nodes)}
    named["output"] = nir.Output({"output": np.array(out)})
    names = list(named)
    return nir.NIRGraph(named, list(zip(names, names[1:], strict=False)), metadata or {}, type_check=False)


def weights(rows=3, columns=4, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (rows, columns)).astype(np.float32)


def spikes(*shape, steps=30, share=0.4):
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(steps, 5, *shape, generator=generator) < share).float()


def euler(node, w, b, x, dt=DT):
    """NIR's equations in Euler steps, in double precision, without anything of the package."""
    shape = (x.shape[1], len(w))
    v, i, found = np.broadcast_to(getattr(node, "v_leak", 0.0), shape).astype(float), np.zeros(shape), []
    for now in x.double().numpy():
        drive = now @ w.T.astype(float) + b
        if isinstance(node, nir.CubaLIF):
            i = i + dt / node.tau_syn * (-i + node.w_in * drive)
            v = v + dt / node.tau_mem * (node.v_leak - v + node.r * i)
        elif isinstance(node, nir.IF):
            v = v + dt * node.r * drive
        else:
            v = v + dt / node.tau * (node.v_leak - v + node.r * drive)
        z = v > node.v_threshold
        v = np.where(z, node.v_reset, v)
        found.append(z)
    return torch.from_numpy(np.array(found)).float()


@pytest.mark.parametrize(
    "node",
    [
        lif(r=full(10.0)),
        lif(r=full(25.0), v_leak=full(0.2), v_reset=full(-0.4)),
        lif(tau=np.array([5e-4, 1e-3, 2e-3]), r=np.array([4.0, 8.0, 12.0]), v_threshold=np.array([0.7, 1.0, 1.2])),
        nir.IF(r=full(2e3), v_threshold=full(1.0), v_reset=full(-0.25)),
        nir.CubaLIF(full(1e-4), full(1e-3), full(10.0), full(0.0), full(1.0), full(0.0), w_in=full(1.0)),
        nir.CubaLIF(full(5e-4), full(1e-3), full(30.0), full(0.1), full(1.0), full(-0.2), w_in=full(2.0)),
        nir.CubaLIF(np.array([3e-4, 5e-4, 1e-3]), full(1e-3), full(30.0), full(0.0), full(1.0), full(0.0)),
    ],
)
def test_neurons_fire_by_the_equations_of_nir(node):
    w, b, x = weights(), weights(3, 1)[:, 0] * 0.1, spikes(4)
    found = from_nir(chain(nir.Affine(w, b), node), dt=DT).network.run(x)[0].output.spikes
    expected = euler(node, w, b, x)
    assert 20 < expected.sum() < 400
    assert found.equal(expected)


def test_a_threshold_node_compares_its_current_alone():
    w, x = weights(), spikes(4)
    network = from_nir(chain(nir.Linear(w), nir.Threshold(full(0.5))), dt=DT).network
    assert network.run(x)[0].output.spikes.equal((x @ torch.from_numpy(w).T > 0.5).float())


def test_a_leaky_integrator_and_bare_weights_at_the_end():
    w, x = weights(), spikes(4)
    integrator = from_nir(chain(nir.Linear(w), nir.LI(full(1e-3), full(2.0), full(0.0))), dt=DT).network
    v = torch.zeros(5, 3)
    for now, seen in zip(x, integrator.run(x)[0].output.v, strict=True):
        v = v + 0.1 * (2.0 * now @ torch.from_numpy(w).T - v)
        torch.testing.assert_close(seen, v)
    bare = from_nir(chain(nir.Affine(w, full(0.5))), dt=DT).network
    assert isinstance(bare.blocks["n0"].neuron, Rate)
    torch.testing.assert_close(bare.run(x)[0].output.spikes, x @ torch.from_numpy(w).T + 0.5)


def test_images_pools_and_flatten():
    w = np.random.default_rng(0).normal(0, 1, (2, 1, 3, 3)).astype(np.float32)
    dense = weights(3, 8)
    nodes = (
        nir.Conv2d((6, 6), w, 1, 0, 1, 1, np.zeros(2, np.float32)),
        nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Flatten({"input": np.array([2, 2, 2])}, 0, -1),
        nir.Linear(dense),
        lif(r=full(10.0)),
    )
    x = spikes(1, 6, 6)
    network = from_nir(chain(*nodes, shape=(1, 6, 6)), dt=DT).network
    image = nn.functional.avg_pool2d(nn.functional.conv2d(x.flatten(0, 1), torch.from_numpy(w)), 2)
    current = (image.flatten(1) @ torch.from_numpy(dense).T).reshape(30, 5, 3)
    v, expected = torch.zeros(5, 3), []
    for now in current:
        v = 0.9 * v + now
        expected.append((v > 1).float())
        v = v * (v <= 1)
    assert torch.stack(expected).sum() > 20
    assert network.run(x)[0].output.spikes.equal(torch.stack(expected))


def test_edges_meet_part_and_go_back():
    """A circle with neurons on it is one step late, a sub-graph as well; several edges into a node add up."""
    w, back, other = weights(), weights(3, 3, 1) * 0.3, weights(3, 4, 2)
    size = np.array([3])
    inner = nir.NIRGraph(
        {
            "i": nir.Input({"input": size}),
            "lif": lif(r=full(10.0)),
            "w": nir.Linear(back),
            "o": nir.Output({"output": size}),
        },
        [("i", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "o")],
        {},
    )
    nodes = {"input": nir.Input({"input": np.array([4])}), "a": nir.Linear(w), "b": nir.Linear(other), "rnn": inner,
             "output": nir.Output({"output": size})}  # fmt: skip
    edges = [("input", "a"), ("input", "b"), ("a", "rnn"), ("b", "rnn"), ("rnn", "output")]
    x = spikes(4)
    network = from_nir(nir.NIRGraph(nodes, edges, {}), dt=DT).network
    assert (len(network.feedforward), len(network.feedback)) == (1, 1)
    z, v, expected = torch.zeros(5, 3), torch.zeros(5, 3), []
    for now in x:
        v = 0.9 * v + now @ torch.from_numpy(w + other).T + z @ torch.from_numpy(back).T
        z = (v > 1).float()
        v = v * (1 - z)
        expected.append(z)
    assert network.run(x)[0].output.spikes.equal(torch.stack(expected))


def test_delays_are_whole_steps_of_the_files_time():
    w, x = weights(), spikes(4)
    plain = from_nir(chain(nir.Linear(w), lif(r=full(10.0))), dt=DT).network.run(x)[0].output.spikes
    late = from_nir(chain(nir.Delay(np.full(4, 3 * DT)), nir.Linear(w), lif(r=full(10.0))), dt=DT).network
    assert late.run(x)[0].output.spikes[3:].equal(plain[:-3])
    with pytest.raises(ValueError, match="'n0' delays by .* steps"):
        from_nir(chain(nir.Delay(np.full(4, 1.5 * DT)), nir.Linear(w), lif()), dt=DT)


def test_the_time_step_is_the_files_the_callers_or_assumed_and_said():
    w = weights()
    of_file = from_nir(chain(nir.Linear(w), lif(), metadata={"dt": 2e-4}))
    assert of_file.network.blocks["n1"].neuron.decay_mem == 0.8
    assert not any("time step" in note for note in of_file.notes)
    assert from_nir(chain(nir.Linear(w), lif()), dt=5e-4).network.blocks["n1"].neuron.decay_mem == 0.5
    assumed = from_nir(chain(nir.Linear(w), lif()))
    assert assumed.network.blocks["n1"].neuron.decay_mem == 0.9
    assert any("0.0001 s is assumed" in note for note in assumed.notes)


@pytest.mark.parametrize("dt", ["soon", np.ones((2, 2))])
def test_a_time_step_that_is_no_number_is_refused_or_given(dt):
    graph = chain(nir.Affine(weights(), full(0.0)), lif(), metadata={"dt": dt})
    with pytest.raises(ValueError, match=r"metadata say dt = .*, expected a number of seconds: give its time step"):
        from_nir(graph)
    assert from_nir(graph, dt=DT).network.blocks
    graph.metadata = {"network_dt": dt}
    with pytest.raises(ValueError, match="metadata say network_dt = "):
        from_nir(graph, dt=DT)


def test_fields_that_a_kind_does_not_have_are_named():
    from spikelearn.export.nir_import import network_of

    tree = chain(nir.Affine(weights(), full(0.0)), lif()).to_dict()
    assert network_of(tree, dt=DT).notes == ()
    tree["nodes"]["n0"]["type"] = "Linear"
    assert network_of(tree, dt=DT).notes == ("node 'n0' of kind Linear has bias, which its kind has not: not read",)


def test_the_networks_own_time_step_comes_back():
    network = build("6-4", lambda: LIF.per_step(0.9, dt=2e-3))
    graph, _ = to_graph(network, (6,), {})
    assert from_nir(graph).network.blocks["fc1"].neuron.dt == 2e-3


def wrong(change):
    """A file's tree after ``change`` of it."""
    tree = chain(nir.Affine(weights(), full(0.0)), lif()).to_dict()
    change(tree)
    return tree


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["nodes"].pop("n1"), "no node 'n1'"),
        (lambda t: t["nodes"].pop("output"), "no node 'output'"),
        (lambda t: t["edges"].pop(), "no way leads"),
        (lambda t: t["edges"].pop(1), "no way leads from the input to"),
        (lambda t: t["edges"].append(t["edges"][0]), "twice"),
        (lambda t: t["nodes"]["n0"].pop("bias"), "has no bias"),
        (lambda t: t["nodes"]["n0"].update(type="Softmax"), "of kind 'Softmax', expected"),
        (lambda t: t["nodes"]["n0"].update(bias=np.zeros(4)), r"bias of node 'n0' has shape \[4\], expected \[3\]"),
        (lambda t: t["nodes"]["n0"].update(weight=np.zeros((3, 5))), r"takes \[5\], but what arrives has shape \[4\]"),
        (lambda t: t["nodes"]["n0"].update(weight=np.full((3, 4), np.nan)), "has NaN or infinity"),
        (lambda t: t["nodes"]["n0"].update(weight=np.zeros((3, 4), complex)), "is no array of numbers"),
        (lambda t: t["nodes"]["n1"].update(tau=np.ones(2)), r"tau of node 'n1' has shape \[2\]"),
        (lambda t: t["nodes"]["n1"].update(tau=np.zeros(3)), "expected a positive time"),
        (lambda t: t["nodes"]["n1"].update(tau=np.full(3, 1e-5)), "mend=\"norse-time\""),
        (lambda t: t["nodes"]["n1"].update(v_threshold=np.full(3, -1.0)), "a value above v_leak"),
        (lambda t: t["nodes"]["n1"].update(r=np.full(3, -1.0)), "node 'n1': r is -1"),
        (lambda t: t["nodes"]["input"].update(shape=np.array([2.5])), "whole numbers from 1 up"),
        (lambda t: t["nodes"]["input"].update(shape=np.array([2**40])), "more than a file may say"),
        (lambda t: t["nodes"]["output"].update(shape=np.array([9])), r"output 'output' has shape \[9\]"),
        (lambda t: t.update(edges=np.zeros((2, 3))), "expected pairs of names"),
        (lambda t: t.update(nodes={}), "has no nodes"),
        (lambda t: t.update(type="LIF"), "is no graph of NIR"),
        (lambda t: t["nodes"].update(other=dict(t["nodes"]["input"])), "2 nodes of kind Input"),
        (lambda t: t["nodes"]["n1"].update(type="I"), "kind I"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_nodes_name(change, words):
    from spikelearn.export.nir_import import network_of

    with pytest.raises(ValueError, match=words):
        network_of(wrong(change), dt=DT)


def test_a_circle_without_neurons_is_refused():
    square = weights(4, 4)
    graph = chain(nir.Linear(square), nir.Linear(square), nir.Linear(weights()), lif())
    graph.edges.append(("n1", "n0"))
    with pytest.raises(ValueError, match="'n0', 'n1' are a circle without neurons"):
        from_nir(graph)


def deep_chain(layers):
    nodes = {"input": nir.Input({"input": np.array([1])}), "output": nir.Output({"output": np.array([1])})}
    for number in range(layers):
        nodes |= {f"{number:04}a": nir.Affine(np.ones((1, 1)), full(0.0, 1)), f"{number:04}l": lif(1)}
    names = ["input", *sorted(set(nodes) - {"input", "output"}), "output"]
    return nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False)), type_check=False)


def test_a_network_of_many_layers_is_read_in_order():
    assert list(from_nir(deep_chain(300)).network.blocks)[-1] == "0299l"


def test_more_nodes_than_a_network_has_are_refused():
    with pytest.raises(ValueError, match="the file has 5,202 nodes and 5,201 edges, expected 5,000 and 20,000"):
        from_nir(deep_chain(2_600))


def test_more_ways_through_sub_graphs_than_a_network_has_are_refused():
    """Each way into a sub-graph goes on by each way out of its input: a product."""
    ends = {"input": nir.Input({"input": np.array([1])}), "output": nir.Output({"output": np.array([1])})}
    many = {f"l{number}": lif(1) for number in range(150)}
    into = [("input", name) for name in many]
    inner = nir.NIRGraph({**ends, **many}, into + [(name, "output") for name in many], type_check=False)
    edges = into + [(name, "sub") for name in many] + [("sub", "output")]
    with pytest.raises(ValueError, match="150 ways into sub-graphs meet 150 ways out"):
        from_nir(nir.NIRGraph({**ends, **many, "sub": inner}, edges, type_check=False))


class TestFiles:
    """Files that are no NIR, damaged ones, and ones that reach out of themselves."""

    def written(self, tmp_path):
        path = tmp_path / "a.nir"
        nir.write(path, chain(nir.Affine(weights(), full(0.0)), lif()))
        return path

    def refused(self, path, words):
        with pytest.raises(ValueError, match=words) as raised:
            read_nir(path)
        assert str(path) in str(raised.value)

    def test_missing_and_other_files(self, tmp_path):
        self.refused(tmp_path / "none.nir", "does not exist")
        (tmp_path / "b.nir").write_bytes(b"\x80\x04\x95 a pickle")
        self.refused(tmp_path / "b.nir", "it is no HDF5 file")
        with h5py.File(tmp_path / "c.nir", "w") as file:
            file["x"] = 1
        self.refused(tmp_path / "c.nir", "it has no group 'node'")

    def test_cut_short(self, tmp_path):
        path = self.written(tmp_path)
        path.write_bytes(path.read_bytes()[:3000])
        self.refused(path, "cannot be read as NIR")

    def test_a_declared_size_that_is_huge(self, tmp_path):
        path = self.written(tmp_path)
        with h5py.File(path, "r+") as file:
            del file["node/nodes/n0/weight"]
            file.create_dataset("node/nodes/n0/weight", (2**20, 2**20), "f8", chunks=(1024, 1024), compression="gzip")
        assert path.stat().st_size < 100_000
        self.refused(path, "makes it larger than")

    def test_links_and_external_data_are_not_followed(self, tmp_path):
        secret = tmp_path / "secret.h5"
        with h5py.File(secret, "w") as file:
            file["bias"] = np.zeros(3)
        (tmp_path / "raw").write_bytes(bytes(24))
        for number, put in enumerate((
            lambda group: group.__setitem__("bias", h5py.ExternalLink(str(secret), "bias")),
            lambda group: group.__setitem__("bias", h5py.SoftLink("/node/nodes/n1/tau")),
            lambda group: group.create_dataset("bias", (3,), "f8", external=[(str(tmp_path / "raw"), 0, 24)]),
        )):  # fmt: skip
            path = self.written(tmp_path)
            with h5py.File(path, "r+") as file:
                del file["node/nodes/n0/bias"]
                put(file["node/nodes/n0"])
            self.refused(path, ("is a link", "is a link", "lies in another file")[number])

    def test_groups_in_a_circle_come_to_an_end(self, tmp_path):
        path = self.written(tmp_path)
        with h5py.File(path, "r+") as file:
            file["node/nodes/n0/again"] = file["node"]
        self.refused(path, "deep in each other")

    def test_a_changed_number_does_not_pass_for_what_was_written(self, tmp_path):
        path = tmp_path / "a.nir"
        NIR().write(build("6-4-3"), path, (6,), {})
        read_nir(path)
        with h5py.File(path, "r+") as file:
            file["node/nodes/01_fc1/weight"][0, 0] += 1
        self.refused(path, "its checksum does not match")

    def test_what_crashes_hdf5_is_an_error(self, tmp_path, monkeypatch):
        """A process that dies or hangs on a file is a sentence here; the program stands in for HDF5."""
        path = self.written(tmp_path)
        from spikelearn.export import hdf5_tree, nir_file

        monkeypatch.setattr(nir_file, "PATIENCE", 1.0)
        for number, (code, words) in enumerate([
            ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "HDF5 stopped with -11"),
            ("import time; time.sleep(60)", "does not come to an end"),
        ]):  # fmt: skip
            program = tmp_path / f"p{number}.py"
            program.write_text(code)
            monkeypatch.setattr(hdf5_tree, "__file__", str(program))
            self.refused(path, words)

    def test_reading_needs_no_more_than_h5py(self, tmp_path):
        from spikelearn.export import hdf5_tree

        path = self.written(tmp_path)
        program = "import runpy, sys; sys.argv = ['x', sys.argv[1], '1000000']; " \
            f"runpy.run_path({hdf5_tree.__file__!r}, run_name='__main__'); " \
            "assert not {'torch', 'spikelearn', 'nir'} & set(sys.modules), sys.modules.keys()"  # fmt: skip
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, capture_output=True)


@st.composite
def networks(draw):
    """Networks of dense and convolutional blocks with skips, second sources, ways back, delays and own constants."""
    torch.manual_seed(draw(st.integers(0, 2**16)))

    def neuron(last):
        kind = draw(st.sampled_from(["lif", "gain", "cuba", "if", "plif", *(["li", "rate"] if last else [])]))
        decay = draw(st.sampled_from([0.0, 0.5, 0.9, 0.95]))
        threshold = draw(st.sampled_from([1.0, 0.7]))
        if kind == "lif":
            return LIF.per_step(decay, v_threshold=threshold, inclusive=draw(st.booleans()))
        if kind == "gain":
            rest = draw(st.sampled_from([0.0, -0.2]))
            return LIF(draw(st.floats(2e-3, 20e-3)), r=draw(st.floats(1.0, 9.0)), v_leak=rest, v_reset=rest)
        if kind == "cuba":
            return CubaLIF.per_step(decay, draw(st.sampled_from([0.3, 0.8])))
        if kind == "plif":
            return PLIF.per_step(0.8)
        if kind == "if":
            return IF(threshold, r=draw(st.sampled_from([1.0, 0.3])))
        return LeakyIntegrator.per_step(0.8) if kind == "li" else Rate(LINEAR)

    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    blocks, feedforward, before = {}, {}, {"inputs": 5}
    for number, size in enumerate(sizes):
        name = f"fc{number}"
        source = draw(st.sampled_from(list(before)))
        last = number == len(sizes) - 1
        synapse = nn.Linear(before[source], size, bias=draw(st.booleans()))
        if source == "inputs":
            synapse = nn.Sequential(nn.Flatten(), synapse)
        delay = draw(st.sampled_from([0, 0, 0, 2]))
        chained = ("inputs", *blocks)[-1]
        own = neuron(last)
        blocks[name] = Block(synapse, own, delay=delay, source=None if source == chained else source)
        if draw(st.booleans()) and not isinstance(own, Rate):
            other = draw(st.sampled_from(list(before)))
            more = nn.Linear(before[other], size, bias=False)
            more = nn.Sequential(nn.Flatten(), more) if other == "inputs" else more
            feedforward[f"{other}_and_{name}"] = Feedforward(other, name, more)
        before[name] = size
    feedback = {}
    fires = [name for name, block in blocks.items() if block.neuron.fires]
    if fires and draw(st.booleans()):
        source = draw(st.sampled_from(fires))
        targets = [name for name in list(blocks)[: list(blocks).index(source) + 1] if name in fires]
        target = draw(st.sampled_from(targets))
        feedback["back"] = Feedback(source, target, nn.Linear(before[source], before[target]))
    network = Network(blocks, feedback, feedforward=feedforward)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4.0)
    return network


LINEAR = __import__("spikelearn.neurons.activations", fromlist=["Linear"]).Linear()


def same(one, other):
    """The same parameters and spikes."""
    ours, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert value.equal(theirs[name]), name
    x = spikes(5, steps=12)
    with torch.no_grad():
        a, b = one.run(x)[0].output, other.run(x)[0].output
    assert a.spikes.equal(b.spikes)
    assert a.v.equal(b.v)


@pytest.mark.parametrize("form", ["nir", "cuba-lif", "lif"])
@settings(max_examples=15, deadline=None)
@given(network=networks())
def test_file_to_network_to_file_is_the_identity(form, network):
    """Also after training in between, and the network that was written fires what its file does."""
    x = spikes(5, steps=12)
    try:
        graph, _ = to_graph(network, (5,), {}, form)
    except ValueError as error:
        assert "twice" in str(error) or "no node in NIR" in str(error)  # noqa: PT017, what may be refused
        return
    first = from_nir(graph).network
    with torch.no_grad():
        a, b = network.run(x)[0].output, first.run(x)[0].output
    if form == "nir":
        torch.testing.assert_close(b.v, a.v, rtol=1e-4, atol=1e-4)
    elif (a.v - b.v).abs().max() < 1e-3:  # no spike of rounding in between
        assert b.spikes.equal(a.spikes)
    again = from_nir(to_graph(first, (5,), {}, form)[0]).network
    same(first, again)
    with torch.no_grad():
        for name, parameter in first.named_parameters():
            # The bias of a way back goes into the block's own in the forms for readers, and would be 0 afterwards.
            if form == "nir" or not (name.startswith("feedback.") and name.endswith("bias")):
                parameter.add_(torch.randn(parameter.shape) * 0.1)
    same(first, from_nir(to_graph(first, (5,), {}, form)[0]).network)


@pytest.mark.parametrize(("target", "circle"), [("b", False), ("c", True)])
def test_a_way_back_is_one_step_late_whatever_the_nodes_before_it(target, circle):
    """From d to b it closes no circle, and says so by a delay; from d to c one that can be cut at either edge."""
    torch.manual_seed(0)

    def block(size, source):
        return Block(nn.Sequential(nn.Flatten(), nn.Linear(size, 4)), LIF.per_step(0.5), source=source)

    blocks = {"a": block(5, None), "b": block(5, "inputs"), "c": block(5, "inputs"), "d": block(4, "a")}
    ways = {
        "b_to_e": Feedforward("b", "e", nn.Linear(4, 4, bias=False)),
        "c_to_d": Feedforward("c", "d", nn.Linear(4, 4)),
    }
    blocks["e"] = Block(nn.Linear(4, 4), LIF.per_step(0.9), source="d")
    network = Network(blocks, {"back": Feedback("d", target, nn.Linear(4, 4))}, feedforward=ways)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4.0)
    graph, notes = to_graph(network, (5,), {}, "nir")
    assert any("closes no circle" in note for note in notes) != circle
    read, x = from_nir(graph).network, spikes(5, steps=30)
    late = [edge.delay for edge in (*read.blocks.values(), *read.feedforward.values()) if edge.delay]
    assert (len(read.feedback), late) == ((1, []) if circle else (0, [1]))
    with torch.no_grad():
        ours, theirs = network.run(x)[0].output, read.run(x)[0].output
    assert ours.spikes.any()
    assert theirs.spikes.equal(ours.spikes)


@pytest.mark.parametrize("rule", [BPTT(), STDP()])
def test_a_read_network_is_trained_and_goes_back(rule, tmp_path):
    NIR().write(build("6-8-3", lambda: LIF.per_step(0.9)), tmp_path / "a.nir", (6,), {})
    network = read_nir(tmp_path / "a.nir").network
    before = {name: value.clone() for name, value in network.named_parameters()}
    training = Training.start(network, rule, seed=0)
    learn(training, Batch(spikes(6), torch.arange(5) % 3))
    assert any(not value.equal(before[name]) for name, value in network.named_parameters())
    NIR().write(network, tmp_path / "b.nir", (6,), {})
    again = read_nir(tmp_path / "b.nir").network
    for name, value in network.named_parameters():
        assert value.equal(again.get_parameter(name)), name


class TestQuirks:
    """What other programs mean by a file is found from values, said, and mended on request."""

    def notes(self, graph, **options):
        return " ".join(from_nir(graph, **options).notes)

    def decay(self, graph, **options):
        return float(from_nir(graph, **options).network.blocks["n1"].neuron.decay_mem)

    def test_norse_multiplies_time_constants_by_the_step(self):
        graph = chain(nir.Linear(weights()), lif(tau=full(1e-5)))
        with pytest.raises(ValueError, match="as Norse writes it.*--mend norse-time"):
            from_nir(graph)
        # 1e-5 / 1e-3 = 10 ms, of which a step of 1 ms takes a tenth.
        assert self.decay(graph, mend=["norse-time"]) == pytest.approx(0.9)

    def test_time_constants_in_steps(self):
        graph = chain(nir.Linear(weights()), lif(tau=full(10.0)))
        assert "as if given in steps" in self.notes(graph)
        assert self.decay(graph, mend=["steps"]) == pytest.approx(0.9)

    def test_sinabs(self):
        graph = chain(nir.Linear(weights()), lif(tau=full(10.0)))
        neuron = from_nir(graph, mend=["sinabs"]).network.blocks["n1"].neuron
        assert float(neuron.decay_mem) == pytest.approx(np.exp(-0.1))
        assert (neuron.gain_mem, neuron.reset, neuron.inclusive) == (1.0, "subtract", True)

    def test_rockpool(self):
        tau, dt = np.array([10e-3, 20e-3, 30e-3]), 1e-3
        graph = chain(nir.Linear(weights()), lif(tau=tau, r=tau * np.exp(-dt / tau) / dt))
        assert "for dt = 0.001 s, as Rockpool writes it" in self.notes(graph)
        neuron = from_nir(graph, mend=["rockpool"]).network.blocks["n1"].neuron
        np.testing.assert_allclose(neuron.decay_mem.numpy(), np.exp(-dt / tau), rtol=1e-6)
        assert (neuron.gain_mem, neuron.reset) == (1.0, "subtract")
        assert "Rockpool" not in self.notes(chain(nir.Linear(weights()), lif(r=full(10.0))))

    def test_an_if_of_unit_resistance(self):
        graph = chain(nir.Linear(weights()), nir.IF(full(1.0), full(1.0), full(0.0)))
        assert "is an IF with r = 1" in self.notes(graph)
        assert from_nir(graph).network.blocks["n1"].neuron.gain_mem == pytest.approx(1e-4)
        assert from_nir(graph, mend=["unit-gain"]).network.blocks["n1"].neuron.gain_mem == 1.0

    def test_a_reset_that_the_metadata_alone_name(self):
        graph = chain(nir.Linear(weights()), lif(), metadata={"reset_mechanism": "subtract"})
        assert "nodes of NIR go to v_reset" in self.notes(graph)
        assert from_nir(graph, mend=["subtract"]).network.blocks["n1"].neuron.reset == "subtract"

    def test_shapes_with_the_batch(self):
        graph = chain(nir.Linear(weights()), lif(n=(1, 3)), shape=(1, 4), out=(1, 3))
        with pytest.raises(ValueError, match="as if with the batch.*--mend batch-axis"):
            from_nir(graph)
        assert from_nir(graph, mend=["batch-axis"]).input_shape == (4,)

    def test_flatten_counts_the_batch(self):
        flatten = nir.Flatten({"input": None}, 1, -1)
        graph = chain(flatten, nir.Linear(weights(3, 12)), lif(), shape=(3, 2, 2))
        with pytest.raises(ValueError, match="flatten-batch"):
            from_nir(graph)
        assert from_nir(graph, mend=["flatten-batch"]).input_shape == (3, 2, 2)

    def test_scalars_stand_for_all_neurons(self):
        tau = np.array(1e-3)
        graph = chain(nir.Linear(weights()), nir.LIF(tau, np.array(1.0), np.array(0.0), np.array(1.0), np.array(0.0)))
        assert from_nir(graph).network.run(spikes(4))[0].output.spikes.shape == (30, 5, 3)

    def test_an_unknown_name_is_refused(self):
        with pytest.raises(ValueError, match="mend names 'norse', expected"):
            from_nir(chain(nir.Linear(weights()), lif()), mend=["norse"])
        assert all(
            quirk.about and quirk.about[0].islower() or quirk.about.startswith("IF") for quirk in QUIRKS.values()
        )
