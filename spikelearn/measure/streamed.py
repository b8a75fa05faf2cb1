"""A network on one recording of any length, a piece of the steps at a time."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_tensor
from spikelearn.network import MembraneReadout, Network, RateReadout, check_weights_finite, evaluating
from spikelearn.plasticity import firing_rates
from spikelearn.seeding import derived_seed
from spikelearn.synapses import float_type


class StreamScores(NamedTuple):
    """What a network says of a recording.

    Attributes:
        scores: of each class, [B, classes], of all steps.
        pieces: of each class and piece alone, [pieces, B, classes].
        rates: {block: spikes per step and neuron}.
        steps: how many were shown.
    """

    scores: Tensor
    pieces: Tensor
    rates: dict[str, float]
    steps: int


@torch.no_grad()
def evaluate_stream(network: Network, pieces: Iterable[Tensor], *, device: torch.device | str = "cpu") -> StreamScores:
    """Show a recording piece after piece, the network's state carried on, and read the scores of all its steps.

    They are those of one run of all steps together, but one piece alone is in memory: of rates and potentials the mean
    is found piece by piece.

    Args:
        network: in evaluation mode, and left as it was; its readout reads mean rates or mean potentials.
        pieces: inputs [T, P, H, W] of one recording each, as ``chunks`` gives them, or [T, B, ...] in the network's
            ``input_shape``.
        device: where the network lies.

    Raises:
        ValueError: a readout of another kind, no pieces, weights that are not finite.
    """
    check_weights_finite(network)
    readout = network.readout
    by_rate = isinstance(readout, RateReadout) and readout.decay == 1.0
    if not by_rate and not isinstance(readout, MembraneReadout):
        raise ValueError(
            f"the readout is a {type(readout).__name__}, which needs all steps at once, expected one of mean rates "
            "or mean potentials (rate, membrane)"
        )
    state, steps, total, of_pieces = None, 0, torch.zeros(()), list[Tensor]()
    sums: defaultdict[str, float] = defaultdict(float)
    with evaluating(network):
        for piece in pieces:
            check_tensor("a piece", piece, "make one with torch.as_tensor(piece)")
            shape = network.input_shape
            shown = piece.unsqueeze(1) if shape is not None and piece.ndim == len(shape) + 1 else piece
            shown = shown.to(device, float_type(network)) if shown.is_floating_point() else shown.to(device)
            seeds = derived_seed(0, "evaluation") // 2 + torch.arange(shown.shape[1])
            with network.presentation(), network.drawing(seeds):
                record, state = network.run(shown, state)
            seen = record.output.spikes if by_rate else record.output.v
            part = seen.sum(0, dtype=torch.float64)
            of_pieces.append(_scores(network, (part / len(seen)).to(seen.dtype)))
            total, steps = total.to(device) + part, steps + len(seen)
            for name, rate in firing_rates(network, record).items():
                sums[name] += rate * len(seen)
    if not steps:
        raise ValueError("there are no steps to show: give pieces [T, B, ...]")
    scores = _scores(network, (total / steps).to(of_pieces[0].dtype))
    return StreamScores(
        scores.cpu(), torch.stack(of_pieces).cpu(), {name: one / steps for name, one in sums.items()}, steps
    )


def _scores(network: Network, mean: Tensor) -> Tensor:
    readout = network.readout
    if isinstance(readout, MembraneReadout):
        return readout.of_potential(mean)
    assert isinstance(readout, RateReadout)
    return readout.of_rate(mean)
