"""The error of a readout of each block's own, through fixed random weights: no other block is needed."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_fraction, check_instance, check_not_negative, check_positive
from spikelearn.network import Network
from spikelearn.neurons.parts.streams import streams, uniform
from spikelearn.plasticity.back_weights import neuron_shapes
from spikelearn.plasticity.back_weights import uniform as drawn_weights
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.losses import Loss, SmoothL1Membrane
from spikelearn.plasticity.losses.membrane import MembraneLoss
from spikelearn.plasticity.three_factor.engine.latents import behind_pools
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Local, Pulled, Sent, Taught
from spikelearn.tasks import check_targets

#: What stands before a block in the names of its readout's weights and biases, and of what is drawn.
WEIGHTS, BIASES, DRAWN = "readout_weights.", "readout_biases.", "dropout."


@SIGNALS.register("local-readout")
class LocalReadout(Local):
    r"""The error of a readout of each block's own at every step, through weights G that are random and fixed.

    $$y_l[t] = G_l\, \tilde s_l[t] + c_l, \qquad
      m_l[t] = \frac{1}{T B}\, G_l^\top \frac{\partial h(y_l[t], d)}{\partial y_l[t]}$$

    h is the loss of a step, d the target, $\tilde s$ what the block sends, behind the pooling that stands in front of
    the weights of its only reader; of a max pool, the spike of the neuron with the highest potential. G and c are drawn
    from $U(-k/\sqrt n, k/\sqrt n)$, n numbers in $\tilde s$. A block learns by itself, as soon as it has run.

    Args:
        loss: h, of potentials at every step; the last block and the network's readout descend it, too.
        scale: k, dimensionless.
        dropout: share of $\tilde s$ that the readout does not see, drawn anew at every step; the rest counts
            1/(1 - dropout) times.
        potential_strength: c of a pull of potentials to just below the threshold, unit of the loss,
            $c\,\langle [u + 0.01]_+ \rangle + 0.003\,c\,[0.1 - \langle \sigma(u) \rangle]_+$ at every step, u what
            potentials are above the threshold, a mean of the block's neurons and samples; 0: none.

    Shapes: $\tilde s$ [T, B, ...], G [outputs, n], c [outputs], y [T, B, outputs], targets [B].

    Raises:
        ValueError: a loss that is not one of potentials at every step; a value out of range; a network that begins with
            a convolution and does not say its input_shape; a task without classes.

    Source: Kaiser, Mostafa & Neftci, Frontiers in Neuroscience 14, 2020 (DECOLLE), and the authors' program. deviation:
    divided by the steps T, as the mean loss is; the program sums over them.
    """

    def __init__(
        self,
        loss: Loss = SmoothL1Membrane(),
        *,
        scale: float = 0.5,
        dropout: float = 0.0,
        potential_strength: float = 0.0,
    ) -> None:
        super().__init__(loss)
        check_instance("loss", loss, MembraneLoss, "one of potentials at every step, for example SmoothL1Membrane()")
        check_positive("scale", scale)
        check_fraction("dropout", dropout, below_one=True)
        check_not_negative("potential_strength", potential_strength)
        self.scale, self.dropout, self.potential_strength = scale, dropout, potential_strength

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``readout_weights.<block>``: G, ``readout_biases.<block>``: c} of all hidden blocks behind weights."""
        shapes, like = neuron_shapes(self.name, network), next(network.parameters())
        outputs = sum(int(torch.Size(shapes[name]).numel()) for name in network.outputs)
        memory: Memory = {}
        for name in _behind_weights(network):
            silent = like.new_zeros(1, 1, *shapes[name])
            count = self.seen(network, name, silent, silent)[0].numel()
            memory[WEIGHTS + name] = drawn_weights((outputs, count), self.scale, generator, like)
            memory[BIASES + name] = drawn_weights((outputs,), self.scale / count**0.5, generator, like)
        return memory

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """{``dropout.<block>``: a seed for every sample, int64 [B]}; {} without dropout."""
        if not self.dropout:
            return {}
        device = batch.inputs.device
        return {
            DRAWN + name: torch.randint(2**62, (batch.size,), generator=generator, device=generator.device).to(device)
            for name in _behind_weights(network)
        }

    def seen(self, network: Network, name: str, spikes: Tensor, potentials: Tensor) -> tuple[Tensor, Tensor]:
        return behind_pools(network, name, spikes, potentials - network.blocks[name].neuron.v_threshold)

    def pull(self, value: Tensor, points: Sequence[Tensor], sent: Sent, memory: Memory) -> Pulled:
        # A seed of each step, for one step does not know its number.
        seeds = {name: drawn + sent.first for name, drawn in sent.batch.draws.items() if name.startswith(DRAWN)}
        return super().pull(value, points, sent, {**memory, **seeds})

    def teach(
        self, name: str, spikes: Tensor, potentials: Tensor, batch: Batch, shares: Tensor, memory: Memory
    ) -> Taught:
        if batch.task.name != "classify":
            raise ValueError(f"{self.name} reads the class of a sample, but the task is {batch.task!s}: use direct")
        weights = memory[WEIGHTS + name]
        check_targets(batch.targets, len(weights))
        assert isinstance(self.loss, MembraneLoss)
        with torch.enable_grad():
            sent, over = spikes.to(weights).requires_grad_(), potentials.requires_grad_()
            kept = sent
            if self.dropout:
                seeds = memory.get(DRAWN + name, batch.draws.get(DRAWN + name))
                assert seeds is not None
                kept = sent * kept_by(seeds, name, spikes, self.dropout).to(weights)
            read = F.linear(kept.flatten(2), weights, memory[BIASES + name])
            each = self.loss.each(read.flatten(0, 1), batch.targets.repeat(len(read))).view(shares.shape)
            value = (shares * each).sum() / batch.size
            if not self.potential_strength:
                return Taught(torch.autograd.grad(value, sent)[0], loss=value.detach())
            value = value + self.potential_strength * _pull_of_potentials(over, shares)
            at_spikes, at_potentials = torch.autograd.grad(value, [sent, over])
            return Taught(at_spikes, at_potentials, loss=value.detach())


def kept_by(seeds: Tensor, name: str, spikes: Tensor, dropout: float) -> Tensor:
    """Factor on every number of ``spikes`` [T, B, ...], 0 or 1/(1 - dropout), by a seed of each sample at step 0."""
    steps, rows = torch.arange(len(spikes), device=seeds.device), spikes.flatten(0, 1)
    chance, _ = uniform(streams((seeds + steps.unsqueeze(1)).flatten(), f"{DRAWN}{name}", rows), torch.float32)
    return (chance >= dropout).view(spikes.shape) / (1.0 - dropout)


def _pull_of_potentials(over: Tensor, shares: Tensor) -> Tensor:
    """The pull of potentials [T, B, ...] for a strength of 1, by the share of every step."""
    flat = over.flatten(2)
    high = (shares * (flat + 0.01).relu().mean(2)).sum() / shares.shape[1]
    low = (shares.mean(1) * (0.1 - flat.sigmoid().mean((1, 2))).relu()).sum()
    return high + 0.003 * low


def _behind_weights(network: Network) -> list[str]:
    """Hidden blocks into which an edge with weights leads."""
    driven = network.currents()
    weighted = (prefix for prefix, synapse in network.synapses().items() if any(True for _ in synapse.parameters()))
    targets = {driven[prefix].partition(".")[0] for prefix in weighted}
    return [name for name in network.blocks if name in targets and name not in network.outputs]
