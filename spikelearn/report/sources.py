"""The sources to cite: read from the docstrings of what a run used."""

from collections.abc import Iterator
from typing import Any

from spikelearn.datasets import kind_of
from spikelearn.docstrings import source_of
from spikelearn.loading import Direct, Together
from spikelearn.network import INITIALISERS
from spikelearn.neurons import neuron_factory
from spikelearn.registry import registry_of
from spikelearn.runs import Settings
from spikelearn.sparsity import PRUNINGS
from spikelearn.training import OPTIMIZERS, SCHEDULES
from spikelearn.training.parts import choice_of, schedule_of


def sources(settings: Settings) -> dict[str, str]:
    """{"rule bptt": source, ...} of everything a run was made of."""
    cited = {}
    for part in _parts(_made_of(settings)):
        kind = type(part)
        registry = registry_of(kind)
        if registry is not None and registry.holds(kind):
            cited[f"{registry.kind} {registry.name_of(kind)}"] = source_of(kind)
    return {**cited, f"data set {settings.data}": source_of(kind_of(settings.data))}


def _made_of(settings: Settings) -> Iterator[Any]:
    """The objects that settings name. Data are not read, unless they are files of one's own."""
    rule = settings.make_rule()
    yield rule
    yield neuron_factory(settings.neuron, settings.neuron_option)()
    if settings.output:
        yield neuron_factory(settings.output, settings.output_option)()
    yield INITIALISERS.build(settings.init, settings.init_option)
    if settings.takes_encoder():
        encoder = settings.make_encoder() or Direct()
        yield from encoder.codes if isinstance(encoder, Together) else [encoder]
    yield settings.make_noise()
    parts = rule.parts.values()
    for choice in [*map(choice_of, parts)] or [settings.optimizer_choice()]:
        yield OPTIMIZERS.build(choice.name, choice.options)
    for schedule in [*map(schedule_of, parts)] or [settings.schedule_name()]:
        yield SCHEDULES.make(schedule)
    yield settings.make_hardware()
    yield PRUNINGS.make(settings.prune) if settings.prune else None


def _parts(wholes: Iterator[Any]) -> Iterator[Any]:
    """The objects, and those that they hold."""
    queue, seen = list(wholes), set[int]()
    while queue:
        part = queue.pop(0)
        if isinstance(part, dict | list | tuple):
            queue += part.values() if isinstance(part, dict) else part
        elif id(part) not in seen and (registry_of(type(part)) or type(part).__module__.startswith("spikelearn.")):
            seen.add(id(part))
            yield part
            queue += getattr(part, "__dict__", {}).values()
