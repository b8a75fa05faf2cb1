"""torch's optimizers and schedules by name."""

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from torch import Tensor, optim

from spikelearn.checks import check_choice, check_positive, one_of
from spikelearn.plasticity import OptimizerChoice
from spikelearn.training.rms import IntegerSGD, UnitRMS

OPTIMIZERS: Mapping[str, type[optim.Optimizer]] = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "sgd": optim.SGD,
    "rms": UnitRMS,
    "integer-sgd": IntegerSGD,
}
#: What torch's optimizers take beside hyper-parameters.
_IMPLEMENTATION = {"params", "lr", "foreach", "fused", "capturable", "differentiable", "maximize"}

#: What "exponential" loses in an epoch, and where "step" steps, in parts of all batches.
EXPONENT, STEPS = 0.04, (0.3, 0.6, 0.9)

Schedule = Literal["constant", "linear", "exponential", "step", "cosine", "one-cycle"]


def make_optimizer(choice: OptimizerChoice, parameters: Iterable[Tensor]) -> optim.Optimizer:
    """torch's optimizer for a choice.

    Raises:
        ValueError: an unknown name or option, a learning rate not positive.
    """
    check_choice("optimizer", choice.name, OPTIMIZERS)
    check_positive("lr", choice.lr)
    make: Any = OPTIMIZERS[choice.name]
    known = sorted(set(inspect.signature(make).parameters) - _IMPLEMENTATION)
    for option in choice.options:
        if option not in known:
            raise ValueError(f"optimizer {choice.name!r} has no option {option!r}, expected {one_of(option, known)}")
    # One pass over memory a step in place of a dozen; torch's own classes have it, on CPUs and GPUs alike.
    fused = {"fused": True} if "fused" in inspect.signature(make).parameters else {}
    try:
        made: optim.Optimizer = make(parameters, lr=choice.lr, **choice.options, **fused)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"optimizer {choice.name!r} cannot be made with {dict(choice.options)}: {error}") from error
    return made


def make_schedule(
    name: str, optimizer: optim.Optimizer, updates: int, epochs: int = 1
) -> optim.lr_scheduler.LRScheduler | None:
    r"""How the learning rate runs over ``updates`` batches in ``epochs`` epochs.

    "constant"; "linear" and "cosine" down to 0; "exponential", $e^{-0.04\,\mathrm{epoch}}$, from epoch to epoch;
    "step", a tenth after 30, 60 and 90 % of the batches; "one-cycle".
    """
    check_choice("schedule", name, get_args(Schedule))
    an_epoch = max(updates // max(epochs, 1), 1)
    factors = {
        "linear": lambda batch: max(1.0 - batch / max(updates, 1), 0.0),
        "exponential": lambda batch: math.exp(-EXPONENT * (batch // an_epoch)),
        "step": lambda batch: 0.1 ** sum(batch >= round(share * updates) > 0 for share in STEPS),
    }
    if name in factors:
        return optim.lr_scheduler.LambdaLR(optimizer, factors[name])
    if name == "cosine":
        return optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(updates, 1))
    if name == "one-cycle":
        peak = [group["lr"] for group in optimizer.param_groups]
        return optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=peak, total_steps=max(updates, 2) + 1, cycle_momentum=False
        )
    return None
