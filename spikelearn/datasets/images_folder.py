"""A folder of one's own with pictures, a folder a class."""

from pathlib import Path

import numpy as np
import torch

from spikelearn.checks import check_choice, check_count
from spikelearn.datasets.base import ImageDataset, Split
from spikelearn.datasets.class_folders import by_class
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.splits import chosen_of, part_of
from spikelearn.extras import from_extra

#: Endings of pictures, in lower case.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")

#: Pixels of a picture that is read at most.
MOST_PIXELS = 50_000_000


class ImagesFolder(ImageDataset):
    """A folder of one's own with pictures by class: Imagenette's layout, Tiny-ImageNet's, STL-10's as pictures, ...

    On the command line ``--data images:PATH``. Files: ``PATH/<class>/*``, or ``PATH/{train,test}/<class>/*``, deeper
    folders included; ``val`` stands for the test where there is none. Pictures are scaled so that the shorter edge
    fits, and cut to a square in the middle.

    Args:
        split: "train" or "test".
        path: the folder.
        size: edge of the square that every picture becomes, pixels; 0: all pictures have one size, and keep it.
        colour: "rgb" or "grey".
        test_fraction: share of the only split that is there which is held out as the test samples, of every class
            alike; 0: the folder has both.
        split_seed: seed of that choice.

    Shapes: images [N, 3 or 1, H, W], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: no such folder or pictures, one that cannot be read or is too large, several sizes and none asked
            for, one split alone and no ``test_fraction`` (or the other way round).

    Source: layouts: Imagenette (Howard, 2019), Tiny-ImageNet (Le & Yang, Stanford CS231N, 2015); data: your own.
    """

    def __init__(
        self,
        split: Split = "train",
        path: str | Path = ".",
        *,
        size: int = 0,
        colour: str = "rgb",
        test_fraction: float = 0.0,
        split_seed: int = 0,
    ) -> None:
        super().__init__(split)
        check_choice("colour", colour, ("rgb", "grey"))
        if size:
            check_count("size", size)
        there = by_class(path, is_picture, f"pictures ({', '.join(PICTURES)})")
        part = part_of(Path(path), split, there.files, test_fraction)
        files = there.files[part]
        self.targets = torch.tensor([target for _, target in files], dtype=torch.int64)
        if test_fraction:
            chosen = chosen_of(self.targets, split, test_fraction, split_seed)
            files, self.targets = [files[place] for place in chosen.tolist()], self.targets[chosen]
        self.classes, self.class_names = len(there.classes), there.classes
        self.images = torch.stack(_read_all([file for file, _ in files], size, colour))
        self.shape = tuple(self.images.shape[1:])
        self.provenance = Provenance([file for file, _ in files])


def is_picture(path: Path) -> bool:
    """True if a file's ending is that of a picture."""
    return path.suffix.lower() in PICTURES


def picture_files(path: Path) -> list[Path]:
    """The files of a folder of pictures, in order; raises ValueError as ``ImagesFolder``."""
    files = by_class(path, is_picture, "pictures").files
    return [file for part in sorted(files) for file, _ in files[part]]


def _read_all(files: list[Path], size: int, colour: str) -> list[torch.Tensor]:
    images: list[torch.Tensor] = []
    for file in files:
        image = read_picture(file, size, colour)
        if images and image.shape != images[0].shape:
            height, width = images[0].shape[1:]
            raise ValueError(
                f"{file} has {image.shape[2]} x {image.shape[1]} pixels and {files[0].name} has {width} x {height}: "
                "say to what size all are brought, for example --data-option size=64"
            )
        images.append(image)
    return images


def read_picture(path: Path, size: int, colour: str) -> torch.Tensor:
    """A picture as bytes, uint8 [3 or 1, H, W], square of the edge ``size`` where one is given.

    Raises:
        ValueError: a file that is no picture, damaged, or of more than ``MOST_PIXELS``.
    """
    image = from_extra("PIL.Image", "reading pictures", "images")

    try:
        with image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError(f"it has {picture.width} x {picture.height} pixels, expected {MOST_PIXELS} at most")
            shown = picture.convert("RGB" if colour == "rgb" else "L")
    except Exception as error:  # a damaged picture fails in any way that its format's reader has
        raise ValueError(f"{path} cannot be read as a picture ({error}): restore it, or leave it out") from error
    if size:
        scale = size / min(shown.size)
        shown = shown.resize((max(size, round(shown.width * scale)), max(size, round(shown.height * scale))))
        left, top = (shown.width - size) // 2, (shown.height - size) // 2
        shown = shown.crop((left, top, left + size, top + size))
    values = np.array(shown)
    return torch.from_numpy(values[None] if values.ndim == 2 else values.transpose(2, 0, 1).copy())
