"""A circuit of neurons that fire: their traces are compared with predictions from below, and errors drive them."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.network import Network
from spikelearn.neurons import NO_ADJOINT, Rate
from spikelearn.plasticity.equilibrium.energies.constrained import OwnWayBack
from spikelearn.plasticity.equilibrium.energies.energy import Values
from spikelearn.plasticity.equilibrium.energies.layer_maps import Prediction
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.synapses import as_float, drive
from spikelearn.traces import trace

#: What a trace is compared with: the rate at which neurons answer to the current from below, or that current.
Predicted = Literal["rate", "current"]


class Moment(NamedTuple):
    """Where a presentation ends, and another begins.

    Args:
        neurons: the state of every block's neurons.
        traces: {block: filtered spikes, [1, B, n]}.
        inputs: the inputs' trace, [1, B, ...].
        errors: {block: what its error neurons hold, [1, B, n]}.
    """

    neurons: list[Any]
    traces: Values
    inputs: Tensor
    errors: Values


class Seen(NamedTuple):
    """A block in the later part of a presentation, of K steps.

    Args:
        pre: the trace that met its weights, [K, B, ...].
        trace: of its own neurons, [K, B, n].
        error: of its error neurons, [K, B, n].
    """

    pre: Tensor
    trace: Tensor
    error: Tensor


class FiringCircuit(OwnWayBack):
    r"""Dense layers of neurons that fire, with an error neuron beside each, stepped in time.

    $$z_l[t] = \alpha\,z_l[t{-}1] + (1 - \alpha)\,s_l[t], \qquad \mu_l[t] = \phi_l(W_l z_{l-1}[t] + b_l), \qquad
      \epsilon_l[t] = z_l[t] - \mu_l[t],$$
    $$I_l[t] = W_l z_{l-1}[t] + b_l + c\,\big(B_{l+1}^\top \epsilon_{l+1}[t{-}1] - \epsilon_l[t{-}1]\big)$$

    with $s_l$ the spikes of neurons that are driven by $I_l$, $z_0$ the trace of the inputs, and $\phi$ the neurons'
    steady rate, or, where currents are predicted, nothing. The output's error is $-\lambda\,\partial L/\partial\mu_L$.

    Args:
        network, inputs, masks: as in ``LayerMaps``, dense layers.
        output: L; None: no error can be asked for.
        decay: $\alpha$ per step.
        settling: share of a presentation at its beginning that is not kept.
        predicted: "rate" or "current".
        strength: $\lambda$.

    Shapes: traces and errors [1, B, n] in a step.

    Raises:
        ValueError: inputs or masks that ``Network.run`` refuses.
    """

    def __init__(
        self,
        network: Network,
        inputs: Tensor,
        masks: Mapping[str, Tensor],
        output: OutputLoss | None = None,
        *,
        decay: float = 0.8,
        settling: float = 0.5,
        predicted: Predicted = "rate",
        strength: float = 1.0,
    ) -> None:
        check_choice("predicted", predicted, get_args(Predicted))
        network.check_run(inputs, masks=masks)
        super().__init__(network, inputs, masks, "post", slopes=False)
        self.output, self.decay, self.predicted, self.strength = output, decay, predicted, strength
        self.left = min(int(settling * len(inputs)), len(inputs) - 1)
        self.neurons = [network.blocks[name].neuron for name in self.names]

    def answer(self, name: str, current: Tensor) -> Tensor:
        neuron = self.network.blocks[name].neuron
        if isinstance(neuron, Rate):
            return super().answer(name, current)
        return neuron.steady_rate(current) if self.predicted == "rate" else current

    def error_at_current(self, name: str, prediction: Prediction, error: Tensor) -> Tensor:
        """The errors themselves: no slope is known where neurons fire."""
        return self._masked(error, f"{name}.synapse")

    def at_rest(self) -> Moment:
        """Neurons, traces and errors before the first step."""
        inputs = torch.zeros_like(as_float(self.given[:1], self.network))
        below, traces = inputs, Values()
        for name in self.names:
            below = traces[name] = torch.zeros_like(self.driven(name, below).current)
        states = [neuron.initial_state(traces[name][0]) for neuron, name in zip(self.neurons, self.names, strict=True)]
        return Moment(states, traces, inputs, dict(traces))

    def present(self, begun: Moment, pull: float) -> tuple[dict[str, Seen], Moment]:
        """{block: what is seen of it}, and where the presentation ends; ``pull`` is c, 0 without errors."""
        met = self._input_trace(begun.inputs)
        first = self._masked(drive(self.network.blocks[self.names[0]].synapse, met), f"{self.names[0]}.synapse")
        now, kept = begun, []
        for step in range(len(met)):
            now, pres = self._step(now, met[step : step + 1], first[step : step + 1], pull)
            if step >= self.left:
                kept.append((pres, now))
        seen = {}
        for name in self.names:
            pre = met[self.left :] if name == self.names[0] else torch.cat([pres[name] for pres, _ in kept])
            traces, errors = (torch.cat([getattr(end, key)[name] for _, end in kept]) for key in ("traces", "errors"))
            seen[name] = Seen(pre, traces, errors)
        return seen, now

    def _step(self, now: Moment, met: Tensor, first: Tensor, pull: float) -> tuple[Moment, Values]:
        states, traces, errors, pres = [], Values(), Values(), Values()
        above = dict(pairwise(self.names))
        for neuron, state, name in zip(self.neurons, now.neurons, self.names, strict=True):
            if name == self.names[0]:
                current = first
            else:
                pres[name] = self.passed(self.below[name], traces[self.below[name]])
                current = self._masked(drive(self.network.blocks[name].synapse, pres[name]), f"{name}.synapse")
            mean = self.answer(name, current)
            if pull and name in above:
                current = current + pull * (self._arriving(above[name], now) - now.errors[name])
            fired, _, after = NO_ADJOINT.step(neuron, state, current[0])
            states.append(after)
            traces[name] = torch.lerp(fired.unsqueeze(0), now.traces[name], self.decay)
            errors[name] = traces[name] - mean if name in above else self._pulled(mean, pull)
        return Moment(states, traces, met, errors), pres

    def _arriving(self, name: str, now: Moment) -> Tensor:
        """What the error neurons of a block send to the neurons below it, [1, B, n below]."""
        crossing = self.error_at_current(name, Prediction(*[now.errors[name]] * 3), now.errors[name])
        return self._masked(crossing @ self.weights_back[name], self.below[name])

    def _pulled(self, mean: Tensor, pull: float) -> Tensor:
        if not pull or self.output is None:
            return torch.zeros_like(mean)
        return -self.strength * self.output.slope(mean)

    def _input_trace(self, begun: Tensor) -> Tensor:
        """The inputs' trace behind their mask, [T, B, ...]."""
        given = self._masked(as_float(self.given, self.network), "inputs")
        return trace((1.0 - self.decay) * given, self.decay, begun[0])
