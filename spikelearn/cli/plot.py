"""spikelearn plot"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from spikelearn.checks import check_count
from spikelearn.cli.common import AsJson, DataRoot, Imports, output, picture_file, print_json, result_file
from spikelearn.cli.plot_activity import OF_ACTIVITY, Asked, draw_activity
from spikelearn.cli.suited import settings_at
from spikelearn.files import write_atomically
from spikelearn.plasticity import Batch, Course, Rule, course_of
from spikelearn.runs import prepare
from spikelearn.threads import threads
from spikelearn.training import load_checkpoint

#: Figures of rules, and of activity and weights.
OF_RULES = ("why", "window", "pairing")
FIGURES = (*OF_RULES, *OF_ACTIVITY)

Synapse = Annotated[
    str | None,
    Option(
        metavar="BLOCK:POST,PRE",
        help="why: which synapse, by its block and the numbers of the neurons behind and in front; default: the "
        "one whose weight changes most.",
    ),
]


def plot_command(
    figure: Annotated[
        str, typer.Argument(metavar="FIGURE", help="What to draw: " + ", ".join(OF_RULES + OF_ACTIVITY) + ".")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SIMULATION|CONFIG|PRESET",
            help="The folder of a run or a simulation, a recording, a TOML file, or the name of a preset.",
        ),
    ],
    synapse: Synapse = None,
    sample: Annotated[int, Option(help="Which sample of the first batch is presented, or was simulated.")] = 0,
    block: Annotated[str | None, Option(help="weights, changes, movie: of which block; default: the first.")] = None,
    begin: Annotated[float | None, Option("--from", help="Of a recording: from when on, seconds.")] = None,
    end: Annotated[float | None, Option("--to", help="Of a recording: up to when, seconds.")] = None,
    frames: Annotated[int, Option(help="movie: how many; of a run that many batches are learned anew.")] = 40,
    out: Annotated[
        str | None,
        Option(help="File to write; default: the figure's name as PNG, a movie's as GIF; why also as .html."),
    ] = None,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Draw activity and weights, why one synapse changed, or what pairs of spikes do to a synapse.

    raster, membranes, thresholds, rates (maps), histograms (rates and intervals; of weights beside them as
    weight-histograms), weights, changes (weights before, after, and their difference) and movie (receptive fields as
    they form) are of a run, as it is trained and one sample is presented, or of a simulation and what it recorded.

    why: what the synapse met over one presentation, and what each term of its rule made of it. window and pairing are
    measured from the rule, which is shown pairs of spikes. The rule is one that changes weights at every step:
    stdp-online, triplet-stdp, mstdp, mstdpet, dopamine-stdp, vogels, clopath or urbanczik-senn (why alone). With
    --out why.html it is a page that is looked into with the mouse and works offline. A run is looked at where it
    stands, settings before their first batch; nothing but the picture is written.

    \b
    Examples:
      spikelearn plot why runs/digits-stdp-online-1
      spikelearn plot why runs/digits-stdp-online-1 --synapse out:3,28 --out why.png
      spikelearn plot why runs/digits-stdp-online-1 --out why.html
      spikelearn plot window runs/digits-stdp-online-1
      spikelearn plot raster simulation --from 0.5 --to 1
      spikelearn plot changes runs/digits-stdp-online-1 --block fc1
      spikelearn plot movie runs/digits-stdp-online-1 --frames 30
    """
    if figure not in FIGURES:
        raise ValueError(f"plot was given {figure!r}, expected {', '.join(FIGURES)}")
    if figure != "why" and (synapse is not None or (sample and figure in OF_RULES)):
        raise ValueError(f"--synapse and --sample are of plot why, but {figure} was asked for: leave them out")
    check_count("frames", frames)
    path = _file(figure, out)
    if figure in OF_ACTIVITY:
        draw_activity(Asked(figure, source, sample, block, begin, end, frames, data_root), path)
        _say(path, as_json)
        return
    settings, folder = settings_at(source)
    if data_root is not None:
        settings = settings.model_copy(update={"data_root": data_root})
    if figure != "why":
        _measure(figure, settings.make_rule(), path, as_json)
        return
    with threads(settings.threads):
        training, loaders = prepare(settings)
        if folder is not None and folder.checkpoint.is_file():
            training.load_state_dict(load_checkpoint(folder.checkpoint)["training"])
        loader = loaders["train"]
        batch = Batch.of(next(iter(loader.epoch(0))), loader.task).one(sample)
        course = course_of(training.network, training.rule, batch, synapse)
    from spikelearn.draw import save, why, why_page  # they load matplotlib, which no other command waits for

    if path.endswith(".html"):
        write_atomically(Path(path), why_page(course).encode())
    else:
        save(why(course), path)
    _print(course, path, as_json)


def _file(figure: str, out: str | None) -> str:
    """Where the figure goes, refused before the work where it cannot be what is drawn."""
    if figure == "movie":
        path = out or "movie.gif"
        result_file(path)
        if not path.endswith(".gif"):
            raise ValueError(f"{path} is no name of a movie, expected one that ends in .gif")
        return path
    path = out or f"{figure}.png"
    if figure == "why" and path.endswith(".html"):
        result_file(path)
        return path
    return picture_file(path)


def _measure(figure: str, rule: Rule, path: str, as_json: bool) -> None:
    from spikelearn import draw  # it loads matplotlib, which no other command waits for

    draw.save(draw.window(rule) if figure == "window" else draw.pairing(rule), path)
    if as_json:
        print_json({"rule": rule.name, "picture": path})
    else:
        output.print(f"picture {path}")


def _say(path: str, as_json: bool) -> None:
    if as_json:
        print_json({"picture": path})
    else:
        output.print(f"picture {path}")


def _print(course: Course, path: str, as_json: bool) -> None:
    first, last = float(course.weight[0]), float(course.weight[-1])
    terms = {name: float(values.sum()) for name, values in course.terms.items()}
    spikes = {"pre": int((course.pre != 0).sum()), "post": int((course.post != 0).sum())}
    if as_json:
        about = {"rule": course.rule, "synapse": course.synapse, "before": first, "after": last}
        print_json({**about, "terms": terms, "spikes": spikes, "picture": path})
        return
    output.print(
        f"{course.synapse} by {course.rule}: weight {first:.6g} to {last:.6g}, {last - first:+.3g}", style="bold"
    )
    for name, total in terms.items():
        output.print(f"  {total:+.3g} {name}")
    output.print(f"  {spikes['pre']} spikes in front, {spikes['post']} behind, in {len(course.pre)} steps")
    output.print(f"picture {path}")
