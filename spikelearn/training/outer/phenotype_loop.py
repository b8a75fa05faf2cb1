"""The outer loop of a phenotype: hyper-learning, a step by all tasks behind every step on the present one."""

from collections.abc import Iterable, Sequence
from statistics import fmean

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_positive
from spikelearn.network import Network
from spikelearn.neurons import DeepArtificialNeuron, Phenotype
from spikelearn.plasticity import DAN, Batch, OptimizerChoice, Update
from spikelearn.plasticity.meta.dan import phenotype_of
from spikelearn.training.learning import descend, learn
from spikelearn.training.outer.streams import Moment
from spikelearn.training.training import Training


class PhenotypeLoop:
    r"""Learns the phenotype of ``dan`` by the loss on all tasks while networks learn one task after the other.

    $$W_m \leftarrow \mathrm{Adam}\Big(W_m, \frac{\partial L_{seen}}{\partial W_m}\Big), \qquad
      \theta \leftarrow \mathrm{Adam}\Big(\theta, \frac1M \sum_m \frac{\partial L_{asked}(W_m, \theta)}{\partial\theta}
      \Big) \quad \text{several times behind each}$$

    To first order: nothing is differentiated through the steps of W. All M networks share $\theta$; Adam's averages of
    $\theta$ go on from episode to episode, while weights, and the optimizer of theirs, begin anew in each.

    Args:
        rule: whose loss it is.
        networks: the population, from whose weights each episode begins; their neurons are given the phenotype of the
            first, which is what learns.
        optimizer: of the weights; None: the rule's.
        lr: of Adam for the phenotype.
        resting: moments at the beginning of an episode in which only the phenotype learns; the authors' program: 1.

    Raises:
        ValueError: no network, one that the rule cannot train, phenotypes that are not shared within one, a number out
            of range.

    Source: Camp, Mandivarapu & Estrada, arXiv 2011.07035, 2020, and the authors' program.
    """

    def __init__(
        self,
        rule: DAN,
        networks: Sequence[Network],
        *,
        optimizer: OptimizerChoice | None = None,
        lr: float = 0.01,
        resting: int = 0,
    ) -> None:
        check_positive("lr", lr)
        check_count("resting", resting, 0)
        check_count("networks", len(networks))
        self.rule, self.networks, self.inner, self.resting = rule, list(networks), optimizer, resting
        #: What learns.
        self.phenotype = phenotype_of(networks[0])
        for network in networks:
            share_phenotype(network, self.phenotype)
            rule.check(network)
        self.first = [{name: p.detach().clone() for name, p in net.named_parameters()} for net in networks]
        self.optimizer = torch.optim.Adam(list(self.phenotype.tensors.values()), lr)
        self.begin()

    def begin(self) -> None:
        """Begin an episode: first weights, and new optimizers of theirs."""
        with torch.no_grad():
            for network, first in zip(self.networks, self.first, strict=True):
                for name, parameter in network.named_parameters():
                    parameter.copy_(first[name])
        self.trainings = [Training.start(net, self.rule, optimizer=self.inner) for net in self.networks]
        self.moments = 0

    def moment(self, met: Sequence[Moment]) -> float:
        """One step of every network's weights, then those of the phenotype; the mean loss on what was asked.

        Args:
            met: of every network.
        """
        if self.moments >= self.resting:
            for training, own in zip(self.trainings, met, strict=True):
                learn(training, own.seen)
        self.moments += 1
        losses = []
        for asked in zip(*(own.asked for own in met), strict=True):
            losses += [float(update.loss) for update in self.step(asked) if update.loss is not None]
        return fmean(losses) if losses else 0.0

    def step(self, asked: Sequence[Batch]) -> list[Update]:
        """One step of the phenotype, by the mean of its derivatives over the networks, each on its own batch."""
        updates = [self.rule.hyper(net, batch) for net, batch in zip(self.networks, asked, strict=True)]
        grads = {name: mean_of([update.own[name] for update in updates]) for name in self.phenotype.tensors}
        descend(self.optimizer, self.phenotype.tensors, grads)
        return updates

    def episode(self, moments: Iterable[Sequence[Moment]]) -> float:
        """An episode from the first weights on; the mean loss on what was asked at its end."""
        self.begin()
        loss = 0.0
        for met in moments:
            loss = self.moment(met)
        return loss


def mean_of(tensors: Sequence[Tensor]) -> Tensor:
    """The mean of tensors of one shape."""
    return torch.stack(list(tensors)).mean(0)


def share_phenotype(network: Network, phenotype: Phenotype) -> None:
    """Give all neurons of a network that have one the same ``phenotype``."""
    for block in network.blocks.values():
        if isinstance(block.neuron, DeepArtificialNeuron):
            block.neuron.phenotype = phenotype
