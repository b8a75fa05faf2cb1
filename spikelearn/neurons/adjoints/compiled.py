"""Another adjoint's loop over time, compiled by torch."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.checks import check_instance
from spikelearn.neurons.adjoints.base import ADJOINTS, Adjoint
from spikelearn.neurons.adjoints.surrogate import Surrogate
from spikelearn.neurons.base import Neuron
from spikelearn.neurons.surrogates import ATan


@ADJOINTS.register("compiled")
class Compiled(Adjoint):
    r"""The adjoint of a neuron of your own, its sequence compiled by ``torch.compile``.

    Derivative and values are those of ``adjoint``, $\partial z/\partial v = \psi(v - v_{threshold})$ by default, to
    rounding: a compiler may add products without rounding them first, so a spike may differ where a potential is next
    to the threshold. The package's own neurons have kernels that need no compiler and no wait; this is for a model
    whose eager loop is slow. The first sequence of every shape takes tens of seconds, and longer with T, since the loop
    is unrolled.

    Args:
        adjoint: what is compiled; default ``Surrogate`` with ATan.
        backend: torch's compiler, by its name; "inductor" needs a C++ compiler on CPUs.

    Shapes: current, spikes and v [B, ...] in ``step`` (which is not compiled), [T, B, ...] in ``sequence``.

    Raises:
        ValueError: an adjoint that is not one, an unknown backend.

    Source: Ansel et al., PyTorch 2, ASPLOS 2024.
    """

    def __init__(self, adjoint: Adjoint = Surrogate(ATan()), *, backend: str = "inductor") -> None:
        check_instance("adjoint", adjoint, Adjoint, "for example Surrogate(ATan())")
        known = [*torch.compiler.list_backends(), "eager", "aot_eager"]
        if backend not in known:
            raise ValueError(f"backend is {backend!r}, expected one of torch's compilers, {sorted(set(known))}")
        self.adjoint, self.backend = adjoint, backend
        # Shapes that change between batches are compiled each; a shape left open would make every loop slower.
        self._sequence: Any = torch.compile(adjoint.sequence, backend=backend, dynamic=False)

    @property
    def differentiates(self) -> bool:
        return self.adjoint.differentiates

    def step(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        return self.adjoint.step(neuron, state, current)

    def sequence(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        return self._sequence(neuron, state, current)

    def __repr__(self) -> str:
        return f"Compiled({self.adjoint!r}, backend={self.backend!r})"
