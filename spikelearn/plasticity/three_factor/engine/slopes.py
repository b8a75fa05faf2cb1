"""Derivatives of one step of a population, found by automatic differentiation: each neuron by itself."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.neurons import Adjoint, Neuron

#: What stands before a field of the state, and before a current, in the names of what is differentiated.
STATE, CURRENT = "state.", "current."


class Slopes:
    r"""Derivatives of what a step gives, in what it was given, each neuron by itself.

    What it gives are ``spikes``, ``v`` and ``state.<field>``; what it was given are ``state.<field>`` and
    ``current.<name>``. Neurons do not meet within a step, so that every Jacobian is diagonal, and one backward pass for
    each result gives a row of it for all neurons. Rows are formed when they are asked for.

    Args:
        results: {what the step gives: [B, ...]}, with their graph.
        given: {what it was given: leaves of that graph, [B, ...]}.
    """

    def __init__(self, results: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
        self.results, self.given = results, given
        self._rows: dict[str, dict[str, Tensor]] = {}

    @property
    def fields(self) -> list[str]:
        """Fields of the state that can have a derivative."""
        return [name.removeprefix(STATE) for name in self.given if name.startswith(STATE)]

    def of(self, result: str, given: str) -> Tensor | None:
        """The derivative of ``result`` in ``given``, [B, ...]; None where no way leads from one to the other."""
        if result not in self._rows:
            self._rows[result] = self._row(self.results[result])
        return self._rows[result].get(given)

    def followed(self, current: str) -> list[str]:
        """Fields of the state that a current of that name reaches, in one step or several."""
        reached = [name for name in self.fields if self.of(STATE + name, CURRENT + current) is not None]
        for name in reached:
            further = (other for other in self.fields if self.of(STATE + other, STATE + name) is not None)
            reached += [other for other in further if other not in reached]
        return reached

    def _row(self, result: Tensor) -> dict[str, Tensor]:
        if not result.requires_grad:
            return {}
        gradients = torch.autograd.grad(
            result, list(self.given.values()), torch.ones_like(result), retain_graph=True, allow_unused=True
        )
        return {name: slope for name, slope in zip(self.given, gradients, strict=True) if slope is not None}


def step_with_slopes(adjoint: Adjoint, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any, Slopes]:
    """One step, (spikes, v, state) with a graph that begins at it, and its slopes."""
    fields = state._asdict()
    leaves = {STATE + name: part.detach().requires_grad_() for name, part in fields.items() if part.is_floating_point()}
    before = type(state)(**{name: leaves.get(STATE + name, part) for name, part in fields.items()})
    named = current if isinstance(current, Mapping) else {neuron.currents[0]: current}
    currents = {name: part.detach().requires_grad_() for name, part in named.items()}
    taken: Any = currents if isinstance(current, Mapping) else currents[neuron.currents[0]]
    with torch.enable_grad():
        z, v, after = adjoint.step(neuron, before, taken)
    results = {"spikes": z, "v": v, **{STATE + name: part for name, part in after._asdict().items()}}
    return z, v, after, Slopes(results, {**leaves, **{CURRENT + name: part for name, part in currents.items()}})


class SlopesOf(Adjoint):
    """Another adjoint, whose slopes are kept at each step, and whose results are leaves at which errors arrive.

    A network asks for its blocks in order.

    Args:
        adjoint: how derivatives cross the neurons.
        network: that is stepped, once.
        linked: whether results depend on the currents of the step, so that errors pass between blocks within it.
    """

    def __init__(self, adjoint: Adjoint, network: Network, *, linked: bool = False) -> None:
        self.inner, self.linked = adjoint, linked
        self.slopes: dict[str, Slopes] = {}
        #: {block: what it fires, [1, B, ...]} and {block: its potentials}, of a sequence of one.
        self.spikes: dict[str, Tensor] = {}
        self.potentials: dict[str, Tensor] = {}
        self._blocks = iter(network.blocks)

    def step(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        name = next(self._blocks)
        z, v, after, self.slopes[name] = step_with_slopes(self.inner, neuron, state, current)
        given = current if isinstance(current, Mapping) else {neuron.currents[0]: current}
        made = {result: part.detach() for result, part in (("spikes", z), ("v", v))}
        if self.linked:
            made = {result: self._linked(name, result, part, given) for result, part in made.items()}
        at = [part.unsqueeze(0) if part.requires_grad else part.unsqueeze(0).requires_grad_() for part in made.values()]
        self.spikes[name], self.potentials[name] = at
        plain = type(after)(*(part.detach() for part in after))
        return self.spikes[name][0], self.potentials[name][0], plain

    def _linked(self, block: str, result: str, value: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """A result as it is, whose derivative in the currents of this step is its slope."""
        for name, current in given.items():
            slope = self.slopes[block].of(result, CURRENT + name)
            if slope is not None and current.requires_grad:
                value = value + slope * (current - current.detach())
        return value


def probed(adjoint: Adjoint, neuron: Neuron, generator: torch.Generator) -> Iterator[Slopes]:
    """Slopes of a few steps of a small population under random currents, as large as constants of single neurons."""
    shapes = [getattr(neuron, name).shape for name in neuron.per_neuron]
    shapes += [parameter.shape for parameter in neuron.parameters() if parameter.ndim]
    shape = tuple(max(2, *sizes) for sizes in zip(*shapes, strict=True)) if shapes else (5,)
    example = next(chain(neuron.buffers(), neuron.parameters()), torch.zeros(())).detach()
    current = (2.0 * torch.rand(4, *shape, generator=generator)).to(example)
    taken = current if len(neuron.currents) == 1 else dict.fromkeys(neuron.currents, current)
    state = neuron.initial_state(current)
    for _ in range(3):
        _, _, state, slopes = step_with_slopes(adjoint, neuron, state, taken)
        yield slopes


def followed(adjoint: Adjoint, neuron: Neuron, current: str) -> list[str]:
    """Fields of a neuron's state that a current of that name reaches by derivatives, in one step or several."""
    return next(probed(adjoint, neuron, torch.Generator().manual_seed(0))).followed(current)


def neurons_meet(adjoint: Adjoint, neuron: Neuron) -> bool:
    """Tell whether a neuron's step depends on its neighbours, as in a softmax: its Jacobian is then not diagonal.

    A row of the Jacobian times random numbers is compared with the diagonal times these numbers.
    """
    generator = torch.Generator().manual_seed(0)
    for slopes in probed(adjoint, neuron, generator):
        for result in slopes.results.values():
            if not result.requires_grad:
                continue
            drawn = torch.randn(result.shape, generator=generator).to(result)
            rows = (
                torch.autograd.grad(result, list(slopes.given.values()), way, retain_graph=True, allow_unused=True)
                for way in (torch.ones_like(result), drawn)
            )
            for plain, mixed in zip(*rows, strict=True):
                if plain is not None and not torch.allclose(mixed, drawn * plain, rtol=1e-3, atol=1e-6):
                    return True
    return False
