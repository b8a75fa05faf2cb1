"""What is odd in recordings and other data."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class DataWarning(UserWarning):
    """Data are accepted but look wrong."""


class Doubt(NamedTuple):
    """A doubt about binned recordings, and whether they are so empty that no network can be blamed."""

    words: str
    nearly_empty: bool


def doubt_about(frames: Tensor, seen: Sequence[tuple[int, int, float]], width: float | None) -> Doubt | None:
    """Describe what is odd in binned recordings [T, B, ...]: steps without events, and events outside the steps.

    Args:
        frames: binned recordings.
        seen: events, events outside the bins and duration (s) of each.
        width: width of a bin, seconds; None: bins divide every recording.
    """
    n_steps = len(frames)
    empty = n_steps - int(frames.flatten(1).any(dim=1).count_nonzero())
    events, outside, longest = sum(one[0] for one in seen), sum(one[1] for one in seen), max(one[2] for one in seen)
    steps = f"{empty} of {n_steps} steps are empty"
    if width is None:
        if 10 * empty >= 9 * n_steps and events >= n_steps * len(seen):
            return Doubt(f"{steps} in the first {len(seen)} samples: a few times lie far from all others", True)
        return None
    longest_of = "the first recording" if len(seen) == 1 else f"of the first {len(seen)} recordings the longest"
    lasting = f"{longest_of} lasts {longest:.3g} s"
    if events == 0:
        return Doubt(f"the first {len(seen)} recordings have no events", True)
    if width > longest and n_steps > 1:
        return Doubt(
            f"bin_width {width:g} s is longer than every recording, {longest:.3g} s: {steps}; seconds are meant", True
        )
    if empty == n_steps or 100 * n_steps * width < longest:
        cure = f"{lasting}, and {outside} of their {events} events are left out; bin_width is in seconds"
        return Doubt(f"{n_steps} steps of bin_width {width:g} s end after {n_steps * width:.3g} s: {cure}", True)
    if 2 * empty >= n_steps and events - outside >= n_steps:
        return Doubt(f"{steps} with bin_width {width:g} s: {lasting}; bin_width is in seconds", True)
    if outside:
        share = f"{outside} of their {events} events ({100 * outside / events:.2g} %) are left out"
        return Doubt(f"{n_steps} steps of {width:g} s end after {n_steps * width:.3g} s: {lasting}; {share}", False)
    return None
