"""Which blocks and edges a network may be made of."""

from collections.abc import Mapping

from torch import Tensor, nn

from spikelearn.checks import one_of
from spikelearn.network.block import Block, Feedback


def check_names(blocks: Mapping[str, Block], feedback: Mapping[str, Feedback]) -> None:
    """Raise ValueError for a name that cannot be used, and for feedback between unknown blocks or forward."""
    for name in [*blocks, *feedback]:
        if not name.replace("_", "a").isalnum() or name == "inputs" or hasattr(nn.ModuleDict, name):
            raise ValueError(
                f"name {name!r} cannot be used, expected letters, digits and _, not 'inputs' nor a method of ModuleDict"
            )
    order = list(blocks)
    for name, edge in feedback.items():
        for end in (edge.source, edge.target):
            if end not in blocks:
                raise ValueError(f"feedback {name!r} names block {end!r}, expected {one_of(end, order)}")
        if order.index(edge.source) < order.index(edge.target):
            raise ValueError(
                f"feedback {name!r} goes forward, from {edge.source!r} to {edge.target!r}: expected a source at or "
                "after its target"
            )


def check_sharing(network: nn.Module) -> None:
    """Raise ValueError where two synapses share a parameter."""
    names: dict[Tensor, str] = {}
    for name, parameter in network.named_parameters(remove_duplicate=False):
        if parameter in names:
            raise ValueError(
                f"{names[parameter]} and {name} are one and the same parameter, which no rule can give two changes: "
                "use a copy (copy.deepcopy(synapse))"
            )
        names[parameter] = name
