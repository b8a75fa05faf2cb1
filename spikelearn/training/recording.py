"""Recordings of a few samples' activity, from which the pictures of a run are drawn."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikelearn.files import write_atomically
from spikelearn.loading import Loader
from spikelearn.network import Network, evaluating
from spikelearn.neurons.parts.constants import number_or
from spikelearn.plasticity import Batch

#: Samples that are recorded.
RECORDED = 4


def save_recording(path: Path, network: Network, loader: Loader, device: torch.device | str = "cpu") -> None:
    """Present the first samples of ``loader``, and keep what the network makes of them."""
    record_samples(path, network, Batch.of(loader.load(loader.indices[:RECORDED]), loader.task), device)


@torch.no_grad()
def record_samples(path: Path, network: Network, batch: Batch, device: torch.device | str = "cpu") -> None:
    """Present a batch, and keep inputs, spikes, potentials, targets and predictions.

    The file is numpy's npz: ``inputs`` [T, B, n], ``targets`` and ``predictions`` as the task has them, classes [B] or
    [T, B], numbers [B, n] or [T, B, n]; where steps are left out ``valid`` [T, B]; and for every block
    ``spikes.<block>`` (real values where graded neurons sent them) and ``v.<block>`` [T, B, n], ``threshold.<block>``,
    infinite where each neuron has its own; images are flattened. ``dt`` in seconds;
    ``shape`` is that of one sample's input at one step.
    """
    with evaluating(network):
        record, _ = network.run(batch.to(torch.device(device)).inputs)
        valid = batch.valid_steps
        scores = network.scores(record, None if valid is None else valid.to(device))
    inputs = batch.inputs
    first = next(iter(network.blocks.values()))
    arrays: dict[str, Any] = {
        "inputs": inputs.flatten(2).cpu().numpy(),
        "targets": batch.targets.cpu().numpy(),
        "predictions": (scores.argmax(-1) if batch.task.classes else scores).cpu().numpy(),
        "dt": np.array(first.neuron.dt),
        "shape": np.array(inputs.shape[2:]),
    }
    if valid is not None:
        arrays["valid"] = valid.cpu().numpy()
    for name, seen in record.items():
        neuron, sent = network.blocks[name].neuron, seen.spikes.flatten(2)
        arrays[f"spikes.{name}"] = (sent if neuron.graded else sent.to(torch.uint8)).cpu().numpy()
        arrays[f"v.{name}"] = seen.v.flatten(2).cpu().numpy()
        arrays[f"threshold.{name}"] = np.array(number_or(neuron.v_threshold, np.inf))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())
