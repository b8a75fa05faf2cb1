"""Readouts that are fitted to records of training samples."""

from collections.abc import Callable, Iterator

import torch

from spikelearn.loading import Batches, Loader, spread
from spikelearn.network import FittedReadout, Network, evaluating
from spikelearn.plasticity import Batch
from spikelearn.synapses import float_type

#: Bytes of what is read of the training samples that a readout is fitted to; of more, fewer samples are shown.
FITTED_BYTES = 1 << 30


@torch.no_grad()
def fit_readout(
    network: Network,
    loader: Loader | Batches,
    *,
    device: torch.device | str = "cpu",
    between: Callable[[], None] = lambda: None,
) -> int:
    """Fit the readout of ``network`` to its own records of training samples, where it is one that is fitted.

    Shown are all samples of ``loader``, in evaluation mode; or, where what is read of them would take more than 1 GiB,
    as many as that holds, spread evenly. The same samples and weights give the same readout.

    Args:
        network: whose readout is fitted; all else is left as it was.
        loader: the training samples.
        device: where the network lies.
        between: called between batches, for example to stop.

    Returns: the number of samples; 0 where the readout is not fitted.

    Raises:
        ValueError: targets that are no classes of the readout's.
    """
    readout = network.readout
    if not isinstance(readout, FittedReadout):
        return 0
    read, targets = [], []
    with evaluating(network):
        for batch in _batches(loader, _most(readout)):
            between()
            there = batch.to(torch.device(device), float_type(network))
            with network.presentation():
                output = network.run(there.inputs)[0].output
                valid = there.valid_steps
                features = readout.read(output) if valid is None else readout.read_valid(output, valid)
            read.append(features.flatten(1).cpu())
            targets.append(batch.targets.cpu())
    readout.fit(torch.cat(read), torch.cat(targets))
    return len(torch.cat(targets))


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
