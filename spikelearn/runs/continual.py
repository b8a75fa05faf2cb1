"""One training on the classes of a data set part after part, and what is kept of the earlier ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.loading import Loader
from spikelearn.measure import Forgetting, ForgottenErrors, Predict, evaluate, forgetting, forgotten_errors
from spikelearn.network import Network
from spikelearn.plasticity import Memory, Rule
from spikelearn.runs.settings import Settings
from spikelearn.runs.start import prepare
from spikelearn.seeding import derived_seed, seed_everything
from spikelearn.training.fit import fit
from spikelearn.training.parts import make_schedules
from spikelearn.training.predicting import predictor
from spikelearn.training.training import Training

#: Settings that have no meaning where one training follows another.
WITHOUT_MEANING = ("patience", "test_curve", "prune", "hardware")

T = TypeVar("T")

#: Told after every phase: its number from 0 on, and the measures on all splits.
Teller = Callable[[int, T], None]


@dataclass(frozen=True)
class Phase:
    """Accuracies on the test samples of every split, in 0..1.

    Args:
        class_incremental: the class is predicted among all classes.
        task_incremental: the class is predicted among those of the sample's own split.
    """

    class_incremental: list[float]
    task_incremental: list[float]


@dataclass(frozen=True)
class Continual:
    """What a training on one split after the other came to.

    Args:
        splits: classes of every split, in the order in which they were learned.
        phases: behind each.
    """

    splits: list[list[int]]
    phases: list[Phase]

    @property
    def class_incremental(self) -> Forgetting:
        """Measures where the class is predicted among all classes."""
        return forgetting([phase.class_incremental for phase in self.phases])

    @property
    def task_incremental(self) -> Forgetting:
        """Measures where the class is predicted among those of the sample's own split."""
        return forgetting([phase.task_incremental for phase in self.phases])

    def record(self) -> dict[str, Any]:
        """All of it as plain values."""
        scenarios = ("class_incremental", "task_incremental")
        return {"splits": self.splits} | {
            name: {"accuracies": [getattr(phase, name) for phase in self.phases]} | getattr(self, name)._asdict()
            for name in scenarios
        }


@dataclass(frozen=True)
class Reconstruction:
    """What a network came to that learned to give back the samples of one split after the other.

    Args:
        splits: classes of every split, in the order in which they were learned.
        errors: behind each phase, the mean squared errors on the test samples of every split.
    """

    splits: list[list[int]]
    errors: list[list[float]]

    @property
    def forgotten(self) -> ForgottenErrors:
        """Measures of what was forgotten."""
        return forgotten_errors(self.errors)

    def record(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"splits": self.splits, "errors": self.errors} | self.forgotten._asdict()


def class_splits(classes: int, splits: int) -> list[list[int]]:
    """The classes 0 .. ``classes`` - 1 in order, in ``splits`` parts, of which the first are one larger at most.

    Raises:
        ValueError: fewer than two parts, or more than classes.
    """
    check_count("splits", splits, 2)
    if splits > classes:
        raise ValueError(f"splits is {splits}, but there are {classes} classes: choose at most as many")
    return [part.tolist() for part in torch.arange(classes).tensor_split(splits)]


def train_continually(settings: Settings, splits: int, tell: Teller[Phase] | None = None) -> Continual:
    """Train on the classes of one split after the other, and test on all splits after every phase.

    Weights and the rule's memory go on from phase to phase; optimizer, schedule and the order of samples begin anew in
    each, of ``epochs`` epochs. The network has an output for every class from the start, and no phase sees samples of
    another. A sample's split is told, for the task-incremental measures, in the test alone: training is the same.

    Raises:
        ValueError: settings of no meaning here, a task without classes, fewer classes than splits.

    Source: the scenarios: van de Ven, Tuytelaars & Tolias, Nature Machine Intelligence 4, 2022. deviation: of
    task-incremental learning, outputs of other splits are left out in the test, not in training.
    """
    task = settings.make_task()
    if task.name != "classify":
        raise ValueError(
            f"classes are learned one split after the other, but the task is {task!s}: use data with classes"
        )
    return Continual(*_phases(settings, splits, _tested, tell))


