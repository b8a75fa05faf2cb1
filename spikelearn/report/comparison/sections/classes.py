"""Classes: which are confused, by arm, summed over seeds."""

from collections.abc import Sequence

from spikelearn.report.comparison.confusion import Counts, Matrix, weakest_of
from spikelearn.report.comparison.layout import Layout
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.measure_charts import base_of
from spikelearn.report.comparison.section import Folded, Matrices, Section
from spikelearn.report.comparison.table import ARM, DATA, Cell, Column, Row, Table, text_cell, without_columns
from spikelearn.report.comparison.values import percent

#: Classes up to which every one has a column, and an arm its matrix; of more, the worst are named.
MOST = 20

ABOUT_MATRICES = (
    "Rows are classes, columns what their samples were taken for; the stronger the colour of an error, the more often "
    "that arm made it."
)


def section(material: Material) -> Section | None:
    """Accuracy by class, and a matrix for every arm; None where no record holds a confusion."""
    drawn = matrices(material)
    if not drawn:
        return None
    table = class_table(drawn, material.layout)
    folded = Folded("Confusion, arm by arm", Matrices(drawn), ABOUT_MATRICES)
    return Section("classes", "Classes", (table, folded) if _classes(drawn) <= MOST else (table,))


def matrices(material: Material) -> list[Matrix]:
    """One for every arm, data set and network of which some seed recorded it."""
    layout, records = material.layout, material.results.records
    drawn = []
    for facet in layout.facets:
        for arm, mine in facet.of(base_of(material.results.points)).groupby("arm", sort=False):
            known = [counts for trial in mine["trial"] if (counts := records[trial].confusion)]
            if known and len({len(counts) for counts in known}) == 1:
                name = facet.name if layout.many_facets else ""
                drawn.append(Matrix(layout.arm(str(arm)), facet.data, name, len(known), _sum(known)))
    return drawn


def class_table(drawn: Sequence[Matrix], layout: Layout) -> Table:
    """Accuracy by class, the weakest class, and the pair that is confused most."""
    classes = _classes(drawn)
    named = range(classes if classes <= MOST else 0)
    columns = [
        ARM,
        DATA,
        Column("weakest", "Weakest class"),
        Column("pair", "Confused most"),
        *(Column(f"c{at}", str(at), "number") for at in named),
    ]
    rows = []
    for one in drawn:
        cells = [_share(one.counts, at) if at < len(one.counts) else Cell("") for at in named]
        head = (text_cell(layout.arms[one.arm].name), text_cell(one.name))
        rows.append(Row((*head, text_cell(weakest_of(one.counts)), _pair(one.counts), *cells), (one.arm,), one.data))
    about = (
        "Of all test samples of a class, how many percent were taken for it, over all seeds. “4 for 9” are samples of "
        "class 4 that were taken for class 9, with their share of all samples of class 4."
    )
    if classes > MOST:
        about += (
            f" Of more than {MOST} classes no matrix stands here: spikelearn inspect FOLDER --pictures draws a seed's."
        )
    dropped = set() if layout.many_facets else {"data"}
    return Table("classes", "Accuracy by class", about, *without_columns(columns, rows, dropped))


def _classes(drawn: Sequence[Matrix]) -> int:
    return max(len(one.counts) for one in drawn)


def _sum(known: Sequence[Counts]) -> Counts:
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*known, strict=True)]


def _share(counts: Counts, at: int) -> Cell:
    total = sum(counts[at])
    if not total:
        return Cell("none", None, "no test sample is of this class")
    return Cell(percent(counts[at][at] / total, 1), counts[at][at] / total)


def _pair(counts: Counts) -> Cell:
    pairs = [(row[k] / sum(row), c, k) for c, row in enumerate(counts) for k in range(len(row)) if c != k and row[k]]
    if not pairs:
        return Cell("none", 0.0)
    share, c, k = max(pairs)
    return Cell(f"{c} for {k}: {percent(share, 1)} %", share)
