"""What was measured: a table on the terminal, a JSON file, a bar plot."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from rich.console import Console
from rich.table import Table

from benchmarks.peers.compare import Row
from spikelearn.draw.style import COLOURS, clean, save
from spikelearn.files import write_atomically

NAMES = {
    "snntorch": "snnTorch",
    "norse": "Norse",
    "spikingjelly": "SpikingJelly",
    "spikingjelly-compiled": "SpikingJelly, torch.compile",
    "bindsnet": "BindsNET",
    "brian2": "Brian2, C++ standalone",
    "nest": "NEST",
    "floor": "without neurons",
}
TICKS = (0.5, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


def table(rows: Sequence[Row]) -> Table:
    """One line a row."""
    found = Table(title="a training step: times longer than ours (median, 10 % to 90 % of rounds)")
    for column in (
        "workload",
        "activity",
        "B",
        "T",
        "ours, ms",
        "input",
        "peer",
        "peer, ms",
        "peer / ours",
        "gradients",
    ):
        found.add_column(column, justify="left" if column in ("workload", "input", "peer") else "right")
    for row in rows:
        difference = row.gradient_difference
        found.add_row(
            row.workload,
            f"{100 * row.activity:.3g} %",
            str(row.batch),
            str(row.steps),
            f"{row.ours_ms:.2f}",
            row.form,
            NAMES.get(row.peer, row.peer),
            f"{row.peer_ms:.2f}",
            f"{row.ratio_median:.2f} ({row.ratio_low:.2f}-{row.ratio_high:.2f})",
            "" if difference is None else f"{difference:.0e}",
        )
    return found


def show(rows: Sequence[Row]) -> None:
    """The table, and the activity of every layer below it."""
    console = Console(width=None if Console().is_terminal else 140)
    console.print(table(rows))
    seen = set()
    for row in rows:
        for name, rates in (("spikelearn", row.rates), (row.peer, row.peer_rates)):
            key = (row.workload, row.activity, row.batch, row.steps, name)
            if rates and key not in seen:
                seen.add(key)
                console.print(
                    f"{row.workload} at {100 * row.activity:.3g} %, {name}: spikes per step and neuron "
                    + ", ".join(f"{rate:.3g}" for rate in rates),
                    highlight=False,
                )


def write_json(rows: Sequence[Row] | Sequence[dict[str, Any]], path: Path) -> None:
    """A list of plain rows; the file is there whole or not at all."""
    plain = [row.as_dict() if isinstance(row, Row) else row for row in rows]
    write_atomically(path, (json.dumps(plain, indent=1) + "\n").encode())


def read_json(path: Path) -> list[Row]:
    """Rows as ``write_json`` wrote them.

    Raises:
        ValueError: a file that holds something else.
    """
    try:
        return [_row(values) for values in json.loads(path.read_text())]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} holds no rows of this bench ({error}): write it with --json") from error


def _row(values: dict[str, Any]) -> Row:
    fields = Row.__dataclass_fields__
    extra = {name: value for name, value in values.items() if name not in fields}
    return Row(**{name: value for name, value in values.items() if name in fields}, extra=extra)


def draw(rows: Sequence[Row], path: Path) -> None:
    """How many times longer each peer takes, a group of bars for every workload and activity; whiskers: quantiles.

    Raises:
        ValueError: no row to draw.
    """
    form = rows[0].form if rows else ""
    shown = [row for row in rows if row.form == form and row.peer != "floor"]
    if not shown:
        raise ValueError(f"{len(rows)} rows, none of a peer, expected at least one to draw")
    groups = list(dict.fromkeys(_group(row) for row in shown))
    peers = [name for name in NAMES if any(row.peer == name for row in shown)]
    figure = Figure(figsize=(max(6.4, 1.5 * len(groups) + 1.5), 3.8), layout="constrained")
    axis = figure.subplots()
    for group_number, group in enumerate(groups):
        own = sorted((row for row in shown if _group(row) == group), key=lambda row: peers.index(row.peer))
        width = min(0.8 / len(own), 0.25)
        for number, row in enumerate(own):
            at = group_number + (number - (len(own) - 1) / 2) * width
            _bar(axis, at, 0.92 * width, row, COLOURS[peers.index(row.peer) % len(COLOURS)])
    for number, peer in enumerate(peers):
        axis.bar(0, 0, color=COLOURS[number % len(COLOURS)], label=NAMES[peer])
    axis.axhline(1.0, color="grey", linewidth=1, linestyle="--")
    axis.set_yscale("log")
    lowest, highest = min(row.ratio_low for row in shown), max(row.ratio_high for row in shown)
    axis.set_ylim(min(0.8, 0.8 * lowest), 1.5 * highest)
    axis.set_yticks([tick for tick in TICKS if 0.8 * min(lowest, 1.0) <= tick <= 1.5 * highest])
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_xticks(range(len(groups)), groups, fontsize=8)
    axis.set_ylabel("time of a training step, times ours")
    axis.legend(fontsize=8, frameon=False, ncols=min(3, len(peers)), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    clean(axis)
    save(figure, path)


def _bar(axis: Any, at: float, width: float, row: Row, colour: str) -> None:
    whiskers = [[max(row.ratio_median - row.ratio_low, 0.0)], [max(row.ratio_high - row.ratio_median, 0.0)]]
    axis.bar(at, row.ratio_median - 1.0, width, bottom=1.0, color=colour, yerr=whiskers, ecolor="#333333", capsize=2)
    axis.text(at, max(row.ratio_high, 1.0) * 1.06, f"{row.ratio_median:.2g}", ha="center", fontsize=7)


def _group(row: Row) -> str:
    activity = f"\n{100 * row.activity:.3g} % active" if row.activity else ""
    return f"{ABOUT.get(row.workload, row.workload)}\nT {row.steps}, B {row.batch}{activity}"


ABOUT = {"a": "(a) 512-512", "b": "(b) 784-400-10", "c": "(c) 16C5-P2-32C3-P2-10", "d": "(d) STDP 784-400"}
