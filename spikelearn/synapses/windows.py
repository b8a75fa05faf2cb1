"""Records of synapses with delays of their own: at every step what has been sent in the last steps."""

from torch import Tensor, nn


def longest_delay(synapse: nn.Module) -> int:
    """The most steps that a connection of ``synapse`` takes by itself; 0: it maps what arrives now alone."""
    return int(getattr(synapse, "longest", 0))


def windows(line: Tensor, longest: int) -> Tensor:
    """The last ``longest`` + 1 steps at every step, a view: [T + longest, B, ...] -> [T, B, longest + 1, ...].

    The oldest step comes first, so that what was sent d steps ago stands at ``longest`` - d.
    """
    return line.unfold(0, longest + 1, 1).movedim(-1, 2)


def line_of(record: Tensor) -> Tensor | None:
    """The line [T + D, B, ...] of which ``record`` [T, B, D + 1, ...] shows ``windows``; None where it is no view.

    A record of one step is the line itself, with its axes in another order.
    """
    steps, batch, width = record.shape[:3]
    if steps == 1:
        return record[0].movedim(1, 0)
    if record.stride(0) != record.stride(2):
        return None
    size, stride = (steps + width - 1, batch, *record.shape[3:]), (record.stride(0), record.stride(1))
    return record.detach().as_strided(size, (*stride, *record.stride()[3:]), record.storage_offset())
