"""The text that comes with Python, letter by letter."""

import importlib
import string
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.datasets.base import DATASETS, Dataset, Split
from spikelearn.tasks import PerStep

#: Signs that have a class of their own; digits share one more, and all others the last.
SIGNS = string.ascii_lowercase + " \n.,"
DIGIT, OTHER = len(SIGNS), len(SIGNS) + 1

#: The share of the text, from its beginning, that is for training.
TRAIN = 0.9


@DATASETS.register("text")
class Text(Dataset):
    """The manual's pages that every Python has for ``help()``, letter by letter: which sign comes next?

    The 700 or so thousand signs of ``pydoc_data.topics``, its topics in order of their names, are cut into pieces that
    follow each other. At every step a network sees one sign as a spike of one of 32 inputs, and is asked for the next
    one: a to z (whatever the case), space, end of line, full stop, comma, any digit, any other. The first nine tenths
    are for training, the rest is the test. The text differs from version to version of Python. ``train --preset
    bptt/text`` learns it; a last block of spikes, with a rate as readout, hardly does: a step's scores are then 0 or 1.

    Args:
        split: "train" or "test".
        root: not used.
        length: signs of a piece, which are its steps.

    Shapes: ``frames`` are [T, B, 32], bytes of 0 and 1; targets [N, T], class numbers 0 to 31.

    Raises:
        ValueError: a length below 1 or above the text's; a number of steps that is not ``length``; a Python without its
            manual's pages.

    Source: the authors of the documentation of Python, PSF licence; next signs as a task: Elman, Cognitive Science 14,
    1990.
    """

    task = PerStep()
    licence = "PSF-2.0"
    classes = 32
    bundled = True
    still = False
    shape = (OTHER + 1,)

    def __init__(self, split: Split = "train", root: str | Path | None = None, *, length: int = 25) -> None:
        super().__init__(split, root)
        check_count("length", length)
        signs = numbers_of(manual())
        cut = int(TRAIN * len(signs))
        part = signs[:cut] if split == "train" else signs[cut:]
        pieces = (len(part) - 1) // length
        if pieces < 1:
            raise ValueError(f"length is {length}, expected {len(part) - 1} at most, the signs of the {split} text")
        self.length = length
        self.signs = torch.from_numpy(part[: pieces * length].reshape(pieces, length))
        self.targets = torch.from_numpy(part[1 : pieces * length + 1].reshape(pieces, length))

    def check_steps(self, n_steps: int) -> None:
        if n_steps != self.length:
            raise ValueError(
                f"pieces of text have {self.length} signs, and {n_steps} steps are asked for: set n_steps="
                f"{self.length} (--steps {self.length}), or the length of pieces (--data-option length={n_steps})"
            )

    def frames(self, indices: Sequence[int], n_steps: int) -> Tensor:
        """Signs as spikes, one of 32 inputs at every step, [T, B, 32]."""
        self.check_steps(n_steps)
        signs = self.signs[torch.as_tensor(indices)].T
        return torch.zeros(*signs.shape, self.classes, dtype=torch.uint8).scatter_(2, signs.unsqueeze(2), 1)

    def sample(self, index: int) -> Tensor:
        return self.frames([index], self.length)[:, 0]


@lru_cache(maxsize=1)
def manual() -> str:
    """The pages of ``help()``, one after another; raises ValueError where this Python has none."""
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise ValueError(
            "this Python comes without the module pydoc_data, whose text is read: install its whole standard library "
            "(on Debian libpython3-stdlib)"
        ) from error
    return "\n".join(topics[name] for name in sorted(topics))


def numbers_of(text: str) -> np.ndarray:
    """The class number of every sign, int64 [n]."""
    places = {sign: number for number, sign in enumerate(SIGNS)} | dict.fromkeys(string.digits, DIGIT)
    return np.array([places.get(sign, OTHER) for sign in text.lower()], np.int64)
