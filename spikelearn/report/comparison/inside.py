"""What happens inside the networks: charts by block, and rasters."""

from typing import Any

from spikelearn.compare.results import Results
from spikelearn.report.comparison.chart import Chart, Option
from spikelearn.report.comparison.charts import block_charts, options_of
from spikelearn.report.comparison.facts import first_records
from spikelearn.report.comparison.rasters import Raster, draw_raster
from spikelearn.report.comparison.scheme import Scheme

RATES = "Spikes per step and neuron, block by block."
SILENT = "Share of neurons that send no spike for any of the samples looked at."
ALIGNMENT = (
    "Cosine between the direction of the rule and that of BPTT on the same network and samples; 1: the same direction, "
    "0: at right angles. Epoch 0 is before training."
)


def block_parts(results: Results, scheme: Scheme) -> list[dict[str, Any]]:
    """Headings, charts and choosers of everything that is measured in every block."""
    parts = [
        _part(
            "rates", "Firing rates", RATES, block_charts(results, scheme, "rates", "rate", "spikes per step and neuron")
        ),
        _part("silent", "Silent neurons", SILENT, block_charts(results, scheme, "silent", "silent", "silent (%)", 100)),
        _part(
            "alignment",
            "Alignment to BPTT",
            ALIGNMENT,
            block_charts(results, scheme, "alignment", "alignment", "cosine to BPTT"),
        ),
    ]
    return [part for part in parts if part["charts"]]


def _part(section: str, title: str, about: str, charts: list[Chart]) -> dict[str, Any]:
    options: list[Option] = options_of(charts)
    return {"section": section, "title": title, "about": about, "choice": "Block", "options": options, "charts": charts}


def rasters(results: Results, scheme: Scheme) -> tuple[list[Raster], list[str]]:
    """The first recorded sample under the first seed of every arm, and why some are missing."""
    found, notes = [], []
    for place, record in first_records(results):
        path = results.folder / "trials" / str(record["trial"]) / "recording.npz"
        try:
            arm, data = scheme.arm(place["arm"]), scheme.data.index(place["data"])
            found.append(draw_raster(path, arm, data))
        except ValueError as error:
            reason = str(error).replace(str(results.folder), "").lstrip("/")
            notes.append(f"No raster of {place['arm']} on {place['data']}: {reason}")
    return found, notes
