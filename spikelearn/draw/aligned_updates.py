"""Alignment of rules to backpropagation through time, while they train."""

from collections.abc import Iterable, Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikelearn.draw.style import COLOURS, clean

Curves = Mapping[str, Mapping[str, Mapping[int, float]]]


def aligned(cosines: Curves, ratios: Curves) -> Figure:
    """Cosine and norm ratio of each rule's change of each block to BPTT's, by epoch: a column for each block.

    Args:
        cosines: {block: {rule: {epoch: cosine}}}, in [-1, 1].
        ratios: {block: {rule: {epoch: ratio of the norms}}}, positive.

    Raises:
        ValueError: no block with a cosine.
    """
    if not cosines:
        raise ValueError("no rule has a cosine to BPTT's gradient in any block: name supervised rules that learn")
    figure = Figure(figsize=(1.5 + 3.2 * len(cosines), 5.2), layout="constrained")
    axes = figure.subplots(2, len(cosines), squeeze=False, sharex=True)
    colours = _colours(rule for rules in cosines.values() for rule in rules)
    for column, block in enumerate(cosines):
        for axis, curves in ((axes[0][column], cosines[block]), (axes[1][column], ratios[block])):
            for rule, values in curves.items():
                axis.plot(list(values), list(values.values()), "o-", color=colours[rule], label=rule, markersize=3)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            clean(axis)
        axes[0][column].set_title(block)
        axes[0][column].set_ylim(-1.05, 1.05)
        axes[0][column].axhline(0.0, color="grey", linewidth=0.8)
        axes[1][column].set_yscale("log")
        axes[1][column].set_xlabel("epoch")
    axes[0][0].set_ylabel("cosine to bptt")
    axes[1][0].set_ylabel("norm, ratio to bptt")
    names, handles = zip(*_legend(axes[0]).items(), strict=True)
    figure.legend(handles, names, loc="outside right upper", frameon=False, fontsize=8)
    return figure


def _colours(rules: Iterable[str]) -> dict[str, str]:
    return {rule: COLOURS[number % len(COLOURS)] for number, rule in enumerate(dict.fromkeys(rules))}


def _legend(axes: Iterable[object]) -> dict[str, object]:
    """{rule: its line}, each once."""
    entries: dict[str, object] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()  # type: ignore[attr-defined]
        entries |= dict(zip(labels, handles, strict=True))
    return entries
