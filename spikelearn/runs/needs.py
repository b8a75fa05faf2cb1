"""Settings and networks filled in from the needs of a rule."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from spikelearn.datasets import kind_of
from spikelearn.network import READOUTS, Network
from spikelearn.network.architecture import Pool, parse
from spikelearn.neurons import NEURONS
from spikelearn.plasticity import RULES, Rule
from spikelearn.runs.presets import merged
from spikelearn.runs.settings_files import settings_from


def network_for(
    rule: Rule | str, net: str, input_shape: Sequence[int] | None = None, *, seed: int = 0, **settings: Any
) -> Network:
    """A network from an architecture string, made so that ``rule`` can train it.

    Neurons, readout, biases, delays and initial weights are those that the rule needs and learns well with; a dense
    string gets the feedback edges that the rule cannot do without. Everything else is as ``build`` makes it.

    Args:
        rule: a rule, or the name of a registered one under its default options and those of ``rule_option``.
        net: architecture string, for example 784-400-10.
        input_shape: shape of one image, (C, H, W) or (n,); needed where the string begins with a convolution.
        seed: of the weights.
        settings: settings of ``spikelearn train`` that make a network, in place of the rule's: ``delay=2``,
            ``neuron_option={"decay": 0.9}``.

    Shapes: the network takes [T, B, *input_shape].

    Raises:
        ValueError: a wrong string or setting; a setting that contradicts what the rule needs.
    """
    made = _made(rule, settings.get("rule_option", {})) if isinstance(rule, str) else rule
    values = merged(settings_for(made), settings)
    network = settings_from({**values, "net": adapted(net, made), "seed": seed}).network_of(input_shape)
    made.check(network)
    return network


def needs_of(
    rule: str, data: str, options: Mapping[str, Any] | None = None, readout: str | None = None
) -> dict[str, Any]:
    """Settings by which ``rule`` with ``options`` learns on ``data``: its needs, and its default settings over them.

    With a ``readout`` that is fitted they are those that the rule names for one.

    A network string among them may be a template; see ``filled_in``.

    Raises:
        ValueError: an unknown rule or data set, wrong options.
    """
    made = _made(rule, options or {}, readout)
    return settings_for(made, still=getattr(kind_of(data), "still", True), readout=readout)


def settings_for(rule: Rule, *, still: bool = True, readout: str | None = None) -> dict[str, Any]:
    """The settings of all that ``rule`` needs, and its default settings over them; ``still``: samples are images."""
    return merged(needed(rule, still=still), copy.deepcopy(dict(rule.settings_with(readout))))


def for_neurons(needs: Mapping[str, Any], given: Mapping[str, Any], net: str) -> dict[str, Any]:
    """``needs`` without what does not go with the neurons that ``given`` names.

    One step is meant for neurons that send at once: those that fire show nothing in it. Where all neurons of ``net``
    are read they are the neurons that were named, and no others.
    """
    left = dict(needs)
    if left.get("steps") == 1 and "neuron" in given and NEURONS.get(given["neuron"]).fires:
        del left["steps"]
    named = given.keys() & {"neuron", "neuron_option"} and not given.keys() & {"output", "output_option"}
    if "output" in left and named and layers_of_neurons(net, {**left, **given}.get("readout")) == 1:
        for name in ("output", "output_option"):
            left.pop(name, None)
    return left


def layers_of_neurons(net: str, readout: str | None) -> int:
    """The number of layers of neurons in ``net``, whose last number may be that of the classes of ``readout``."""
    layers = [layer for layer in parse(net)[1] if not isinstance(layer, Pool)]
    return len(layers) - (readout is not None and READOUTS.get(readout).takes_last_number)


def needed(rule: Rule, *, still: bool = True) -> dict[str, Any]:
    """The settings of all that ``rule`` needs, without its default settings."""
    settings: dict[str, Any] = {}
    for need in rule.requires:
        settings = merged(settings, copy.deepcopy(dict(need.settings)))
        settings = merged(settings, copy.deepcopy(dict(need.still))) if still else settings
    return settings


def adapted(net: str, rule: Rule) -> str:
    """``net`` with what ``rule`` needs of a network string, where it is a dense one."""
    template = needed(rule).get("net")
    return filled_in(template, net) if template and dense_sizes(net) else net


def filled_in(net: str, common: str) -> str:
    """An arm's network, with {input}, {hidden}, {first} and {output} replaced by sizes of the common dense network.

    {hidden} stands for all hidden sizes joined by "-", {first} for the first of them.

    Raises:
        ValueError: an unknown name in braces; a common network that is not dense.
    """
    if not isinstance(net, str):
        raise ValueError(f'the network of an arm is {net!r}, expected a string such as "784-400-10": put it in quotes')
    if "{" not in net:
        return net
    sizes = dense_sizes(common)
    if not sizes:
        raise ValueError(
            f"the network {net!r} of an arm is made from a dense network such as 784-400-10, but the common network is "
            f"{common!r}: give the arm a network of its own, or use a dense one"
        )
    known = {"input": sizes[0], "hidden": "-".join(sizes[1:-1]), "first": sizes[1], "output": sizes[-1]}
    try:
        return net.format(**known)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(
            f"the network {net!r} of an arm names something unknown, expected {{{'}, {'.join(known)}}}"
        ) from error


def dense_sizes(net: str) -> list[str]:
    """The sizes of a dense network with a hidden layer, as they are written; none of another string."""
    sizes = net.split("-")
    return sizes if len(sizes) >= 3 and all(size.isdecimal() for size in sizes) else []


def _made(rule: str, options: Mapping[str, Any], readout: str | None = None) -> Rule:
    """The rule under its default options and ``options``."""
    return RULES.build(rule, {**RULES.get(rule).settings_with(readout).get("rule_option", {}), **options})
