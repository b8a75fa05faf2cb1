"""Pictures of activity and weights, of runs and of simulations."""

from itertools import chain, count, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spikelearn.cli.suited import settings_at
from spikelearn.files import write_atomically
from spikelearn.network import Network
from spikelearn.network.block_weights import chosen_weights, tensors_of
from spikelearn.plasticity import Batch
from spikelearn.runs import Settings, prepare, trained_network
from spikelearn.runs.simulations import simulation_of
from spikelearn.simulation import Recording, SimulationFolder
from spikelearn.threads import threads
from spikelearn.training import RunFolder, forming_weights, load_checkpoint

#: Figures by their names.
OF_SPIKES = ("raster", "membranes", "thresholds", "rates", "histograms")
OF_WEIGHTS = ("weights", "weight-histograms", "changes", "movie")
OF_ACTIVITY = (*OF_SPIKES, *OF_WEIGHTS)

#: Seconds of a recording that are drawn where nothing else is said, at most: the last.
SHOWN = 1.0


class Asked(NamedTuple):
    """What is to be drawn, as the flags of ``plot`` say it."""

    figure: str
    source: str
    sample: int
    block: str | None
    begin: float | None
    end: float | None
    frames: int
    data_root: str | None


def draw_activity(asked: Asked, path: str) -> None:
    """Draw a figure and write it.

    Raises:
        ValueError: nothing of that name, or something that it does not hold.
    """
    from spikelearn.draw import save  # it loads matplotlib, which no other command waits for

    place = Path(asked.source)
    simulated = SimulationFolder(place)
    is_recording = place.is_file() and place.suffix in (".h5", ".hdf5")
    if simulated.about.is_file() or is_recording:
        drawn = _of_simulation(asked, Recording(place if is_recording else simulated.recording), simulated)
    elif asked.begin is not None or asked.end is not None:
        raise ValueError(f"--from and --to are of recordings, but {asked.source!r} is none: leave them out")
    else:
        drawn = _of_run(asked)
    if isinstance(drawn, bytes):
        write_atomically(Path(path), drawn)
    else:
        save(drawn, path)


def _of_simulation(asked: Asked, recording: Recording, folder: SimulationFolder) -> Any:
    from spikelearn import draw

    if asked.figure in OF_SPIKES:
        return _of_spikes(asked, recording)
    if asked.figure == "movie":
        return draw.forming(_frames(recording, asked))
    if not folder.about.is_file():
        raise ValueError(f"{asked.figure} is of a network, expected the folder of a simulation, not {asked.source!r}")
    now = _network_at(folder, folder.state)
    before = _network_at(folder, folder.beginning) if folder.beginning.is_file() else None
    if asked.figure == "changes" and before is None:
        raise ValueError(f"{folder.path} was simulated without plasticity, so that no weight has changed")
    return _of_weights(asked, now, before)


def _of_spikes(asked: Asked, recording: Recording) -> Any:
    from spikelearn import draw

    end = recording.seconds if asked.end is None else asked.end
    begin = max(0.0, end - SHOWN) if asked.begin is None else asked.begin
    if not 0 <= begin < end <= recording.seconds:
        raise ValueError(
            f"it was asked to draw from {begin:g} to {end:g} s, expected a part of the {recording.seconds:g} s recorded"
        )
    first, last = round(begin / recording.dt), round(end / recording.dt)
    options: dict[str, Any] = {"sample": asked.sample, "dt": recording.dt}
    options["title"] = f"{recording.path}, from {begin:g} to {end:g} s"
    if asked.figure == "thresholds":
        names = [item.place for item in recording.plan if item.variable == "threshold"]
        kept = {name: recording.values(name, "threshold", first, last) for name in names}
        return draw.thresholds({name: (seen.step - first, seen.values) for name, seen in kept.items()}, **options)
    record = recording.record(first, last)
    if asked.figure == "membranes":
        names = [item.place for item in recording.plan if item.variable == "v"]
        if not (record := {name: seen for name, seen in record.items() if name in names}):
            raise ValueError(f"{recording.path} holds no potentials: record BLOCK:v and BLOCK:spikes")
    return getattr(draw, asked.figure)(record, **options)


def _frames(recording: Recording, asked: Asked) -> np.ndarray:
    """The weights of a block at some of the steps at which they were kept, [N, out, in]."""
    names = [item.place for item in recording.plan if item.variable == "weight"]
    if not names:
        raise ValueError(f"{recording.path} holds no weights: record BLOCK:weight:every=STEPS")
    kept = recording.values(asked.block or names[0], "weight")
    chosen = np.unique(np.linspace(0, len(kept.step) - 1, min(asked.frames, len(kept.step))).round().astype(int))
    frames = np.zeros((len(chosen), int(kept.post.max()) + 1, int(kept.pre.max()) + 1))
    frames[:, kept.post, kept.pre] = kept.values[chosen]
    return frames[:, np.unique(kept.post)]


def _network_at(folder: SimulationFolder, state: Path) -> Network:
    simulation = simulation_of(folder.read())
    simulation.load_state_dict(load_checkpoint(state))
    return simulation.network


def _of_run(asked: Asked) -> Any:
    from spikelearn import draw

    settings, folder = settings_at(asked.source)
    if asked.data_root is not None:
        settings = settings.model_copy(update={"data_root": asked.data_root})
    with threads(settings.threads):
        if asked.figure == "movie":
            return _learning(settings, asked)
        network = _trained(settings, folder)
        if asked.figure in OF_WEIGHTS:
            before = settings.make_network() if asked.figure != "weights" else None
            return _of_weights(asked, network, before)
        _, loaders = prepare(settings)
        batch = Batch.of(next(iter(loaders["test"].epoch(0))), loaders["test"].task).one(asked.sample)
        return getattr(draw, asked.figure)(network, batch.inputs)


def _of_weights(asked: Asked, now: Network, before: Network | None) -> Any:
    from spikelearn import draw

    if asked.figure == "weights":
        return draw.weights(now, asked.block)
    if asked.figure == "weight-histograms":
        return draw.weight_histograms(now, before)
    assert before is not None
    return draw.changes(before, now, asked.block)


def _trained(settings: Settings, folder: RunFolder | None) -> Network:
    """The network of a run where it stands, of settings as it begins."""
    if folder is not None and folder.weights.is_file():
        return trained_network(folder, settings)
    network = settings.make_network().eval()
    if folder is not None and folder.checkpoint.is_file():
        network.load_state_dict(load_checkpoint(folder.checkpoint)["training"]["network"])
    return network


def _learning(settings: Settings, asked: Asked) -> bytes:
    """Receptive fields while the first batches are learned anew."""
    from spikelearn import draw

    training, loaders = prepare(settings)
    network, loader = training.network, loaders["train"]
    name, _ = chosen_weights(tensors_of(network), asked.block)
    epochs = chain.from_iterable(loader.epoch(number) for number in count())
    batches = (Batch.of(samples, loader.task) for samples in islice(epochs, asked.frames - 1))
    shape = network.input_shape if name == next(iter(network.blocks)) else None
    return draw.forming(forming_weights(training, batches, name), shape)
