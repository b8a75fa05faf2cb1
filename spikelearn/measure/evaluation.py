"""Measures and firing rates of a network on the samples of a loader."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from spikelearn.loading import Loader, Source, loader_of
from spikelearn.network import Network, check_weights_finite, evaluating
from spikelearn.plasticity import Batch, firing_rates
from spikelearn.seeding import derived_seed
from spikelearn.synapses import float_type
from spikelearn.tasks import Tally, Task

#: Scores of a network's samples, from inputs [T, B, ...] and the steps that count (None: all).
Predict = Callable[[Network, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Measures of a network on a loader's samples.

    Args:
        task: what was asked.
        measures: {measure: value}; the task's own measure first.
        rates: {block: spikes per step and neuron}, of all steps, padded ones included.
        samples: how many were presented.
        counted: what the measures are means over: samples, or their valid steps.
        confusion: counts [classes][classes]: row c holds the samples (or steps) of class c, by the class that had the
            highest score; the accuracy is the share on the diagonal. None: the task has no classes.
    """

    task: Task
    measures: Mapping[str, float]
    rates: dict[str, float]
    samples: int
    counted: int
    confusion: tuple[tuple[int, ...], ...] | None

    @property
    def value(self) -> float:
        """The task's own measure, by which networks are compared."""
        return self.measures[self.task.measure.name]

    @property
    def accuracy(self) -> float:
        """Share of samples whose target has the highest score, in 0..1; the lowest number wins a tie."""
        return self._of("accuracy")

    @property
    def unique_accuracy(self) -> float:
        """Share of samples whose target alone has the highest score: a tie is an error, and so is silence."""
        return self._of("unique_accuracy")

    def __repr__(self) -> str:
        """All but the counts of ``confusion``, which would fill a screen."""
        values = ", ".join(f"{name}={value!r}" for name, value in self.measures.items())
        classes = f"<{len(self.confusion)} classes>" if self.confusion is not None else "None"
        return f"Evaluation({values}, rates={self.rates!r}, samples={self.samples}, confusion={classes})"

    def _of(self, name: str) -> float:
        if name not in self.measures:
            raise ValueError(
                f"the task is {str(self.task)!r}, which has no {name}, expected {', '.join(self.measures)}: read "
                ".measures or .value"
            )
        return self.measures[name]


@torch.no_grad()
def evaluate(
    network: Network,
    loader: Source,
    *,
    device: torch.device | str = "cpu",
    between: Callable[[], None] = lambda: None,
    predict: Predict | None = None,
) -> Evaluation:
    """Present every sample once, in evaluation mode, and count.

    Random neurons draw by the sample's place and the loader's seed: the same numbers at every call.

    Args:
        network: left as it was, the mode of each module included.
        loader: the samples: a ``Loader``, or any iterable of (inputs [T, B, ...], targets [B]), such as torch's
            ``DataLoader`` or a list of batches.
        device: where the network lies.
        between: called between batches, for example to stop.
        predict: gives the scores; None: the network's readout of one run. Rates are those of one run in any case.

    Raises:
        ValueError: a parameter or buffer that is NaN or infinite, which would be taken for silence; it is named. No
            samples, batches of another form, a target that the network has no output for.
    """
    check_weights_finite(network)
    seen = 0
    whole: Tally | None = None
    sums: defaultdict[str, float] = defaultdict(float)
    batches = loader_of("loader", loader)
    # Every sample has random numbers of its own, whatever the batch that it comes in, and the process.
    places = batches.places() if isinstance(batches, Loader) else None
    seed = derived_seed(getattr(batches, "seed", 0), "evaluation") >> 1
    with evaluating(network):
        for samples in batches.epoch():
            between()
            batch = Batch.of(samples, batches.task).to(torch.device(device), float_type(network))
            first = next(places).start if places else seen
            with network.presentation(), network.drawing(seed + torch.arange(first, first + batch.size)):
                record, _ = network.run(batch.inputs)
                valid = batch.valid_steps
                scores = network.scores(record, valid) if predict is None else predict(network, batch.inputs, valid)
                scores = scores.cpu()
            batches.task.check_scores(scores, samples.targets)
            part = batches.task.tally(scores, samples.targets, None if valid is None else valid.cpu())
            whole = part if whole is None else whole + part
            seen += batch.size
            for name, rate in firing_rates(network, record).items():
                sums[name] += rate * batch.size
    if whole is None:
        raise ValueError("the loader has no samples: give it at least one")
    return evaluated(batches.task, whole, {name: total / seen for name, total in sums.items()}, seen)


def evaluated(task: Task, whole: Tally, rates: dict[str, float], samples: int) -> Evaluation:
    """The evaluation of ``samples`` samples whose tally is ``whole``."""
    rows = None if whole.confusion is None else tuple(map(tuple, whole.confusion.tolist()))
    return Evaluation(task, whole.means(), rates, samples, whole.count, rows)
