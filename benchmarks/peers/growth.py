"""How time grows with the number of steps, the width, the activity or the batch: one comparison a point."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchmarks.peers.compare import Row, Say, compare
from benchmarks.peers.workloads import Workload
from spikelearn.checks import check_choice
from spikelearn.draw.style import COLOURS, clean, save

#: What is varied: its values, and the power of it that a step's time is expected to follow.
SWEEPS: dict[str, tuple[Sequence[float], float]] = {
    "steps": ((25, 50, 100, 200, 400), 1.0),
    "width": ((128, 256, 512, 1024, 2048), 2.0),
    "activity": ((0.01, 0.02, 0.05, 0.1, 0.2, 0.4), 1.0),
    "batch": ((4, 8, 16, 32, 64, 128), 1.0),
}
#: The input layer is fixed where only a hidden layer is widened.
SLOPE_OF_HIDDEN = 1.0


def sweep(
    what: str,
    workload: Workload,
    peers: Sequence[str],
    forms: Sequence[str],
    rounds: int,
    values: Sequence[float] | None = None,
    say: Say = print,
) -> list[Row]:
    """Rows of ``workload`` at every value of ``what``; gradients are compared at the first.

    Raises:
        ValueError: an unknown ``what``; a workload without it.
    """
    check_choice("sweep", what, SWEEPS)
    rows: list[Row] = []
    for number, value in enumerate(values or SWEEPS[what][0]):
        activity = value if what == "activity" else workload.activities[0]
        sizes = {} if what == "activity" else {what: int(value)}
        point = workload.at(**sizes)
        found = compare(
            point, activity, peers, forms, rounds, check=number == 0, say=say, extra={"sweep": what, "value": value}
        )
        rows += found
        say(
            f"  {what} {value:g}: ours {found[0].ours_ms:.2f} ms"
            + "".join(f", {r.peer} {r.peer_ms:.2f}" for r in found if r.form == forms[0])
        )
    return rows


def draw_sweep(rows: Sequence[Row], path: Path) -> None:
    """Milliseconds against what was varied, both logarithmic, with a dashed line of the expected slope."""
    what, workload, form = rows[0].extra["sweep"], rows[0].workload, rows[0].form
    slope = SLOPE_OF_HIDDEN if what == "width" and workload == "b" else SWEEPS[what][1]
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.peer == rows[0].peer:
            series.setdefault(f"spikelearn ({row.form})", []).append((row.extra["value"], row.ours_ms))
        if row.form == form:
            series.setdefault(row.peer, []).append((row.extra["value"], row.peer_ms))
    figure = Figure(figsize=(5.4, 4.0), layout="constrained")
    axis = figure.subplots()
    for number, (name, points) in enumerate(series.items()):
        axis.loglog(
            *zip(*points, strict=True),
            "os^Dv<>"[number % 7] + "-",
            color=COLOURS[number % len(COLOURS)],
            markersize=4,
            label=name,
        )
    x, y = zip(*next(iter(series.values())), strict=True)
    axis.loglog(
        x, [y[-1] * (at / x[-1]) ** slope for at in x], "--", color="grey", linewidth=1, label=f"slope {slope:g}"
    )
    axis.set_xticks(x)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel(
        {
            "steps": "time steps T",
            "width": "neurons in a layer",
            "activity": "share of inputs that spike",
            "batch": "samples",
        }[what]
    )
    axis.set_ylabel("a training step (ms)")
    axis.set_title(f"workload {workload}", fontsize=10)
    axis.legend(fontsize=8, frameon=False)
    clean(axis)
    save(figure, path)
