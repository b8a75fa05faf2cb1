"""The conditions: settings of the arms, how they were found, what all share, and what it all ran on."""

from collections.abc import Mapping
from typing import Any

from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.summary import Summary
from spikelearn.bench.run.ordinary import TRIED
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.docstrings import source_of
from spikelearn.measure.energy import LEAVES_OUT, Constants45nm
from spikelearn.report.comparison.companions import companions
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Facts, Part, Section, Sentences
from spikelearn.report.comparison.table import ARM, DATA, NET, Cell, Column, Row, Table, text_cell
from spikelearn.report.comparison.values import count, number, plain
from spikelearn.runs import Settings
from spikelearn.runs.groups import Group, in_groups
from spikelearn.tasks import ACCURACY, measure_in

#: Settings that name the arm or the place, and so are no conditions.
_OWN = (*in_groups(Settings.model_fields, Group.RULE, Group.PLACE), "data", "net", "seed")


def section(material: Material) -> Section:
    """Tables of the arms, then what all share."""
    networks, ordinary = companions(material), _ordinary_notes(material.summary)
    parts: list[Part] = [_settings_table(material), _tuning_table(material), *([networks] if networks else [])]
    parts.append(Facts([*_sample_counts(material), *_common_settings(material)], "Common settings"))
    if ordinary:
        parts.append(Sentences(ordinary, "The ordinary network"))
    parts.append(Sentences(_energy_notes(), "Energy"))
    parts.append(Facts(_machine_facts(material.results), "Machine and versions"))
    return Section("conditions", "Conditions", tuple(parts))


def _common_settings(material: Material) -> list[tuple[str, str]]:
    """Settings in which no arm differs, with their values; where data sets differ, each is named."""
    firsts = material.first_records
    own = {name for _, record in firsts for name in record.differs} | set(_OWN)
    names = dict.fromkeys(name for _, record in firsts for name in record.settings)
    common = []
    for name in names:
        if name in own:
            continue
        by_data: dict[str, set[str]] = {}
        for place, record in firsts:
            by_data.setdefault(place["data"], set()).add(plain(record.settings.get(name)))
        values = {data: " or ".join(sorted(texts)) for data, texts in by_data.items()}
        if len(set(values.values())) == 1:
            value = next(iter(values.values()))
        else:
            value = "; ".join(f"{data}: {text}" for data, text in values.items())
        if value != "none":
            common.append((name.replace("_", " "), value))
    return common


def _sample_counts(material: Material) -> list[tuple[str, str]]:
    """How many samples were learned and tested, of every data set."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for place, record in material.first_records:
        for name, key in (("training samples", "train_samples"), ("test samples", "test_samples")):
            value = getattr(record, key)
            if value is not None:
                found.setdefault(name, {}).setdefault(place["data"], {}).setdefault(f"{value:,.0f}")
    facts = []
    for name, by_data in found.items():
        values = {data: " or ".join(counts) for data, counts in by_data.items()}
        one = next(iter(values.values()))
        facts.append((name, one if len(values) == 1 else "; ".join(f"{data}: {of}" for data, of in values.items())))
    return facts


def _settings_table(material: Material) -> Table:
    """What is an arm's own."""
    columns = [
        ARM,
        DATA,
        Column("rule", "Rule", "wide"),
        NET,
        Column("differs", "Differs from the common settings in", "wide"),
        Column("optimizer", "Optimizer", "wide"),
        Column("schedule", "Learning rate"),
        Column("parameters", "Parameters", "number"),
        Column("labels", "Labels in training"),
    ]
    rows, layout = [], material.layout
    for place, record in material.first_records:
        differs = "; ".join(
            f"{name.replace('_', ' ')} {plain(record.settings.get(name))}"
            for name in record.differs
            if name != "rule_option"
        )
        options = record.settings.get("rule_option") or {}
        rule = record.rule + (f" ({plain(options)})" if options else "")
        cells = (
            text_cell(place["arm"]),
            text_cell(place["data"]),
            text_cell(rule),
            text_cell(record.net),
            text_cell(differs or "nothing"),
            text_cell(_optimizer(record)),
            text_cell(plain(record.schedule)),
            _whole(record.parameters),
            text_cell("used" if record.supervised else "not used"),
        )
        rows.append(Row(cells, layout.arms_of(place["arm"]), layout.data_of(place["data"])))
    about = "What is an arm's own; everything else is listed below and the same for all."
    return Table("settings", "Settings of the arms", about, columns, rows)


