"""Neurons of a network by name: a factory that is called once for every block."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from spikelearn.neurons.base import NEURONS, Neuron

NeuronFactory = Callable[[], Neuron]


def neuron_factory(name: str, options: Mapping[str, Any]) -> NeuronFactory:
    """A factory of registered neurons: the per-step form (unit gain), unless an option is only the constructor's.

    So ``{}`` is ``LIF.per_step()`` and ``{"decay": 0.8}`` another decay, but ``{"tau_mem": 0.02}`` is ``LIF(0.02)``,
    whose current is scaled by 1 - exp(-dt / tau_mem), and so is ``{"v_leak": 0.1}`` without a decay.

    Raises:
        ValueError: an unknown neuron or option, options of both forms, a value out of range.
    """
    kind = NEURONS.get(name)
    for option, value in options.items():
        if isinstance(value, list | tuple) or str(value).lstrip().startswith("["):
            raise ValueError(
                f"neuron option {option} is {value!r}, expected one number: settings hold a constant for all neurons; "
                f"an array of one a neuron is given in Python, {kind.__name__}({option}=tensor)"
            )
    per_step = getattr(kind, "per_step", None)
    of_constructor = inspect.signature(kind).parameters
    of_per_step = inspect.signature(per_step or kind).parameters
    in_time = [option for option in options if option in of_constructor and option not in of_per_step]
    in_steps = [option for option in options if option in of_per_step and option not in of_constructor]
    if in_time and in_steps:
        steps, time = ", ".join(in_steps), ", ".join(in_time)
        raise ValueError(
            f"neuron {name!r} is given {steps} and {time}: {steps} belongs to its per-step form, {time} to the one "
            "with time constants: give options of one form"
        )
    # A resting potential alone has always meant the form with time constants.
    at_rest = "v_leak" in options and not in_steps
    make = kind if per_step is None or in_time or at_rest else per_step

    def factory() -> Neuron:
        return NEURONS.build(name, options, make)

    factory()
    return factory
