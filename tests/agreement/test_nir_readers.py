"""The table of networks by readers: 0 entries differ, or the sentence with which we or the reader refuse, from files."""

from importlib.util import find_spec

import pytest
import torch
from torch import nn

from spikelearn.export import NIR, READERS, verify_nir
from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import IF, LIF, PLIF, CubaLIF

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("snntorch", "norse", "spikingjelly"))), reason="they are not installed"
)

LIF9 = lambda: LIF.per_step(0.9)  # noqa: E731


def spread(low, high, *shape):
    count = torch.Size(shape).numel()
    return torch.linspace(low, high, count)[torch.randperm(count)].reshape(shape)


def recurrent(*, deep=False):
    blocks = {"a": Block(nn.Linear(20, 32), LIF9()), "b": Block(nn.Linear(32, 10), LIF9())}
    target = "a" if deep else "b"
    size = 32 if deep else 10
    return Network(blocks, {"back": Feedback("b", target, nn.Linear(10, size))}), (20,)


def own_constants(name):
    values = spread(0.5, 0.95, 10) if name == "decay" else spread(0.7, 1.3, 10)
    neuron = LIF.per_step(values) if name == "decay" else LIF.per_step(0.9, v_threshold=values)
    return Network({"a": Block(nn.Linear(20, 32), LIF9()), "b": Block(nn.Linear(32, 10), neuron)}), (20,)


def conv(kernel, groups=1):
    head = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    front = nn.Conv2d(2, 6, kernel, groups=groups)
    head(front(torch.zeros(1, 2, 9, 8)))
    return Network({"a": Block(front, LIF9()), "b": Block(head, LIF9())}), (2, 9, 8)


def in_a_row():
    head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 10, 10))
    return Network({"a": Block(nn.Conv1d(2, 6, 3), LIF9()), "b": Block(head, LIF9())}), (2, 12)


def normed():
    network = build("1x10x10-6C3-30-10", LIF9, batch_norm=True, input_shape=(1, 10, 10))
    network((torch.rand(20, 16, 1, 10, 10) < 0.3).float())  # running statistics
    return network.eval(), (1, 10, 10)


NETWORKS = {
    "dense": lambda: (build("20-64-10", LIF9), (20,)),
    "conv and pool": lambda: (build("8C5-P2-12C3p1-P2-40-10", LIF9, input_shape=(1, 16, 16)), (1, 16, 16)),
    "kernel that is not square": lambda: conv((3, 1)),
    "grouped": lambda: conv(3, 2),
    "one axis": in_a_row,
    "recurrent": recurrent,
    "fed back further": lambda: recurrent(deep=True),
    "decays of neurons": lambda: own_constants("decay"),
    "thresholds of neurons": lambda: own_constants("threshold"),
    "batch norm": normed,
    "filter": lambda: (build("20-64-10", lambda: CubaLIF.per_step(0.9, 0.8)), (20,)),
    "learned leak": lambda: (build("20-64-10", lambda: PLIF.per_step(0.85)), (20,)),
    "without leak": lambda: (build("20-64-10", IF), (20,)),
    "late": lambda: (build("20-64-10", LIF9, delay=2), (20,)),
}

#: {(network, reader): part of the sentence of the reader, or of ours about it}; all others fire the same.
REFUSED = {
    ("one axis", "norse"): "a Conv1d",
    ("fed back further", "snntorch"): "circle",
    ("fed back further", "norse"): "circle",
    ("fed back further", "spikingjelly"): "circle",
    ("decays of neurons", "spikingjelly"): "uniform",
    ("thresholds of neurons", "snntorch"): "same for all",
    ("thresholds of neurons", "spikingjelly"): "uniform",
    ("without leak", "snntorch"): "r != 1 not supported",
    ("late", "snntorch"): "failed",
    ("late", "norse"): "a Delay",
    ("late", "spikingjelly"): "failed",
}


def check(name, tmp_path, entries):
    torch.manual_seed(0)
    network, shape = NETWORKS[name]()
    with torch.no_grad():
        for parameter in [] if name == "batch norm" else network.parameters():
            parameter.mul_(5.0 if parameter.ndim else 1.0)
        for block in network.blocks.values() if name == "batch norm" else []:
            block.synapse[-1].weight.mul_(3.0)
    path = tmp_path / "network.nir"
    NIR().write(network, path, shape, {})
    x = (torch.rand(40, -(-entries // 400), *shape) < 0.3).float()
    readers = ("snntorch", "norse", "spikingjelly")
    found = verify_nir(network, path, x, against=readers)
    assert found.spikes > entries / 200
    for reader in readers:
        verdict, refused = found.peers[reader], REFUSED.get((name, reader))
        if refused is None:
            assert verdict.reason is None, (reader, verdict)
            assert verdict.entries >= entries
            assert verdict.differing == 0, (reader, verdict, found.margin)
        elif refused != "circle":
            assert refused in (verdict.reason or ""), (reader, verdict)
        if refused is not None:
            with pytest.raises(ValueError, match=f"{reader} {READERS[reader].version} does not read this network"):
                NIR(reader=reader).write(network, tmp_path / "other.nir", shape, {})
        else:
            NIR(reader=reader).write(network, tmp_path / "other.nir", shape, {})


@pytest.mark.parametrize("name", NETWORKS)
def test_the_table_of_networks_by_readers(name, tmp_path):
    check(name, tmp_path, 4_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_sixty_thousand_entries(name, tmp_path):
    check(name, tmp_path, 60_000)
