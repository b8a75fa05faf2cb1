"""Pruning while a network learns: masks by a schedule, applied after every step."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag, check_fraction, check_instance
from spikelearn.network import Network, synaptic_weights
from spikelearn.registry import Registry
from spikelearn.seeding import generator_for
from spikelearn.sparsity.pruning_masks import Method, global_masks
from spikelearn.sparsity.scores import Magnitude, Score


class Pruning:
    r"""Weights go at one batch or, with ``gradual``, more and more of them, and stay 0 from then on.

    "global": the smallest scores of all layers together; "uniform": the same share of every layer. Gradual, from
    batch $t_0 = \mathrm{start} \cdot n$ to $t_1 = \mathrm{end} \cdot n$ of n, every ``every`` batches:

    $$s_t = s\,\bigl(1 - (1 - \tfrac{t - t_0}{t_1 - t_0})^3\bigr)$$

    Args:
        sparsity: s, share of the synaptic weights that go in the end, in [0, 1).
        minimum: share of all weights that every layer keeps at least, in [0, 1].
        gradual: whether it goes by the schedule above; else all go at ``start``.
        start: share of the training's batches before the first weights go, in [0, 1); at 0 they go before the first
            batch, which with the weights of a run is fine-tuning.
        end: share of the batches after which no more go, in [0, 1]; gradual only.
        every: batches between two prunings; gradual only.
        score: how much a weight counts: ``magnitude``, ``connection-sensitivity`` or ``gradient-times-weight``; the
            last two are made of the gradients of the last batches before weights go, of which the first go once there
            are enough.

    Shapes: masks as ``global_masks``.

    Raises:
        ValueError: a value out of range; with ``gradual`` an end that is not after the start; fewer batches than a
            score is made of; a score of gradients where a rule gives none for some of the weights.

    Source: Gupta et al., arXiv 2209.14624; the cubic schedule: Zhu & Gupta, arXiv 1710.01878, 2017, equation 1.
    """

    #: How weights of different layers are compared.
    method: ClassVar[Method]

    def __init__(
        self,
        sparsity: float,
        *,
        minimum: float = 0.0,
        gradual: bool = False,
        start: float = 0.0,
        end: float = 0.75,
        every: int = 10,
        score: Score = Magnitude(),
    ) -> None:
        check_fraction("sparsity", sparsity, below_one=True)
        check_fraction("minimum", minimum)
        check_flag("gradual", gradual)
        check_fraction("start", start, below_one=True)
        check_fraction("end", end)
        check_count("every", every)
        check_instance("score", score, Score, "for example Magnitude(), or score=magnitude")
        if gradual and not start < end:
            raise ValueError(f"start is {start:g} and end is {end:g}, expected start < end where pruning is gradual")
        self.sparsity, self.minimum, self.gradual = sparsity, minimum, gradual
        self.start, self.end, self.every, self.score = start, end, every, score
        self.batches, self.done = 0, 0
        self.masks: dict[str, Tensor] = {}
        #: Sums of the score's terms since the last pruning, and of how many updates.
        self.terms: dict[str, Tensor] = {}
        self.counted = 0

    def begin(self, network: Network, batches: int) -> None:
        """Stand before the first of ``batches`` batches; what goes at once, goes."""
        check_count("batches", batches)
        if self.score.batches > batches:
            raise ValueError(
                f"score {self.score.name!r} is made of {self.score.batches} batches, but the training has {batches}: "
                "train longer, or let fewer count (score=gradient-times-weight:batches=1)"
            )
        self.batches, self.done, self.masks = batches, 0, {}
        self._forget()
        self._prune_if_due(network)

    @torch.no_grad()
    def see(self, network: Network, grads: Mapping[str, Tensor]) -> None:
        """Called with every update before the step: keep of its gradients what the score is made of."""
        if not 0 < self._next_due() - self.done <= self.score.batches:
            return
        for name, weight in synaptic_weights(network).items():
            if name in grads:
                term = self.score.term(weight.detach(), grads[name].detach())
                self.terms[name] = self.terms[name].to(term) + term if name in self.terms else term
        self.counted += 1

    def step(self, network: Network) -> None:
        """Called after every batch: prune where the schedule says so."""
        self.done += 1
        self._prune_if_due(network)

    @torch.no_grad()
    def apply(self, network: Network, changed: Collection[str]) -> None:
        """Set to 0 what is pruned among the ``changed`` parameters."""
        for name in self.masks.keys() & set(changed):
            parameter = network.get_parameter(name)
            self.masks[name] = self.masks[name].to(parameter.device)
            parameter.masked_fill_(~self.masks[name], 0.0)

    def sparsity_at(self, batch: int) -> float:
        """Share of the weights that are to be gone after ``batch`` batches."""
        first, last = self._span()
        if batch < first:
            return 0.0
        if not self.gradual or batch >= last:
            return self.sparsity
        return self.sparsity * (1.0 - (1.0 - (batch - first) / (last - first)) ** 3)

    def state_dict(self) -> dict[str, Any]:
        """The state of pruning: plain values and masks."""
        state = {"batches": self.batches, "done": self.done, "masks": dict(self.masks)}
        return {**state, "terms": dict(self.terms), "counted": self.counted} if self.score.batches else state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``; masks come to the device of the weights when they are first applied."""
        self.batches, self.done, self.masks = state["batches"], state["done"], dict(state["masks"])
        self.terms, self.counted = dict(state.get("terms", {})), state.get("counted", 0)

    def _span(self) -> tuple[int, int]:
        first = max(round(self.start * self.batches), self.score.batches)
        return first, max(round(self.end * self.batches), first + 1) if self.gradual else first

    def _prune_if_due(self, network: Network) -> None:
        first, last = self._span()
        if not first <= self.done <= last or (self.done != last and (self.done - first) % self.every):
            return
        share, scores = self.sparsity_at(self.done), self._scores(network)
        self.masks = global_masks(network, share, minimum=self.minimum, method=self.method, scores=scores)
        self._forget()
        self.apply(network, self.masks.keys())

    def _next_due(self) -> int:
        """Number of batches after which weights go next; 0 where no more do."""
        first, last = self._span()
        if self.done < first:
            return first
        return min(self.done + self.every - (self.done - first) % self.every, last) if self.done < last else 0

    def _scores(self, network: Network) -> dict[str, Tensor]:
        """{parameter: scores of its weights}; what is gone counts less than any that is there."""
        weights = {name: weight.detach() for name, weight in synaptic_weights(network).items()}
        if self.score.batches and (without := [name for name in weights if name not in self.terms]):
            raise ValueError(
                f"score {self.score.name!r} is made of gradients, but the rule gives none for {', '.join(without)}: "
                "prune by magnitude (score=magnitude), or train all weights"
            )
        scores = {}
        for name, weight in weights.items():
            mean = self.terms[name].to(weight.device) / self.counted if self.score.batches else None
            scores[name] = self.score.value(weight, mean)
            if name in self.masks:
                scores[name] = scores[name].masked_fill(~self.masks[name].to(weight.device), -1.0)
        return scores

    def _forget(self) -> None:
        self.terms, self.counted = {}, 0


