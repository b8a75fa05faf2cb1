"""One look for all pictures."""

from pathlib import Path

from matplotlib.figure import Figure

from spikelearn.files import replacing

#: Colours that stay apart for colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, atomically."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, facecolor="white")
    return path


def clean(axes: object) -> None:
    """Leave out the frame's top and right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)  # type: ignore[attr-defined]
