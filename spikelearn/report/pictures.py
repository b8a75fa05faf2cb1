"""All pictures of a run, from its files."""

from pathlib import Path

from spikelearn.datasets import DATASETS
from spikelearn.export import load_weights
from spikelearn.report.recording import Recording
from spikelearn.training import RunFolder, open_run


def draw_pictures(folder: RunFolder, sample: int = 0) -> list[Path]:
    """Raster, membranes, curves and first weights of a finished run, as PNG in its ``pictures`` folder.

    Args:
        folder: the run.
        sample: which of the recorded samples is shown.

    Raises:
        ValueError: a run that has not ended, a damaged file, a sample that was not recorded.
    """
    # Imported here: they load matplotlib, which the report of a comparison does without.
    from spikelearn.report.curves import draw_curves
    from spikelearn.report.membrane import draw_membranes
    from spikelearn.report.raster import draw_raster
    from spikelearn.report.weights import draw_first_weights

    settings = open_run(folder)
    recording = Recording(folder.recording)
    recorded = len(recording.targets)
    if not 0 <= sample < recorded:
        raise ValueError(f"sample is {sample}, expected 0 to {recorded - 1}: the run recorded {recorded} samples")
    weights, _ = load_weights(folder.weights)
    result = folder.read_result()
    shape = DATASETS.get(settings.data).shape
    return [
        draw_raster(recording, folder.pictures / "raster.png", sample),
        draw_membranes(recording, folder.pictures / "membranes.png", sample),
        draw_curves(folder.read_metrics(), folder.pictures / "curves.png", result["test_accuracy"] if result else None),
        draw_first_weights(weights, next(iter(recording.spikes)), shape, folder.pictures / "first_weights.png"),
    ]
