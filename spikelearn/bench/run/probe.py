"""What a trial measures while it trains: at the start and after every epoch, on samples that it does not learn."""

import copy
import time
from dataclasses import asdict
from typing import Any

import torch

from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.documents import check_seal, json_text, object_from, sealed
from spikelearn.files import append
from spikelearn.loading import Loader
from spikelearn.measure import (
    Operations,
    activity,
    alignment,
    energy,
    forward_operations,
    in_memory,
    learning_operations,
    membrane_updates,
    payload_bytes,
    writes,
)
from spikelearn.measure.isolation import isolated
from spikelearn.plasticity import Batch
from spikelearn.runs import Settings, test_loader, usable_device
from spikelearn.training import Training, learn
from spikelearn.training.parts import plain

#: Test samples that are measured.
SAMPLES = 64


class Probe:
    """Measures alignment to BPTT and activity of one batch, and once also operations, bytes and writes.

    The batch is of test samples, spread evenly: measured, never learned. Each time is one line of ``looks.jsonl``.

    Args:
        settings: the trial's.
        folder: where the lines go.
    """

    def __init__(self, settings: Settings, folder: TrialFolder) -> None:
        self.settings, self.folder = settings, folder
        self.seconds = 0.0
        self._batch: Batch | None = None

    def __call__(self, training: Training, epoch: int) -> None:
        """Measure ``training`` after ``epoch`` epochs and write the line down."""
        started = time.monotonic()
        reasons: dict[str, str] = {}
        # Counting takes the time of some batches: of the last epoch alone; with patience every one may be the last.
        count = epoch == self.settings.epochs or self.settings.patience is not None
        seen = self._values(training, reasons, count=count)
        line = {"epoch": epoch, **seen, "reasons": reasons, "seconds": time.monotonic() - started}
        cut = self.folder.probe.is_file() and not self.folder.probe.read_bytes().endswith(b"\n")
        append(self.folder.probe, ("\n" * cut + json_text(sealed(line)) + "\n").encode())
        self.seconds += time.monotonic() - started

    def _values(self, training: Training, reasons: dict[str, str], *, count: bool) -> dict[str, Any]:
        batch = self._batch = self._batch or spread_batch(test_loader(self.settings), self.settings)
        network, rule, memory, generator = training.network, training.rule, training.memory, training.generator
        aligned = alignment(network, rule, batch, memory, generator)
        reasons |= {f"alignment of {part}": reason for part, reason in aligned.reasons.items()}
        if aligned.reason:
            reasons["alignment"] = aligned.reason
        values: dict[str, Any] = {"alignment": aligned.blocks or None}
        values["activity"] = {name: asdict(seen) for name, seen in activity(network, batch.inputs).items()}
        if count:
            forward = forward_operations(network, batch.inputs)
            learning = learning_operations(network, rule, batch, memory, generator)
            updates = membrane_updates(network, batch.inputs)
            values["forward"], values["energy_forward"] = _costs(forward, updates, "forward", reasons)
            values["learning"], values["energy_learning"] = _costs(learning, 0, "learning", reasons)
            values["in_memory"] = _in_memory(training, batch, learning, self.settings.batch, reasons)
            optimizers = [*plain(training.optimizer), *plain(training.own_optimizer)]
            payload = payload_bytes(network, rule, batch, memory, generator, optimizers)
            values["payload_bytes"] = asdict(payload)
            values["writes"] = _writes(training, batch)
        return values


def _costs(
    counted: Operations, updates: int, what: str, reasons: dict[str, str]
) -> tuple[dict[str, float] | None, dict[str, float] | None]:
    """Operations and energy of a sample; None, with the reason noted, where they could not be counted."""
    if counted.total is None:
        reasons[what] = counted.reason
        return None, None
    spent = energy(counted.total, updates)
    count = {
        "accumulates": counted.total.acs,
        "multiply_accumulates": counted.total.macs,
        "dense": counted.total.dense,
    }
    return count, {"arithmetic": spent.arithmetic, "with_memory": spent.with_memory}


def _in_memory(
    training: Training, batch: Batch, learning: Operations, size: int, reasons: dict[str, str]
) -> dict[str, float] | None:
    """Time and energy of a sample on a chip that computes in its memory; None, with the reason noted."""
    try:
        spent = in_memory(training.network, training.rule, batch.inputs, batch=size, learning=learning)
    except ValueError as error:
        reasons["in_memory"] = str(error)
        return None
    seconds = {"forward_seconds": spent.forward.seconds, "backward_seconds": spent.backward_seconds}
    phases = ("error", "weight_gradient", "update")
    return {
        **seconds,
        **{f"{phase}_seconds": getattr(spent, phase).seconds for phase in phases},
        "joules": spent.joules,
    }


def _writes(training: Training, batch: Batch) -> dict[str, Any]:
    """Weights that one more step of learning would change, by taking it on a copy.

    It is a step at the learning rate that training began with: many schedules have come down to 0 at the end.
    """
    network = training.network
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    with isolated(network, training.generator):
        copied = copy.deepcopy(training)
        for group in copied.optimizer.param_groups:
            group["lr"] = group.get("initial_lr", group["lr"])
        learn(copied, batch)
    return asdict(writes(before, dict(copied.network.named_parameters())))


def read_probe(folder: TrialFolder) -> dict[int, dict[str, Any]]:
    """{epoch: what was measured}, the last where a continued trial measured twice; without cut or damaged lines."""
    by_epoch = {}
    for line in folder.probe.read_bytes().splitlines() if folder.probe.is_file() else []:
        try:
            measured = object_from(line)
            check_seal(measured)
        except ValueError:
            continue
        if isinstance(measured.get("epoch"), int):
            by_epoch[measured["epoch"]] = measured
    return by_epoch


def spread_batch(loader: Loader, settings: Settings) -> Batch:
    """Samples from all over the loader's, for some data sets are sorted by class; as many for every arm."""
    count = min(SAMPLES, loader.samples)
    places = torch.arange(count) * loader.samples // count
    return Batch.of(loader.load(loader.indices[places]), loader.task).to(usable_device(settings.device))
