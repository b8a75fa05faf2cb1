"""What ``spikelearn datasets`` does with one data set: get, check, show."""

import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from spikelearn.cli.common import output, print_json, progress
from spikelearn.datasets import DATASETS, DataWarning, kind_of, open_dataset
from spikelearn.datasets.archives import Archive, is_there
from spikelearn.datasets.base import Dataset, EventDataset, ImageDataset, Split
from spikelearn.datasets.provenance import md5_of
from spikelearn.datasets.recorded_files import fetch_archives
from spikelearn.datasets.root import data_root as root_of
from spikelearn.recordings import Binning, as_events

#: Faults of recordings that are printed at most.
SHOWN_FAULTS = 10

SPLITS: tuple[Split, Split] = ("train", "test")


def _archives(kind: type[Dataset]) -> list[Archive]:
    by_split = getattr(kind, "archives", {})
    return list(dict.fromkeys(archive for split in SPLITS for archive in by_split.get(split, ())))


def get(name: str, root: Path) -> None:
    """Download what is missing of a data set, and say where it lies."""
    kind = kind_of(name)
    if name not in DATASETS or kind.bundled:
        output.print(f"{name} needs no download")
        return
    folder, archives = root / name, _archives(kind)
    root.mkdir(parents=True, exist_ok=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress("{task.description}", *columns, console=progress, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def told(archive: str, there: int, of: int | None) -> None:
            if archive not in tasks:
                tasks[archive] = bar.add_task(archive, total=of)
            bar.update(tasks[archive], completed=there, total=of)

        fetch_archives(folder, archives, told)
    for split in SPLITS if not archives else ():
        open_dataset(name, split, root, {})
    output.print(f"{name}: {folder}")


def binned(data: Dataset, binning: str) -> EventDataset:
    """Recordings binned as text says; raises ValueError where there are none."""
    if not isinstance(data, EventDataset):
        raise ValueError("--binning was given, but the samples are no recordings of events: leave it out")
    return data.binned_by(Binning.make(binning))


def check(
    name: str, data_root: str | None, options: dict[str, Any], as_json: bool, binning: str | None, steps: int
) -> list[str]:
    """Read every sample of both splits, and compare archives and files with what was published; the faults found.

    With ``binning`` recordings are binned into ``steps`` steps, and it is counted what becomes of their events.
    """
    found: dict[str, Any] = {"name": name}
    faults: list[str] = []
    folder = root_of(data_root) / name
    for archive in _archives(kind_of(name)) if name in DATASETS else ():
        path = folder / archive.into / archive.name
        if path.is_file() and md5_of(path) != archive.md5:
            faults.append(f"{path} is not the published file: its md5 is not {archive.md5}")
        elif not is_there(folder, archive):
            faults.append(f"{path} is not there: spikelearn datasets get {name}")
    for split in SPLITS if not faults else ():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            data = open_dataset(name, split, data_root, options)
        data = data if binning is None else binned(data, binning)
        read = _read_all(data, faults, steps) if isinstance(data, EventDataset) else {}
        found[split] = {"samples": len(data), **read, **data.provenance.record()}
    found["faults"] = faults
    if as_json:
        print_json(found)
        return faults
    for split in SPLITS:
        if split in found:
            row = found[split]
            same = {True: "the published files", False: "not the published files", None: ""}[row.get("published")]
            events = f", {row['events']} events" if "events" in row else ""
            if "merged" in row:
                events += f" ({row['merged']} meet another in {steps} steps, {row['outside']} lie outside)"
            output.print(", ".join(filter(None, [f"{name}, {split}: {row['samples']} samples{events}", same])))
    for fault in faults[:SHOWN_FAULTS]:
        output.print(f"  {fault}")
    output.print(f"{len(faults)} faults" if faults else "no faults")
    return faults


def _read_all(data: EventDataset, faults: list[str], steps: int) -> dict[str, Any]:
    """The events of all recordings that are right, and how many were out of order; faults are added."""
    events = unsorted = outside = merged = 0
    for index in range(len(data)):
        try:
            recording = as_events(data.recording(index), data.sensor_size, in_order=data.in_order)
            if data.binning is not None:
                found = data.binning.of_events(recording, data.sensor_size, steps, data.start)
                outside, merged = outside + found.outside, merged + found.merged
        except ValueError as error:
            faults.append(f"{data.place(index)}: {error}")
            continue
        events += len(recording.t)
        unsorted += recording.late is not None
    counted = {} if data.binning is None else {"outside": outside, "merged": merged}
    return {"events": events, "recordings out of order": unsorted, **counted}


def show(data: Dataset, name: str, sample: int, steps: int, out: str | None) -> None:
    """Draw a sample into a file."""
    from spikelearn.draw import save
    from spikelearn.draw.recordings import events, moving
    from spikelearn.files import write_atomically

    if not 0 <= sample < len(data):
        raise ValueError(f"--sample is {sample}, expected 0 to {len(data) - 1}")
    path = Path(out or f"{name.replace(':', '-').replace('/', '-')}-{sample}.png")
    target = data.targets[sample].tolist()
    if path.suffix.lower() not in (".png", ".gif"):
        raise ValueError(f"--out is {out!r}, expected a name that ends in .png or .gif")
    if isinstance(data, EventDataset):
        if path.suffix.lower() == ".gif":
            write_atomically(path, moving(data.frames([sample], steps)[:, 0].numpy()))
        else:
            recording = as_events(data.recording(sample), data.sensor_size, in_order=data.in_order)
            title = f"{data.place(sample)}, class {target}, {len(recording.t)} events"
            save(events(recording, data.sensor_size, title=title), path)
    elif isinstance(data, ImageDataset) and path.suffix.lower() == ".png":
        save(_image(data, sample, f"{name}, {data.split} sample {sample}, class {target}"), path)
    else:
        raise ValueError(
            f"a sample of {name} cannot be drawn as {path.suffix}, expected a still image as .png, or events"
        )
    output.print(f"{path}: class {target}")


def _image(data: ImageDataset, sample: int, title: str) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axis = figure.add_subplot()
    planes = data.sample(sample).permute(1, 2, 0).numpy()
    axis.imshow(planes if planes.shape[2] == 3 else planes[..., 0], cmap="Greys", interpolation="nearest")
    axis.set_title(title, loc="left", fontsize=8)
    return figure


def show_cache(clear: bool, as_json: bool) -> None:
    """List what is kept of binned recordings, the last used first, or remove it."""
    from spikelearn.datasets import binned_cache

    listed = binned_cache.kept()
    removed = binned_cache.clear() if clear else 0
    folder, most = binned_cache.cache_folder(), binned_cache.limit()
    if as_json:
        rows = [{"name": one.name, "files": len(one.files), "bytes": one.bytes, "used": one.used} for one in listed]
        print_json({"folder": str(folder), "limit": most, "kept": [] if clear else rows, "removed": removed})
        return
    for one in () if clear else listed:
        used = datetime.fromtimestamp(one.used).strftime("%Y-%m-%d %H:%M")
        output.print(f"{one.name}: {one.bytes / 1e6:.1f} MB, last used {used}")
    size = sum(one.bytes for one in listed)
    done = f"removed {removed / 1e6:.1f} MB" if clear else f"{size / 1e6:.1f} MB of at most {most / 1e9:g} GB"
    output.print(f"{done} in {folder}")
