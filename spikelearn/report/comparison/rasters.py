"""Spike rasters of one test sample as small inline SVGs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikelearn.report.recording import Recording

#: Neurons and steps drawn at most, evenly chosen, so that the page stays small.
NEURONS, STEPS = 48, 200

#: Levels of grey of a record that is no spike train.
LEVELS = 6


@dataclass(frozen=True)
class Panel:
    """One record in a raster.

    Args:
        name: "input" or a block.
        note: its rate and size.
        steps, neurons: drawn.
        paths: (opacity, SVG path) of its marks.
        spikes: whether they are spikes; else levels of a current, or of what graded neurons sent.
    """

    name: str
    note: str
    steps: int
    neurons: int
    paths: tuple[tuple[float, str], ...]
    spikes: bool = True

    @property
    def height(self) -> int:
        """In pixels, more for more neurons."""
        return round(min(96, 14 + 1.7 * self.neurons))


@dataclass(frozen=True)
class Raster:
    """What the network of one arm sends while it sees a sample."""

    arm: int
    data: int
    caption: str
    time: str
    panels: tuple[Panel, ...]


def draw_raster(path: Path, arm: int, data: int, sample: int = 0) -> Raster:
    """The raster of ``sample`` in a recording.

    Raises:
        ValueError: no such file, a damaged one, or a sample that was not recorded.
    """
    recording = Recording(path)
    if sample >= len(recording.targets):
        raise ValueError(f"sample is {sample}, expected 0 to {len(recording.targets) - 1}: record more samples")
    records = {"input": recording.inputs, **recording.spikes}
    panels = tuple(_panel(name, values[:, sample].reshape(len(values), -1)) for name, values in records.items())
    spent = 1e3 * recording.dt * len(recording.inputs)
    time = (
        f"{min(len(recording.inputs), STEPS)} of {len(recording.inputs)} steps" if len(recording.inputs) > STEPS else ""
    )
    return Raster(arm, data, recording.caption(sample), time or f"{spent:g} ms, {len(recording.inputs)} steps", panels)


def _panel(name: str, values: np.ndarray) -> Panel:
    total = values.shape[1]
    chosen = np.unique(np.linspace(0, total - 1, min(total, NEURONS)).astype(int))
    shown = values[:STEPS, chosen].astype(float)
    size = (shown.shape[0], shown.shape[1])
    of = f"{total} neurons" if len(chosen) == total else f"{len(chosen)} of {total}"
    if np.isin(values, (0, 1)).all():
        rate = float(np.mean(values, dtype=float))
        return Panel(name, f"{rate:.3f} per step, {of}", *size, ((1.0, _marks(shown > 0)),))
    top = float(np.abs(shown).max()) or 1.0
    level = np.ceil(np.abs(shown) / top * LEVELS).astype(int)
    paths = tuple((at / LEVELS, _bars(level == at)) for at in range(1, LEVELS + 1) if (level == at).any())
    return Panel(name, f"{'current' if name == 'input' else 'output'}, {of}", *size, paths, spikes=False)


def _marks(spikes: np.ndarray) -> str:
    """A vertical stroke for every spike; time to the right, neurons downwards."""
    return "".join(f"M{step}.5 {neuron}v.8" for step, neuron in zip(*np.nonzero(spikes), strict=True))


def _bars(cells: np.ndarray) -> str:
    """Horizontal strokes, one for every run of steps in which a cell is set."""
    moves = []
    for neuron, row in enumerate(cells.T):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(int), [0]))))
        moves += [f"M{start} {neuron}.5H{end}" for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return "".join(moves)
