"""The samples of a data set, presented to a simulated network one after another."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_instance
from spikelearn.loading import Loader
from spikelearn.simulation.sources import Place, Source


class Presented(Source):
    """Samples of a loader, ``samples`` side by side, each for its steps, epoch after epoch.

    Args:
        loader: of the samples, in its order; its size of a batch does not count.
        rest: steps of silence behind each.

    Raises:
        ValueError: no loader, a negative rest.
    """

    def __init__(self, loader: Loader, *, rest: int = 0) -> None:
        check_instance("loader", loader, Loader, "for example Loader(Digits(), n_steps=25, batch=64)")
        check_count("rest", rest, least=0)
        self.loader, self.rest = loader, rest
        self._kept: tuple[int, int, Tensor] | None = None

    def check(self, place: Place) -> None:
        if self.loader.samples < place.samples:
            raise ValueError(f"samples is {place.samples}, expected at most the {self.loader.samples} that there are")
        shape = tuple(self._group(0, place.samples).shape[2:])
        if shape != place.shape:
            raise ValueError(f"samples have shape {list(shape)}, expected {list(place.shape)} of the network")

    def at(self, first: int, count: int, place: Place) -> Tensor:
        parts, step, end = list[Tensor](), first, first + count
        while step < end:
            group, t = divmod(step, self.loader.n_steps + self.rest)
            shown = self._group(group, place.samples)
            shown = torch.cat([shown, shown.new_zeros(self.rest, *shown.shape[1:])]) if self.rest else shown
            parts.append(shown[t : t + end - step])
            step += len(parts[-1])
        return torch.cat(parts)

    def _group(self, number: int, size: int) -> Tensor:
        """The samples that are presented together for the ``number``-th time, [T, B, ...]."""
        if self._kept is None or self._kept[:2] != (number, size):
            epoch, place = divmod(number, self.loader.samples // size)
            chosen = self.loader.order(epoch)[place * size : (place + 1) * size]
            self._kept = number, size, self.loader.load(chosen, epoch if self.loader.shuffle else 0).inputs
        return self._kept[2]
