"""An ordinary network beside the spiking ones: the same layers with ReLU, trained by backpropagation.

It is no arm: nothing is tested against it. It tells what the data and the layers allow without spikes.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from torch import Tensor, nn, optim

from spikelearn.bench.run.trial_folder import FORMAT
from spikelearn.datasets import short_name
from spikelearn.documents import modelled, read_sealed, sealed, write_json
from spikelearn.loading import Loader
from spikelearn.network.architecture import Conv, Dense, Layer, Residual, Wired, parse
from spikelearn.runs import Settings, is_nir, make_loaders, usable_device
from spikelearn.seeding import derived_seed
from spikelearn.synapses import Residual as ResidualSynapse
from spikelearn.tasks import confused
from spikelearn.threads import threads
from spikelearn.training import Interrupted
from spikelearn.training.interrupt import StopRequest, stop_on_signals

#: Folder of the records in that of a comparison.
FOLDER = "ordinary"

#: Learning rate of Adam, the usual one.
LR = 1e-3

#: Learning rates that are tried where the arms' settings were searched for too; about those that tuning searches.
TRIED = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)

#: Share of the training samples that is held out for that, where the settings hold out none.
HELD_OUT = 0.1


class OrdinaryRecord(BaseModel):
    """What is read of the record that ``train_ordinary`` returns; what it trained under is only shown."""

    model_config = ConfigDict(strict=True, frozen=True)

    format: int = FORMAT
    data: str
    net: str
    seed: int
    accuracy: float = Field(ge=0, le=1)
    test_samples: int = Field(ge=1)
    epochs: Any = None
    batch: Any = None
    lr: Any = None
    searched: Any = None
    train_samples: Any = None
    parameters: Any = None


def ordinary_network(net: str, shape: tuple[int, ...], seed: int = 0) -> nn.Sequential:
    """The layers of an architecture string as torch's own, with biases, and ReLU behind all but the last.

    Pools take the mean, or the largest where the string says so; feedback edges are left out.

    Args:
        net: such as 784-400-10, or 15C5-P2-300-10.
        shape: of a sample, where the string does not say.
        seed: of the weights, which are drawn as torch draws them.

    Raises:
        ValueError: a string that cannot be read, or layers that do not fit the samples.
    """
    if is_nir(net):
        raise ValueError(
            f"network {net!r} is a file, but the ordinary network beside a comparison is made of a string: leave out "
            "--reference-mlp, or take a string"
        )
    named, layers = parse(net)
    if any(
        isinstance(layer, Wired) and (layer.source or layer.joined or layer.read or layer.returned) for layer in layers
    ):
        raise ValueError(
            f"network {net!r} is a graph, but the ordinary network beside a comparison is a chain: leave out "
            "--reference-mlp, or take a chain"
        )
    if named is not None and len(named) == 3:
        shape = named
    modules: list[nn.Module] = []
    sample = torch.zeros(1, *shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "ordinary"))
        for place, layer in enumerate(layers):
            for module in _modules(layer, sample, last=place == len(layers) - 1):
                try:
                    sample = module(sample)
                except RuntimeError as error:
                    reason = str(error).splitlines()[0]
                    raise ValueError(f"network {net!r} does not fit samples of shape {shape}: {reason}") from error
                modules.append(module)
    return nn.Sequential(*modules)


def _modules(layer: Layer, sample: Tensor, last: bool) -> list[nn.Module]:
    relu: list[nn.Module] = [] if last else [nn.ReLU()]
    if isinstance(layer, Dense):
        flat: list[nn.Module] = [nn.Flatten()] if sample.ndim > 2 else []
        return [*flat, nn.Linear(sample[0].numel(), layer.size), *relu]
    if isinstance(layer, Conv):
        return [nn.Conv2d(sample.shape[1], layer.filters, layer.kernel, layer.stride, layer.padding), *relu]
    if isinstance(layer, Residual):
        return [ResidualSynapse(sample.shape[1], layer.filters, layer.kernel, layer.stride), *relu]
    return [(nn.MaxPool2d if layer.kind == "max" else nn.AvgPool2d)(layer.kernel, layer.stride)]


def record_names(settings: Sequence[Settings], search: bool) -> list[str]:
    """Where the records of these settings lie, below the comparison's folder."""
    return [f"{FOLDER}/{_name(one, search)}.json" for one in settings]


