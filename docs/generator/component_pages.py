"""A page for each rule, neuron, encoder and data set, and the index of each kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docs.generator.docstring_pages import parts_of
from docs.generator.evidence import golden_rows, locality_of, tests_of
from spikelearn.catalogue import PRESETS, TUNED
from spikelearn.cli.components import neuron_facts, rule_facts
from spikelearn.cli.components import options_of as options
from spikelearn.datasets import DATASETS
from spikelearn.docstrings import summary_of
from spikelearn.loading.encoders import ENCODERS
from spikelearn.neurons import NEURONS
from spikelearn.plasticity import RULES
from spikelearn.plasticity.families import family_of
from spikelearn.plasticity.identities import IDENTITIES
from spikelearn.registry import Registry
from spikelearn.runs import read_preset

DOCS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Kind:
    """A kind of components that have a page each.

    Attributes:
        title, folder: the heading of its index, and where its pages lie.
        setting: the setting of a run that names one.
        facts: what is said of a class beside its docstring.
    """

    title: str
    folder: str
    registry: Registry[Any]
    setting: str
    facts: Callable[[Any], dict[str, Any]]

    def own(self) -> list[str]:
        """Names of the package's own components, in order."""
        return sorted(n for n in self.registry if self.registry.get(n).__module__.startswith("spikelearn."))

    def group(self, name: str) -> str:
        """The heading under which a component stands in the index."""
        return family_of(name) if self.registry is RULES else ""


def _data_facts(kind: Any) -> dict[str, Any]:
    return {"shape": list(kind.shape), "classes": kind.classes, "events": kind.events, "bundled": kind.bundled}


KINDS = {
    "rule": Kind("Rules", "rules", RULES, "rule", rule_facts),
    "neuron": Kind("Neurons", "neurons", NEURONS, "neuron", neuron_facts),
    "encoder": Kind("Encoders", "encoders", ENCODERS, "encoder", lambda _: {}),
    "data set": Kind("Data sets", "datasets", DATASETS, "data", _data_facts),
}


def index_page(kind: Kind) -> str:
    """The list of all components of a kind."""
    lines = [f"# {kind.title}", ""]
    group = ""
    for name in sorted(kind.own(), key=lambda name: (kind.group(name), name)):
        if kind.group(name) != group:
            group = kind.group(name)
            lines += ["", f"## {group}", ""]
        lines.append(f"- [`{name}`]({name}.md): {summary_of(kind.registry.get(name))}")
    return "\n".join(lines) + "\n"


def component_page(kind: Kind, name: str) -> str:
    """All that is declared, proved and measured of one component."""
    component = kind.registry.get(name)
    parts = parts_of(component)
    sections = [f"# `{name}`", parts.summary, _command(kind, name), parts.body]
    sections += _section("Arguments", parts.args + _defaults(component))
    sections += _section("Shapes", parts.shapes)
    sections += _section("Declared", _facts(kind.facts(component)))
    sections += _section("Departures from the source", parts.departures)
    sections += _section("Source", parts.source)
    sections += _section("Proof", "\n".join(_proof(kind, name, component)))
    sections += _section("Recipes", "\n\n".join(_recipes(kind, name)))
    sections += _section("Settings that were found by search", "\n".join(_tuned(kind, name)))
    sections += _section("Errors", parts.raises)
    sections += _section("On other pages", "\n".join(_mentions(name)))
    where = component.__module__.replace(".", "/")
    return (
        "\n\n".join([part for part in sections if part] + [f"*Class `{component.__name__}` of `{where}.py`.*"]) + "\n"
    )


def _section(title: str, text: str) -> list[str]:
    return [f"## {title}", text] if text.strip() else []


def _command(kind: Kind, name: str) -> str:
    lines = (
        [f"spikelearn train --{kind.setting} {name}"]
        if kind.setting != "encoder"
        else [f"spikelearn train --data digits --encoder {name}"]
    )
    if kind.folder in ("rules", "neurons", "datasets"):
        lines.append(f"spikelearn {kind.folder} {name}")
    return "```console\n" + "\n".join(lines) + "\n```"


def _defaults(component: type) -> str:
    rows = [f"| `{name}` | `{value}` |" for name, value in options(component).items()]
    return "\n\n| option | default |\n|---|---|\n" + "\n".join(rows) if rows else ""


def _facts(facts: dict[str, Any]) -> str:
    lines = []
    for fact, value in facts.items():
        words = ", ".join(f"`{k}={v}`" for k, v in value.items()) if isinstance(value, dict) else value
        words = "; ".join(map(str, value)) if isinstance(value, list) else words
        if words not in ("", {}, []):
            lines.append(f"- {fact}: {words}")
    return "\n".join(lines)


def _proof(kind: Kind, name: str, component: type) -> Iterator[str]:
    if kind.registry is RULES and name in IDENTITIES:
        yield f"- identity, checked before every comparison: {' '.join((IDENTITIES[name].__doc__ or '').split())}"
    measured = locality_of(name) if kind.registry is RULES else {}
    if measured:
        seen = ", ".join(factor for factor in measured["depends"])
        yield f"- locality, found by running it (`spikelearn locality {name}`): a change depends on {seen}"
    for row in golden_rows(name) if kind.registry is RULES else ():
        yield f"- [golden numbers](../fidelity.md): {row}"
    for test in tests_of(name, component):
        yield f"- tests: `{test}`"


def _recipes(kind: Kind, name: str) -> Iterator[str]:
    for known in PRESETS.names():
        preset = read_preset(known)
        if preset.values.get(kind.setting) == name:
            yield (
                f"**{preset.title}** ({preset.source}). Published: {preset.published}.\n\n"
                f"```console\nspikelearn train --preset {known}\n```"
            )


def _tuned(kind: Kind, name: str) -> Iterator[str]:
    if kind.registry is not RULES or not TUNED.has(name):
        return
    for data, found in TUNED.read(name).get("on", {}).items():
        search = found["search"]
        yield (
            f"- on `{data}`, {search.get('trials')} trials of {search.get('epochs')} epochs, network "
            f"{search.get('net')}: {_inline(found['settings'])}"
        )


def _inline(settings: dict[str, Any], before: str = "") -> str:
    words = [
        _inline(value, f"{before}{key}.") if isinstance(value, dict) else f"`{before}{key}={value}`"
        for key, value in settings.items()
    ]
    return ", ".join(words)


@cache
def _written() -> dict[str, str]:
    """{path: text} of the pages that are written by hand."""
    return {
        path.relative_to(DOCS).as_posix(): path.read_text("utf-8")
        for path in sorted(DOCS.rglob("*.md"))
        if path.relative_to(DOCS).parts[0] not in ("generator", "data")
    }


def _mentions(name: str) -> Iterator[str]:
    for path, text in _written().items():
        if f"`{name}`" in text or f"--rule {name}\n" in text or f"/{name}.md)" in text:
            title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), path)
            yield f"- [{title}](../{path})"
