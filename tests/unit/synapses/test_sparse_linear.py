"""Listed connections: the product of a matrix with zeros, learned by gradients and by spikes alike."""

import copy

import numpy as np
import pytest
import scipy.sparse
import torch
from torch import nn

from spikelearn.export.safetensors import load_weights, save_weights
from spikelearn.network import Block, Feedforward, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, RULES, STDP, Batch, OptimizerChoice
from spikelearn.synapses import SparseLinear, correlate, drive, sparse_product, transpose, windows
from spikelearn.training import IncomingLength, IncomingNorm, Training, learn
from tests.helpers import F64, only_update

#: Rules of spikes that learn a synapse whose target fires as it is told.
SPIKE_RULES = {
    "stdp": {},
    "stdp-online": {"low": -1.0, "pairing": "nearest-presynaptic"},
    "triplet-stdp": {"low": -1.0},
    "vogels": {"high": 1.0},
    "mstdp": {"low": -1.0},
    "mstdpet": {"low": -1.0},
    "dopamine-stdp": {"low": -1.0},
}


def sparse(delays=None, probability=0.3, bias=True, size=(30, 20)):
    generator = torch.Generator().manual_seed(1)
    made = SparseLinear.fixed_probability(*size, probability, delays=delays, bias=bias, generator=generator)
    return made.to(F64)


def line_for(synapse, steps=12, batch=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps + synapse.longest, batch, synapse.in_features, generator=generator) < 0.2).to(F64)


@pytest.mark.parametrize("delays", [None, (0, 5)])
def test_product_and_all_transposes_are_those_of_the_matrix(delays):
    synapse = sparse(delays)
    line = line_for(synapse).requires_grad_()
    pre = windows(line, synapse.longest) if synapse.longest else line
    expected = nn.functional.linear(pre.flatten(2), synapse.dense().flatten(1), synapse.bias)
    torch.testing.assert_close(drive(synapse, pre.detach()), expected)
    post = torch.randn(expected.shape, dtype=F64, generator=torch.Generator().manual_seed(2))
    given = [line, synapse.weight, synapse.bias]
    wanted = torch.autograd.grad(expected, given, post)
    torch.testing.assert_close(torch.autograd.grad(synapse.along(line), given, post), wanted)
    # As a view of one line, and as a record of its own.
    for record in (pre.detach(), pre.detach().clone()):
        found = correlate(synapse, record, post)
        torch.testing.assert_close((found["weight"], found["bias"]), wanted[1:])
        torch.testing.assert_close(transpose(synapse, record, post).flatten(2), post @ synapse.dense().flatten(1))


@pytest.mark.parametrize("delays", [None, (0, 5)])
def test_where_no_kernel_is_for_it_torch_gives_the_same(delays, monkeypatch):
    """As on a GPU."""
    synapse = sparse(delays)
    line = line_for(synapse).requires_grad_()
    given = [line, synapse.weight]
    wanted = synapse.along(line)
    post = torch.randn(wanted.shape, dtype=F64, generator=torch.Generator().manual_seed(2))
    grads = torch.autograd.grad(wanted, given, post)
    monkeypatch.setattr(sparse_product, "_for_kernels", lambda _: False)
    found = synapse.along(line)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(torch.autograd.grad(found, given, post), grads)


def test_it_can_be_differentiated_twice():
    synapse, x = sparse(size=(6, 5)), torch.rand(3, 6, dtype=F64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x, w: synapse(x) ** 2, (x, synapse.weight))


def test_spikes_as_bytes_and_single_precision():
    synapse = sparse((0, 3))
    line = line_for(synapse)
    torch.testing.assert_close(synapse.along(line.bool()), synapse.along(line))
    single = copy.deepcopy(synapse).float()
    torch.testing.assert_close(single.along(line.float()), synapse.along(line).float())


def test_fixed_in_degree_and_probability():
    generator = torch.Generator().manual_seed(0)
    made = SparseLinear.fixed_in_degree(50, 50, 7, others=True, delays=(1, 4), generator=generator)
    there = made.dense().sum(1) != 0
    assert (there.sum(1) == 7).all()
    assert not there.diagonal().any()
    assert int(made.delays.min()) == 1
    assert int(made.delays.max()) == 4
    drawn = SparseLinear.fixed_probability(300, 200, 0.1, generator=generator)
    assert abs(len(drawn.weight) - 6000) < 4 * np.sqrt(6000 * 0.9)


