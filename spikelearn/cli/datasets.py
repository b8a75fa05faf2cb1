"""spikelearn datasets: what there is; get, check or show one; what is kept of binned recordings"""

from pathlib import Path
from typing import Annotated

import typer

from spikelearn.cli.common import AsJson, Imports, output, read_options
from spikelearn.cli.listing import print_summaries
from spikelearn.data_root import data_root as root_of
from spikelearn.declared import declared

ACTIONS = ("get", "check", "show")


def datasets_command(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[get|check|show|cache] [NAME]", help="What to do, and with which.")
    ] = None,
    data_root: Annotated[str | None, typer.Option(help="Folder of the data sets.")] = None,
    data_option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Option of the data set; repeat for more.")
    ] = None,
    split: Annotated[str, typer.Option(help="show: train or test.")] = "train",
    sample: Annotated[int, typer.Option(help="show: number of the sample.")] = 0,
    steps: Annotated[int, typer.Option(help="show: frames of a .gif; check: steps of --binning.")] = 20,
    binning: Annotated[
        str | None, typer.Option(help="How recordings become steps; check counts the events that meet in them.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="show: picture to write, .png or .gif; default: NAME-SAMPLE.png")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="cache: remove all that is kept.")] = False,
    imports: Imports = None,
    as_json: AsJson = False,
) -> None:
    """List the data sets, or show one; get downloads, check reads every sample, show draws one.
    cache lists the binned recordings that are kept on the disk; SPIKELEARN_CACHE_GB says how many GB (8; 0: none).

    NAME alone prints all about it; of your own are idx:, file:, folder:, images: and video: with a path.

    \b
    Examples:
      spikelearn datasets
      spikelearn datasets nmnist
      spikelearn datasets check digits
      spikelearn datasets check digits-events --steps 10 --binning down=2
      spikelearn datasets cache --clear
    """
    given = list(words or ())
    if given == ["cache"]:
        from spikelearn.cli.dataset_actions import show_cache

        show_cache(clear, as_json)
        return
    if clear:
        raise ValueError("--clear belongs to spikelearn datasets cache: say cache, or drop it")
    action = given.pop(0) if given and given[0] in ACTIONS else None
    if len(given) > 1 or (action and not given):
        raise ValueError(
            f"datasets was given {' '.join(words or ())!r}, expected a NAME, {' | '.join(ACTIONS)} NAME, or cache"
        )
    root = root_of(data_root)
    if action is None and not (given or imports or as_json):
        _list_all(root)
        return
    if action is None:
        from spikelearn.cli.components import show_datasets

        show_datasets(given[0] if given else None, root, as_json)
        return
    from spikelearn.cli.dataset_actions import SPLITS, binned, check, get, show
    from spikelearn.datasets import full_name, open_dataset

    name, options = full_name(given[0]), read_options("--data-option", data_option) or {}
    if action == "get":
        get(name, root)
    elif action == "check":
        faults = check(name, data_root, options, as_json, binning, steps)
        if faults:
            raise typer.Exit(1)
    else:
        if split not in SPLITS:
            raise ValueError(f"--split is {split!r}, expected train or test")
        shown = open_dataset(name, "train" if split == "train" else "test", data_root, options)
        show(shown if binning is None else binned(shown, binning), given[0], sample, steps, out)


def _there(is_there: bool) -> str:
    return "there" if is_there else "not there"


def _list_all(root: Path) -> None:
    for data in sorted(declared("datasets", "DATASETS"), key=lambda data: data.name):
        folder = root / data.attributes.get("lies_in", data.name)
        print_summaries([data])
        there = "bundled" if data.attributes.get("bundled") else f"{folder} ({_there(folder.is_dir())})"
        output.print(f"  {there}")
    output.print("-- files of your own: --data idx:FOLDER, file:PATH.npz, folder:PATH, images:PATH, video:PATH")
