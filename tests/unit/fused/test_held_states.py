"""Kernels of sequences whose states are held fixed, and of leaky integrators, against the eager loop."""

import pytest
import torch
from torch import Tensor

from spikelearn.fused import KERNELS, scan
from spikelearn.neurons import (
    IF,
    LIF,
    AdaptiveLIF,
    Adjoint,
    ATan,
    AtTheStep,
    CubaLIF,
    LeakyIntegrator,
    Neuron,
    Sigmoid,
    Surrogate,
    Triangle,
)

NEURONS = {
    "lif": LIF.per_step(0.7, reset="subtract"),
    "lif to value": LIF.per_step(torch.tensor([0.7, 0.5, 0.9, 0.2, 0.6])).double(),
    "if": IF(),
    "cuba": CubaLIF.per_step(0.8, 0.5),
    "adaptive": AdaptiveLIF.per_step(0.8, 0.9, reset="subtract"),
    "leaky": LeakyIntegrator(20e-3, v_leak=0.2),
    "without memory": LeakyIntegrator.per_step(0.0),
}
ADJOINTS = {
    "atan": Surrogate(ATan()),
    "triangle": Surrogate(Triangle(1.0, 0.3)),
    "reset": Surrogate(Sigmoid(4.0), reset_gradient=True),
}


def _errors(scanned: tuple[Tensor, Tensor, tuple[Tensor, ...]], current: Tensor) -> Tensor:
    """The derivative in ``current`` of a weighted sum of all that a sequence gives."""
    spikes, v, last = scanned
    torch.manual_seed(1)
    given = [(part, torch.randn_like(part)) for part in (spikes, v, *last) if part.requires_grad]
    outputs, weights = zip(*given, strict=True)
    return torch.autograd.grad(outputs, current, weights)[0]


@pytest.mark.parametrize("neuron", NEURONS.values(), ids=NEURONS.keys())
@pytest.mark.parametrize("inner", ADJOINTS.values(), ids=ADJOINTS.keys())
@pytest.mark.parametrize("held", [True, False], ids=["held", "through time"])
def test_values_and_errors_are_those_of_the_eager_loop(neuron: Neuron, inner: Adjoint, held: bool) -> None:
    adjoint = AtTheStep(inner) if held else inner
    torch.manual_seed(0)
    current = (2 * torch.randn(7, 3, 5, dtype=torch.float64)).requires_grad_()
    start = neuron.initial_state(current[0])
    fast, eager = scan(adjoint, neuron, start, current), adjoint.sequence(neuron, start, current)
    assert (type(adjoint), type(neuron), "cpu") in KERNELS
    for mine, theirs in zip((*fast[:2], *fast[2]), (*eager[:2], *eager[2]), strict=True):
        assert torch.equal(mine, theirs)
    torch.testing.assert_close(_errors(fast, current), _errors(eager, current))


def test_a_leaky_integrator_is_differentiated_twice() -> None:
    neuron = LeakyIntegrator.per_step(0.5)
    current = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)

    def potentials(x: Tensor) -> Tensor:
        return scan(Surrogate(ATan()), neuron, neuron.initial_state(x[0]), x)[1]

    assert torch.autograd.gradgradcheck(potentials, current)
