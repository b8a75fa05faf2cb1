"""Seeds: every trial with the common settings, one by one."""

from collections.abc import Mapping
from typing import Any

from spikelearn.report.comparison.confusion import weakest_of
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.measure_charts import base_of
from spikelearn.report.comparison.section import Folded, Section
from spikelearn.report.comparison.table import (
    ARM,
    DATA,
    NET,
    Cell,
    Column,
    Row,
    Table,
    number_cell,
    text_cell,
    without_empty,
    without_places,
)
from spikelearn.report.comparison.values import Figures, percent, significant

ABOUT = (
    "One row a trial: where a seed falls behind, its training accuracy and loss tell whether it learned the training "
    "samples, its rates and silent neurons whether spikes were sent at all (means over the blocks). The folder holds "
    "its settings, curves, weights and a recording; the link works while this page lies in the comparison's folder."
)


def section(material: Material) -> Section:
    """The table, folded; in a text it is the last of the results at the base point."""
    table = Folded("Every seed, with the folder of its run", seeds_table(material))
    return Section("seeds", "Seeds", (table,), tables_after=("classes", "curves"))


def seeds_table(material: Material) -> Table:
    """The score of every seed, how far it is from the mean of its arm, what may tell why, and its folder."""
    measure, layout = material.results.measure, material.layout
    unit = " (%)" if measure.share else f", {measure.words}"
    columns = [
        ARM,
        DATA,
        NET,
        Column("seed", "Seed", "number"),
        Column(measure.name, f"Test{unit}", "number"),
        Column("apart", "From the arm's mean", "number"),
        Column("train", f"Training{unit}", "number"),
        Column("loss", "Training loss", "number"),
        Column("rate", "Spikes per step", "number"),
        Column("silent", "Silent (%)", "number"),
        Column("weakest", "Weakest class"),
        Column("folder", "Folder", "wide"),
    ]
    rows = []
    for facet in layout.facets:
        for arm, mine in facet.of(base_of(material.results.points)).groupby("arm", sort=False):
            mean, why = mine["score"].mean(), material.reasons(mine)
            head = (text_cell(arm), text_cell(facet.data_name), text_cell(facet.net))
            rows += [
                Row((*head, *_cells(material, row, mean, why)), layout.arms_of(str(arm)), facet.data)
                for row in mine.to_dict("records")
            ]
    columns, rows = without_places(columns, rows, layout)
    keep = {"arm", "seed", *layout.place_columns}
    return Table("seeds", "Every seed", ABOUT, *without_empty(columns, rows, keep))


def _cells(material: Material, row: Mapping[str, Any], mean: float, why: Mapping[str, str]) -> tuple[Cell, ...]:
    figures = Figures(material.results.measure)
    place = f"trials/{row['trial']}"
    confusion = material.results.records[row["trial"]].confusion
    return (
        Cell(str(row["seed"]), float(row["seed"])),
        number_cell(row["score"], figures.of),
        number_cell(row["score"] - mean, figures.change),
        number_cell(row["train_score"], figures.of),
        number_cell(row["loss"], significant, why.get("loss", "")),
        number_cell(row["rate"], significant, why.get("activity", "")),
        number_cell(row["silent"], lambda value: percent(value, 1), why.get("activity", "")),
        text_cell(weakest_of(confusion)) if confusion else Cell("", None, "the record holds no confusion"),
        Cell(row["trial"], row["trial"], link=f"{place}/"),
    )
