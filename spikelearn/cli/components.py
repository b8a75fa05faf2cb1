"""What rules, neurons, data sets and impairments are: facts for which their classes are imported."""

import inspect
from pathlib import Path
from typing import Any

from spikelearn.checks import one_of
from spikelearn.cli.common import output, print_json
from spikelearn.datasets import DATASETS
from spikelearn.datasets.names import OWN
from spikelearn.docstrings import source_of, summary_of
from spikelearn.hardware import HARDWARE, IMPAIRMENTS
from spikelearn.loading import AUGMENTATIONS, NOISES
from spikelearn.neurons import NEURONS
from spikelearn.plasticity import RULES
from spikelearn.plasticity.factors import FACTORS
from spikelearn.registry import Registry, names_taken
from spikelearn.sparsity import PRUNINGS, SCORES


def show_rules(name: str | None, as_json: bool) -> None:
    """The learning rules, or one, with what each needs."""
    show_components(RULES, name, as_json, rule_facts)


def show_neurons(name: str | None, as_json: bool) -> None:
    """The neuron models, or one, with their options."""
    show_components(NEURONS, name, as_json, neuron_facts)


def rule_facts(kind: Any) -> dict[str, Any]:
    """What a rule declares: optimizer, schedule, bounds, needs, and the factors of a synapse's change."""
    return {
        "optimizer": str(kind.default_optimizer) + (", on the sum over the batch" if kind.sums_over_batch else ""),
        **({"optimizer of its own weights": own} if (own := _own_optimizer(kind)) else {}),
        "schedule": kind.default_schedule,
        **({"norm clipped to": kind.default_clip_norm} if kind.default_clip_norm else {}),
        **({"bounds": list(kind.default_bounds)} if kind.default_bounds else {}),
        "needs": _needs(kind),
        "a synapse needs": _factors(kind),
        **{f"{option} by name": " | ".join(names) for option, names in names_taken(kind).items()},
    }


def neuron_facts(kind: Any) -> dict[str, Any]:
    """The options of a neuron's form per step, or what its options name."""
    if not hasattr(kind, "per_step"):
        return {f"{option} by name": " | ".join(names) for option, names in names_taken(kind).items()}
    return {"per step (the default; naming any other option selects the form above)": options_of(kind.per_step)}


def show_datasets(name: str | None, root: Path, as_json: bool) -> None:
    """The data sets and where they are looked for, or one; those of one's own go by a path."""
    if name in OWN:
        show_components(OWN, name, as_json, no_facts)
        return

    def facts(kind: Any) -> dict[str, Any]:
        folder = None if kind.bundled else root / getattr(kind, "lies_in", DATASETS.name_of(kind))
        there = "bundled" if folder is None else f"{folder} ({'there' if folder.is_dir() else 'not there'})"
        return {
            "shape": list(kind.shape),
            "classes": kind.classes,
            "samples": ""
            if kind.samples is None
            else f"{kind.samples[0]} for training, {kind.samples[1]} for the test",
            "events": kind.events,
            "sensor": "x".join(map(str, kind.sensor_size[:2])) if kind.events else "",
            "licence": kind.licence,
            "from": source_of(kind),
            "where": there,
        }

    show_components(DATASETS, name, as_json, facts)
    if name is None and not as_json:
        output.print("-- files of your own: --data idx:FOLDER, file:PATH.npz, folder:PATH, images:PATH")
        show_components(OWN, None, False, no_facts)


def show_impairments(name: str | None, as_json: bool) -> None:
    """What can be done to inputs, weights and trained networks, or one of them."""
    kinds: dict[str, Registry[Any]] = {"train --noise": NOISES, "train --hardware": HARDWARE, "train --prune": PRUNINGS}
    kinds["train --augment"] = AUGMENTATIONS
    kinds["train --prune, its score"] = SCORES
    kinds["after training, in a comparison"] = IMPAIRMENTS
    chosen = [registry for registry in kinds.values() if name is None or name in registry]
    if not chosen:
        known = [known for registry in kinds.values() for known in registry]
        raise ValueError(f"unknown impairment {name!r}, expected {one_of(str(name), known)}")
    if as_json:
        print_json({use: _rows(registry, name) for use, registry in kinds.items() if registry in chosen})
        return
    for use, registry in kinds.items():
        if registry in chosen:
            output.print(f"-- {use}")
            show_components(registry, name, as_json, no_facts)


def _needs(kind: Any) -> list[str]:
    """The needs of a rule under its default options, in a few words each."""
    try:
        return [str(need) for need in RULES.build(RULES.name_of(kind), {}).requires]
    except ValueError:  # one that cannot be made without options
        return ["what its options ask for"]


def _own_optimizer(kind: Any) -> str:
    """The own optimizer of a rule under its default options; empty where the rule learns nothing of its own."""
    try:
        own = RULES.build(RULES.name_of(kind), {}).default_own_optimizer
    except ValueError:  # one that cannot be made without options
        return ""
    return "" if own is None else str(own)


def _factors(kind: Any) -> list[str]:
    """The declared factors of a synapse's change under the rule's default options."""
    try:
        declared = RULES.build(RULES.name_of(kind), {}).factors
    except ValueError:  # one that cannot be made without options
        return []
    return [factor for factor in FACTORS if factor in (declared or ())]


def no_facts(_: Any) -> dict[str, Any]:
    """Nothing else."""
    return {}


def _rows(registry: Registry[Any], name: str | None, facts: Any = no_facts) -> dict[str, dict[str, Any]]:
    return {
        known: {"summary": summary_of(kind), "options": options_of(kind), "source": source_of(kind), **facts(kind)}
        for known in ([name] if name else registry)
        for kind in [registry.get(known)]
    }


def show_components(registry: Registry[Any], name: str | None, as_json: bool, facts: Any) -> None:
    """Print the components of a registry, or all about one; ``facts``: what else is known of a class."""
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
            if fact not in ("summary", "source") and value not in ("", {}, []):
                words = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
                words = "; ".join(map(str, value)) if isinstance(value, list) else words
                output.print(f"  {fact}: {words}")


def options_of(kind: Any) -> dict[str, str]:
    """{option: its default in words}."""
    parameters = inspect.signature(kind).parameters.values()
    skipped = ("split", "root", "path")
    shown = (p for p in parameters if p.name not in skipped and p.kind is not p.VAR_KEYWORD)
    return {p.name: "(to be given)" if p.default is p.empty else str(p.default) for p in shown}
