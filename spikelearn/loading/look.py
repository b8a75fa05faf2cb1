"""A look at the first inputs that are shown: whether there is anything to see."""

import warnings

import torch
from torch import Tensor

from spikelearn.datasets.base import DATASETS, Dataset
from spikelearn.recordings.doubts import DataWarning

#: Samples without any input after which it is said.
MANY = 32

#: The largest intensity of bytes that are 0 and 1, and of pixels that were divided by 255 twice.
DIM = 1.001 / 255


class Look:
    """A record of the inputs shown so far; a loader and its copies share one.

    Args:
        dataset: where the inputs come from; None: batches that somebody else makes.
    """

    def __init__(self, dataset: Dataset | None = None) -> None:
        self.dataset = dataset
        self.samples, self.highest, self.pixel = 0, 0.0, 0.0
        #: Whether enough has been seen.
        self.done = False
        #: Whether it is (nearly) empty, which has been said.
        self.blank = False

    def take(self, inputs: Tensor, of: int = MANY, indices: Tensor | None = None) -> None:
        """Look at a batch [T, B, ...]; say once where there is nothing to see.

        Args:
            inputs: what is shown.
            of: samples that there are in all.
            indices: which samples of the data set they are.
        """
        dataset = self.dataset
        shown = inputs[:1] if inputs.stride(0) == 0 else inputs
        self.samples += inputs.shape[1]
        self.highest = max(self.highest, _largest(shown))
        dim = False
        if dataset is not None and dataset.still and indices is not None:
            self.pixel = max(self.pixel, _largest(dataset.pixels(indices)))
            dim = self.pixel <= DIM and (not inputs.is_floating_point() or self.highest <= DIM)
        self.done = self.highest > 0 and not dim
        if self.done or self.samples < min(MANY, of):
            return
        self.done = self.blank = True
        if dataset is None or not dataset.nearly_empty:
            where = f"{DATASETS.name_of(type(dataset))}, {dataset.split}: " if dataset else ""
            warnings.warn(f"{where}the first {self.samples} samples {self._words()}", DataWarning, stacklevel=3)

    def _words(self) -> str:
        if self.highest == 0:
            return "give inputs that are all 0: look at the data, and at the options of the encoder and the noise"
        return (
            f"go up to {self.pixel:.2g}, expected intensities up to 1: are they bytes of 0 and 1 (convert them with "
            ".float()), or were they divided by 255 twice?"
        )


def _largest(values: Tensor) -> float:
    if values.numel() == 0:
        return 0.0
    lowest, highest = torch.aminmax(values.detach())
    # NaN is larger than nothing here: it is no silence, and is refused elsewhere.
    return max(float(highest), -float(lowest)) if highest == highest else float("inf")
