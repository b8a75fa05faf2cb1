"""Learning curves of runs against the figures published for their recipes.

    python benchmarks/papers.py runs/a=tssl-bp/mnist runs/b=ide/mnist --picture docs/papers.png

Each argument is a run's folder and the preset that it began from. Test accuracy by epoch where the run measured it
(``spikelearn train --test-curve``), else training accuracy and the final test accuracy; the line is the published
figure.
"""

import argparse
import json
import re
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikelearn.draw.style import COLOURS, clean, save
from spikelearn.runs import read_preset
from spikelearn.training import RunFolder


def published_figure(words: str) -> float | None:
    """The first percentage in a preset's words; None where it says that there is none."""
    found = re.match(r"([0-9.]+)", words)
    return float(found[1]) if found else None


def draw(runs: list[tuple[str, str]], path: Path) -> None:
    """One panel a run."""
    columns = min(len(runs), 3)
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(3.9 * columns, 2.9 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis, (folder, name) in zip(panels, runs, strict=False):
        run, preset = RunFolder(folder), read_preset(name)
        metrics = [json.loads(line) for line in run.metrics.read_text().splitlines()]
        result = json.loads(run.result.read_text())
        epochs = [row["epoch"] for row in metrics]
        watched = "test_accuracy" in metrics[0]
        counted = "test_unique_accuracy" if name.startswith("desire") else "test_accuracy"
        series = [100 * row[counted if watched else "accuracy"] for row in metrics]
        axis.plot(epochs, series, "o-", markersize=3, color=COLOURS[0], label="test" if watched else "training")
        if not watched:
            axis.plot(epochs[-1:], [100 * result[counted]], "s", color=COLOURS[1], label="test, at the end")
        figure_published = published_figure(preset.published)
        if figure_published:
            label = f"published: {figure_published:.2f} %"
            axis.axhline(figure_published, color="grey", linestyle="--", linewidth=1, label=label)
        lowest = min(series[len(series) // 4 :])
        axis.set_ylim(lowest - 1.0, min(100.2, max([*series, figure_published or 0.0]) + 0.6))
        axis.set_title(f"{name}: {100 * result[counted]:.2f} %", fontsize=10)
        axis.set_xlabel("epoch")
        axis.set_ylabel("accuracy (%)")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(fontsize=8, frameon=False, loc="lower right")
        clean(axis)
    for axis in panels[len(runs) :]:
        axis.set_visible(False)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN=PRESET")
    parser.add_argument("--picture", type=Path, required=True)
    given = parser.parse_args()
    pairs = [(folder, preset) for folder, _, preset in (run.partition("=") for run in given.runs)]
    draw(pairs, given.picture)


if __name__ == "__main__":
    main()
