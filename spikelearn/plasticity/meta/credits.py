"""Credits that a small network makes of the output and the target, spread over the neurons of every hidden block."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_not_negative, check_positive
from spikelearn.learned_tensors import LearnedTensors
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import direct_weights, uniform
from spikelearn.plasticity.base import Memory
from spikelearn.plasticity.losses import CrossEntropyRate
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Broadcast, Sent
from spikelearn.tasks import check_targets

#: Files and texts of credit networks.
CREDIT_NETWORKS = LearnedTensors("credit_network", "a credit network", "spikelearn credits")

#: Names of the credit network's tensors in a rule's memory; of those that belong to a block its name follows.
STRAIGHT, HIDDEN, BIAS, THROUGH = "credits.straight.", "credits.hidden", "credits.bias", "credits.through."


@SIGNALS.register("credits")
class Credits(Broadcast):
    r"""Credits that a small network makes of the output and the target, spread over the neurons of a block.

    $$m_l[t] = \frac{k}{T B}\, c_l K_l, \qquad c_l = u S_l + \tanh(u U + b)\, V_l, \qquad
      u = [\mathrm{softmax}(k\,s), y]$$

    s are the scores of the whole presentation, y is the target's class, one-hot. $K_l$ is fixed: each of m credits
    reaches the n neurons by a Gaussian of the distance on a line along which both are spread evenly, of
    standard deviation ``width`` spacings of credits; the column of a neuron has length 1. With ``per_block`` = 0 every
    neuron has a credit of its own, K = 1.

    As drawn, $S_l = [D_l, -D_l]$ with D from $U(-a\sqrt{6/n}, a\sqrt{6/n})$, a = ``scale``, U from
    $U(-1/\sqrt{2C}, 1/\sqrt{2C})$, and b and V are 0, so that credits are linear in the error p - y.

    Args:
        per_block: m, credits of every hidden block; 0: one a neuron.
        hidden: neurons of the credit network's hidden layer; 0: none, credits are linear in u.
        width: standard deviation of the spread, in spacings of credits; not used where every neuron has its own.
        scale: a, dimensionless.
        gain: k, logits per unit of score, in the loss of the last block too.
        network: name of the file of a learned credit network, which a run's settings then hold themselves; None: as
            drawn.

    Shapes: u [B, 2 classes]; $S_l$ [2 classes, m], U [2 classes, hidden], b [hidden], $V_l$ [hidden, m], $K_l$ [m, n];
    $m_l$ [T, B, ...].

    Raises:
        ValueError: a value out of range; a network that begins with a convolution and does not say its input_shape; a
            task without classes; scores that are not one an output; a credit network for other blocks or sizes.

    Source: a reconstruction from the abstract of Chen, Wang & Liu, arXiv 2208.01416, 2022; see ``tdca``.
    """

    whole = True

    def __init__(
        self,
        *,
        per_block: int = 16,
        hidden: int = 16,
        width: float = 1.0,
        scale: float = 1.0,
        gain: float = 10.0,
        network: str | None = None,
    ) -> None:
        super().__init__(CrossEntropyRate(gain))
        check_count("per_block", per_block, 0)
        check_count("hidden", hidden, 0)
        check_positive("width", width)
        check_not_negative("scale", scale)
        self.per_block, self.hidden, self.width, self.scale, self.gain = per_block, hidden, width, scale, gain
        self.learned = None if network is None else CREDIT_NETWORKS.of(network)

    @property
    def linear(self) -> bool:
        return False

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """The tensors of the credit network."""
        memory = self._drawn(direct_weights(self.name, network, "random"), generator)
        if self.learned is None:
            return memory
        _check_fits(self.learned, memory)
        return {name: torch.empty_like(drawn).copy_(self.learned[name]) for name, drawn in memory.items()}

    def _drawn(self, blocks: Mapping[str, Tensor], generator: torch.Generator) -> Memory:
        """The tensors of a credit network that has learned nothing, for ``blocks`` {name: of the form of its D}."""
        memory: Memory = {}
        outputs = 0
        for name, form in blocks.items():
            outputs, neurons = len(form), form[0].numel()
            credits = self.per_block or neurons
            gain = self.scale * (6.0 * credits / neurons) ** 0.5
            direct = uniform((outputs, credits), gain, generator, form)
            memory[STRAIGHT + name] = torch.cat([direct, -direct])
        if not self.hidden:
            return memory
        for name, form in blocks.items():
            memory[THROUGH + name] = form.new_zeros(self.hidden, memory[STRAIGHT + name].shape[1])
        if blocks:
            memory[HIDDEN] = uniform((self.hidden, 2 * outputs), 1.0, generator, form).t().contiguous()
            memory[BIAS] = form.new_zeros(self.hidden)
        return memory

    def send(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        seen = self.seen(sent)
        within = torch.tanh(seen @ memory[HIDDEN] + memory[BIAS]) if self.hidden else None
        signals = {}
        for name, spikes in sent.spikes.items():
            straight = memory[STRAIGHT + name]
            if len(straight) != seen.shape[1]:
                raise ValueError(
                    f"the credits are made of {len(straight) // 2} outputs, but the readout gives {seen.shape[1] // 2} "
                    "scores: use a readout with one score an output, such as rate"
                )
            credits = seen @ straight if within is None else seen @ straight + within @ memory[THROUGH + name]
            told = self.diffused(credits, spikes[0, 0].numel()) * (self.gain / sent.batch.size)
            signals[name] = (sent.shares.unsqueeze(2) * told).view_as(spikes)
        return signals

    def seen(self, sent: Sent) -> Tensor:
        """u [B, 2 classes]: what the output says, and the target."""
        if sent.batch.task.name != "classify":
            raise ValueError(
                f"{self.name} are made of a sample's class, but the task is {sent.batch.task!s}: use direct"
            )
        assert sent.scores is not None
        classes = sent.scores.shape[1]
        check_targets(sent.batch.targets, classes)
        output = (self.gain * sent.scores).softmax(1)
        return torch.cat([output, F.one_hot(sent.batch.targets, classes).to(output)], 1)

    def diffused(self, credits: Tensor, neurons: int) -> Tensor:
        """Credits [B, m] spread over a block's neurons, [B, n]."""
        return credits if not self.per_block else credits @ kernel(credits.shape[1], neurons, self.width, credits)


