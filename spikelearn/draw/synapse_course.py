"""Why one synapse changed: what it met, and what each term of its rule made of it."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn.checks import check_instance
from spikelearn.draw.style import COLOURS, clean, times
from spikelearn.network import Network
from spikelearn.plasticity import Batch, Course, Rule, course_of

#: What the panel of a kind of traces is called.
NAMES = {
    "pre": "traces in front",
    "post": "traces behind",
    "synapse": "traces of\nthe synapse",
    "sample": "modulator",
}


def why(
    network: Network | Course, rule: Rule | None = None, batch: Batch | None = None, synapse: str | None = None
) -> Figure:
    """Spikes of both sides, potential, reward, traces, terms of the change, and the weight of one synapse over time.

    The terms that are drawn sum to the change of the weight at every step. Of several samples spikes have a row each,
    and the rest is their mean.

    Args:
        network: what learns, and is left as it is; or a course that was followed, without further arguments.
        rule: one whose weights change at steps.
        batch: what is presented.
        synapse: BLOCK:POST,PRE, numbers of the neurons behind and in front; None: the one that changes most.

    Raises:
        ValueError: as ``course_of``.
    """
    if isinstance(network, Course):
        course = network
    else:
        check_instance("rule", rule, Rule, "for example OnlineSTDP()")
        check_instance("batch", batch, Batch, "for example Batch(inputs, targets)")
        assert rule is not None
        assert batch is not None
        course = course_of(network, rule, batch, synapse)
    modulators = {} if course.reward is None else {"reward": course.reward}
    traces = [(NAMES[place], named) for place, named in course.traces.items()]
    panels = [("potential", {"v": course.v}), *([("reward", modulators)] if modulators else []), *traces]
    figure = Figure(figsize=(9, 4.2 + 1.1 * len(panels)), layout="constrained")
    heights = [1.0, *(1.1 for _ in panels), 1.8, 1.4]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    when, step, label = times(len(course.pre), course.dt)
    _spikes(axes[0], course, when)
    for axis, (words, named) in zip(axes[1:], panels, strict=False):
        _lines(axis, words, {name: values.mean(1) for name, values in named.items()}, when)
    _terms(axes[-2], course, when)
    axes[-1].plot(np.append(when, when[-1] + step), course.weight.numpy(), color="black", drawstyle="steps-mid")
    _words(axes[-1], "weight")
    first, last = float(course.weight[0]), float(course.weight[-1])
    samples = f", mean of {course.pre.shape[1]} samples" if course.pre.shape[1] > 1 else ""
    axes[0].set_title(
        f"{course.synapse} by {course.rule}: weight {first:.4g} to {last:.4g}{samples}", loc="left", fontsize=10
    )
    axes[-1].set_xlabel(label)
    axes[-1].set_xlim(when[0] - step, when[-1] + 1.5 * step)
    return figure


def _spikes(axis: Axes, course: Course, when: np.ndarray) -> None:
    sides = ((course.post, "post", COLOURS[1]), (course.pre, "pre", COLOURS[0]))
    ticks, names, row = [], [], 0
    for spikes, name, colour in sides:
        step, sample = np.nonzero(spikes.numpy())
        axis.scatter(when[step], row + sample, marker="|", s=max(12.0, 120 / spikes.shape[1]), color=colour)
        ticks.append(row + (spikes.shape[1] - 1) / 2)
        names.append(name)
        row += spikes.shape[1]
    axis.set_yticks(ticks, names)
    axis.set_ylim(-0.6, row - 0.4)
    clean(axis)
    axis.set_ylabel("spikes", rotation=0, ha="right", va="center", labelpad=10)


def _lines(axis: Axes, words: str, named: Mapping[str, Tensor], when: np.ndarray) -> None:
    for number, (name, values) in enumerate(named.items()):
        axis.plot(when, values.numpy(), color=COLOURS[number % len(COLOURS)], linewidth=1.2, label=name)
    _words(axis, words)
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _terms(axis: Axes, course: Course, when: np.ndarray) -> None:
    for number, (name, values) in enumerate(course.terms.items()):
        colour, words = COLOURS[number % len(COLOURS)], f"{name}\nin all {float(values.sum()):+.3g}"
        axis.plot(when, values.numpy(), color=colour, linewidth=1.2, drawstyle="steps-mid", label=words)
        axis.fill_between(when, values.numpy(), step="mid", color=colour, alpha=0.25, linewidth=0)
    axis.axhline(0.0, color="grey", linewidth=0.6)
    _words(axis, "change of the\nweight at a step")
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _words(axis: Axes, words: str) -> None:
    axis.set_ylabel(words, rotation=0, ha="right", va="center", labelpad=10)
    clean(axis)
