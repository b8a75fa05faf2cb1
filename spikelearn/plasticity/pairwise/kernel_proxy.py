"""Kernel layer-wise learning: blocks learn one by one to tell pairs of one class from pairs of two."""

from collections.abc import Iterator

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_flag, check_instance
from spikelearn.network import Network, learning_only
from spikelearn.neurons import Adjoint, ATan, Neuron, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.pairwise.kernels import Cosine, Kernel
from spikelearn.plasticity.pairwise.proxies import PROXIES, Pairs, Proxy, value_of
from spikelearn.plasticity.requires import LossFits, Need, NoFeedback, Passes, SomethingToLearn, trainable_names

#: Name in the rule's memory of the number of batches seen.
BATCHES = "batches"


@RULES.register("kernel-proxy")
class KernelProxy(Rule):
    r"""Kernel layer-wise learning: every hidden block makes samples alike that are of one class, and unlike others.

    With $K_{ij}$ the kernel of samples i and j by what a block sends for them, $G_{ij}$ = 1 where both are of one class
    and else the kernel's least value k, and $s_{ij} = \pm 1$ accordingly, a hidden block ascends by derivatives within
    the block alone, through time too, one of

    $$\text{raw: } \langle s_{ij} K_{ij} \rangle_{i \ne j}, \quad \text{nmse: } -\langle (K_{ij} - G_{ij})^2 \rangle,
      \quad \text{alignment: } \cos(K, G), \quad \text{upper-tri-alignment: } \cos(K_{i<j}, G_{i<j}),$$
    $$\text{contrastive: } c = \frac{\sum_{i \ne j,\,\text{same}} e^{K_{ij}}}{\sum_{i \ne j} e^{K_{ij}}}, \qquad
      \text{log-contrastive: } \ln c,$$

    or with ``negatives_only``, over pairs of two classes, $-\langle K \rangle$, $-\langle (K - k)^2 \rangle$,
    $\cos(K, G)$, $-\langle e^K \rangle$ and $-\ln \langle e^K \rangle$. No class is needed for that, only whether two
    samples are of one. Pairs couple the samples of a batch; of several processes each forms those of its own share.

    The blocks that are read learn by the derivative of ``loss``, from what the last hidden block sends; nothing goes
    back. As the kernel looks at directions alone, what meets a block's weights is scaled to one size
    (``--input-norm``): ``length`` is the authors', ``mean-square`` the default, by which neurons fire.

    The metric ``proxy_<block>`` is the value of the proxy.

    Args:
        loss: what the output descends.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        kernel: for example ``cosine``, ``filtered`` or ``gaussian:sigma=2``; dimensionless.
        proxy: what hidden blocks ascend.
        negatives_only: whether pairs of one class are left out.
        module_batches: batches for which one block learns alone, from the first on; the blocks that are read learn
            last, from then on. 0: all learn from the start, each by its own.

    Shapes: inputs [T, B, ...], targets [B]; K [B, B]; gradients shaped like their parameters.

    Raises:
        ValueError: a hidden block that sends nothing, feedback edges, nothing to learn; alignment of
            ``negatives_only`` where the kernel's least value is 0.

    Source: Duan, Yu & Principe, IEEE TNNLS 2022, and the authors' program; Duan, Yu, Chen & Principe, Neural
    Computation 32, 2020. deviation: blocks learn together by default, on spikes too, and by Adam.
    """

    default_optimizer = OptimizerChoice("adam", 1e-2)
    default_settings = {"input_norm": "mean-square"}
    loss: Loss
    adjoint: Adjoint

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        kernel: Kernel = Cosine(),
        *,
        proxy: Proxy = "upper-tri-alignment",
        negatives_only: bool = False,
        module_batches: int = 0,
    ) -> None:
        check_instance("loss", loss, Loss, "for example loss=CrossEntropyRate()")
        check_instance("adjoint", adjoint, Adjoint, "for example adjoint=Surrogate(ATan())")
        check_instance("kernel", kernel, Kernel, "for example kernel=Cosine()")
        check_choice("proxy", proxy, PROXIES)
        check_flag("negatives_only", negatives_only)
        check_count("module_batches", module_batches, least=0)
        self.loss, self.adjoint, self.kernel = loss, adjoint, kernel
        self.proxy, self.negatives_only, self.module_batches = proxy, negatives_only, module_batches

    @property
    def factors(self) -> Factors:
        return LOCAL | {"targets", "record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        return (
            LossFits(self.loss),
            NoFeedback("trains block by block", "train with dfa"),
            Passes("hidden blocks whose kernel says something", self._check_hidden),
            SomethingToLearn(among=trainable_names),
        )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """``batches``, the number of those seen, where blocks learn one after the other."""
        self.check(network)
        return {BATCHES: torch.zeros((), dtype=torch.int64)} if self.module_batches else {}

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        names = self.learning(network, memory)
        with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
            record, _ = network.run(batch.inputs, adjoint=self.adjoint, masks=batch.masks, cut=True)
            scores = network.scores(record)
            value = self.loss.of(batch, record.output, scores)
            proxies = {
                name: self.proxy_of(network.blocks[name].neuron, record[name].spikes, batch.targets)
                for name in _hidden(network)
            }
            parts = [part for part in (value, *(-proxy for proxy in proxies.values())) if part.requires_grad]
            parameters = [network.get_parameter(name) for name in names]
            found = torch.autograd.grad(torch.stack(parts).sum(), parameters, allow_unused=True) if parts else ()
        yield Update(
            named_gradients(self.loss, names, found),
            scores.detach(),
            value.detach(),
            buffers=buffers,
            memory={BATCHES: memory[BATCHES] + 1} if self.module_batches else {},
            rates=firing_rates(network, record),
            metrics={f"proxy_{name}": float(proxy.detach()) for name, proxy in proxies.items()},
        )

    def proxy_of(self, neuron: Neuron, sent: Tensor, targets: Tensor) -> Tensor:
        """The proxy of a block, a scalar, by what its neurons of the kind ``neuron`` send, [T, B, ...]."""
        pairs = Pairs.of(self.kernel(sent), targets, self.kernel.lowest(neuron))
        return value_of(self.proxy, pairs, negatives_only=self.negatives_only)

    def learning(self, network: Network, memory: Memory) -> list[str]:
        """Names of the parameters that learn from the next batch."""
        names = trainable_names(network)
        if not self.module_batches:
            return names
        for place, block in enumerate(_hidden(network)):
            if int(memory[BATCHES]) < (place + 1) * self.module_batches:
                return [name for name in names if name.startswith(_into(network, block))]
        below = tuple(prefix for block in _hidden(network) for prefix in _into(network, block))
        return [name for name in names if not name.startswith(below)]

    def _check_hidden(self, network: Network, rule: str) -> None:
        for name in _hidden(network):
            neuron = network.blocks[name].neuron
            if not neuron.sends:
                raise ValueError(
                    f"{rule} compares what a hidden block sends for two samples, but block {name!r} is a "
                    f"{type(neuron).__name__}, which sends nothing: use LIF or Rate (--neuron lif)"
                )
            if self.negatives_only and self.proxy.endswith("alignment") and self.kernel.lowest(neuron) == 0.0:
                raise ValueError(
                    f"{rule} aligns the kernel of pairs of two classes with its least value, but that of block "
                    f"{name!r} is 0, to which nothing can be aligned: use proxy=raw or nmse, or neurons that send "
                    "negative numbers (--neuron rate --neuron-option activation=tanh)"
                )


def _hidden(network: Network) -> list[str]:
    """Names of the blocks that are not read, in order."""
    return [name for name in network.blocks if name not in network.outputs]


def _into(network: Network, block: str) -> tuple[str, ...]:
    """What the names of all parameters into a block begin with."""
    return tuple(f"{path}." for path, _, _ in network.into(block))
