"""The window of a rule and its dependence on the frequency of pairs, measured from the rule itself."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.draw.style import COLOURS, clean
from spikelearn.plasticity import Rule, pairing_curve, stdp_window


def window(rule: Rule, *, span: float = 60e-3, weight: float | None = None) -> Figure:
    """The change of a weight by two spikes, by how much later the postsynaptic one is.

    Args:
        rule: one by whose spike times weights change at steps; it is shown the spikes.
        span: longest distance of the spikes, seconds.
        weight: at which the synapse starts; None: in the middle of the rule's bounds.

    Raises:
        ValueError: as ``stdp_window``.
    """
    lags, changes = stdp_window(rule, span, weight)
    figure, axis = _figure(f"{rule.name}: two spikes")
    for side, colour in ((lags < 0, COLOURS[1]), (lags > 0, COLOURS[0]), (lags == 0, "black")):
        axis.plot(1e3 * lags[side].numpy(), changes[side].numpy(), "o-", markersize=3, color=colour)
    axis.axvline(0.0, color="grey", linewidth=0.6)
    axis.set_xlabel("postsynaptic minus presynaptic time (ms)")
    return figure


def pairing(
    rule: Rule,
    *,
    frequencies: Sequence[float] = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0),
    lag: float = 10e-3,
    pairs: int = 15,
    weight: float | None = None,
) -> Figure:
    """The change of a weight by pairs of spikes, by their frequency, for both orders of the two.

    Args:
        rule, weight: as in ``window``.
        frequencies: of the pairs, Hz.
        lag: between the two spikes of a pair, seconds, positive.
        pairs: how many there are.

    Raises:
        ValueError: as ``pairing_curve``.
    """
    figure, axis = _figure(f"{rule.name}: {pairs} pairs")
    for sign, words, colour in ((1, "post after pre", COLOURS[0]), (-1, "pre after post", COLOURS[1])):
        found, changes = pairing_curve(rule, frequencies, sign * lag, pairs, weight)
        label = f"{words}, {1e3 * lag:g} ms"
        axis.plot(found.numpy(), changes.numpy(), "o-", color=colour, markersize=4, label=label)
    axis.set_xlabel("frequency of the pairs (Hz)")
    axis.legend(fontsize=8, frameon=False)
    return figure


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_ylabel("change of the weight")
    axis.axhline(0.0, color="grey", linewidth=0.6)
    clean(axis)
    return figure, axis
