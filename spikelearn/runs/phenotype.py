"""The outer loop of a phenotype, on mixtures of sines or classes of a data set, from the settings of its networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from torch import Tensor

from spikelearn.measure import ForgottenErrors, forgotten_errors
from spikelearn.network import Network
from spikelearn.plasticity import DAN
from spikelearn.runs.credits import WITHOUT_MEANING as OF_EPISODES
from spikelearn.runs.groups import Group, in_groups
from spikelearn.runs.outer import FRESH
from spikelearn.runs.settings import Settings, recorded
from spikelearn.runs.start import make_loaders
from spikelearn.training.outer import ClassStreams, PhenotypeLoop, SineMixtures, Streams, one_after_the_other

#: Settings that have no meaning in an episode, which begins anew and takes a few steps of so many samples.
WITHOUT_MEANING = (*OF_EPISODES, "batch")

#: Settings of the samples of a data set, of which mixtures of sines have none.
OF_DATA = (*in_groups(Settings.model_fields, Group.DATA), "encoder", "encoder_option", "data_fraction", "validation")

#: Settings of a network for mixtures of sines, where nothing else is said; outputs reach beyond 1.
SINES: Mapping[str, Any] = {
    "net": "1-10-10(+inputs)-10(+inputs)(+fc1)-1(+inputs)(+fc1)(+fc2)",
    "output": "dan",
    "output_option": {"gain": 5.0},
    "task": "regress",
}

#: Told after every episode: its number from 0 on, and the loss on all tasks at its end.
Teller = Callable[[int, float], None]


@dataclass(frozen=True)
class PhenotypeSettings:
    """What the outer loop of a phenotype depends on, beside the settings of its networks.

    Args:
        sines: whether tasks are slices of mixtures of sines, not the classes of the data set.
        episodes: of the loop.
        population: networks that share the phenotype, each with tasks of its own.
        classes: of an episode; None: all.
        samples, seen, asked, hyper_steps: as ``SineMixtures`` and ``ClassStreams`` have them.
        lr, resting: as ``PhenotypeLoop`` has them.
        tested: fresh streams on which the first and the learned phenotype are compared.
    """

    sines: bool = False
    episodes: int = 100
    population: int = 3
    classes: int | None = None
    samples: int = 10
    seen: int = 5
    asked: int = 20
    hyper_steps: int = 5
    lr: float = 0.003
    resting: int = 0
    tested: int = 5


@dataclass(frozen=True)
class LearnedPhenotype:
    """What an outer loop found.

    Args:
        tensors: the phenotype.
        first: losses on fresh streams of tasks with the phenotype that the loop began with, mean of the streams.
        last: the same with the learned one.
        losses: on all tasks, at the end of every episode.
    """

    tensors: Mapping[str, Tensor]
    first: ForgottenErrors
    last: ForgottenErrors
    losses: list[float]


def learn_phenotype(settings: Settings, outer: PhenotypeSettings, tell: Teller | None = None) -> LearnedPhenotype:
    """Learn the phenotype of ``dan`` on streams of tasks.

    Raises:
        ValueError: another rule, a network that does not fit the tasks, too few samples of a class.
    """
    rule = settings.make_rule()
    if not isinstance(rule, DAN):
        raise ValueError(f"the rule is {settings.rule!r}, but phenotypes are learned for dan: drop --rule")
    streams = streams_of(settings, outer)
    networks = [_network(settings, outer) for _ in range(outer.population)]
    optimizer = settings.optimizer_choice()
    loop = PhenotypeLoop(rule, networks, optimizer=optimizer, lr=outer.lr, resting=outer.resting)

    def tested() -> ForgottenErrors:
        loop.begin()
        found = [
            forgotten_errors(one_after_the_other(networks[0], rule, streams, number, optimizer=optimizer))
            for number in range(FRESH, FRESH + outer.tested)
        ]
        return ForgottenErrors(*(fmean(values) for values in zip(*found, strict=True)))

    first, losses = tested(), []
    for number in range(outer.episodes):
        losses.append(loop.episode(streams.moments(number, outer.population)))
        if tell is not None:
            tell(number, losses[-1])
    return LearnedPhenotype(loop.phenotype.tensors, first, tested(), losses)


def streams_of(settings: Settings, outer: PhenotypeSettings) -> Streams:
    """The streams of tasks that the settings ask for."""
    counts = {name: getattr(outer, name) for name in ("samples", "seen", "asked", "hyper_steps")}
    if outer.sines:
        return SineMixtures(**counts, seed=settings.seed)
    return ClassStreams(make_loaders(settings)["train"], classes=outer.classes, **counts, seed=settings.seed)


def _network(settings: Settings, outer: PhenotypeSettings) -> Network:
    return settings.network_of((1,)) if outer.sines else settings.make_network()


def about_phenotype(settings: Settings, outer: PhenotypeSettings, learned: LearnedPhenotype) -> dict[str, Any]:
    """What a file of a phenotype says of how it came about."""
    return {
        "settings": recorded(settings),
        "outer": vars(outer),
        "fresh_streams": {"first": learned.first._asdict(), "learned": learned.last._asdict()},
        "losses": learned.losses,
    }
