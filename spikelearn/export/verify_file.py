"""A NIR file checked by itself: what all readers fire on the spikes recorded in it, or on random ones."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from spikelearn.export.nir_import import Imported, read_nir
from spikelearn.export.nir_proof import Proof, add_proof, read_proof
from spikelearn.export.nir_readers import READERS
from spikelearn.export.verify import Verdict, compare_readers, compared, installed, recorded_spikes
from spikelearn.network import evaluating


class FileVerdict(NamedTuple):
    """What was found.

    Args:
        readers: {reader: verdict}, this package under "spikelearn"; its spikes are the reference where none are
            recorded.
        recorded: whether the file has spikes recorded in it.
        spikes: output spikes of the reference.
        margin: the least distance of a potential of this package to its threshold.
        notes: what was seen in the file.
    """

    readers: dict[str, Verdict]
    recorded: bool
    spikes: int
    margin: float
    notes: tuple[str, ...]


@torch.no_grad()
def verify_file(
    path: Path,
    *,
    against: Sequence[str] | None = None,
    pythons: Mapping[str, str] | None = None,
    steps: int = 50,
    samples: int = 16,
    share: float = 0.3,
    seed: int = 0,
    dt: float | None = None,
    mend: Collection[str] = (),
    record: bool = False,
) -> FileVerdict:
    """Run all readers of a file on the same spikes and count the entries in which they differ.

    Args:
        path: a NIR file, of any program.
        against: readers; None: all that are installed, and those of ``pythons``.
        pythons: {reader: the Python of an environment in which it is installed}.
        steps, samples, share, seed: of random spikes, where none are recorded: how many, how likely, from which seed.
        dt, mend: as of ``read_nir``.
        record: write the spikes into the file, as a proof that others can check.

    Raises:
        ValueError: a file that cannot be read, or whose recorded spikes are damaged; an unknown reader.
    """
    imported = read_nir(path, dt=dt, mend=mend)
    proof = read_proof(path)
    if proof is None:
        generator = torch.Generator().manual_seed(seed)
        inputs = (torch.rand(steps, samples, *imported.input_shape, generator=generator) < share).float()
    else:
        inputs = proof.inputs
        if tuple(inputs.shape[2:]) != imported.input_shape:
            raise ValueError(f"{path} has recorded inputs of shape {list(inputs.shape[2:])}, but takes "
                             f"{list(imported.input_shape)}: record them again")  # fmt: skip
    with evaluating(imported.network):
        ours, margin = recorded_spikes(imported.network, inputs)
    ours = ours.flatten(2).float()
    if not any(imported.network.blocks[name].neuron.fires for name in imported.network.outputs):
        raise ValueError(f"{path} ends in neurons that do not fire, so that there are no spikes to compare")
    reference = ours if proof is None else proof.spikes.flatten(2)
    readers = {"spikelearn": compared(ours, reference)}
    others = installed(pythons or {}) if against is None else against
    readers |= compare_readers(path, inputs, reference, others, pythons or {})
    if record and proof is None:
        add_proof(path, Proof(inputs, ours, margin))
    notes = (*imported.notes, *_of_other_steps(imported, others))
    return FileVerdict(readers, proof is not None, int(reference.sum()), margin, notes)


def _of_other_steps(imported: Imported, readers: Sequence[str]) -> list[str]:
    """A note on each reader whose time constants have another meaning than those of a file of this package."""
    found, said = [], imported.metadata.get("discretisation")
    for name in readers:
        meant = "exact" if READERS[name].form == "exponential-lif" else "euler"
        if said in ("exact", "euler") and said != meant:
            words = {"exact": "exponential decays", "euler": "Euler steps"}
            found.append(
                f"the file's time constants are of {words[said]}, and {name} takes them for those of {words[meant]}: "
                f"write it for {name} (export --for {name})"
            )
    return found
