"""What pictures of activity are drawn of: a record, or a network and the inputs that it is run on."""

from collections.abc import Mapping
from typing import Any

import torch

from spikelearn.draw.style import blocks_of
from spikelearn.network import Network


def record_of(source: Network | Mapping[str, Any], inputs: Any) -> Mapping[str, Any]:
    """The record: as it was given, or of a network that is run on ``inputs`` [T, B, ...].

    Raises:
        ValueError: no record; a network without inputs.
    """
    if not isinstance(source, Network):
        return blocks_of(source)
    if inputs is None:
        raise ValueError("a network was given without inputs, expected what it is run on, [T, B, ...], beside it")
    with torch.no_grad():
        record, _ = source.run(torch.as_tensor(inputs))
    return record


def step_of(source: Any, dt: float | None) -> float | None:
    """The time step, seconds: as it was given, else that of a network; None: it is not known."""
    return next(iter(source.blocks.values())).neuron.dt if dt is None and isinstance(source, Network) else dt
