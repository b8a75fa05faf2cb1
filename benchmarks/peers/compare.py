"""One workload at one activity, everybody in turn: rows of results."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

import torch

from benchmarks.peers.agreement import TWINS, gradient_difference
from benchmarks.peers.candidates import candidate
from benchmarks.peers.libraries import PEERS, Candidate
from benchmarks.peers.measure import interleaved, paired
from benchmarks.peers.workloads import Workload

Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """Ours against one peer.

    Args:
        workload: its letter.
        activity: share of input entries that are spikes.
        batch, steps: B and T.
        peer: whom ours is compared with.
        form: of our input, see ``ours.FORMS``.
        ratio_median, ratio_low, ratio_high: peer / ours of the same round: median, 10 % and 90 % quantile.
        ours_ms, peer_ms: medians, milliseconds.
        rounds, threads: how it was measured.
        gradient_difference: largest, as a share of the largest gradient; None: nothing of ours equals this peer.
        rates: mean spikes per step and neuron of our layers.
        peer_rates: of the peer's layers.
        versions: of what was measured.
        extra: what else there is to say.
    """

    workload: str
    activity: float
    batch: int
    steps: int
    peer: str
    form: str
    ratio_median: float
    ratio_low: float
    ratio_high: float
    ours_ms: float
    peer_ms: float
    rounds: int
    threads: int
    gradient_difference: float | None = None
    rates: list[float] = field(default_factory=list)
    peer_rates: list[float] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ``extra`` beside the others."""
        found = asdict(self)
        return found | found.pop("extra")


def compare(
    workload: Workload,
    activity: float,
    peers: Sequence[str],
    forms: Sequence[str],
    rounds: int,
    *,
    check: bool = True,
    say: Say = print,
    extra: dict[str, Any] | None = None,
) -> list[Row]:
    """Time our ``forms`` and ``peers`` round robin, and compare gradients first unless ``check`` is off.

    Raises:
        Disagreement: gradients differ that must not.
    """
    differences: dict[str, float] = {}
    if check:
        for name in peers:
            if name in TWINS:
                differences[name] = gradient_difference(name, workload, activity, forms[0])
                say(f"  gradients, {name}: largest difference {differences[name]:.1e} ({TWINS[name].about})")
    made: dict[str, Candidate] = {}
    for name in [*forms, *peers]:
        try:
            made[name] = candidate(name, workload, activity)
        except ValueError as error:
            if name in forms:
                raise
            say(f"  {name} is left out: {error}")
    rates = {name: found.rates() for name, found in made.items()}
    times = interleaved(made, rounds)
    return [
        row(
            workload,
            activity,
            times,
            form,
            peer,
            gradient_difference=differences.get(peer),
            rates=rates[form],
            peer_rates=rates[peer],
            versions=versions(peer),
            extra=extra or {},
        )
        for form in forms
        for peer in peers
        if peer in made
    ]


def row(workload: Workload, activity: float, times: dict[str, list[float]], form: str, peer: str, **more: Any) -> Row:
    """The row of two candidates' times, milliseconds by rounds."""
    found = paired(times[form], times[peer])
    return Row(
        workload=workload.name,
        activity=activity,
        batch=workload.batch,
        steps=workload.steps,
        peer=peer,
        form=form,
        ratio_median=found.median,
        ratio_low=found.low,
        ratio_high=found.high,
        ours_ms=found.one_ms,
        peer_ms=found.other_ms,
        rounds=len(times[form]),
        threads=torch.get_num_threads(),
        **more,
    )


def versions(peer: str) -> dict[str, str]:
    """Of us, torch, numba (where it is) and the peer."""
    found = {name: metadata.version(name) for name in ("spikelearn", "torch", "numpy")}
    try:
        found["numba"] = metadata.version("numba")
    except metadata.PackageNotFoundError:
        found["numba"] = "none"
    if peer in PEERS:
        found[peer] = PEERS[peer].version()
    return found