def _optimizer(record: TrialRecord) -> str:
    parts = [plain(record.optimizer)]
    if record.clip_norm is not None:
        parts.append(f"norm clipped at {plain(record.clip_norm)}")
    if record.bounds is not None:
        parts.append("weights within " + " to ".join(plain(bound) for bound in record.bounds))
    return "; ".join(parts)


def _whole(value: float | None) -> Cell:
    return Cell("not known", None, "not in the record") if value is None else Cell(count(value), value)


def _tuning_table(material: Material) -> Table:
    """How the settings of every arm were found."""
    columns = [
        ARM,
        DATA,
        Column("on", "Searched on"),
        Column("trials", "Trials", "number"),
        Column("found", f"Validation {material.results.measure.words}", "number"),
        Column("default", "Of the defaults", "number"),
        Column("space", "Searched", "wide"),
        Column("file", "File", "wide"),
    ]
    rows, layout = [], material.layout
    for place, record in material.first_records:
        head, arms = (text_cell(place["arm"]), text_cell(place["data"])), layout.arms_of(place["arm"])
        rows.append(Row((*head, *_search(record.tuning)), arms, layout.data_of(place["data"])))
    about = (
        "Settings found by tuning were searched for on training samples that were held out; test samples were never "
        "looked at. Where the budgets differ, a difference between arms may be one of tuning. An arm without a search "
        "has its rule's defaults, what its rule needs to run at all, or what the plan names."
    )
    return Table("tuning", "How settings were found", about, columns, rows)


def _search(search: Mapping[str, Any]) -> tuple[Cell, ...]:
    """The cells of one search; an empty one: none was made."""
    if not search:
        return (text_cell("not tuned"), *[Cell("")] * 5)
    epochs = search.get("epochs")
    each = f" of {epochs} epoch{'' if epochs == 1 else 's'}" if epochs else ""
    where = ", ".join(str(search[name]) for name in ("data", "net") if search.get(name))
    measure = measure_in(search) if any(name.startswith("validation_") for name in search) else ACCURACY
    values = [number(search.get(f"validation_{measure.name}{of}")) for of in ("", "_of_defaults")]
    space = search.get("space")
    return (
        text_cell(where or "not written down"),
        Cell(f"{plain(search.get('trials'))}{each}", number(search.get("trials"))),
        *(Cell("") if value is None else Cell(measure.shown(value), value) for value in values),
        text_cell("; ".join(map(str, space)) if isinstance(space, list) else ""),
        text_cell(search.get("file") or "not written down"),
    )


def _machine_facts(results: Results) -> list[tuple[str, str]]:
    """Machine and versions of all trials; more than one value where they differ."""
    by_name: dict[str, dict[str, None]] = {}
    for record in results.records.values():
        for name, value in (*record.machine.items(), *record.versions.items()):
            by_name.setdefault(name, {}).setdefault(plain(value))
    facts = [(name, " and ".join(values)) for name, values in by_name.items()]
    ends = sorted(record.ended for record in results.records.values() if record.ended is not None)
    if ends:
        facts.append(("ended", ends[-1]))
    again = sum(bool(record.resumed) for record in results.records.values())
    return [*facts, ("trials continued after a stop", str(again))]


def _ordinary_notes(summary: Summary) -> list[str]:
    """How the ordinary networks were trained; empty where there is none."""
    tables = [table for table in summary.tables if table.ordinary is not None]
    if not tables:
        return []
    tried = f" (the best of {', '.join(map(plain, TRIED))} on held-out training samples)"
    told = []
    for table in tables:
        given = table.ordinary.conditions if table.ordinary else {}
        samples, size = (count(number(given.get(name)) or 0) for name in ("train_samples", "parameters"))
        lr = plain(given.get("lr")) + (tried if given.get("searched") else "")
        many = f"{plain(given.get('epochs'))} epochs of {samples} samples, batches of {plain(given.get('batch'))}"
        told.append(f"{table.where}: {size} parameters; {many}; Adam, lr {lr}")
    return [
        "The layers of the common network string with ReLU and biases in place of spiking neurons, trained by "
        "backpropagation of the cross-entropy on the samples, batches, epochs and seeds that the arms share. It sees "
        f"each sample as the mean of its input over the time steps. {'. '.join(told)}. Where its learning rate was not "
        "searched for, it is Adam's usual one."
    ]


def _energy_notes() -> list[str]:
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
