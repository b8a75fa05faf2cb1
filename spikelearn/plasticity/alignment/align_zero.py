"""Align-zero: the gradient of the network as it began, by the error of the network as it is."""

from collections.abc import Iterator

import torch
from torch import Tensor

from spikelearn.network import Network, learning_only
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.alignment.base import (
    InitialWeightsRule,
    as_it_began,
    carried,
    from_memory,
    output_zeros,
)
from spikelearn.plasticity.base import RULES, Batch, Memory, Update, firing_rates
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses import CrossEntropyRate, Loss


@RULES.register("align-zero")
class AlignZero(InitialWeightsRule):
    r"""Align-zero: the output's error meets the derivative of the network as it began, in all of its weights.

    $$\Delta W_l \propto -\sum_t \frac{\partial I_{out}[t; W^0]}{\partial W^0_l}^{\!\top} e[t], \qquad
      e[t] = \frac{\partial L}{\partial I_{out}[t; W]}$$

    $W^0$ are the parameters at the start, $I_{out}$ the currents of the blocks that are read. Only e is of the network
    as it is: the way down, and what meets the weights, are those of a second run with $W^0$. So the weights become
    $W^0$ plus a sum of errors times fixed features, as those of a network that is linear in them. At the start it is
    ``bptt``; a wide network in which weights hardly move stays near it. The readout's own weights, if it has any,
    follow the loss as it is. A network with feedback edges is unrolled.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).

    Shapes: inputs [T, B, ...], targets [B]; e like the output's currents, [T, B, ...]; gradients shaped like their
    parameters.

    Raises:
        ValueError: feedback from a block that is read; as ``bptt``.

    Source: Boopathy & Fiete, ICML 2022, and the authors' program, of rate networks whose weights are standard normal
    and divided by the root of the fan-in (``init`` "ntk"). deviation: of spiking networks, for which there is none, the
    second run is one in time.
    """

    def __init__(self, loss: Loss = CrossEntropyRate(), adjoint: Adjoint = Surrogate(ATan())) -> None:
        super().__init__(loss, adjoint)

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        names = self.learned(network)
        readout = [name for name in names if name.startswith("readout.")]
        with learning_only(network, readout), network.presentation() as buffers, torch.enable_grad():
            top = self.top(network, batch, readout, output_zeros(network, batch.inputs))
            rates = firing_rates(network, top.record)
        inner = {name: kept.requires_grad_() for name, kept in from_memory(memory) if name not in readout}

        def look(began: Network) -> tuple[Tensor | None, ...]:
            record, _ = began.run(batch.inputs, adjoint=self.adjoint, masks=batch.masks)
            total = carried(began, batch, record, top.errors)
            return torch.autograd.grad(total, list(inner.values()), allow_unused=True)

        found = top.grads | dict(zip(inner, as_it_began(network, inner, look), strict=True))
        grads = named_gradients(self.loss, names, [found.get(name) for name in names])
        yield Update(grads, top.scores, top.loss, buffers=buffers, rates=rates)