def kernel(credits: int, neurons: int, width: float, like: Tensor) -> Tensor:
    r"""K [m, n] of length 1 in every column, $K_{ij} \propto e^{-(x_i - x_j)^2 / 2 \sigma^2}$, in the type of ``like``.

    Args:
        credits, neurons: m and n; their places $x$ are $(i + 1/2)/m$ and $(j + 1/2)/n$.
        width: $\sigma$ in spacings 1/m.
        like: a tensor of that type.
    """
    places = (torch.arange(credits, dtype=torch.float64) + 0.5).unsqueeze(1)
    own = (torch.arange(neurons, dtype=torch.float64) + 0.5) * (credits / neurons)
    exponent = -((places - own) ** 2) / (2.0 * width**2)
    # The nearest credit has weight 1 before the division, so that a narrow spread leaves no column empty.
    spread = (exponent - exponent.amax(0)).exp()
    return (spread / spread.norm(dim=0)).to(like)


def _check_fits(learned: Mapping[str, Tensor], drawn: Memory) -> None:
    """Raise ValueError where a learned credit network is none for these blocks and sizes."""
    got, expected = ({name: list(t.shape) for name, t in tensors.items()} for tensors in (learned, drawn))
    for name in sorted(got.keys() | expected.keys()):
        if got.get(name) != expected.get(name):
            raise ValueError(
                f"the learned credit network has {got.get(name, 'nothing')} as {name}, expected "
                f"{expected.get(name, 'nothing')}: train as many blocks as it was learned with, with its per_block and "
                "hidden, or learn another (spikelearn credits)"
            )
