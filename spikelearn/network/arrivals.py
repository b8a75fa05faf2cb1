"""What meets the weights of an edge: spikes after their release, on time or late."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.network.block import Edge
from spikelearn.network.masks_and_delays import delayed, drive_edge
from spikelearn.network.records import State
from spikelearn.synapses import as_float, drive_line, windows


def arriving_record(
    place: str, edge: Edge, spikes: Tensor, before: State, after: State
) -> tuple[Tensor, Tensor | None]:
    """What meets the weights of an edge, [T, B, ...], given the ``spikes`` sent [T, B, ...].

    Of single connections with delays of up to D steps it is the ``windows`` of a line [T + D, B, ...], which comes as
    well. ``after`` is filled with what is on its way then, and the release's state; it may be ``before``.
    """
    if edge.release is not None:
        given = before.releases.get(place)
        spikes, after.releases[place] = edge.release.sequence(given, as_float(spikes, edge.synapse))
    late = edge.delay + edge.longest
    if not late:
        return spikes, None
    if not edge.longest:
        spikes, after.delay_lines[place] = delayed(spikes, late, before.delay_lines.get(place))
        return spikes, None
    on_their_way = before.delay_lines.get(place)
    arrived, after.delay_lines[place] = delayed(spikes, late, on_their_way)
    # What ``delayed`` leaves to the next run begins where this line ends.
    line = torch.cat([arrived, after.delay_lines[place][: edge.longest]])
    return windows(line, edge.longest), line


def driven(place: str, edge: Edge, pre: Tensor, line: Tensor | None) -> Tensor:
    """The current [T, B, ...] that ``pre``, or its ``line``, causes."""
    if line is None:
        return drive_edge(place, edge, pre)
    try:
        return drive_line(edge.synapse, line)
    except RuntimeError as error:
        raise ValueError(f"{place}: {edge.synapse} cannot take a line of shape {list(line.shape)}: {error}") from error


def stacked(edge: Edge, met: list[Tensor]) -> Tensor:
    """What met the weights of an edge at each step, [B, ...], as one record [T, B, ...]; of windows, again a view."""
    if not edge.longest:
        return torch.stack(met)
    now = torch.stack([window[:, -1] for window in met])
    return windows(torch.cat([met[0][:, :-1].movedim(1, 0), now]), edge.longest)


def check_dt(name: str, edge: Edge, target: Any) -> None:
    """Raise ValueError where the release of an edge goes by other steps than the neurons it leads to."""
    if edge.release is not None and edge.release.dt != target.neuron.dt:
        raise ValueError(
            f"the release of {name} has dt {edge.release.dt:g} s and the neurons it leads to {target.neuron.dt:g} s, "
            "expected one time step: give it the neurons' dt"
        )
