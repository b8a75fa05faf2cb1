"""Forward-mode differentiation of a run: what a push on the spikes of hidden blocks does to the output's currents."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from spikelearn.network import Network
from spikelearn.neurons import Adjoint, Neuron, forward_sequence
from spikelearn.plasticity.base import Batch

Current = Tensor | Mapping[str, Tensor]


def output_tangent(network: Network, batch: Batch, adjoint: Adjoint, pushed: Mapping[str, Tensor]) -> Tensor:
    r"""Directional derivative of the output's currents, in the direction of a push on the spikes of hidden blocks.

    $$\dot y[t'] = \sum_l \sum_{t \le t'} J_l[t', t]\, \xi_l[t], \qquad
      J_l[t', t] = \frac{\partial I_{out}[t']}{\partial s_l[t]}$$

    It is one Jacobian-vector product of the run, all blocks pushed at once; inputs are not pushed. Nothing is written,
    and no graph is kept. Kernels, which know reverse mode only, step aside.

    Args:
        network: in a presentation.
        batch: what is presented, with its masks.
        adjoint: how derivatives cross the neurons.
        pushed: {hidden block: xi, [T, B, ...]}, added to what its neurons fire, before masks.

    Shapes: [T, B, outputs], the currents of all blocks that are read, flattened and side by side.

    Raises:
        ValueError: an adjoint that needs the whole sequence at once.
    """
    with torch.no_grad(), forward_ad.dual_level(), network.presentation():
        following = _Following(adjoint, network, pushed)
        network.run(batch.inputs, adjoint=following, masks=batch.masks, output_only=True)
        return following.at_the_output()


class _Following(Adjoint):
    """Another adjoint, under which hidden blocks are pushed and the tangents of the output's currents are kept.

    A network asks for its blocks in order, at every step or for all steps at once.
    """

    def __init__(self, adjoint: Adjoint, network: Network, pushed: Mapping[str, Tensor]) -> None:
        self.inner, self.network, self.pushed = adjoint, network, pushed
        self.asked = 0
        self.arrived: dict[str, list[Tensor]] = {name: [] for name in network.outputs}

    def sequence(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        name, _ = self._next()
        if name in self.arrived:
            self.arrived[name] += self._tangent(name, current).unbind(0)
        z, v, after = forward_sequence(self.inner, neuron, state, current)
        return _moved(z, self.pushed.get(name)), v, after

    def step(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        name, step = self._next()
        if name in self.arrived:
            self.arrived[name].append(self._tangent(name, current))
        z, v, after = self.inner.step(neuron, state, current)
        xi = self.pushed.get(name)
        return _moved(z, None if xi is None else xi[step]), v, after

    def at_the_output(self) -> Tensor:
        """The tangents that were kept, [T, B, outputs]."""
        return torch.cat([torch.stack(seen).flatten(2) for seen in self.arrived.values()], -1)

    def _next(self) -> tuple[str, int]:
        """The block that is asked for, and the step where blocks are asked step by step."""
        blocks = list(self.network.blocks)
        step, place = divmod(self.asked, len(blocks))
        self.asked += 1
        return blocks[place], step

    def _tangent(self, name: str, current: Current) -> Tensor:
        own = current if isinstance(current, Tensor) else current[self.network.blocks[name].current]
        primal, tangent = forward_ad.unpack_dual(own)
        return torch.zeros_like(primal) if tangent is None else tangent


def _moved(spikes: Tensor, xi: Tensor | None) -> Tensor:
    """Spikes with xi added to their tangent."""
    if xi is None:
        return spikes
    primal, tangent = forward_ad.unpack_dual(spikes)
    return forward_ad.make_dual(primal, xi if tangent is None else xi + tangent)
