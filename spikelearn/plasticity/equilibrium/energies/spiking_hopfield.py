"""Neurons that fire, and pull at each other through the same weights in both directions."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.neurons import NO_ADJOINT
from spikelearn.plasticity.equilibrium.energies.energy import Values
from spikelearn.plasticity.equilibrium.energies.hopfield import Hopfield, Phase
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss


class Moving(NamedTuple):
    """Where a window ends, and another begins.

    Args:
        neurons: the state of every block's neurons.
        traces: {block: filtered spikes, [1, B, ...]}.
    """

    neurons: list[Any]
    traces: Values


class SpikingHopfield(Hopfield):
    r"""The couplings of ``Hopfield`` between neurons that fire, which see each other's filtered spikes.

    $$I_l[t] = f_l(z_{l-1}[t{-}1]) + \gamma\,J_{l+1}^\top z_{l+1}[t{-}1] - [l = L]\,\beta\,L'(z_L[t{-}1]), \qquad
      z_l[t] = \alpha\,z_l[t{-}1] + (1 - \alpha)\,s_l[t]$$

    with $s_l$ the spikes of neurons that are driven by $I_l$. The value of a block in a window is the mean of its trace
    over the window's later part, spikes per step. Where neurons fire at a rate $\sigma(I)$ under a constant current,
    the values are those of ``Hopfield`` with that activation, up to what whole spikes leave open, 1 over the steps.

    Args:
        network, masks, output, gain: as in ``Hopfield``; neurons of one current.
        inputs: [T, B, ...]; their mean over the steps drives at every step of a window.
        decay: $\alpha$ per step.
        settling: share of a window at its beginning that does not count.

    Shapes: values and traces shaped like the blocks' neurons, [1, B, ...].

    Raises:
        ValueError: inputs or masks that ``Network.run`` refuses.

    Source: Martin, Ernoult, Laydevant, Li, Querlioz, Petrisor & Grollier, iScience 24, 2021 (EqSpike), for the idea.
    """

    def __init__(
        self,
        network: Network,
        inputs: Tensor,
        masks: Mapping[str, Tensor],
        output: OutputLoss | None = None,
        *,
        gain: float = 1.0,
        decay: float = 0.8,
        settling: float = 0.5,
    ) -> None:
        network.check_run(inputs, masks=masks)
        steady = inputs[:1] if inputs.stride(0) == 0 else inputs.to(next(network.parameters()).dtype).mean(0, True)
        super().__init__(network, steady, masks, output, gain=gain)
        self.decay, self.settling = decay, settling
        self.neurons = [network.blocks[name].neuron for name in self.names]

    def at_rest(self) -> Moving:
        """Neurons and traces before the first step."""
        traces = self.start()
        states = [neuron.initial_state(traces[name][0]) for neuron, name in zip(self.neurons, self.names, strict=True)]
        return Moving(states, traces)

    def fire(self, moving: Moving) -> tuple[Values, Moving]:
        """One step of all neurons at once: {block: spikes [1, B, ...]}, and where it ends."""
        spikes, states, traces = Values(), [], Values()
        given = zip(self.names, self.neurons, moving.neurons, self.currents(moving.traces), strict=True)
        for name, neuron, state, current in given:
            fired, _, after = NO_ADJOINT.step(neuron, state, current[0])
            spikes[name] = fired.unsqueeze(0)
            states.append(after)
            traces[name] = torch.lerp(spikes[name], moving.traces[name], self.decay)
        return spikes, Moving(states, traces)

    def window(self, begun: Moving, steps: int) -> tuple[Phase, Moving]:
        """The values of a window of so many steps, and where it ends; ``begun`` is left as it is.

        The residual is the largest change of a value between the two halves of the part that counts.
        """
        left = min(int(self.settling * steps), steps - 1)
        middle, moving = left + (steps - left) // 2, begun
        halves = [{name: torch.zeros_like(trace) for name, trace in begun.traces.items()} for _ in range(2)]
        for step in range(steps):
            _, moving = self.fire(moving)
            if step >= left:
                for name, total in halves[step >= middle].items():
                    total += moving.traces[name]
        first, second = max(middle - left, 1), steps - middle
        values = {name: (one + halves[1][name]) / (steps - left) for name, one in halves[0].items()}
        changes = [(one / first - halves[1][name] / second).abs().amax() for name, one in halves[0].items()]
        return Phase(values, float(torch.stack(changes).amax()), self.strength), moving
