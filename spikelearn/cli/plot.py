"""spikelearn plot"""

from typing import Annotated

import typer
from typer import Option

from spikelearn.cli.common import AsJson, DataRoot, Imports, output, print_json, result_file
from spikelearn.cli.suited import settings_at
from spikelearn.plasticity import Batch, Course, Rule, course_of
from spikelearn.runs import prepare
from spikelearn.threads import threads
from spikelearn.training import load_checkpoint

FIGURES = ("why", "window", "pairing")


def plot_command(
    figure: Annotated[str, typer.Argument(metavar="why|window|pairing", help="What to draw.")],
    source: Annotated[
        str, typer.Argument(metavar="RUN|CONFIG|PRESET", help="A run's folder, a TOML file, or the name of a preset.")
    ],
    synapse: Annotated[
        str | None,
        Option(
            metavar="BLOCK:POST,PRE",
            help="why: which synapse, by its block and the numbers of the neurons behind and in front; default: the "
            "one whose weight changes most.",
        ),
    ] = None,
    sample: Annotated[int, Option(help="why: which sample of the first batch is presented.")] = 0,
    out: Annotated[str | None, Option(help="PNG to write; default: the figure's name.")] = None,
    data_root: DataRoot = None,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """Draw why one synapse changed, or what pairs of spikes do to a synapse by their distance and their frequency.

    why: what the synapse met over one presentation, and what each term of its rule made of it. window and pairing are
    measured from the rule, which is shown pairs of spikes. The rule is one that changes weights at every step:
    stdp-online, triplet-stdp, mstdp, mstdpet, dopamine-stdp, vogels, clopath or urbanczik-senn (why alone). A run is
    looked at where it stands, settings before their first batch; nothing but the picture is written.

    \b
    Examples:
      spikelearn plot why runs/digits-stdp-online-1
      spikelearn plot why runs/digits-stdp-online-1 --synapse out:3,28 --out why.png
      spikelearn plot window runs/digits-stdp-online-1
    """
    if figure not in FIGURES:
        raise ValueError(f"plot was given {figure!r}, expected {', '.join(FIGURES)}")
    if figure != "why" and (synapse is not None or sample):
        raise ValueError(f"--synapse and --sample are of plot why, but {figure} was asked for: leave them out")
    path = result_file(out or f"{figure}.png")
    assert path is not None
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
    from spikelearn.draw import save, why  # they load matplotlib, which no other command waits for

    save(why(course), path)
    _print(course, path, as_json)


def _measure(figure: str, rule: Rule, path: str, as_json: bool) -> None:
    from spikelearn import draw  # it loads matplotlib, which no other command waits for

    draw.save(draw.window(rule) if figure == "window" else draw.pairing(rule), path)
    if as_json:
        print_json({"rule": rule.name, "picture": path})
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
