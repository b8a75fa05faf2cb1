"""What has no results: trials that failed or have not ended, and arms that were left out, with the reasons."""

from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Section, Sentences
from spikelearn.report.comparison.table import DATA, Cell, Column, Row, Table, text_cell

COLUMNS = (
    Column("arm", "Arm", heads=True),
    Column("what", "What"),
    DATA,
    Column("seed", "Seed", "number"),
    Column("reason", "Reason", "wide"),
    Column("places", "Missing at", "wide"),
)


def section(material: Material) -> Section:
    """The table, or a sentence that there is nothing."""
    rows = _rows(material)
    about = "Trials that failed or have not ended, and arms left out."
    table = Table("failed", "Without results", about, COLUMNS, rows)
    nothing = Sentences(["No trial failed, and no arm was left out."])
    return Section("failed", "Failed and left out", (table if rows else nothing,))


def _rows(material: Material) -> list[Row]:
    layout, rows = material.layout, []
    for left in material.results.index.left_out:
        where, reason = text_cell("the whole comparison"), text_cell(left.reason)
        cells = (text_cell(left.arm), text_cell("left out"), text_cell("all"), Cell("all", -1.0), reason, where)
        rows.append(Row(cells, layout.arms_of(left.arm)))
    for missing in material.results.missing:
        cells = (
            text_cell(missing.arm),
            text_cell(missing.state),
            text_cell(missing.data),
            Cell(str(missing.seed), float(missing.seed)),
            text_cell(missing.reason),
            text_cell("; ".join(missing.places)),
        )
        rows.append(Row(cells, layout.arms_of(missing.arm), layout.data_of(missing.data)))
    return rows
