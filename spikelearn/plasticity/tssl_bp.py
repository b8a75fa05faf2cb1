"""Temporal spike sequence learning via backpropagation (TSSL-BP)."""

from collections.abc import Iterator

import torch

from spikelearn.checks import check_instance
from spikelearn.network import Network, Record
from spikelearn.neurons import TSSL, Adjoint, CubaLIF
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.bptt import BPTT
from spikelearn.plasticity.filtered_losses import VanRossum
from spikelearn.plasticity.gradient import gradient_update
from spikelearn.plasticity.losses import Loss


@RULES.register("tssl-bp")
class TSSLBP(BPTT):
    r"""Backpropagation of the error between filtered spike trains, through firing times and within neurons.

    $$\Delta W \propto -\sum_{t} h[t] \otimes a_{pre}[t]$$

    h is the error at the membrane's input by the recursion of the adjoint ``TSSL``, $a_{pre}$ the presynaptic spikes
    behind the synaptic filter. What is computed: the filter is that of the current-based LIF neuron, put on its
    current, W filter(z) = filter(W z), so what meets the weights stays spikes.

    Args:
        loss: what is descended, on the output's filtered spikes; default ``VanRossum`` (tau_syn 3 ms).
        adjoint: how the error crosses a neuron; default ``TSSL()`` (per unit of potential), with its ablations.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: feedback edges; neurons that are no current-based LIF with a reset to 0; a loss and a readout that
            look at different things; a parameter that the loss does not depend on.

    Source: Zhang & Li, NeurIPS 2020 (arXiv 2002.10085), and the authors' program of 2021, whose optimizer, clipping of
    the total norm to 1, bounds and sum over the batch are the defaults.
    """

    default_optimizer = OptimizerChoice("adamw", 5e-4, {"weight_decay": 0.01})
    default_clip_norm = 1.0
    default_bounds = (-4.0, 4.0)
    sums_over_batch = True

    def __init__(self, loss: Loss = VanRossum(), adjoint: Adjoint = TSSL()) -> None:
        check_instance(
            "adjoint", adjoint, TSSL, "for example TSSL(), or tssl:warm_up=always; other adjoints are bptt's"
        )
        super().__init__(loss, adjoint)

    def check(self, network: Network) -> None:
        super().check(network)
        if network.feedback:
            raise ValueError(
                f"tssl-bp carries errors layer by layer, but the network has feedback edges {list(network.feedback)}: "
                "leave them out, or train with ide or bptt"
            )
        assert isinstance(self.adjoint, TSSL)
        for name, block in network.blocks.items():
            try:
                self.adjoint.check_neuron(block.neuron)
            except ValueError as error:
                raise ValueError(f"block {name!r}: {error}") from error

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        yield gradient_update(
            network, batch, self.loss, self.adjoint, self.learned(network), measure=self.surrogate_shares
        )

    def surrogate_shares(self, network: Network, record: Record) -> dict[str, float]:
        """Share of a block's elements where the surrogate stood in for the firing time.

        Where that is decided element by element the first 8 samples are looked at.
        """
        assert isinstance(self.adjoint, TSSL)
        found = {}
        some = slice(8) if self.adjoint.warm_up == "element" else slice(None)
        for name, block in network.blocks.items():
            assert isinstance(block.neuron, CubaLIF)
            silent = self.adjoint.silent(block.neuron, record[name].spikes[:, some].detach())
            found[f"surrogate_{name}"] = float(silent.float().mean())
        return found
