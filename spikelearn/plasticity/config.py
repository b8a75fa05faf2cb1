"""Rules from plain values: how a command line or a settings file names the objects that a rule takes."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from spikelearn.checks import check_flag, one_of
from spikelearn.neurons import ADJOINTS, SURROGATES, Adjoint, SpikeFunction, Surrogate
from spikelearn.plasticity.base import RULES, Rule
from spikelearn.plasticity.losses import LOSSES, Loss
from spikelearn.registry import parse_component


def rule_from(name: str, options: Mapping[str, Any]) -> Rule:
    """The rule ``name`` with options as plain values.

    A loss or an adjoint is named as ``"mse-count"`` or ``"atan:alpha=3"``; a surrogate derivative stands for the
    ``Surrogate`` adjoint with it.

    Raises:
        ValueError: an unknown rule, option or component; a value out of range.
    """
    makers: dict[str, Callable[[str], Any]] = {"Loss": loss_from, "Adjoint": adjoint_from}
    built = {}
    parameters = inspect.signature(RULES.get(name)).parameters
    for option, value in options.items():
        annotation = str(parameters[option].annotation) if option in parameters else ""
        make = next((maker for kind, maker in makers.items() if kind in annotation), None)
        if make is not None and not isinstance(value, str):
            raise ValueError(f"{option} is {value!r}, expected a name such as 'mse-count' or 'atan:alpha=3'")
        built[option] = make(value) if make else value
    rule: Rule = RULES.build(name, built)
    return rule


def loss_from(text: str) -> Loss:
    """A loss from ``name`` or ``name:key=value,...``."""
    name, options = parse_component(text)
    loss: Loss = LOSSES.build(name, options)
    return loss


def adjoint_from(text: str) -> Adjoint:
    """An adjoint from ``name`` or ``name:key=value,...``.

    With the name of a surrogate, ``reset-gradient=true`` differentiates the reset, and ``derivative-bytes=true`` keeps
    the derivative as bytes.
    """
    name, options = parse_component(text)
    if name in SURROGATES:
        reset_gradient = options.pop("reset_gradient", False)
        derivative_bytes = options.pop("derivative_bytes", False)
        check_flag("reset-gradient", reset_gradient)
        check_flag("derivative-bytes", derivative_bytes)
        function = SpikeFunction(SURROGATES.build(name, options), reset_gradient=reset_gradient)
        return Surrogate(function, derivative_bytes=derivative_bytes)
    others = [known for known in ADJOINTS if known != "surrogate"]
    if name not in others:
        raise ValueError(f"unknown adjoint {name!r}, expected {one_of(name, [*SURROGATES, *others])}")
    adjoint: Adjoint = ADJOINTS.build(name, options)
    return adjoint
