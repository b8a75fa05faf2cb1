"""The sources to cite: read from the docstrings of what a run used."""

import inspect
import re
from typing import Any

from spikelearn.datasets import DATASETS, ENCODERS, Direct
from spikelearn.hardware import pruning_from
from spikelearn.network import INITIALISERS
from spikelearn.neurons import ADJOINTS, NEURONS, SURROGATES, SpikeFunction
from spikelearn.plasticity import LOSSES
from spikelearn.registry import Registry
from spikelearn.training import OPTIMIZERS, Settings


def source_of(component: type) -> str:
    """The Source part of a docstring, on one line."""
    text = inspect.getdoc(component) or ""
    found = re.search(r"^Source:\s*(.*?)(?:\n\s*\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def summary_of(component: type) -> str:
    """The first sentence of a docstring."""
    return " ".join((inspect.getdoc(component) or "").partition("\n\n")[0].split())


def sources(settings: Settings) -> dict[str, str]:
    """{"rule bptt": source, ...} of everything a run was made of."""
    rule = settings.make_rule()
    found = {
        f"rule {settings.rule}": source_of(type(rule)),
        f"neuron {settings.neuron}": source_of(NEURONS.get(settings.neuron)),
        f"data set {settings.data}": source_of(DATASETS.get(settings.data)),
    }
    found[f"initialiser {settings.init}"] = source_of(INITIALISERS.get(settings.init))
    optimizer = OPTIMIZERS[settings.optimizer_choice().name]
    if optimizer.__module__.startswith("spikelearn."):
        found[f"optimizer {settings.optimizer_choice().name}"] = source_of(optimizer)
    if settings.output:
        found[f"neuron {settings.output}"] = source_of(NEURONS.get(settings.output))
    if not DATASETS.get(settings.data).events:
        encoder = ENCODERS.get(settings.encoder) if settings.encoder else Direct
        found[f"encoder {ENCODERS.name_of(encoder)}"] = source_of(encoder)
    held: dict[str, Any] = {"noise": settings.make_noise(), "hardware": settings.make_hardware()}
    held["pruning"] = pruning_from(settings.prune) if settings.prune else None
    for kind, part in held.items():
        if part is not None:
            name = str(getattr(settings, "prune" if kind == "pruning" else kind)).partition(":")[0]
            found[f"{kind} {name}"] = source_of(type(part))
    for part in _parts(rule):
        for registry in (LOSSES, ADJOINTS, SURROGATES):
            if _is_registered(registry, type(part)):
                found[f"{registry.kind} {registry.name_of(type(part))}"] = source_of(type(part))
    return found


def _parts(rule: Any) -> list[Any]:
    """The objects that a rule holds, and those that they hold."""
    parts, queue = [], list(vars(rule).values())
    while queue:
        part = queue.pop(0)
        if type(part).__module__.startswith("spikelearn."):
            parts.append(part)
            queue += list(vars(part).values())
    return [part for part in parts if not isinstance(part, SpikeFunction)]


def _is_registered(registry: Registry[Any], kind: type) -> bool:
    return any(registry.get(name) is kind for name in registry)