def reconstruct_continually(settings: Settings, splits: int, tell: Teller[list[float]] | None = None) -> Reconstruction:
    """The same where a network learns to give back its input (the task autoencode) on one split after the other.

    Raises:
        ValueError: settings of no meaning here, another task, data without classes, fewer classes than splits.

    Source: Camp, Mandivarapu & Estrada, arXiv 2011.07035, 2020: classes reconstructed one after the other.
    """
    task = settings.make_task()
    if not task.of_input:
        raise ValueError(f"the task is {task!s}, but samples are to be given back: set --task autoencode")
    return Reconstruction(*_phases(settings, splits, _errors, tell))


def _phases(
    settings: Settings,
    splits: int,
    test: Callable[[Training, Loader, Sequence[Sequence[int]], str], T],
    tell: Teller[T] | None,
) -> tuple[list[list[int]], list[T]]:
    """The splits, and what ``test`` makes of the network after each phase."""
    said = [name for name in WITHOUT_MEANING if getattr(settings, name)]
    if said:
        flags = ", ".join("--" + name.replace("_", "-") for name in said)
        raise ValueError(f"one training follows another, with tests in between: drop {flags}")
    seed_everything(settings.seed)
    begun, loaders = prepare(settings, settings.device)
    parts = class_splits(loaders["train"].dataset.classes, splits)
    network, memory, phases = begun.network, begun.memory, []
    for number, classes in enumerate(parts):
        training = _training(settings, number, network, memory)
        shown = loaders["train"].of_classes(classes)
        training.schedule = make_schedules(
            training.rule, training.optimizer, settings.schedule_name(), settings.epochs * len(shown), settings.epochs
        )
        fit(training, shown, epochs=settings.epochs, device=settings.device)
        memory = training.memory
        phases.append(test(training, loaders["test"], parts, settings.device))
        if tell is not None:
            tell(number, phases[-1])
    return parts, phases


def _training(settings: Settings, number: int, network: Network, memory: Memory) -> Training:
    """The training of a phase: ``network`` and ``memory`` as they are, all else new."""
    rule = settings.make_rule()
    training = Training.start(
        network,
        rule,
        seed=derived_seed(settings.seed, "phase", number),
        optimizer=None if rule.parts else settings.optimizer_choice(),
        constraints=settings.make_constraints(rule, network),
        clip=None if rule.parts else settings.clip_norm,
    )
    with torch.no_grad():
        for name, value in memory.items():
            training.memory[name].copy_(value)
    return training


def _tested(training: Training, test: Loader, parts: Sequence[Sequence[int]], device: str) -> Phase:
    """Accuracies on all splits, of the network as it is."""
    network, rule, memory = training.network, training.rule, training.memory
    among_all, among_own = [], []
    for classes in parts:
        samples = test.of_classes(classes)
        free = evaluate(network, samples, device=device, predict=predictor(rule, network, memory))
        told = evaluate(network, samples, device=device, predict=_within(classes, rule, network, memory))
        among_all.append(free.accuracy)
        among_own.append(told.accuracy)
    return Phase(among_all, among_own)


def _errors(training: Training, test: Loader, parts: Sequence[Sequence[int]], device: str) -> list[float]:
    """Mean squared errors on all splits, of the network as it is."""
    predict = predictor(training.rule, training.network, training.memory)
    return [
        evaluate(training.network, test.of_classes(classes), device=device, predict=predict).value for classes in parts
    ]


def _within(classes: Sequence[int], rule: Rule, network: Network, memory: Memory) -> Predict:
    """Predictions among ``classes`` alone: scores of the others lie below all."""
    own = predictor(rule, network, memory)

    def predict(network: Network, inputs: Tensor, valid: Tensor | None) -> Tensor:
        scores = network.scores(network.run(inputs)[0], valid) if own is None else own(network, inputs, valid)
        lowered = torch.full_like(scores, float(scores.min()) - 1.0)
        lowered[:, classes] = scores[:, classes]
        return lowered

    return predict
