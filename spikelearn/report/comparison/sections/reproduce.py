"""Commands that make the comparison, or one of its trials, anew."""

from spikelearn.bench.analyse.results import Results
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.reruns import rerun_command
from spikelearn.report.comparison.section import Command, Commands, Section


def section(material: Material) -> Section:
    """The command of the whole comparison, then those of every arm's first trial."""
    part = Commands(_commands(material), _about(material.results))
    return Section("reproduce", "Reproduce", (part,))


def _commands(material: Material) -> list[Command]:
    results, layout = material.results, material.layout
    whole = results.index.command
    commands = [Command("The whole comparison", whole)] if whole else []
    for place, _ in material.first_records:
        net = f", {place['net']}" if layout.many_nets else ""
        name = f"{place['arm']} on {place['data']}{net}, seed {place['seed']}"
        text = rerun_command(results, place)
        commands.append(Command(name, text, layout.arms_of(place["arm"]), layout.data_of(place["data"])))
    return commands


def _about(results: Results) -> str:
    """Where the commands are to be typed."""
    if results.folder.is_absolute():
        where = f"The trials' commands name the comparison's folder, {results.folder}, in full: type them anywhere."
    else:
        where = (
            "Type them in the folder in which this page was made (by spikelearn compare, or spikelearn report later), "
            f"from which the comparison lies in {results.folder}; elsewhere, put the path of the folder that holds "
            f"this page in place of {results.folder}."
        )
    return f"{where} Each trains one trial anew, into a folder of its own under runs/."
