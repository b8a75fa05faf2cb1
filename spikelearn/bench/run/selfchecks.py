"""What is checked of every arm before it is compared; one that fails is left out, with the reason."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from spikelearn.bench.plan.trial import Trial
from spikelearn.plasticity import Batch, Update
from spikelearn.plasticity.identities import IDENTITIES
from spikelearn.runs import Settings, prepare, usable_device
from spikelearn.training import Training

#: Samples that an arm's own network is checked on.
SAMPLES = 8


def check_arms(trials: Sequence[Trial]) -> dict[str, str]:
    """{arm: why it is left out} of the arms that fail a check.

    Checked are, in this order: the identity that the rule's specification names, on a small network in float64 (a rule
    without one has none to fail); and on the arm's own network, data and settings, that it can be made at all, that its
    updates are the same twice, finite, write nothing, and change something.

    Args:
        trials: one for each arm, data set and network.
    """
    failed: dict[str, str] = {}
    proven: dict[str, str | None] = {}
    for trial in trials:
        if trial.arm in failed:
            continue
        rule = trial.settings.rule
        if rule not in proven:
            proven[rule] = _reason(IDENTITIES[rule]) if rule in IDENTITIES else None
        reason = proven[rule] or _reason(partial(check_own, trial.settings))
        if reason is not None:
            failed[trial.arm] = reason
    return failed


def unproven_arms(trials: Sequence[Trial]) -> dict[str, str]:
    """{arm: what that means} of the arms whose rule has no identity, as one of one's own has none."""
    return {
        trial.arm: f"the rule {trial.settings.rule!r} has no identity that it could be held to: checked is only that "
        "its updates are finite, the same twice, write nothing and change something"
        for trial in trials
        if trial.settings.rule not in IDENTITIES
    }


def check_own(settings: Settings) -> None:
    """Check the rule of ``settings`` on its own network and data.

    Raises:
        ValueError: it cannot be made, or an update is not finite, not the same twice, writes, or changes nothing.
    """
    device = usable_device(settings.device)
    training, loaders = prepare(settings.model_copy(update={"weights": None}), device)
    loader = loaders["train"]
    batch = Batch.of(loader.load(loader.order(0)[:SAMPLES]), loader.task).to(device)
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    first, second = _updates(training, batch), _updates(training, batch)
    after = training.network.state_dict()
    if any(not torch.equal(after[name], value) for name, value in before.items()):
        raise ValueError(f"{settings.rule} writes to the network while it looks at a batch, expected updates only")
    for one, two in zip(first, second, strict=True):
        again = _changes(two)
        for name, grad in _changes(one).items():
            if not bool(torch.isfinite(grad).all()):
                raise ValueError(f"{settings.rule} wishes a change of {name} that is not finite, on its first batch")
            if not torch.allclose(grad, again[name], rtol=1e-4, atol=1e-7 * _size(grad)):
                raise ValueError(f"{settings.rule} wishes another change of {name} when asked twice with one seed")
    if not any(bool(grad.any()) for update in first for grad in _changes(update).values()):
        raise ValueError(
            f"{settings.rule} changes nothing on the first {len(batch.targets)} samples: its neurons may be silent; "
            "raise the weights, the input's gain or the decay"
        )


def _changes(update: Update) -> dict[str, Tensor]:
    """What an update wishes to change, of the network and of what the rule itself learns, which may learn first."""
    return update.grads | update.own


def _updates(training: Training, batch: Batch) -> list[Update]:
    """All updates of one batch, none applied, with the same random numbers every time."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return list(training.rule.updates(training.network, batch, training.memory, generator))


def _size(value: Tensor) -> float:
    return float(value.abs().max()) if value.numel() else 0.0


def _reason(check: Callable[[], None]) -> str | None:
    """Why ``check`` fails; None where it does not."""
    try:
        check()
    except ValueError as error:
        return " ".join(str(error).split())
    except Exception as error:  # a rule of one's own may fail in any way, and must not end the comparison
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return None
