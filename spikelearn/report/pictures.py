"""All pictures of a run, from its files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from spikelearn.export import load_weights
from spikelearn.report.recording import Recording
from spikelearn.tasks import measure_in
from spikelearn.training import RunFolder


class Drawn(NamedTuple):
    """Pictures that were written, and {picture: why it could not be drawn}."""

    paths: list[Path]
    failures: dict[str, str]


def draw_pictures(folder: RunFolder, sample: int = 0) -> Drawn:
    """Raster, membranes, curves, first weights and confusion of a finished run, as PNG in its ``pictures`` folder.

    They are drawn from what the run recorded: neither its data nor its components have to be there. One that cannot be
    drawn takes no other with it.

    Args:
        folder: the run, of ``spikelearn train`` or of ``fit(folder=...)``.
        sample: which of the recorded samples is shown.

    Raises:
        ValueError: a run that has not ended, a damaged file, a sample that was not recorded.
    """
    from spikelearn import draw  # it loads matplotlib, which the report of a comparison does without

    for path in (folder.recording, folder.weights, folder.metrics):
        folder.check_unchanged(path)
    recording = Recording(folder.recording)
    recorded = recording.inputs.shape[1]
    if not 0 <= sample < recorded:
        raise ValueError(f"sample is {sample}, expected 0 to {recorded - 1}: the run recorded {recorded} samples")
    weights, _ = load_weights(folder.weights)
    metrics, result = folder.read_metrics(), folder.read_result() or {}
    # The file has its own order, the recording that of the blocks.
    first = next((name for name in recording.spikes if any(w.startswith(f"blocks.{name}.") for w in weights)), None)
    seen: dict[str, Any] = {"sample": sample, "dt": recording.dt, "title": recording.caption(sample)}
    pictures: dict[str, Callable[[], Any]] = {
        "raster": lambda: draw.raster(recording.record, recording.inputs, **seen),
        "membranes": lambda: draw.membranes(recording.record, thresholds=recording.threshold, **seen),
        "curves": lambda: draw.curves(metrics, _tested(result)),
        "first_weights": lambda: draw.weights(weights, first, shape=recording.shape),
    }
    if result.get("test_confusion"):
        pictures["confusion"] = lambda: draw.confusion(result["test_confusion"])
    drawn = Drawn([], {})
    for name, make in pictures.items():
        try:
            drawn.paths.append(draw.save(make(), folder.pictures / f"{name}.png"))
        except OSError:  # a full disk takes no other picture either
            raise
        except Exception as error:
            drawn.failures[name] = " ".join(str(error).split()) or type(error).__name__
    return drawn


def _tested(result: Mapping[str, Any]) -> float | None:
    """The task's measure on the test samples; None for a run that has not ended."""
    return float(result[f"test_{measure_in(result).name}"]) if result else None
