"""Networks by readers of NIR: entries in which a reader's spikes differ, or its sentence where it refuses the file.

    python -m benchmarks.nir_readers [READER=PYTHON ...]

Each network is written for each reader as ``export --for`` does, what the reader is known not to read included, and run
in it on 60,000 output entries: here, or by the Python of an environment in which it is installed. Prints a table in
Markdown, and every sentence below it.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from spikelearn.export import NIR, READERS, verify_nir
from spikelearn.export.verify import Verdict, installed
from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import IF, LIF, PLIF, CubaLIF

STEPS, SHARE = 40, 0.3


def lif() -> LIF:
    return LIF.per_step(0.9)


def spread(low: float, high: float, *shape: int) -> Tensor:
    """A constant for each neuron, in no order."""
    count = torch.Size(shape).numel()
    return torch.linspace(low, high, count)[torch.randperm(count)].reshape(shape)


def recurrent(*, further: bool = False) -> tuple[Network, tuple[int, ...]]:
    blocks = {"a": Block(nn.Linear(20, 32), lif()), "b": Block(nn.Linear(32, 10), lif())}
    target, size = ("a", 32) if further else ("b", 10)
    return Network(blocks, {"back": Feedback("b", target, nn.Linear(10, size))}), (20,)


def own_constants(name: str) -> tuple[Network, tuple[int, ...]]:
    values = spread(0.5, 0.95, 10) if name == "decay" else spread(0.7, 1.3, 10)
    neuron = LIF.per_step(values) if name == "decay" else LIF.per_step(0.9, v_threshold=values)
    return Network({"a": Block(nn.Linear(20, 32), lif()), "b": Block(nn.Linear(32, 10), neuron)}), (20,)


def conv(*, kernel: int | tuple[int, int] = 3, **options: int) -> tuple[Network, tuple[int, ...]]:
    head, front = nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), nn.Conv2d(2, 6, kernel, **options)
    head(front(torch.zeros(1, 2, 9, 8)))
    return Network({"a": Block(front, lif()), "b": Block(head, lif())}), (2, 9, 8)


def in_a_row() -> tuple[Network, tuple[int, ...]]:
    head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 10, 10))
    return Network({"a": Block(nn.Conv1d(2, 6, 3), lif()), "b": Block(head, lif())}), (2, 12)


def normed() -> tuple[Network, tuple[int, ...]]:
    network = build("1x10x10-6C3-30-10", lif, batch_norm=True, input_shape=(1, 10, 10))
    network((torch.rand(20, 16, 1, 10, 10) < SHARE).float())  # running statistics
    return network.eval(), (1, 10, 10)


NETWORKS: Mapping[str, Callable[[], tuple[Network, tuple[int, ...]]]] = {
    "dense": lambda: (build("20-64-10", lif), (20,)),
    "conv and pool": lambda: (build("8C5-P2-12C3p1-P2-40-10", lif, input_shape=(1, 16, 16)), (1, 16, 16)),
    "conv and pool, not padded": lambda: (build("8C5-P2-12C3-P2-40-10", lif, input_shape=(1, 16, 16)), (1, 16, 16)),
    "conv alone": conv,
    "strided conv": lambda: conv(stride=2),
    "dilated conv": lambda: conv(dilation=2),
    "kernel that is not square": lambda: conv(kernel=(3, 1)),
    "grouped": lambda: conv(groups=2),
    "one axis": in_a_row,
    "recurrent": recurrent,
    "fed back further": lambda: recurrent(further=True),
    "decays of neurons": lambda: own_constants("decay"),
    "thresholds of neurons": lambda: own_constants("threshold"),
    "batch norm": normed,
    "filter": lambda: (build("20-64-10", lambda: CubaLIF.per_step(0.9, 0.8)), (20,)),
    "learned leak": lambda: (build("20-64-10", lambda: PLIF.per_step(0.85)), (20,)),
    "without leak": lambda: (build("20-64-10", IF), (20,)),
    "at the threshold too": lambda: (build("20-64-10", lambda: LIF.per_step(0.9, inclusive=True)), (20,)),
    "late": lambda: (build("20-64-10", lif, delay=2), (20,)),
}


@torch.no_grad()
def network(name: str) -> tuple[Network, tuple[int, ...]]:
    """A network of the table, whose neurons fire often enough to prove something, and the shape of its input."""
    torch.manual_seed(0)
    made, shape = NETWORKS[name]()
    for parameter in [] if name == "batch norm" else made.parameters():
        parameter.mul_(5.0 if parameter.ndim else 1.0)
    for block in made.blocks.values() if name == "batch norm" else []:
        block.synapse[-1].weight.mul_(3.0)  # type: ignore[index, union-attr, operator]
    return made, shape


def inputs(shape: tuple[int, ...], entries: int) -> Tensor:
    """Spikes [T, B, ...] for so many output entries of ten neurons."""
    return (torch.rand(STEPS, -(-entries // (10 * STEPS)), *shape) < SHARE).float()


def verdict_of(name: str, reader: str, pythons: Mapping[str, str], entries: int = 60_000) -> Verdict:
    """What a reader fires of a file that is written for it, though it is known to refuse it."""
    made, shape = network(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.nir"
        try:
            NIR(reader=reader, lossy=True).write(made, path, shape, {})
        except ValueError as error:
            return Verdict(0, None, f"not written: {error}")
        return verify_nir(made, path, inputs(shape, entries), against=[reader], pythons=pythons).peers[reader]


def main(arguments: list[str]) -> None:
    pythons = dict(text.split("=", 1) for text in arguments)
    readers = installed(pythons)
    print("| network |", " | ".join(f"{name} {READERS[name].version}" for name in readers), "|")
    print("|---|" + "---|" * len(readers))
    reasons: list[str] = []
    for name in NETWORKS:
        cells = []
        for reader in readers:
            verdict = verdict_of(name, reader, pythons)
            if verdict.reason is None:
                cells.append(f"{verdict.differing:,} of {verdict.entries:,}")
                continue
            cells.append("taken, not run" if "its check takes the file" in verdict.reason else "no")
            reasons.append(f"{name}, {reader}: {verdict.reason}")
        print(f"| {name} |", " | ".join(cells), "|", flush=True)
    print("", *reasons, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
