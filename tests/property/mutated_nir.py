"""NIR files that were changed at random, and what comes of them, counted.

    python -m tests.property.mutated_nir COUNT

Files are made and read in a process of its own within limits of time and memory, which goes on behind a file that
ends or holds up the process that reads it. Whatever is read must be what the file says, by another simulator.
"""

import json
import random
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import h5py
import nir
import numpy as np
import torch

from spikelearn.export import NIR, read_nir
from spikelearn.export.nir_file import CONTENT
from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import LIF, CubaLIF
from tests.property.nir_by_equations import simulated

#: Bytes of address space of a child, and seconds that it may take for a file.
MEMORY, PATIENCE = 6 * 2**30, 60

#: What may come of a file: an error that names it, what was written, or another network, as the file says.
GOOD = ("refused", "the same", "what it says", "another graph, which was not judged")


def originals(folder):
    """Whole files to change, by name."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    nets = {
        "dense": (build("6-5-3", lambda: LIF.per_step(0.9)), (6,)),
        "filter": (build("6-3", lambda: CubaLIF.per_step(0.9, 0.8)), (6,)),
        "conv": (build("1x6x6-2C3-P2-3", lambda: LIF.per_step(0.9), input_shape=(1, 6, 6)), (1, 6, 6)),
        "recurrent": (Network({"a": Block(torch.nn.Linear(6, 3), LIF.per_step(0.9))},
                              {"back": Feedback("a", "a", torch.nn.Linear(3, 3))}), (6,)),
    }  # fmt: skip
    for name, (network, shape) in nets.items():
        NIR().write(network, folder / f"{name}.nir", shape, {})
    weights = np.random.default_rng(0).normal(size=(3, 6))
    lif = nir.LIF(tau=np.full(3, 1e-3), r=np.full(3, 10.0), v_leak=np.zeros(3), v_threshold=np.ones(3))
    parts = [nir.Input(np.array([6])), nir.Affine(weights, np.zeros(3)), lif, nir.Output(np.array([3]))]
    nir.write(folder / "of others.nir", nir.NIRGraph.from_list(*parts))
    return {path.stem: path for path in sorted(folder.glob("*.nir"))}


def mutate(path, seed):
    """Change a file in a way that the seed says; returns how."""
    chance = random.Random(seed)
    if seed % 3 == 0:
        path.write_bytes(_with_other_bytes(path.read_bytes(), chance))
        return "bytes"
    with h5py.File(path, "r+") as file:
        known = file["node"].get("metadata")
        # Without its checksum, it is a file of another program.
        if seed % 3 == 1 and isinstance(known, h5py.Group) and CONTENT in known:
            del known[CONTENT]
        changes = (_lost, _moved, _numbers, _numbers, _numbers, _shape, _text, _nan, _kind, _edge, _link, _huge, _deep)
        change = chance.choice(changes)
        change(file["node"], chance)
    return change.__name__[1:]


def _with_other_bytes(content, chance):
    content = bytearray(content)
    for _ in range(chance.choice([1, 2, 4, 16, 64])):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content[: chance.randrange(len(content))] if chance.random() < 0.2 else content)


def _arrays(group, kinds="iufO"):
    found = []
    group.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) and item.dtype.kind in kinds else None
    )
    return sorted(found)


def _put(group, name, value):
    del group[name]
    group[name] = value


def _lost(group, chance):
    del group[chance.choice(_arrays(group))]


def _moved(group, chance):
    name = chance.choice(_arrays(group))
    group.move(name, f"{name}_")


def _numbers(group, chance):
    """One number, or all, of an array."""
    name = chance.choice(_arrays(group, "iuf"))
    value = np.array(group[name][()])
    others = (-1, 0, 1, 0.5, 2.5, 1e-9, 1e9, 1e300, 2**40, -(2**62))
    new = chance.choice((value + 1, -value, value * 2, value * 1e-3, np.full_like(value, chance.choice(others), float)))
    if value.size and chance.random() < 0.5:
        flat = value.astype(new.dtype).reshape(-1)
        at = chance.randrange(flat.size)
        flat[at] = np.asarray(new).reshape(-1)[at]
        new = flat.reshape(value.shape)
    _put(group, name, new)


def _shape(group, chance):
    name = chance.choice(_arrays(group, "iuf"))
    value = np.array(group[name][()])
    _put(group, name, chance.choice((value[None], value.reshape(-1)[:1], value.reshape(-1)[:0], value[..., None], value.T,
                                     value.reshape(-1), np.zeros((2, *value.shape[1:], 3)), np.ones((9, 9)))))  # fmt: skip


def _text(group, chance):
    _put(group, chance.choice(_arrays(group)), chance.choice(("text", "", "same", b"\xff\xfe", "1")))


def _nan(group, chance):
    name = chance.choice(_arrays(group, "f"))
    value = np.array(group[name][()])
    value.reshape(-1)[chance.randrange(value.size)] = chance.choice((np.nan, np.inf, -np.inf))
    _put(group, name, value)


def _kind(group, chance):
    name = chance.choice([name for name in _arrays(group) if name.endswith("type")])
    kinds = ("LIF", "IF", "LI", "CubaLIF", "I", "Affine", "Linear", "Conv2d", "Delay", "Input", "Output", "NIRGraph",
             "Scale", "Threshold", "os.system", "")  # fmt: skip
    _put(group, name, chance.choice(kinds))


def _edge(group, chance):
    name = chance.choice([name for name in _arrays(group) if name.endswith("edges")])
    edges = [[end.decode() for end in pair] for pair in group[name][()]]
    names = [end for pair in edges for end in pair]
    at = chance.randrange(len(edges))
    new = [chance.choice(names), chance.choice((*names, "nobody"))]
    changes = (edges[:at] + edges[at + 1 :], [*edges, edges[at]], [*edges, new], [*edges[:at], new, *edges[at + 1 :]])
    dtype = h5py.string_dtype()
    value = np.array(chance.choice((*changes, [pair[::-1] for pair in edges])), dtype=object)
    del group[name]
    group.create_dataset(name, data=value.reshape(-1, 2), dtype=dtype)


def _link(group, chance):
    name = chance.choice(_arrays(group))
    del group[name]
    group[name] = chance.choice((h5py.SoftLink("/node/nodes"), h5py.ExternalLink("/etc/hostname", "/"),
                                 h5py.ExternalLink("other.nir", "/node")))  # fmt: skip


def _huge(group, chance):
    name = chance.choice(_arrays(group, "iuf"))
    del group[name]
    shape = chance.choice(((2**40,), (2**20, 2**20), (2**27,)))
    group.create_dataset(name, shape=shape, dtype="f8", chunks=tuple(min(edge, 1024) for edge in shape))


def _deep(group, chance):
    del chance
    for _ in range(100):
        group = group.create_group("nodes") if "nodes" not in group else group["nodes"]


def outcome(path, expected):
    """What comes of one file; ``expected``: the network that was written, where it has a checksum."""
    try:
        read = read_nir(path)
    except ValueError as error:
        return "refused" if str(path) in str(error) else f"an error without the file's name: {error}"
    if sum(parameter.numel() for parameter in read.network.parameters()) > 10_000:
        return "a network larger than any that was written"
    x = (torch.rand(6, 2, *read.input_shape, generator=torch.Generator().manual_seed(1)) < 0.6).double()
    with torch.no_grad():
        found = read.network.eval().run(x)[0].output
        if expected is not None and tuple(x.shape[2:]) == expected.input_shape:
            same = found.v.equal(expected.network.eval().run(x)[0].output.v)
            return "the same" if same else "another network in spite of its checksum"
    try:
        says = simulated(path, x.numpy())
    except NotImplementedError:
        return "another graph, which was not judged"
    except Exception as error:
        return f"read, though the equations say {type(error).__name__}: {error}"
    near = says.shape == found.v.shape and np.allclose(found.v.numpy(), says, rtol=1e-4, atol=1e-6)
    return "what it says" if near else "another network than the file says"


def in_this_process(folder, seeds):
    """Pairs of a seed and what came of its file; before a file is read, of its seed and None.

    In double precision, torch's default type being so.
    """
    files, path = originals(folder / "whole"), folder / "mutated.nir"
    names, whole = sorted(files), {}
    for seed in seeds:
        yield seed, None
        name = names[seed // 3 % len(names)]
        shutil.copy(files[name], path)
        how = mutate(path, seed)
        sealed = name != "of others" and seed % 3 != 1
        if sealed and name not in whole:
            whole[name] = read_nir(files[name])
        expected = whole[name] if sealed else None
        yield seed, {"file": name, "how": how, "outcome": outcome(path, expected)}


def _child(folder, first, last):
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    torch.set_default_dtype(torch.float64)
    for seed, line in in_this_process(Path(folder), range(first, last)):
        print(json.dumps([seed, line]), flush=True)


def counted(count, folder):
    """Rows of seed, file, how it was changed and what came of it; a child that ends or does not go on is one too."""
    found, at = [], 0
    while at < count:
        command = [sys.executable, "-m", "tests.property.mutated_nir", "--child", str(folder), str(at), str(count)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child,
            selectors.DefaultSelector() as ready,
        ):
            ready.register(child.stdout, selectors.EVENT_READ)
            end = None
            while end is None:
                line = child.stdout.readline() if ready.select(PATIENCE) else None
                if line:
                    at, came = json.loads(line)
                    if came is not None:
                        found.append((at, *came.values()))
                        at += 1
                else:
                    end = "holds up the process" if line is None else "ends the process"
                    child.kill()
        if at < count:
            found.append((at, "?", "?", end))
            at += 1
    return found


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        _child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        with tempfile.TemporaryDirectory() as made:
            rows = counted(int(sys.argv[1]), Path(made))
        for (*place, end), number in sorted(Counter(row[1:] for row in rows).items()):
            print(f"{number:5} {' '.join(place)}: {end}")
        for (end,), number in Counter(row[3:] for row in rows).items():
            print(f"{number:5} {end}: {[row[0] for row in rows if row[3] == end][:5] if end not in GOOD else ''}")
