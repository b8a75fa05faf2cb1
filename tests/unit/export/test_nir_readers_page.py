"""The page of networks by readers and ``export --for`` agree on what a reader reads."""

from pathlib import Path

import pytest

from benchmarks.nir_readers import NETWORKS, network
from spikelearn.export import READERS
from spikelearn.export.nir import to_graph
from spikelearn.export.nir_readers import check_reader

PAGE = Path(__file__).parents[3] / "docs/measured/nir-readers.md"
HEAD, _, *ROWS = [
    [cell.strip() for cell in line.strip("| ").split("|")]
    for line in PAGE.read_text("utf-8").splitlines()
    if line.startswith("|")
]


def test_the_page_has_every_network_and_reader_in_its_version():
    assert [row[0] for row in ROWS] == list(NETWORKS)
    assert {cell.lower() for cell in HEAD[1:]} == {f"{name} {reader.version}" for name, reader in READERS.items()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_the_page_says_is_read_is_written(row):
    made, shape = network(row[0])
    for head, cell in zip(HEAD[1:], row[1:], strict=True):
        name = head.split()[0].lower()
        reader = READERS[name]
        try:
            graph, _ = to_graph(made, shape, {}, reader.form, pools=reader.pools)
            check_reader(name, graph)
            written = True
        except ValueError:
            written = False
        assert written == (cell in ("0", "taken, not run")), (name, cell)
