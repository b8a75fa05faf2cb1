"""Do the libraries compute the same thing? Gradients of ours against each peer's, where the equations coincide."""

from dataclasses import dataclass

from benchmarks.peers.libraries import Norse, SnnTorch, SnnTorchToZero, SpikingJelly, TorchCandidate
from benchmarks.peers.ours import ATAN, Ours, Reset
from benchmarks.peers.workloads import Workload
from spikelearn.neurons import Adjoint, FastSigmoid, Surrogate

#: Largest difference of gradients, as a share of the largest gradient of the same tensor.
TOLERANCE = 1e-2


class Disagreement(ValueError):
    """Two libraries that must compute the same gradients do not."""


@dataclass(frozen=True)
class Twin:
    """The setting of a peer and the one of ours that have the same equations, and what the timed setting changes."""

    peer: type[TorchCandidate]
    reset: Reset
    adjoint: Adjoint
    about: str


TWINS = {
    SpikingJelly.name: Twin(SpikingJelly, "subtract", ATAN, "as timed"),
    SnnTorch.name: Twin(
        SnnTorchToZero, "to_value", ATAN, "both with a reset to zero; as timed it subtracts a step late"
    ),
    Norse.name: Twin(
        Norse,
        "to_value",
        Surrogate(FastSigmoid(1.0), reset_gradient=True),
        "peer as timed, ours with its reset to zero and its surrogate",
    ),
}


def gradient_difference(name: str, workload: Workload, activity: float, form: str = "bytes") -> float:
    """Largest difference between a peer's gradients and ours in one step, as a share of the largest gradient.

    Sums are taken in another order, so that now and then a potential within rounding of the threshold fires in one
    library only: differences are not always as small as rounding.

    Raises:
        Disagreement: it is above ``TOLERANCE``, or the two have not the same tensors.
        KeyError: a peer without a setting that equals one of ours.
    """
    twin = TWINS[name]
    peer, ours = twin.peer(workload, activity), Ours(workload, activity, form, reset=twin.reset, adjoint=twin.adjoint)
    peer.step()
    ours.step()
    theirs, own = peer.gradients(), ours.gradients()
    if [g.shape for g in theirs] != [g.shape for g in own] or not own:
        raise Disagreement(f"{name} has gradients of {len(theirs)} tensors, ours of {len(own)}, expected the same")
    found = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(own, theirs, strict=True))
    if not found <= TOLERANCE:
        raise Disagreement(
            f"gradients of {name} ({twin.about}) on workload {workload.name} differ from ours by {found:.2g} of the "
            f"largest, expected at most {TOLERANCE:g}: one of the two does not compute what it says"
        )
    return found