def test_of_a_scipy_matrix_a_sparse_tensor_and_an_array():
    matrix = scipy.sparse.random(9, 7, 0.3, random_state=0)
    for given in (matrix, matrix.tocsc(), torch.as_tensor(matrix.toarray()).to_sparse(), matrix.toarray()):
        synapse = SparseLinear.of_matrix(given)
        assert len(synapse.weight) == matrix.nnz
        torch.testing.assert_close(synapse.dense().detach(), torch.as_tensor(matrix.toarray()))


def test_memory_follows_the_connections():
    synapse = SparseLinear.fixed_in_degree(20_000, 20_000, 5, bias=False)
    held = sum(tensor.nbytes for tensor in synapse.state_dict().values())
    assert held == 100_000 * (4 + 4 + 4)
    current = synapse((torch.rand(2, 20_000) < 0.01).float())
    current.sum().backward()
    assert synapse.weight.grad.shape == (100_000, 1)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((3, 2, [0, 1], [0]), {}, "expected one of each for every connection"),
        ((3, 2, [], []), {}, "at least one connection"),
        ((3, 2, [0, 3], [0, 1]), {}, "sources goes from 0 to 3, expected 0 to 2"),
        ((3, 2, [0, 1], [0, -1]), {}, "targets goes from -1 to 0"),
        ((3, 2, [0.5, 1], [0, 1]), {}, "expected whole numbers"),
        ((3, 2, [1, 1], [0, 0]), {}, "from 1 to 0 is listed twice"),
        ((3, 2, [1, 2], [0, 0]), {"delays": (3, 1)}, "expected 0 <= lowest <= highest"),
        ((3, 2, [1, 2], [0, 0]), {"delays": [-1, 1]}, "at least 0"),
        ((3, 2, [1, 2], [0, 0]), {"delays": [1]}, "of 2 connections"),
        ((3, 2, [1, 2], [0, 0]), {"weight": [1.0]}, "expected one number for each of 2"),
        ((0, 2, [1, 2], [0, 0]), {}, "in_features is 0"),
    ],
)
def test_refused_lists(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        SparseLinear(*arguments, **options)


def test_refused_drawings():
    with pytest.raises(ValueError, match="expected at most the 4 sources"):
        SparseLinear.fixed_in_degree(5, 5, 5, others=True)
    with pytest.raises(ValueError, match="expected one population"):
        SparseLinear.fixed_in_degree(5, 4, 2, others=True)
    with pytest.raises(ValueError, match="probability is 0, with which none"):
        SparseLinear.fixed_probability(5, 4, 0.0)
    with pytest.raises(ValueError, match=r"expected \[out_features, in_features\]"):
        SparseLinear.of_matrix(np.ones(3))


def twins(synapse):
    """A network of listed connections, and the same with a matrix that has zeros."""
    full = nn.Linear(synapse.in_features, synapse.out_features, bias=False).to(F64)
    with torch.no_grad():
        full.weight.copy_(synapse.dense())
    return layered(synapse), layered(full)


def layered(first):
    """A network whose first layer is ``first``, of 20 neurons."""
    last = nn.Linear(20, 3, bias=False)
    nn.init.constant_(last.weight, 0.3)
    return Network({"a": Block(first, LIF.per_step(0.8)), "b": Block(last, LIF.per_step(0.8))}).to(F64)


def test_bptt_learns_what_it_learns_in_the_matrix():
    synapse = sparse(bias=False)
    with torch.no_grad():
        synapse.weight.mul_(8.0)
    few, full = twins(synapse)
    batch = Batch(line_for(synapse), torch.tensor([0, 1, 2, 0]))
    name = "blocks.a.synapse.weight"
    one, other = (only_update(BPTT(), network, batch) for network in (few, full))
    wanted = other.grads[name][synapse.targets.long(), synapse.sources.long()]
    assert float(wanted.abs().max()) > 0
    torch.testing.assert_close(one.grads[name].squeeze(1), wanted)


PAIRINGS = [("stdp-online", {"low": -1.0, "pairing": f"nearest-{kind}"}) for kind in ("reduced", "symmetric")]


@pytest.mark.parametrize(("rule", "options"), [*SPIKE_RULES.items(), *PAIRINGS])
def test_rules_of_spikes_change_what_is_there_and_nothing_else(rule, options):
    """The target fires as it is told, so the change of a connection does not depend on the others."""
    synapse = sparse(bias=False)
    told = (torch.rand(12, 4, 20, generator=torch.Generator().manual_seed(3)) < 0.3).to(F64)
    inputs = torch.cat([line_for(synapse), told], 2)
    batch = Batch(inputs, torch.tensor([0, 1, 2, 0]), rewards=torch.rand(12, 4, dtype=F64))
    changes = []
    for made in (SparseLinear.of_matrix(nn.functional.pad(synapse.dense().detach(), (0, 20))), None):
        if made is None:
            made = nn.Linear(50, 20, bias=False)
            with torch.no_grad():
                made.weight.copy_(nn.functional.pad(synapse.dense(), (0, 20)))
        forced = nn.Linear(50, 20, bias=False).requires_grad_(False)
        forced.weight.copy_(nn.functional.pad(2e6 * torch.eye(20), (30, 0)))
        edges = {"told": Feedforward("inputs", "a", forced)}
        network = Network({"a": Block(made, LIF(1e-6, v_threshold=1e6))}, feedforward=edges).to(F64)
        update = only_update(RULES.make(f"{rule}:{_text(options)}" if options else rule), network, batch)
        assert torch.equal(network.run(inputs)[0]["a"].spikes, told)
        changes.append(update.grads["blocks.a.synapse.weight"])
    wanted = changes[1][synapse.targets.long(), synapse.sources.long()]
    assert changes[0].shape == (len(synapse.weight), 1)
    assert float(wanted.abs().max()) > 0
    torch.testing.assert_close(changes[0].squeeze(1), wanted)


def _text(options):
    return ",".join(f"{name}={value}" for name, value in options.items())


def test_training_goes_on_from_a_file_as_if_it_had_not_stopped(tmp_path):
    def start():
        return Training.start(layered(sparse((0, 2), bias=False)), BPTT(), optimizer=OptimizerChoice("adam", 0.1))

    batches = [Batch(line_for(sparse(), seed=seed), torch.tensor([0, 1, 2, 0])) for seed in range(4)]
    whole, first, second = start(), start(), start()
    for batch in batches:
        learn(whole, batch)
    for batch in batches[:2]:
        learn(first, batch)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    save_weights(tmp_path / "w.safetensors", first.network.state_dict(), {})
    stored, _ = load_weights(tmp_path / "w.safetensors")
    torch.testing.assert_close(stored, dict(second.network.state_dict()))
    for batch in batches[2:]:
        learn(second, batch)
    torch.testing.assert_close(whole.network.state_dict(), second.network.state_dict(), rtol=0, atol=0)


def test_weights_of_other_connections_are_refused():
    one = sparse()
    state = one.state_dict()
    state["sources"] = state["sources"].flip(0)
    with pytest.raises(ValueError, match="in rising order"):
        one.load_state_dict(state)


def test_norms_of_a_neuron_are_over_its_connections():
    network = twins(sparse(bias=False))[0]
    synapse = network.blocks["a"].synapse
    IncomingNorm(2.0)(network, ["blocks.a.synapse.weight"])
    torch.testing.assert_close(synapse.dense().abs().sum(1).detach(), torch.full((20,), 2.0, dtype=F64))
    IncomingLength(3.0)(network, ["blocks.a.synapse.weight"])
    torch.testing.assert_close(synapse.dense().norm(dim=1).detach(), torch.full((20,), 3.0, dtype=F64))


def test_the_events_decide_what_a_rule_of_traces_costs_not_whether_it_is_right():
    """Chunks of STDP, which carry traces of what met every connection, give the whole."""
    synapse = sparse((0, 4), bias=False)
    with torch.no_grad():
        synapse.weight.abs_().mul_(8.0)
    network = Network({"a": Block(synapse, LIF.per_step(0.8))}).to(F64)
    batch = Batch(line_for(synapse, 12), torch.zeros(4, dtype=torch.int64))
    whole, parts = (only_update(STDP(chunk=chunk), network, batch).grads for chunk in (None, 5))
    assert float(whole["blocks.a.synapse.weight"].abs().max()) > 0
    torch.testing.assert_close(whole, parts)
