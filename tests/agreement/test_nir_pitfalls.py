"""Every known way in which a NIR file is misread by a reader is met by a test; those that no other file meets are here."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from spikelearn.export import NIR, verify_nir
from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF
from spikelearn.synapses import SumPool2d

TESTS = Path(__file__).parents[1]

#: {what goes wrong: where it is met, as file::test}.
PITFALLS = {
    "a reset by subtraction becomes a reset to 0": "unit/export/test_nir.py::test_what_nir_cannot_say_is_refused",
    "numbers stand for arrays": "unit/export/test_nir_import.py::test_scalars_stand_for_all_neurons",
    "the batch is in the shapes": "unit/export/test_nir_import.py::test_shapes_with_the_batch",
    "Norse writes time constants times dt": "unit/export/test_nir_import.py::test_norse_multiplies_time_constants_by_the_step",
    "readers assume another dt": "unit/export/test_nir_import.py::test_the_time_step_is_the_files_the_callers_or_assumed_and_said",
    "a reset value is not read, a leak applied twice": "agreement/test_nir_pitfalls.py::test_a_reset_to_another_value_is_moved_or_refused",
    "Norse passes over nodes in silence": "agreement/test_nir_round_trip.py::test_what_a_peer_cannot_import_is_said",
    "layers without bias": "agreement/test_nir_pitfalls.py::test_layers_without_bias_are_read",
    "Flatten counts the batch": "unit/export/test_nir_import.py::test_flatten_counts_the_batch",
    "Flatten of a file flattens the batch away": "unit/export/test_nir.py::test_pools_become_sums_and_flatten_counts_from_behind",
    "AvgPool2d and SumPool2d are known to some": "unit/export/test_nir.py::test_pools_become_sums_and_flatten_counts_from_behind",
    "large pools": "agreement/test_nir_pitfalls.py::test_sums_over_larger_windows",
    "recurrence by flat circles, nodes in alphabetical order": "agreement/test_nir_readers.py::test_the_table_of_networks_by_readers",
    "the bias of Affine is dropped": "agreement/test_nir_pitfalls.py::test_neurons_that_fire_by_their_bias_alone",
    "IF crashes in snnTorch; leaks and thresholds that are refused": "agreement/test_nir_readers.py::test_the_table_of_networks_by_readers",
    "an integrator at the end is passed over": "unit/export/test_verify_file.py::test_silent_networks_and_integrators_prove_nothing",
    "state stays in snnTorch's modules": "agreement/test_nir_pitfalls.py::test_a_second_run_begins_at_rest",
    "inputs are scaled by what a version of snnTorch assumes": "unit/export/test_nir.py::test_nodes_and_numbers",
    "potentials at the threshold fire by some readers": "unit/export/test_nir.py::test_an_inclusive_threshold_is_one_ulp_lower",
    "time constants in steps": "unit/export/test_nir_import.py::test_time_constants_in_steps",
    "decays of exponentials": "unit/export/test_verify_file.py::test_readers_of_exponential_decays_get_time_constants_of_theirs",
}  # fmt: skip

needs_readers = pytest.mark.skipif(not (find_spec("snntorch") and find_spec("norse")), reason="they are not installed")


@pytest.mark.parametrize("place", sorted(set(PITFALLS.values())))
def test_the_test_of_a_pitfall_is_there(place):
    file, _, name = place.partition("::")
    assert re.search(rf"^ *def {name}\(", (TESTS / file).read_text("utf-8"), re.MULTILINE)


def agrees(network, path, inputs, least=20):
    """Whether snnTorch and Norse fire what the network fires, which is something."""
    NIR().write(network, path, tuple(inputs.shape[2:]), {})
    found = verify_nir(network, path, inputs)
    assert found.spikes > least
    return {name: verdict.differing for name, verdict in found.peers.items()} == {"snntorch": 0, "norse": 0}


def louder(network, factor=4.0):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network


@needs_readers
def test_a_reset_to_another_value_is_moved_or_refused(tmp_path):
    inputs = (torch.rand(30, 10, 6) < 0.4).float()
    at_rest = louder(build("6-8-5", lambda: LIF.per_step(0.9, v_leak=-0.4, v_reset=-0.4)))
    assert agrees(at_rest, tmp_path / "a.nir", inputs)
    elsewhere = build("6-8-5", lambda: LIF.per_step(0.9, v_reset=-0.4))
    with pytest.raises(
        ValueError, match=r"block 'fc1' has v_leak 0\.0 and v_reset -0\.4: importers of NIR start and reset"
    ):
        NIR().write(elsewhere, tmp_path / "b.nir", (6,), {})


@needs_readers
def test_layers_without_bias_are_read(tmp_path):
    head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 4 * 4, 5, bias=False))
    front = nn.Conv2d(2, 4, 3, bias=False)
    network = louder(Network({"a": Block(front, LIF.per_step(0.9)), "b": Block(head, LIF.per_step(0.9))}))
    assert agrees(network, tmp_path / "a.nir", (torch.rand(30, 10, 2, 6, 6) < 0.4).float())


@needs_readers
def test_neurons_that_fire_by_their_bias_alone(tmp_path):
    network = louder(build("6-8-5", lambda: LIF.per_step(0.9)))
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse[-1].bias.copy_(torch.linspace(0.15, 0.6, len(block.synapse[-1].bias)))
    assert agrees(network, tmp_path / "a.nir", torch.zeros(30, 4, 6))


@needs_readers
@pytest.mark.parametrize("size", [3, 4])
def test_sums_over_larger_windows(size, tmp_path):
    front = nn.Conv2d(1, 3, 3, padding=1)
    head = nn.Sequential(SumPool2d(size), nn.Flatten(), nn.Linear(3 * 9, 5))
    network = louder(Network({"a": Block(front, LIF.per_step(0.9)), "b": Block(head, LIF.per_step(0.9))}), 2.0)
    assert agrees(network, tmp_path / "a.nir", (torch.rand(20, 6, 1, 3 * size, 3 * size) < 0.4).float())


@needs_readers
def test_a_second_run_begins_at_rest(tmp_path):
    """A reader keeps the state of its last run in its modules; what is compared after it must not begin there."""
    network = louder(build("6-8-5", lambda: LIF.per_step(0.97)))
    for seed in range(2):
        torch.manual_seed(seed)
        assert agrees(network, tmp_path / "a.nir", (torch.rand(20, 5, 6) < 0.4).float())
