"""The outer loop of a credit network: evolution by the loss behind many short trainings."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_positive
from spikelearn.network import Network, evaluating
from spikelearn.plasticity import BPTT, TDCA, CrossEntropyRate, Memory, OptimizerChoice, Rule
from spikelearn.seeding import generator_for
from spikelearn.training.finite import NonFiniteUpdate
from spikelearn.training.learning import descend, learn
from spikelearn.training.outer.episodes import Episode
from spikelearn.training.outer.evolution import antithetic
from spikelearn.training.outer.outer_loop import Tested
from spikelearn.training.training import Training


class CreditLoop:
    r"""Learns the credit network of ``tdca`` by the loss of queries behind short trainings, each from new weights.

    $$Q \leftarrow \mathrm{Adam}\Big(Q, \frac{1}{P} \sum_{p=1}^P
      \frac{L(W(Q + \sigma\epsilon_p)) - L(W(Q - \sigma\epsilon_p))}{2\sigma}\,\epsilon_p\Big), \qquad
      \epsilon_p \sim N(0, I)$$

    W(Q) are the weights behind an episode's batches, each a step of ``learn`` by the rule's changes.

    Args:
        rule: with the credit network that the loop begins with, learned or to be drawn.
        network: by whose blocks a credit network is drawn; its weights do not matter.
        optimizer: of the steps inside an episode; None: the rule's.
        lr: of Adam, per number of the credit network.
        pairs: P.
        spread: $\sigma$, unit of these numbers.
        seed: of the credit network as it is drawn, and of directions.

    Raises:
        ValueError: a number out of range; a network that the rule cannot train, or without hidden blocks.

    Source: Salimans et al., arXiv 1703.03864, 2017; that an outer level of training finds the network: abstract of
    Chen, Wang & Liu, arXiv 2208.01416, 2022.
    """

    def __init__(
        self,
        rule: TDCA,
        network: Network,
        *,
        optimizer: OptimizerChoice | None = None,
        lr: float = 0.01,
        pairs: int = 4,
        spread: float = 0.05,
        seed: int = 0,
    ) -> None:
        for name, value in (("lr", lr), ("spread", spread)):
            check_positive(name, value)
        check_count("pairs", pairs)
        self.rule, self.pairs, self.spread, self.seed = rule, pairs, spread, seed
        self.inner = optimizer or rule.default_optimizer
        #: The credit network that the loop began with.
        self.first = rule.init(network, generator_for(seed, "credits"))
        if not self.first:
            raise ValueError("the network has no hidden block that a credit could reach: put one between its numbers")
        self.theta = torch.cat([tensor.flatten() for tensor in self.first.values()]).double()
        self.optimizer = torch.optim.Adam([self.theta], lr)

    @property
    def tensors(self) -> Memory:
        """The credit network as it is."""
        return self._memory(self.theta)

    @torch.no_grad()
    def episode(self, number: int, network: Network, episode: Episode) -> float:
        """Take one step by the loss behind an episode; the mean loss of its trainings.

        Args:
            number: of the episode, by which directions are drawn.
            network: with the weights that the episode begins with; nothing is written to it.
            episode: what is shown and asked.
        """

        def loss(theta: Tensor) -> float:
            return self.tested(network, episode, self._memory(theta)).loss

        generator = generator_for(self.seed, "directions", number)
        mean, grad = antithetic(loss, self.theta, pairs=self.pairs, spread=self.spread, generator=generator)
        descend(self.optimizer, {"theta": self.theta}, {"theta": grad})
        return mean

    @torch.no_grad()
    def tested(self, network: Network, episode: Episode, memory: Memory) -> Tested:
        """Loss and accuracy behind an episode with a credit network ``memory``; nothing is learned from it."""
        return self._tested(network, episode, self.rule, memory)

    @torch.no_grad()
    def by_gradients(self, network: Network, episode: Episode) -> Tested:
        """The same by as many steps of the same size along the gradient of the same loss."""
        return self._tested(network, episode, BPTT(CrossEntropyRate(self.gain), self.rule.adjoint), {})

    @property
    def gain(self) -> float:
        """Logits per unit of score."""
        assert isinstance(self.rule.loss, CrossEntropyRate)
        return self.rule.loss.gain

    def _tested(self, network: Network, episode: Episode, rule: Rule, memory: Memory) -> Tested:
        made = copy.deepcopy(network)
        training = Training.start(made, rule, seed=self.seed, optimizer=self.inner)
        for name, tensor in memory.items():
            training.memory[name].copy_(tensor)
        try:
            for batch in episode.train:
                learn(training, batch)
        except NonFiniteUpdate as error:
            raise ValueError(
                f"weights ran away in an episode of {rule.name}: take smaller steps inside it (--lr) or in the outer "
                "loop (--outer-lr)"
            ) from error
        with evaluating(made):
            scores = made(episode.queries.inputs)
        targets = episode.queries.targets
        loss = float(F.cross_entropy(self.gain * scores, targets))
        return Tested(loss, float((scores.argmax(1) == targets).double().mean()))

    def _memory(self, theta: Tensor) -> Memory:
        parts = theta.split([tensor.numel() for tensor in self.first.values()])
        return {name: part.view_as(like).to(like) for (name, like), part in zip(self.first.items(), parts, strict=True)}
