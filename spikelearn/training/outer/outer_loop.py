"""The outer loop of coefficients: how the loss behind a training follows from them, and steps that lower it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from spikelearn.checks import check_choice, check_count, check_not_negative, check_positive, is_finite, one_of
from spikelearn.network import Network
from spikelearn.plasticity import Batch, Memory, MetaPlasticity, applied
from spikelearn.plasticity.meta.coefficients import TERMS
from spikelearn.plasticity.meta.meta_plasticity import COEFFICIENTS
from spikelearn.seeding import generator_for
from spikelearn.training.outer.episodes import Episode
from spikelearn.training.outer.evolution import antithetic

Derivative = Literal["exact", "evolution"]


class _Step(nn.Module):
    """One update of a network as a function of its parameters."""

    def __init__(self, network: Network, rule: MetaPlasticity) -> None:
        super().__init__()
        self.network, self.rule = network, rule

    def forward(self, batch: Batch, memory: Memory, generator: torch.Generator) -> dict[str, Tensor]:
        parameters: dict[str, Tensor] = dict(self.network.named_parameters())
        for update in self.rule.updates(self.network, batch, memory, generator):
            parameters = applied(self.network, update, 1.0)
        return parameters


def adapted(
    network: Network, rule: MetaPlasticity, memory: Memory, batches: Iterable[Batch], generator: torch.Generator
) -> dict[str, Tensor]:
    """The parameters behind ``batches``, one after the other, by steps of plain descent of size 1; nothing is written.

    They are differentiable in ``memory["coefficients"]`` where the rule has ``second_order``.
    """
    step = _Step(network, rule)
    parameters: dict[str, Tensor] = dict(network.named_parameters())
    learning = {name for name, value in parameters.items() if value.requires_grad}
    for batch in batches:
        named = {f"network.{name}": value for name, value in parameters.items()}
        parameters = functional_call(step, named, (batch, memory, generator))
        # What learns says so by requires_grad, where no graph is kept too.
        parameters |= {name: parameters[name].requires_grad_() for name in learning}
    return parameters


class EpisodeResult(NamedTuple):
    """One episode of the outer loop.

    Args:
        loss: behind it, penalty included.
        grad: derivative of the loss in the coefficients, [3]; 0 of those that do not learn.
        coefficients: behind the step, {term: value}.
    """

    loss: float
    grad: Tensor
    coefficients: dict[str, float]


class Tested(NamedTuple):
    """What the queries behind an episode gave.

    Args:
        loss: mean cross-entropy.
        accuracy: share of queries that were classified right.
    """

    loss: float
    accuracy: float


class OuterLoop:
    r"""Learns the coefficients of ``meta-plasticity`` by the loss of queries behind episodes of online training.

    $$\theta \leftarrow \mathrm{Adam}\Big(\theta, \frac{d}{d\theta} \big(L(W(\theta)) + \lambda |\theta|_1\big)\Big)$$

    with $W(\theta)$ the weights behind the episode, each begun with new weights and new feedback. "exact": through all
    updates; "evolution": from P pairs of episodes with $\theta \pm \sigma\epsilon$, $\epsilon \sim N(0, I)$, the mean
    of $(L_+ - L_-)\,\epsilon / (2 \sigma)$, which needs no derivative, and so takes neurons that fire.

    Args:
        rule: with the first coefficients; of "exact" one with ``second_order``.
        terms: names of those that learn; the others keep their coefficients.
        lr: of Adam, per coefficient.
        penalty: $\lambda$, loss per unit of coefficient.
        derivative: "exact" or "evolution".
        pairs: P of "evolution".
        spread: $\sigma$ of "evolution", unit of the coefficients.
        seed: of feedback weights and of what "evolution" draws.

    Raises:
        ValueError: a number out of range, an unknown term; "exact" of a rule without ``second_order``.

    Source: Shervani-Tabar & Rosenbaum, Nature Communications 14, 2023; "evolution": Salimans et al., arXiv 1703.03864,
    2017.
    """

    def __init__(
        self,
        rule: MetaPlasticity,
        *,
        terms: Collection[str] = TERMS,
        lr: float = 1e-3,
        penalty: float = 0.0,
        derivative: Derivative = "exact",
        pairs: int = 4,
        spread: float = 1e-3,
        seed: int = 0,
    ) -> None:
        for term in terms:
            if term not in TERMS:
                raise ValueError(f"terms names {term!r}, expected {one_of(term, TERMS)}")
        check_positive("lr", lr)
        check_not_negative("penalty", penalty)
        check_choice("derivative", derivative, get_args(Derivative))
        check_count("pairs", pairs)
        check_positive("spread", spread)
        if derivative == "exact" and not rule.second_order:
            raise ValueError(
                "an exact derivative goes through all updates, but the rule keeps no graph of them: make it with "
                "second_order=True, or take derivative='evolution'"
            )
        self.rule, self.penalty, self.derivative = rule, penalty, derivative
        self.pairs, self.spread, self.seed = pairs, spread, seed
        self.learning = torch.tensor([term in terms for term in TERMS])
        values = [rule.coefficients[term] for term in TERMS]
        self.theta = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        self.optimizer = torch.optim.Adam([self.theta], lr)

    @property
    def coefficients(self) -> dict[str, float]:
        """{term: coefficient} as they are."""
        return dict(zip(TERMS, self.theta.detach().tolist(), strict=True))

    def episode(self, number: int, network: Network, episode: Episode, memory: Memory | None = None) -> EpisodeResult:
        """Train ``network``'s first weights on an episode, and take a step by the loss behind it; writes none of them.

        Args:
            number: of the episode, by which feedback and directions are drawn.
            network: with the weights that the episode begins with.
            episode: what is shown and asked.
            memory: of the rule, whose coefficients are left out; None: drawn anew.
        """
        memory = memory or self._memory(number, network)
        exact = self.derivative == "exact"
        loss, grad = (self._exact if exact else self._evolution)(number, network, episode, memory)
        grad = torch.where(self.learning, grad, 0.0)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.enable_grad():  # a number whose derivative is the one that was found
            (grad @ self.theta).backward()
        self.optimizer.step()
        return EpisodeResult(loss, grad.clone(), self.coefficients)

    def loss(self, theta: Tensor, network: Network, episode: Episode, memory: Memory) -> Tensor:
        """The loss behind an episode with the coefficients ``theta`` [3], penalty included."""
        scores = self._scores(theta, network, episode, memory)
        return F.cross_entropy(self.rule.gain * scores, episode.queries.targets) + self.penalty * theta.abs().sum()

    @torch.no_grad()
    def tested(
        self,
        number: int,
        network: Network,
        episode: Episode,
        coefficients: Mapping[str, float],
        memory: Memory | None = None,
    ) -> Tested:
        """What an episode gives with other ``coefficients`` {term: value}; nothing is learned from it."""
        theta = torch.tensor([coefficients[term] for term in TERMS], dtype=torch.float64)
        scores = self._scores(theta, network, episode, memory or self._memory(number, network))
        loss = F.cross_entropy(self.rule.gain * scores, episode.queries.targets)
        return Tested(float(loss), float((scores.argmax(1) == episode.queries.targets).double().mean()))

    def _memory(self, number: int, network: Network) -> Memory:
        return self.rule.init(network, generator_for(self.seed, "feedback", number))

    def _scores(self, theta: Tensor, network: Network, episode: Episode, memory: Memory) -> Tensor:
        """Scores of the queries [B, classes] behind an episode with the coefficients ``theta`` [3]."""
        weighed = {**memory, COEFFICIENTS: theta.to(next(network.parameters()))}
        parameters = adapted(network, self.rule, weighed, episode.train, generator_for(self.seed, "rule"))
        if not all(is_finite(value.detach()) for value in parameters.values()):
            written = ", ".join(f"{term} {value:.3g}" for term, value in zip(TERMS, theta.tolist(), strict=True))
            raise ValueError(
                f"weights ran away in an episode with the coefficients {written}: take smaller steps in the outer loop "
                "(--outer-lr), or begin with smaller coefficients"
            )
        scores: Tensor = functional_call(network, parameters, (episode.queries.inputs,))
        return scores

    def _exact(self, _number: int, network: Network, episode: Episode, memory: Memory) -> tuple[float, Tensor]:
        with torch.enable_grad():
            value = self.loss(self.theta, network, episode, memory)
            (grad,) = torch.autograd.grad(value, self.theta)
        return float(value.detach()), grad

    @torch.no_grad()
    def _evolution(self, number: int, network: Network, episode: Episode, memory: Memory) -> tuple[float, Tensor]:
        return antithetic(
            lambda theta: float(self.loss(theta, network, episode, memory)),
            self.theta.detach(),
            pairs=self.pairs,
            spread=self.spread,
            generator=generator_for(self.seed, "directions", number),
            learning=self.learning,
        )
