"""spikelearn presets"""

from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from spikelearn.catalogue import PRESETS
from spikelearn.checks import one_of
from spikelearn.cli.common import AsJson, output, picture_file, print_json
from spikelearn.museum import MODELS
from spikelearn.runs import Preset, read_preset

if TYPE_CHECKING:
    from spikelearn.museum import Model

Name = Annotated[str | None, typer.Argument(help="Show the settings or numbers of one of them.", show_default=False)]


def presets_command(
    name: Name = None,
    draw: Annotated[
        str | None, Option(metavar="FILE", help="Simulate a model and draw its published figure.", show_default=False)
    ] = None,
    scale: Annotated[float, Option(help="Of a model: share of the published size, in (0, 1].")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """List published recipes, which train takes with --preset, and published models, which are simulated; or show one.

    \b
    Examples:
      spikelearn presets
      spikelearn presets ide/fashion-mnist
      spikelearn presets brunel2000
      spikelearn presets brunel2000 --draw brunel.png --scale 0.1
    """
    if draw is not None or scale != 1.0:
        _draw(name, draw, scale, as_json)
        return
    if name is None:
        chosen, drawn = list(PRESETS.names()), list(MODELS)
    else:
        chosen, drawn = ([], [name]) if name in MODELS else ([name], [])
    recipes = {known: read_preset(known) for known in chosen}
    models = {known: MODELS.get(known) for known in drawn}
    if as_json:
        shown = {known: preset._asdict() for known, preset in recipes.items()}
        print_json(shown | {known: _facts(model) for known, model in models.items()})
        return
    for known, preset in recipes.items():
        _show_recipe(known, preset, whole=name is not None)
    for known, model in models.items():
        output.print(known, style="bold")
        output.print(f"  {model.title}, simulated: --draw FILE draws its figure")
        output.print(f"  published: {model.published}")
        if name:
            output.print(f"  {model.source}")
            for quantity, value in model.numbers.items():
                output.print(f"  {quantity}: {value}")


def _draw(name: str | None, path: str | None, scale: float, as_json: bool) -> None:
    if name is None or name not in MODELS:
        expected = one_of(name or "", list(MODELS))
        raise ValueError(f"--draw and --scale are of models, but {name!r} was named, expected {expected}")
    if path is None:
        raise ValueError("--scale is of a model that is drawn, but no picture was named: add --draw FILE")
    picture_file(path)
    from spikelearn.draw import save  # it loads matplotlib, which no other command waits for

    figure, measured = MODELS.build(name, {"scale": scale}).draw()
    save(figure, path)
    if as_json:
        print_json({"model": name, "measured": measured, "picture": path})
        return
    for words in measured:
        output.print(words)
    output.print(f"picture {path}")


def _show_recipe(known: str, preset: Preset, *, whole: bool) -> None:
    output.print(known, style="bold")
    output.print(f"  {preset.title}")
    output.print(f"  published: {preset.published}")
    if whole:
        output.print(f"  {preset.source}")
        for key, value in preset.values.items():
            options = value if isinstance(value, dict) else {}
            words = ", ".join(f"{k}={v}" for k, v in options.items()) if options else value
            output.print(f"  {key}: {words}")


def _facts(model: "type[Model]") -> dict[str, object]:
    """What is known of a model, as plain values."""
    return {"title": model.title, "source": model.source, "published": model.published, "numbers": dict(model.numbers)}
