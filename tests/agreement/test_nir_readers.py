"""The table of networks by readers: 0 entries differ, or the sentence with which we or the reader refuse, from files."""

from importlib.util import find_spec

import pytest

from benchmarks.nir_readers import NETWORKS, inputs, network
from spikelearn.export import NIR, READERS, verify_nir

#: Those that are installed here; ``python -m benchmarks.nir_readers`` runs all, in environments of their own.
HERE = [name for name in ("snntorch", "norse", "spikingjelly") if find_spec(name)]

pytestmark = pytest.mark.skipif(not HERE, reason="no reader is installed")

#: {(network, reader): part of the sentence of the reader, or of ours about it}; all others fire the same.
REFUSED = {
    ("one axis", "norse"): "a Conv1d",
    ("fed back further", "snntorch"): "circle",
    ("fed back further", "norse"): "circle",
    ("fed back further", "spikingjelly"): "circle",
    ("decays of neurons", "spikingjelly"): "uniform",
    ("thresholds of neurons", "snntorch"): "same for all",
    ("thresholds of neurons", "spikingjelly"): "uniform",
    ("without leak", "snntorch"): "r != 1 not supported",
    ("late", "snntorch"): "failed",
    ("late", "norse"): "a Delay",
    ("late", "spikingjelly"): "failed",
}


def check(name, tmp_path, entries):
    made, shape = network(name)
    path = tmp_path / "network.nir"
    NIR().write(made, path, shape, {})
    found = verify_nir(made, path, inputs(shape, entries), against=HERE)
    assert found.spikes > entries / 200
    for reader in HERE:
        verdict, refused = found.peers[reader], REFUSED.get((name, reader))
        if refused is None:
            assert verdict.reason is None, (reader, verdict)
            assert verdict.entries >= entries
            assert verdict.differing == 0, (reader, verdict, found.margin)
        elif refused != "circle":
            assert refused in (verdict.reason or ""), (reader, verdict)
        if refused is not None:
            with pytest.raises(ValueError, match=f"{reader} {READERS[reader].version} does not read this network"):
                NIR(reader=reader).write(made, tmp_path / "other.nir", shape, {})
        else:
            NIR(reader=reader).write(made, tmp_path / "other.nir", shape, {})


#: Networks that test_nir_round_trip has as well.
ELSEWHERE = {"dense", "conv and pool", "conv and pool, not padded", "conv alone", "strided conv", "filter"}


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ELSEWHERE])
def test_the_table_of_networks_by_readers(name, tmp_path):
    check(name, tmp_path, 4_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_sixty_thousand_entries(name, tmp_path):
    check(name, tmp_path, 60_000)
