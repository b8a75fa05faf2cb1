"""spikelearn rules, neurons, datasets, impairments: what there is"""

import inspect
from typing import Annotated, Any

import typer

from spikelearn.checks import one_of
from spikelearn.cli.common import AsJson, output, print_json
from spikelearn.datasets import DATASETS, NOISES
from spikelearn.datasets.root import data_root as root_of
from spikelearn.hardware import HARDWARE, IMPAIRMENTS, PRUNINGS
from spikelearn.neurons import ADJOINTS, NEURONS, SURROGATES
from spikelearn.plasticity import LOSSES, RULES
from spikelearn.registry import Registry
from spikelearn.report import source_of, summary_of

Name = Annotated[str | None, typer.Argument(help="Show all about one of them.", show_default=False)]


def rules(name: Name = None, as_json: AsJson = False) -> None:
    """List the learning rules, or show one: equations, options, source."""

    def facts(kind: Any) -> dict[str, Any]:
        taken = {"loss": list(LOSSES), "adjoint": [*SURROGATES, *(a for a in ADJOINTS if a != "surrogate")]}
        names = {option: " | ".join(known) for option, known in taken.items() if option in _options(kind)}
        return {
            "optimizer": str(kind.default_optimizer) + (", on the sum over the batch" if kind.sums_over_batch else ""),
            "schedule": kind.default_schedule,
            **({"norm clipped to": kind.default_clip_norm} if kind.default_clip_norm else {}),
            **({"bounds": list(kind.default_bounds)} if kind.default_bounds else {}),
            **{f"{option} by name": words for option, words in names.items()},
        }

    _show(RULES, name, as_json, facts)


def neurons(name: Name = None, as_json: AsJson = False) -> None:
    """List the neuron models, or show one: equations, options, source."""

    def facts(kind: Any) -> dict[str, Any]:
        if not hasattr(kind, "per_step"):
            return {}
        return {"per step (the default; naming any other option selects the form above)": _options(kind.per_step)}

    _show(NEURONS, name, as_json, facts)


def datasets(
    name: Name = None,
    data_root: Annotated[str | None, typer.Option(help="Folder of the data sets.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the data sets and where they are looked for, or show one."""
    root = root_of(data_root)

    def facts(kind: Any) -> dict[str, Any]:
        folder = None if kind.bundled else root / DATASETS.name_of(kind)
        there = "bundled" if folder is None else f"{folder} ({'there' if folder.is_dir() else 'not there'})"
        return {"shape": list(kind.shape), "classes": kind.classes, "events": kind.events, "where": there}

    _show(DATASETS, name, as_json, facts)


def impairments(name: Name = None, as_json: AsJson = False) -> None:
    """List what can be done to inputs, to weights while they learn, and to trained networks, or show one."""
    kinds: dict[str, Registry[Any]] = {"train --noise": NOISES, "train --hardware": HARDWARE, "train --prune": PRUNINGS}
    kinds["after training, in a comparison"] = IMPAIRMENTS
    found = [registry for registry in kinds.values() if name is None or name in registry]
    if not found:
        known = [known for registry in kinds.values() for known in registry]
        raise ValueError(f"unknown impairment {name!r}, expected {one_of(str(name), known)}")
    if as_json:
        print_json({use: _rows(registry, name) for use, registry in kinds.items() if registry in found})
        return
    for use, registry in kinds.items():
        if registry in found:
            output.print(f"-- {use}")
            _show(registry, name, as_json, _no_facts)


def _no_facts(_: Any) -> dict[str, Any]:
    return {}


def _rows(registry: Registry[Any], name: str | None, facts: Any = _no_facts) -> dict[str, dict[str, Any]]:
    return {
        known: {"summary": summary_of(kind), "options": _options(kind), "source": source_of(kind), **facts(kind)}
        for known in ([name] if name else registry)
        for kind in [registry.get(known)]
    }


def _show(registry: Registry[Any], name: str | None, as_json: bool, facts: Any) -> None:
    rows = _rows(registry, name, facts)
    if as_json:
        print_json(rows)
        return
    for known, row in rows.items():
        output.print(known, style="bold")
        if name:
            output.print(inspect.getdoc(registry.get(known)))
        else:
            output.print(f"  {row['summary']}")
        for fact, value in row.items():
            if fact not in ("summary", "source") and value not in ("", {}):
                words = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
                output.print(f"  {fact}: {words}")


def _options(kind: Any) -> dict[str, str]:
    parameters = inspect.signature(kind).parameters.values()
    skipped = ("split", "root")
    shown = (p for p in parameters if p.name not in skipped and p.kind is not p.VAR_KEYWORD)
    return {p.name: "(to be given)" if p.default is p.empty else str(p.default) for p in shown}
