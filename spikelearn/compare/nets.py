"""Architecture strings of a comparison: one network, deeper versions of it, and what an arm makes of it."""

from spikelearn.checks import check_count

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
    sizes = _dense(net, f"depth {depth}")
    if len(set(sizes[1:-1])) > 1:
        raise ValueError(f"depth {depth} needs hidden layers of equal size, but the network is {net!r}: use one such")
    return "-".join([sizes[0], *[sizes[1]] * depth, sizes[-1]])


def filled_in(net: str, common: str) -> str:
    """An arm's network, with {input}, {hidden}, {first} and {output} replaced by sizes of the common dense network.

    {hidden} stands for all hidden sizes joined by "-", {first} for the first of them.

    Raises:
        ValueError: an unknown name in braces; a common network that is not dense.
    """
    if not isinstance(net, str):
        raise ValueError(f'the network of an arm is {net!r}, expected a string such as "784-400-10": put it in quotes')
    if "{" not in net:
        return net
    sizes = _dense(common, f"the network {net!r} of an arm")
    known = {"input": sizes[0], "hidden": "-".join(sizes[1:-1]), "first": sizes[1], "output": sizes[-1]}
    try:
        return net.format(**known)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(
            f"the network {net!r} of an arm names something unknown, expected {{{'}, {'.join(known)}}}"
        ) from error


def _dense(net: str, what: str) -> list[str]:
    sizes = net.split("-")
    if len(sizes) < 3 or not all(size.isdecimal() for size in sizes):
        raise ValueError(
            f"{what} is made from a dense network such as 784-400-10, but the common network is {net!r}: give the arm "
            "a network of its own, or use a dense one"
        )
    return sizes
