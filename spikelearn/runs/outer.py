"""The outer loop of a rule's coefficients on a data set, from the settings of the trainings inside it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from spikelearn.network import Network
from spikelearn.plasticity import MetaPlasticity
from spikelearn.plasticity.meta.coefficients import TERMS
from spikelearn.runs.groups import Group, in_groups
from spikelearn.runs.settings import Settings, recorded
from spikelearn.runs.start import make_loaders
from spikelearn.seeding import derived_seed
from spikelearn.training.outer import Derivative, EpisodeResult, Episodes, OuterLoop, Tested

#: Settings that have no meaning in an episode, which begins anew and takes plain steps of the coefficients' own size.
WITHOUT_MEANING = (
    *in_groups(Settings.model_fields, Group.STEP),
    *("epochs", "patience", "test_curve", "weights", "freeze", "prune", "hardware"),
)

#: The number of the first episode on which coefficients are tested: none of those that they are learned on.
FRESH = 1_000_000

#: Told after every episode: its number from 0 on, and what came of it.
Teller = Callable[[int, EpisodeResult], None]


@dataclass(frozen=True)
class OuterSettings:
    """What an outer loop depends on, beside the settings of its episodes.

    Args:
        episodes: of the loop.
        classes, shots, queries: of an episode, as ``Episodes`` has them.
        terms: those that learn, as ``OuterLoop`` has them.
        lr, penalty, derivative, pairs, spread: as ``OuterLoop`` has them.
        tested: fresh episodes on which the first and the learned coefficients are compared.
    """

    episodes: int = 100
    classes: int = 5
    shots: int = 10
    queries: int = 10
    terms: Collection[str] = field(default=TERMS)
    lr: float = 1e-3
    penalty: float = 0.0
    derivative: Derivative = "exact"
    pairs: int = 4
    spread: float = 1e-3
    tested: int = 10


@dataclass(frozen=True)
class Learned:
    """What an outer loop found.

    Args:
        coefficients: {term: value}.
        first: what fresh episodes gave with the first coefficients, mean of the episodes.
        last: the same with the learned ones.
        losses: behind every episode.
    """

    coefficients: dict[str, float]
    first: Tested
    last: Tested
    losses: list[float]


def learn_coefficients(settings: Settings, outer: OuterSettings, tell: Teller | None = None) -> Learned:
    """Learn the coefficients of ``meta-plasticity`` on episodes of the training samples.

    Raises:
        ValueError: another rule, options that the loop cannot use, too few samples of a class.
    """
    rule = settings.model_copy(update={"rule_option": _options(settings, outer)}).make_rule()
    assert isinstance(rule, MetaPlasticity)
    loader = make_loaders(settings)["train"]
    drawn = Episodes(loader, classes=outer.classes, shots=outer.shots, queries=outer.queries, seed=settings.seed)
    loop = OuterLoop(
        rule, terms=outer.terms, lr=outer.lr, penalty=outer.penalty, derivative=outer.derivative, pairs=outer.pairs,
        spread=outer.spread, seed=settings.seed,
    )  # fmt: skip
    first, losses = loop.coefficients, []
    for number in range(outer.episodes):
        network = episode_network(settings, number)
        result = loop.episode(number, network, drawn.episode(number))
        losses.append(result.loss)
        if tell is not None:
            tell(number, result)

    def tested(coefficients: Mapping[str, float]) -> Tested:
        seen = [
            loop.tested(number, episode_network(settings, number), drawn.episode(number), coefficients)
            for number in range(FRESH, FRESH + outer.tested)
        ]
        return Tested(fmean(one.loss for one in seen), fmean(one.accuracy for one in seen))

    return Learned(loop.coefficients, tested(first), tested(loop.coefficients), losses)


def about_coefficients(settings: Settings, outer: OuterSettings, learned: Learned) -> dict[str, Any]:
    """What a file of coefficients says of how they came about."""
    return {
        "settings": recorded(settings),
        "outer": {**vars(outer), "terms": list(outer.terms)},
        "fresh_episodes": {"first": learned.first._asdict(), "learned": learned.last._asdict()},
        "losses": learned.losses,
    }


def _options(settings: Settings, outer: OuterSettings) -> dict[str, Any]:
    """The rule's options, with the graph that an exact derivative needs."""
    if settings.rule != "meta-plasticity":
        raise ValueError(
            f"the rule is {settings.rule!r}, but an outer loop learns the coefficients of meta-plasticity: drop --rule"
        )
    return {**settings.rule_option, "second_order": outer.derivative == "exact"}


def episode_network(settings: Settings, number: int) -> Network:
    """The network of an episode, with weights of its own."""
    return settings.model_copy(update={"seed": derived_seed(settings.seed, "episode", number)}).make_network()
