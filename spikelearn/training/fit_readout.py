"""Readouts that are fitted to records of training samples."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from spikelearn.loading import Batches, Loader, spread
from spikelearn.network import FittedReadout, Network, evaluating
from spikelearn.plasticity import Batch
from spikelearn.seeding import derived_seed
from spikelearn.synapses import float_type

#: What a readout reads of samples, from a network, inputs [T, B, ...] and the steps that count (None: all).
Reads = Callable[[Network, Tensor, Tensor | None], Tensor]

#: Bytes of what is read of the training samples that a readout is fitted to; of more, fewer samples are shown.
FITTED_BYTES = 1 << 30


@torch.no_grad()
def fit_readout(
    network: Network,
    loader: Loader | Batches,
    *,
    device: torch.device | str = "cpu",
    between: Callable[[], None] = lambda: None,
    reads: Reads | None = None,
) -> int:
    """Fit the readout of ``network`` to its own records of training samples, where it is one that is fitted.

    Shown are all samples of ``loader``, in evaluation mode; or, where what is read of them would take more than 1 GiB,
    as many as that holds, spread evenly. The same samples and weights give the same readout.

    Args:
        network: whose readout is fitted; all else is left as it was.
        loader: the training samples.
        device: where the network lies.
        between: called between batches, for example to stop.
        reads: what the readout reads of samples; None: what it reads of one run.

    Returns: the number of samples; 0 where the readout is not fitted.

    Raises:
        ValueError: targets that are no classes of the readout's.
    """
    readout = network.readout
    if not isinstance(readout, FittedReadout):
        return 0
    reads = reads or _of_one_run
    read, targets, seen = [], list[Tensor](), 0
    # Every sample has random numbers of its own, whatever the batch that it comes in.
    seed = derived_seed(getattr(loader, "seed", 0), "fit readout") >> 1
    with evaluating(network):
        for batch in _batches(loader, _most(readout)):
            between()
            there = batch.to(torch.device(device), float_type(network))
            with network.presentation(), network.drawing(seed + torch.arange(seen, seen + batch.size)):
                features = reads(network, there.inputs, there.valid_steps)
            seen += batch.size
            read.append(features.flatten(1).cpu())
            targets.append(batch.targets.cpu())
    readout.fit(torch.cat(read), torch.cat(targets))
    return len(torch.cat(targets))


def _of_one_run(network: Network, inputs: Tensor, valid: Tensor | None) -> Tensor:
    readout, output = network.readout, network.run(inputs)[0].output
    assert isinstance(readout, FittedReadout)
    return readout.read(output) if valid is None else readout.read_valid(output, valid)


def _most(readout: FittedReadout) -> int:
    """Samples that are shown at most."""
    read = readout.head.weight
    return max(1, FITTED_BYTES // (read.shape[1] * read.element_size()))


def _batches(loader: Loader | Batches, most: int) -> Iterator[Batch]:
    """The samples that are shown."""
    if isinstance(loader, Loader):
        for chosen in loader.indices[spread(loader.samples, most)].split(loader.batch):
            yield Batch.of(loader.load(chosen), loader.task)
        return
    seen = 0
    for samples in loader.epoch():
        if seen >= most:
            return
        batch = Batch.of(samples, loader.task)
        seen += batch.size
        yield batch
