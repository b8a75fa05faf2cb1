"""Inside the networks: rates, silent neurons and alignment block by block, and rasters."""

from spikelearn.bench.analyse.ranges import RANGES
from spikelearn.bench.analyse.results import Results
from spikelearn.report.comparison.chart import Chart, add_series, axis, drawn, points_of, split_by_arm, summarised
from spikelearn.report.comparison.layout import Layout
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.measure_charts import MEANS, base_of, options_of
from spikelearn.report.comparison.rasters import Raster, draw_raster
from spikelearn.report.comparison.section import Charts, Part, Rasters, Section, Sentences

RATES = "Spikes per step and neuron, block by block."
SILENT = "Share of neurons that send no spike for any of the samples looked at."
ALIGNMENT = (
    "Cosine between the direction of the rule and that of BPTT on the same network and samples; 1: the same direction, "
    "0: at right angles. Epoch 0 is before training."
)
RASTERS = (
    "The first recorded test sample, shown to the first seed of every arm after training. Every dot is a spike, time "
    "runs to the right, neurons downwards; of large layers evenly chosen neurons are drawn. Blocks that send no spikes "
    "are read by their potential."
)

#: Column of ``results.blocks``, title, what it is, label of its axis, and a scale.
QUANTITIES = (
    ("rates", "rate", "Firing rates", RATES, "spikes per step and neuron", 1.0),
    ("silent", "silent", "Silent neurons", SILENT, "silent (%)", 100.0),
    ("alignment", "alignment", "Alignment to BPTT", ALIGNMENT, "cosine to BPTT", 1.0),
)


def section(material: Material) -> Section:
    """Charts of what was measured in every block, and the first recorded sample under every arm."""
    parts: list[Part] = []
    for key, column, title, about, label, scale in QUANTITIES:
        charts = block_charts(material.results, material.layout, key, column, label, scale)
        if charts:
            parts.append(Charts(key, charts, options_of(charts), "Block", title, about))
    rasters, notes = _rasters(material)
    if rasters:
        parts.append(Rasters(rasters, "One test sample under each arm", RASTERS))
    if notes:
        parts.append(Sentences(notes, quiet=True))
    return Section("inside", "Inside the networks", tuple(parts))


def block_charts(
    results: Results, layout: Layout, key: str, column: str, label: str, scale: float = 1.0
) -> list[Chart]:
    """A quantity of every block over epochs; a view for every block.

    Args:
        column: of ``results.blocks``, for example "rate" or "alignment".
    """
    charts = []
    for facet in layout.facets:
        base = facet.of(base_of(results.blocks)).dropna(subset=[column])
        blocks = list(dict.fromkeys(base["block"]))
        within = RANGES[column].scaled(scale)
        views = {
            block: {"x": axis("epoch", from_zero=True), "y": axis(f"{label}, {block}", within=within)}
            for block in blocks
        }
        chart = Chart(f"{key}-{facet.key}", key, "lines", facet.name, MEANS, views, data=facet.data)
        by_arm = split_by_arm(summarised(base, ["arm", "block", "epoch"], column, scale, complete=True))
        for arm, rows in by_arm.items():
            mine = {str(block): points_of(found, x="epoch") for block, found in rows.groupby("block", sort=False)}
            add_series(chart, layout.arm(arm), mine)
        charts.append(chart)
    return drawn(charts)


def _rasters(material: Material) -> tuple[list[Raster], list[str]]:
    """The first recorded sample under the first seed of every arm, and why some are missing."""
    folder, layout = material.results.folder, material.layout
    drawn, notes = [], []
    for place, _ in material.first_records:
        path = folder / "trials" / str(place["trial"]) / "recording.npz"
        try:
            drawn.append(draw_raster(path, layout.arm(place["arm"]), layout.data.index(place["data"])))
        except ValueError as error:
            reason = str(error).replace(str(folder), "").lstrip("/")
            notes.append(f"No raster of {place['arm']} on {place['data']}: {reason}")
    return drawn, notes