PRUNINGS = Registry("pruning", Pruning)


@PRUNINGS.register("global")
class GlobalPruning(Pruning):
    method = "global"


@PRUNINGS.register("uniform")
class UniformPruning(Pruning):
    method = "uniform"


@PRUNINGS.register("random")
class RandomPruning(Pruning):
    r"""Weights that are missing from the first batch on, drawn at random whatever their size: fixed sparse connections.

    Of every weight layer behind the first ``spared`` ones each weight goes with the probability s.

    Args:
        sparsity: s, share of the weights of such a layer that go, in [0, 1).
        spared: layers of weights, counted from the input, that keep all.
        seed: of what is drawn.

    Shapes: masks of the shapes of the weights.

    Raises:
        ValueError: a value out of range.

    Source: Miconi, arXiv 2107.01729, 2021, and the author's program: s = 0.99 behind the first layer.
    """

    method = "uniform"

    def __init__(self, sparsity: float, *, spared: int = 1, seed: int = 0) -> None:
        super().__init__(sparsity)
        check_count("spared", spared, least=0)
        check_count("seed", seed, least=0)
        self.spared, self.seed = spared, seed

    def _prune_if_due(self, network: Network) -> None:
        if self.done or self.masks:
            return
        for name, weight in [*synaptic_weights(network).items()][self.spared :]:
            drawn = torch.rand(weight.shape, generator=generator_for(self.seed, "random mask", name))
            self.masks[name] = (drawn >= self.sparsity).to(weight.device)
        self.apply(network, self.masks.keys())
