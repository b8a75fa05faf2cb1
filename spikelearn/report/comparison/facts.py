"""What stands in a report beside the results: settings, search, machine, failures, commands, sources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spikelearn.compare.results import Results
from spikelearn.measure.energy import LEAVES_OUT, Constants45nm
from spikelearn.plasticity import RULES
from spikelearn.report.comparison.scheme import Scheme
from spikelearn.report.comparison.sheets import Cell, Column, Row, Table, word
from spikelearn.report.comparison.values import count, plain
from spikelearn.report.sources import source_of, sources
from spikelearn.training import settings_from

#: Settings that name the arm or the place, and so are no conditions.
_OWN = ("rule", "rule_option", "data", "seed", "net", "device", "data_root")


@dataclass(frozen=True)
class Command:
    """A command and what it reproduces."""

    name: str
    command: str
    arms: tuple[int, ...] = ()
    data: int | None = None


def first_records(results: Results) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(place, record) of the first finished seed of every arm on every data set and network, at the base point."""
    found: dict[tuple[str, str, str], tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    for place in results.places:
        key = (place["data"], place["net"], place["arm"])
        if place["axis"] is None and place["trial"] in results.records and key not in found:
            found[key] = (place, results.records[place["trial"]])
    return list(found.values())


def common_settings(results: Results) -> list[tuple[str, str]]:
    """Settings in which no arm differs, with their values; where data sets differ, each is named."""
    firsts = first_records(results)
    own = {name for _, record in firsts for name in record.get("differs") or ()} | set(_OWN)
    names = dict.fromkeys(name for _, record in firsts for name in record.get("settings") or {})
    found = []
    for name in names:
        if name in own:
            continue
        by_data: dict[str, set[str]] = {}
        for place, record in firsts:
            by_data.setdefault(place["data"], set()).add(plain((record.get("settings") or {}).get(name)))
        values = {data: " or ".join(sorted(texts)) for data, texts in by_data.items()}
        if len(set(values.values())) == 1:
            value = next(iter(values.values()))
        else:
            value = "; ".join(f"{data}: {text}" for data, text in values.items())
        if value != "none":
            found.append((name.replace("_", " "), value))
    return found


def settings_table(results: Results, scheme: Scheme) -> Table:
    """What is an arm's own."""
    columns = [
        Column("arm", "Arm", heads=True, swatch=True),
        Column("data", "Data set"),
        Column("rule", "Rule", "wide"),
        Column("net", "Network"),
        Column("differs", "Differs from the common settings in", "wide"),
        Column("optimizer", "Optimizer", "wide"),
        Column("schedule", "Learning rate"),
        Column("parameters", "Parameters", "number"),
        Column("labels", "Labels in training"),
    ]
    rows = []
    for place, record in first_records(results):
        settings = record.get("settings") or {}
        differs = "; ".join(
            f"{name.replace('_', ' ')} {plain(settings.get(name))}"
            for name in record.get("differs") or ()
            if name != "rule_option"
        )
        options = settings.get("rule_option") or {}
        rule = record["rule"] + (f" ({plain(options)})" if options else "")
        cells = (
            word(place["arm"]),
            word(place["data"]),
            word(rule),
            word(record["net"]),
            word(differs or "nothing"),
            word(_optimizer(record)),
            word(plain(record.get("schedule"))),
            _whole(record.get("parameters")),
            word("used" if record.get("supervised") else "not used"),
        )
        rows.append(Row(cells, scheme.arms_of(place["arm"]), scheme.data_of(place["data"])))
    about = "What is an arm's own; everything else is listed below and the same for all."
    return Table("settings", "Settings of the arms", about, columns, rows)


def _optimizer(record: Mapping[str, Any]) -> str:
    parts = [plain(record.get("optimizer"))]
    if record.get("clip_norm") is not None:
        parts.append(f"norm clipped at {plain(record['clip_norm'])}")
    if record.get("bounds") is not None:
        parts.append("weights within " + " to ".join(plain(bound) for bound in record["bounds"]))
    return "; ".join(parts)


def _whole(value: Any) -> Cell:
    return Cell(count(value), value) if isinstance(value, int | float) else Cell("not known", None, "not in the record")


def tuning_table(results: Results, scheme: Scheme) -> Table:
    """How the settings of every arm were found."""
    columns = [
        Column("arm", "Arm", heads=True, swatch=True),
        Column("data", "Data set"),
        Column("search", "Search", "wide"),
    ]
    rows = []
    for place, record in first_records(results):
        search = record.get("tuning")
        text = plain(search) if search else "none: the rule's defaults, or the values named above"
        cells = (word(place["arm"]), word(place["data"]), word(text))
        rows.append(Row(cells, scheme.arms_of(place["arm"]), scheme.data_of(place["data"])))
    about = "Where the budgets differ, a difference between arms may be one of tuning."
    return Table("tuning", "How settings were found", about, columns, rows)


def failed_table(results: Results, scheme: Scheme) -> Table:
    """Trials without results, and arms that were left out, with the reasons."""
    columns = [
        Column("arm", "Arm", heads=True),
        Column("what", "What"),
        Column("data", "Data set"),
        Column("seed", "Seed", "number"),
        Column("reason", "Reason", "wide"),
        Column("places", "Missing at", "wide"),
    ]
    rows = []
    for left in results.index["left_out"]:
        name = str(left.get("arm", ""))
        reason = word(left.get("reason", "no reason was written down"))
        cells = (word(name), word("left out"), word("all"), Cell("all", -1.0), reason, word("the whole comparison"))
        rows.append(Row(cells, scheme.arms_of(name)))
    for missing in results.missing:
        cells = (
            word(missing.arm),
            word(missing.state),
            word(missing.data),
            Cell(str(missing.seed), float(missing.seed)),
            word(missing.reason),
            word("; ".join(missing.places)),
        )
        rows.append(Row(cells, scheme.arms_of(missing.arm), scheme.data_of(missing.data)))
    return Table("failed", "Without results", "Trials that failed or have not ended, and arms left out.", columns, rows)


def machine_facts(results: Results) -> list[tuple[str, str]]:
    """Machine and versions of all trials; more than one value where they differ."""
    found: dict[str, dict[str, None]] = {}
    for record in results.records.values():
        for part in ("machine", "versions"):
            for name, value in (record.get(part) or {}).items():
                found.setdefault(name, {}).setdefault(plain(value))
    facts = [(name, " and ".join(values)) for name, values in found.items()]
    ends = sorted(record["ended"] for record in results.records.values() if isinstance(record.get("ended"), str))
    if ends:
        facts.append(("ended", ends[-1]))
    again = sum(bool(record.get("resumed")) for record in results.records.values())
    return [*facts, ("trials continued after a stop", str(again))]


def energy_notes() -> list[str]:
    """Constants of the estimate, and what it leaves out."""
    known = Constants45nm()
    caches = ", ".join(f"{energy:g} pJ from {size} KiB" for size, energy in known.caches.items())
    return [
        f"Energies are estimates for a 45 nm process at 0.9 V and 32 bits: {known.add:g} pJ for an accumulate, "
        f"{known.add + known.multiply:g} pJ for a multiply-accumulate, one multiply-accumulate for every membrane "
        f"update; a read of a weight takes {caches} (32 KiB unless said otherwise).",
        LEAVES_OUT,
        source_of(Constants45nm),
    ]


def commands(results: Results, scheme: Scheme) -> list[Command]:
    """The command of the whole comparison, then those of every arm's first trial."""
    whole = str(results.index["command"])
    found = [Command("The whole comparison", whole)] if whole else []
    for place, record in first_records(results):
        text = record.get("command")
        if isinstance(text, str) and text:
            net = f", {place['net']}" if scheme.many_nets else ""
            name = f"{place['arm']} on {place['data']}{net}, seed {place['seed']}"
            found.append(Command(name, text, scheme.arms_of(place["arm"]), scheme.data_of(place["data"])))
    return found


def all_sources(results: Results) -> list[tuple[str, str]]:
    """What to cite, of everything that the base point's trials were made of."""
    found: dict[str, str] = {}
    for _, record in first_records(results):
        try:
            found |= sources(settings_from(record.get("settings") or {}))
        except (ValueError, TypeError):  # settings of another version: at least the rule can be named
            if record["rule"] in RULES:
                found.setdefault(f"rule {record['rule']}", source_of(RULES.get(record["rule"])))
    found["energy per operation"] = source_of(Constants45nm)
    return [(name, text) for name, text in _ordered(found.items()) if text]


def _ordered(items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Rules first, then the rest by name."""
    return sorted(items, key=lambda item: (not item[0].startswith("rule "), item[0]))
