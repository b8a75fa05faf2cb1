"""The outer loop of a credit network on a data set, from the settings of the trainings inside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from torch import Tensor

from spikelearn.plasticity import TDCA
from spikelearn.runs.groups import Group, in_groups
from spikelearn.runs.outer import FRESH, episode_network
from spikelearn.runs.settings import Settings, recorded
from spikelearn.runs.start import make_loaders
from spikelearn.training.outer import CreditLoop, Episodes, Tested

#: Settings that have no meaning in an episode, which begins anew and takes a few steps of one size.
WITHOUT_MEANING = (
    *(name for name in in_groups(Settings.model_fields, Group.STEP) if not name.startswith(("lr", "optimizer"))),
    *("epochs", "patience", "test_curve", "weights", "freeze", "prune", "hardware"),
)

#: Told after every episode: its number from 0 on, and the mean loss behind its trainings.
Teller = Callable[[int, float], None]


@dataclass(frozen=True)
class CreditSettings:
    """What the outer loop of a credit network depends on, beside the settings of its episodes.

    Args:
        episodes: of the loop.
        classes, shots, queries: of an episode, as ``Episodes`` has them; classes None: all.
        lr, pairs, spread: as ``CreditLoop`` has them.
        tested: fresh episodes on which first and learned credits, and gradients, are compared.
    """

    episodes: int = 100
    classes: int | None = None
    shots: int = 32
    queries: int = 32
    lr: float = 0.01
    pairs: int = 4
    spread: float = 0.05
    tested: int = 10


@dataclass(frozen=True)
class LearnedCredits:
    """What an outer loop found.

    Args:
        tensors: the credit network.
        steps: inside an episode.
        first: what fresh episodes gave with the credit network as the loop began, mean of the episodes.
        last: the same with the learned one.
        gradients: the same with as many steps of ``bptt``.
        losses: behind every episode.
    """

    tensors: Mapping[str, Tensor]
    steps: int
    first: Tested
    last: Tested
    gradients: Tested
    losses: list[float]


def learn_credits(settings: Settings, outer: CreditSettings, tell: Teller | None = None) -> LearnedCredits:
    """Learn the credit network of ``tdca`` on episodes of the training samples.

    Raises:
        ValueError: another rule, options that the loop cannot use, too few samples of a class.
    """
    rule = settings.make_rule()
    if not isinstance(rule, TDCA):
        raise ValueError(f"the rule is {settings.rule!r}, but credits are learned for tdca: drop --rule")
    loader = make_loaders(settings)["train"]
    classes = loader.outputs if outer.classes is None else outer.classes
    drawn = Episodes(loader, classes=classes, shots=outer.shots, queries=outer.queries, seed=settings.seed)
    loop = CreditLoop(
        rule, episode_network(settings, 0), optimizer=settings.optimizer_choice(), lr=outer.lr, pairs=outer.pairs,
        spread=outer.spread, seed=settings.seed,
    )  # fmt: skip
    losses = []
    for number in range(outer.episodes):
        losses.append(loop.episode(number, episode_network(settings, number), drawn.episode(number)))
        if tell is not None:
            tell(number, losses[-1])
    seen: dict[str, list[Tested]] = {"first": [], "last": [], "gradients": []}
    for number in range(FRESH, FRESH + outer.tested):
        network, episode = episode_network(settings, number), drawn.episode(number)
        seen["first"].append(loop.tested(network, episode, loop.first))
        seen["last"].append(loop.tested(network, episode, loop.tensors))
        seen["gradients"].append(loop.by_gradients(network, episode))
    means = {
        name: Tested(fmean(one.loss for one in found), fmean(one.accuracy for one in found))
        for name, found in seen.items()
    }
    return LearnedCredits(loop.tensors, len(drawn.episode(0).train), losses=losses, **means)


def about_credits(settings: Settings, outer: CreditSettings, learned: LearnedCredits) -> dict[str, Any]:
    """What a file of a credit network says of how it came about."""
    return {
        "settings": recorded(settings),
        "outer": vars(outer),
        "steps": learned.steps,
        "fresh_episodes": {
            "first": learned.first._asdict(),
            "learned": learned.last._asdict(),
            "bptt": learned.gradients._asdict(),
        },
        "losses": learned.losses,
    }
