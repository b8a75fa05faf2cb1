"""Compiled loops over the connections of sparse weights, listed source after source.

Connection k goes from the source that lists it (from ``offsets[i]`` to ``offsets[i + 1]`` those of source i) to
``targets[k]`` and takes ``delays[k]`` steps. A line [S, B, n] holds what S = T + longest steps sent, so that what is
sent at step s of the line arrives at step s + delay - longest of the T steps.
"""

from typing import Any

from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.sharing import share

LISTS = {"offsets": "int n+1 ^ K", "targets": "short K < m", "delays": "short K < longest+1"}


@kernel(
    parallel=True,
    takes={"line": "any S B n", **LISTS, "weight": "real K", "out": "real T B m"},
    holds=("S == T + longest", "longest >= 0"),
)
def deliver(
    thread: int, line: Any, offsets: Any, targets: Any, delays: Any, weight: Any, longest: int, out: Any
) -> None:  # pragma: no cover
    """out[t] += weight times what arrives at step t [T, B, m]; every entry of ``line`` that is 0 costs one look."""
    steps, batch, size = line.shape
    for sample in share(thread, batch):
        for step in range(steps):
            for source in range(size):
                sent = line[step, sample, source]
                if sent != 0:
                    for k in range(offsets[source], offsets[source + 1]):
                        at = step + delays[k] - longest
                        if 0 <= at < steps - longest:
                            out[at, sample, targets[k]] += weight[k] * out.dtype.type(sent)


@kernel(
    takes={"line": "any S n", **LISTS, "weight": "real K", "out": "real T m"},
    holds=("S == T + longest", "longest >= 0"),
)
def deliver_one(
    line: Any, offsets: Any, targets: Any, delays: Any, weight: Any, longest: int, out: Any
) -> None:  # pragma: no cover
    """``deliver`` of a single sample, which no threads share: to wake one costs more than a step."""
    steps, size = line.shape
    for step in range(steps):
        for source in range(size):
            sent = line[step, source]
            if sent != 0:
                for k in range(offsets[source], offsets[source + 1]):
                    at = step + delays[k] - longest
                    if 0 <= at < steps - longest:
                        out[at, targets[k]] += weight[k] * out.dtype.type(sent)


@kernel(
    parallel=True,
    takes={"line": "any n S B", **LISTS, "post": "real T B m", "sums": "real K"},
    holds=("S == T + longest", "longest >= 0"),
)
def correlate(
    thread: int, line: Any, offsets: Any, targets: Any, delays: Any, post: Any, longest: int, sums: Any
) -> None:  # pragma: no cover
    """sums[k] += what met connection k times ``post`` [T, B, m] of its target; ``line`` is [n, S, B] here."""
    size, steps, batch = line.shape
    for source in share(thread, size):
        for step in range(steps):
            for sample in range(batch):
                sent = line[source, step, sample]
                if sent != 0:
                    for k in range(offsets[source], offsets[source + 1]):
                        at = step + delays[k] - longest
                        if 0 <= at < steps - longest:
                            sums[k] += post[at, sample, targets[k]] * sums.dtype.type(sent)


@kernel(
    parallel=True,
    takes={"post": "real T B m", **LISTS, "weight": "real K", "back": "real S B n"},
    let={"n": "back.shape[2]"},
    holds=("S == T + longest", "longest >= 0"),
)
def carry_back(
    thread: int, post: Any, offsets: Any, targets: Any, delays: Any, weight: Any, longest: int, back: Any
) -> None:  # pragma: no cover
    """back[s] = what every source of step s of the line [S, B, n] has caused of ``post`` [T, B, m]."""
    steps, batch, size = back.shape
    for row in share(thread, steps * batch):
        step, sample = row // batch, row % batch
        for source in range(size):
            total = back.dtype.type(0)
            for k in range(offsets[source], offsets[source + 1]):
                at = step + delays[k] - longest
                if 0 <= at < steps - longest:
                    total += weight[k] * post[at, sample, targets[k]]
            back[step, sample, source] = total
