"""What the settings of a run add to a network that is made: reading at every step, and blocks that stay."""

from collections.abc import Sequence

from spikelearn.checks import one_of
from spikelearn.network import MembraneReadout, Network, Readout, StepReadout
from spikelearn.tasks import Task


def finished(network: Network, task: Task, readout: str | None, freeze: Sequence[str]) -> Network:
    """The network with a readout at every step where the task asks for one, and the edges of ``freeze`` not to learn.

    Raises:
        ValueError: a readout that cannot be read at every step; an edge that there is none of.
    """
    if task.per_step and not isinstance(network.readout, StepReadout):
        # The spikes of one step, 0 or 1, are read where they are asked for by name alone.
        read = network.readout if readout is not None else MembraneReadout()
        if not isinstance(read, Readout):
            raise ValueError(f"readout {readout!r} cannot be read at every step: choose another")
        network.readout = StepReadout(read)
    places = network.places
    for name in freeze:
        if name not in places:
            raise ValueError(f"freeze names block {name!r}, expected {one_of(name, list(places))}")
        # In evaluation mode, so that a norm's running statistics stay as well.
        places[name].requires_grad_(False).eval()
    return network
