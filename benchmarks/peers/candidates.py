"""Candidates by name: peers, ours in its forms, and what is left out, with the reason and the cure."""

from collections.abc import Sequence

from benchmarks.peers.libraries import PEERS, Candidate
from benchmarks.peers.ours import FORMS, Ours
from benchmarks.peers.workloads import Workload
from spikelearn.checks import check_choice


def candidate(name: str, workload: Workload, activity: float) -> Candidate:
    """A peer by its name, or ours by its form of the input.

    Raises:
        ValueError: an unknown name; a workload that this peer cannot take.
    """
    check_choice("candidate", name, [*FORMS, *PEERS])
    return Ours(workload, activity, name) if name in FORMS else PEERS[name](workload, activity)


def available(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which of these peers can be imported, and a sentence for each that cannot.

    Raises:
        ValueError: an unknown peer.
    """
    there, reasons = [], []
    for name in names:
        check_choice("peer", name, PEERS)
        missing = PEERS[name].missing()
        if missing is None:
            there.append(name)
        else:
            reasons.append(f"{name} is left out ({missing}): {PEERS[name].install}")
    return there, reasons
