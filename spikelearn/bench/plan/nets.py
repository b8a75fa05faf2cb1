"""Architecture strings of a comparison: one network, and deeper versions of it."""

from spikelearn.checks import check_count
from spikelearn.runs import dense_sizes

#: Hidden layers of an axis; beyond, names of networks grow longer than any could be trained.
DEEPEST = 1000


def deepened(net: str, depth: int | None) -> str:
    """The dense network ``net``, say 784-400-10, with its hidden layer ``depth`` times; None: as it is.

    Raises:
        ValueError: another depth than a whole number from 1 on; a network that is not dense with equal hidden layers.
    """
    if not isinstance(net, str):
        raise ValueError(f'net is {net!r}, expected an architecture string such as "784-400-10": put it in quotes')
    if depth is None:
        return net
    check_count("depth", depth)
    if depth > DEEPEST:
        raise ValueError(f"depth is {depth}, expected at most {DEEPEST} hidden layers")
    sizes = dense_sizes(net)
    if not sizes:
        raise ValueError(
            f"depth {depth} is made from a dense network such as 784-400-10, but the common network is {net!r}: give "
            "the arm a network of its own, or use a dense one"
        )
    if len(set(sizes[1:-1])) > 1:
        raise ValueError(f"depth {depth} needs hidden layers of equal size, but the network is {net!r}: use one such")
    return "-".join([sizes[0], *[sizes[1]] * depth, sizes[-1]])