def run_ordinary(
    settings: Sequence[Settings], folder: Path, console: Console | None = None, *, search: bool = True
) -> None:
    """Train an ordinary network for each of these settings, in this process; what has ended is never run again.

    Args:
        settings: the conditions that all arms share, for every data set, network and seed.
        folder: of the comparison.
        console: where a line for each goes; None: nowhere.
        search: whether the learning rate is chosen from ``TRIED``, once for every data set and network; else ``LR``.

    Raises:
        Interrupted: asked to stop; what has ended is kept.
    """
    chosen: dict[tuple[str, str], float] = {}
    for one, name in zip(settings, record_names(settings, search), strict=True):
        path, place = folder / name, (one.data, one.net)
        if _read(path) is None:
            if place not in chosen:
                first = next(other for other in settings if (other.data, other.net) == place)
                chosen[place] = found_lr(first) if search else LR
            record = {"format": FORMAT, "searched": search, **train_ordinary(one, chosen[place])}
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, sealed(record))
            if console is not None:
                where = f"{one.net} on {one.data}, seed {one.seed}"
                console.print(f"done    ordinary network {where}: {100 * record['accuracy']:.2f} %")


def read_ordinary(folder: Path, names: Sequence[Any]) -> tuple[list[OrdinaryRecord], list[str]]:
    """The records that an index names, and how many of them cannot be used, in a sentence."""
    wanted = [name for name in names if isinstance(name, str)]
    kept = [record for name in wanted if (record := _read(folder / FOLDER / Path(name).name)) is not None]
    lost = len(wanted) - len(kept)
    note = f"ordinary networks without results, of {len(wanted)}: {lost} (the same command trains them)"
    return kept, [note] if lost else []


def _read(path: Path) -> OrdinaryRecord | None:
    """A record; None where it is missing or damaged, which the same command makes good."""
    try:
        content = read_sealed(path)
        return modelled(OrdinaryRecord, content) if content.get("format") == FORMAT else None
    except ValueError:
        return None


def found_lr(settings: Settings) -> float:
    """The learning rate, of ``TRIED``, with the best accuracy on held-out training samples; the lower of equal ones."""
    if settings.validation == 0:
        settings = settings.model_copy(update={"validation": HELD_OUT})
    loaders = make_loaders(settings)
    accuracies = {lr: _accuracy(_trained(settings, lr, loaders["train"], loaders["validation"])) for lr in TRIED}
    return max(TRIED, key=lambda lr: (accuracies[lr], -lr))


def train_ordinary(settings: Settings, lr: float = LR) -> dict[str, Any]:
    """Train and test one; its record as plain values.

    It sees the samples, batches and epochs of ``settings``, in the order in which the arms see them, each sample as the
    mean of its input over the time steps.
    """
    loaders, started = make_loaders(settings), time.monotonic()
    counts = _trained(settings, lr, loaders["train"], loaders["test"])
    network = ordinary_network(settings.net, settings.sample_shape())
    return {
        "data": settings.data,
        "net": settings.net,
        "seed": settings.seed,
        "accuracy": _accuracy(counts),
        "confusion": counts.tolist() if len(counts) <= 100 else None,
        "test_samples": loaders["test"].samples,
        "train_samples": loaders["train"].samples,
        "epochs": settings.epochs,
        "batch": settings.batch,
        "lr": lr,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "seconds": time.monotonic() - started,
    }


def _trained(settings: Settings, lr: float, train: Loader, test: Loader) -> Tensor:
    """Counts [classes, classes] of the samples of ``test``, after all epochs of ``train``."""
    device = usable_device(settings.device)
    network = ordinary_network(settings.net, settings.sample_shape(), settings.seed).to(device)
    optimizer = optim.Adam(network.parameters(), lr)
    with threads(settings.threads), stop_on_signals() as request:
        for epoch in range(settings.epochs):
            for samples in train.epoch(epoch):
                _check(request)
                optimizer.zero_grad()
                scores = network(_seen(samples.inputs, device))
                nn.functional.cross_entropy(scores, samples.targets.to(device)).backward()
                optimizer.step()
        return _tested(network, test, device, request)


@torch.no_grad()
def _tested(network: nn.Module, loader: Loader, device: torch.device, request: StopRequest) -> Tensor:
    """Counts [classes, classes] of the test samples."""
    confusions = []
    for samples in loader.epoch():
        _check(request)
        confusions.append(confused(network(_seen(samples.inputs, device)).cpu(), samples.targets))
    return torch.stack(confusions).sum(0)


def _seen(inputs: Tensor, device: torch.device) -> Tensor:
    return inputs.to(device, torch.float32).mean(0)


def _accuracy(counts: Tensor) -> float:
    return int(counts.trace()) / int(counts.sum())


def _check(request: StopRequest) -> None:
    if request.asked:
        raise Interrupted("interrupted while the ordinary network trained")


def _name(settings: Settings, search: bool) -> str:
    made_of = {"settings": settings.result_depends_on(), "search": search}
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:10]
    return f"{short_name(settings.data)}-{settings.seed}-{digest}"
