"""Why one synapse changed, as a page that is looked into with the mouse and works offline."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from spikelearn.draw.style import COLOURS, times
from spikelearn.draw.synapse_course import NAMES
from spikelearn.extras import from_extra
from spikelearn.plasticity import Course

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: Height of a panel, pixels.
PANEL = 130


def why_page(course: Course) -> str:
    """The panels of ``why`` on one HTML page: they move and zoom together, and tell every number under the mouse.

    The page holds the program that draws it (plotly.js) and asks no network.

    Args:
        course: of ``plasticity.course_of``.
    """
    make_subplots = from_extra("plotly.subplots", "a page").make_subplots  # no other picture waits for it

    lines = [("potential", {"v": course.v})]
    lines += [] if course.reward is None else [("reward", {"reward": course.reward})]
    lines += [(NAMES[place].replace("\n", " "), dict(named)) for place, named in course.traces.items()]
    titles = ["spikes", *(words for words, _ in lines), "change of the weight at a step", "weight"]
    figure = make_subplots(
        rows=len(titles), cols=1, shared_xaxes=True, vertical_spacing=0.25 / len(titles) ** 1.2,
        subplot_titles=titles,
    )  # fmt: skip
    when, step, label = times(len(course.pre), course.dt)
    _spikes(figure, course, when)
    for row, (_, named) in enumerate(lines, 2):
        for number, (name, values) in enumerate(named.items()):
            _line(figure, row, name, values.mean(1), when, number)
    for number, (name, values) in enumerate(course.terms.items()):
        words = f"{name}, in all {float(values.sum()):+.3g}"
        _line(figure, len(titles) - 1, words, values, when, number, shape="hvh", fill="tozeroy")
    behind = np.append(when, when[-1] + step)
    _line(figure, len(titles), "weight", course.weight, behind, 0, shape="hvh", colour="black")
    figure.update_xaxes(showspikes=True, spikemode="across", spikethickness=1, spikedash="dot", spikecolor="grey")
    figure.update_xaxes(title_text=label, row=len(titles), col=1)
    figure.update_annotations(x=0.0, xanchor="left", font_size=12)
    figure.update_layout(
        template="simple_white", height=PANEL * len(titles) + 120, hovermode="x unified", hoversubplots="axis",
        margin={"l": 70, "r": 20, "t": 40, "b": 50}, legend={"font": {"size": 11}},
    )  # fmt: skip
    drawn = figure.to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False, "responsive": True})
    return _PAGE.format(title=escape(_title(course)), words=escape(_words(course)), drawn=drawn)


def _spikes(figure: "go.Figure", course: Course, when: np.ndarray) -> None:
    row = 0
    for spikes, name, colour in ((course.post, "post", COLOURS[1]), (course.pre, "pre", COLOURS[0])):
        step, sample = np.nonzero(spikes.numpy())
        figure.add_scatter(
            x=when[step], y=row + sample, mode="markers", name=f"spikes {name}", row=1, col=1,
            marker={"symbol": "line-ns", "size": 12, "color": colour, "line": {"width": 2, "color": colour}},
            hovertemplate=name,
        )  # fmt: skip
        row += spikes.shape[1]
    ticks = [(course.post.shape[1] - 1) / 2, course.post.shape[1] + (course.pre.shape[1] - 1) / 2]
    figure.update_yaxes(tickvals=ticks, ticktext=["post", "pre"], range=[-0.7, row - 0.3], row=1, col=1)


def _line(
    figure: "go.Figure", row: int, name: str, values: Tensor, when: np.ndarray, number: int, *,
    shape: str = "linear", fill: str | None = None, colour: str | None = None,
) -> None:  # fmt: skip
    figure.add_scatter(
        x=when, y=values.numpy(), mode="lines", name=name, row=row, col=1, fill=fill,
        line={"color": colour or COLOURS[number % len(COLOURS)], "width": 1.5, "shape": shape},
        hovertemplate="%{y:.4g}",
    )  # fmt: skip


def _title(course: Course) -> str:
    return f"{course.synapse} by {course.rule}"


def _words(course: Course) -> str:
    first, last = float(course.weight[0]), float(course.weight[-1])
    samples = f", mean of {course.pre.shape[1]} samples" if course.pre.shape[1] > 1 else ""
    parts = ", ".join(f"{float(values.sum()):+.3g} {name}" for name, values in course.terms.items())
    return f"Weight {first:.4g} to {last:.4g}{samples}: {parts}."


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.2rem; margin: 0 0 .2rem; }}
p {{ margin: 0 0 .8rem; }}
</style>
</head>
<body>
<h1>Why {title} changed</h1>
<p>{words} Drag to look closer, double-click to see all again; a click on a name hides its line.</p>
{drawn}
</body>
</html>
"""
