"""What the pictures of a run are drawn from: the activity of a few samples, in one file."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikelearn.datasets import Loader
from spikelearn.files import write_atomically
from spikelearn.network import Network, evaluating

#: Samples that are recorded.
RECORDED = 4


@torch.no_grad()
def save_recording(path: Path, network: Network, loader: Loader, device: torch.device | str = "cpu") -> None:
    """Present the first samples of ``loader`` and keep inputs, spikes, potentials, targets and predictions.

    The file is numpy's npz: ``inputs`` [T, B, n], ``targets`` and ``predictions`` [B], and for every block
    ``spikes.<block>`` and ``v.<block>`` [T, B, n], ``threshold.<block>``; images are flattened. ``dt`` in seconds.
    """
    inputs, targets = loader.load(loader.indices[:RECORDED])
    with evaluating(network):
        record, _ = network.run(inputs.to(device))
        scores = network.scores(record)
    first = next(iter(network.blocks.values()))
    arrays: dict[str, Any] = {
        "inputs": inputs.flatten(2).numpy(),
        "targets": targets.numpy(),
        "predictions": scores.argmax(1).cpu().numpy(),
        "dt": np.array(first.neuron.dt),
    }
    for name, seen in record.items():
        arrays[f"spikes.{name}"] = seen.spikes.flatten(2).to(torch.uint8).cpu().numpy()
        arrays[f"v.{name}"] = seen.v.flatten(2).cpu().numpy()
        arrays[f"threshold.{name}"] = np.array(network.blocks[name].neuron.v_threshold)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())
