"""Time and energy of learning on a chip that computes in its memory."""

import math

import pytest
import torch
from torch import nn

from spikelearn import network_for
from spikelearn.hardware import Chip
from spikelearn.measure import Operations, in_memory, learning_operations
from spikelearn.measure.in_memory import array_layers, sending_of
from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import RULES
from spikelearn.synapses import Residual
from tests.helpers import batch_for, dense

CHIP = Chip()
#: One read of a sub-array: the pulse, and eight columns converted one after the other.
READ = 10e-9 + 8e-9


def spikes(*shape):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(0)) < 0.3).float()


def costs(name, network, inputs, **options):
    return in_memory(network, RULES.make(name), inputs, batch=1, **options)


def test_phases_of_one_hidden_layer_by_hand():
    network, inputs = build("100-60-10"), spikes(20, 2, 100)
    bptt, dfa = (costs(name, network, inputs) for name in ("bptt", "dfa"))
    assert bptt.forward.seconds == pytest.approx(20 * 2 * READ)
    assert bptt.error.seconds == pytest.approx(20 * 16 * READ)
    assert dfa.error.seconds == pytest.approx(20 * 16 * READ)
    gradients = [20e-9 + 8 * outputs * READ for outputs in (60, 10)]
    updates = [rows * 2 * 32 * 50e-9 for rows in (100, 60)]
    assert bptt.weight_gradient.seconds == pytest.approx(sum(gradients))
    assert bptt.update.seconds == pytest.approx(sum(updates))
    assert bptt.backward_seconds == pytest.approx(bptt.error.seconds + sum(gradients) + sum(updates))
    assert dfa.backward_seconds == pytest.approx(dfa.error.seconds + gradients[0] + updates[0])
    both = bptt.error.seconds + max(g + u for g, u in zip(gradients, updates, strict=True))
    assert costs("bptt", network, inputs, overlapped=True).backward_seconds == pytest.approx(both)
    cell = 0.25 * CHIP.conductance * 10e-9
    converted = 20e-15 * 32 + 0.03e-12
    first = 60 * (inputs[:, 0].sum().item() * cell + 20 * converted)
    assert costs("stdp", network, inputs).forward.joules == pytest.approx(bptt.forward.joules)
    assert bptt.forward.joules > first
    assert bptt.seconds == pytest.approx(bptt.forward.seconds + bptt.backward_seconds)


@pytest.mark.parametrize("layers", [2, 4, 8])
def test_equal_layers_take_a_broadcast_error_at_once(layers):
    """The backward time of a layered error grows with the layers, that of a broadcast one does not."""
    network, inputs = build("-".join(["40"] * (layers + 2))), spikes(10, 1, 40)
    bptt, dfa = (costs(name, network, inputs) for name in ("bptt", "dfa"))
    shallow = costs("dfa", build("40-40-40"), inputs)
    assert dfa.backward_seconds == pytest.approx(shallow.backward_seconds)
    ratio = bptt.backward_seconds / dfa.backward_seconds
    assert layers < ratio < layers + 1
    assert bptt.seconds / dfa.seconds < ratio
    assert costs("fa", network, inputs).backward_seconds == pytest.approx(bptt.backward_seconds)
    assert costs("drtp", network, inputs).sending == "local"


@pytest.mark.parametrize(
    ("rule", "sending"),
    [
        ("bptt", "layered"),
        ("fa", "layered"),
        ("ottt", "layered"),
        ("bw-bpf", "local"),
        ("dfa", "broadcast"),
        ("e-prop:feedback=random", "broadcast"),
        ("tp-sgd", "local"),
        ("lls", "local"),
        ("stdp", "none"),
        ("readout-only", "none"),
    ],
)
def test_how_a_signal_reaches_its_layers(rule, sending):
    assert sending_of(RULES.make(rule)) == sending


def test_kernels_are_read_at_every_position_and_currents_bit_by_bit():
    network = build("4C3-P2-10", input_shape=(2, 8, 8))
    first, last = array_layers(network, RULES.make("bptt"), spikes(5, 1, 2, 8, 8), CHIP)
    assert (first.inputs, first.outputs, first.vectors, first.cycles) == (18, 4, 5 * 36, 1)
    assert (last.inputs, last.outputs, last.vectors) == (36, 10, 5)
    assert first.fed
    assert not last.fed
    real = array_layers(network, RULES.make("bptt"), torch.rand(5, 1, 2, 8, 8), CHIP)
    signed = array_layers(network, RULES.make("bptt"), torch.randn(5, 1, 2, 8, 8), CHIP)
    assert (real[0].cycles, signed[0].cycles) == (8, 16)


def test_pieces_are_added_and_larger_arrays_take_more_energy():
    small, large = (CHIP.read(1, inputs, 10, 1) for inputs in (128, 1024))
    assert large.seconds - small.seconds == pytest.approx(math.log2(8) * 1e-9)
    assert large.joules == pytest.approx(8 * small.joules)
    written = CHIP.write(1024, 10)
    assert written.seconds == pytest.approx(128 * 2 * 32 * 50e-9)
    assert written.joules == pytest.approx(10240 * 16.0 * CHIP.conductance * 50e-9)


def test_a_batch_shares_an_update():
    network, inputs, rule = build("40-30-10"), spikes(5, 1, 40), RULES.make("bptt")
    one, many = (in_memory(network, rule, inputs, batch=batch) for batch in (1, 50))
    assert one.update.seconds == pytest.approx(50 * many.update.seconds)
    assert one.error == many.error


def test_further_passes_of_a_rule_are_found_in_its_products():
    network = dense("6-8-7-3")
    data, generator = batch_for(network), torch.Generator().manual_seed(0)
    for name, least in (("bptt", 0.0), ("dfa", 0.0), ("forward-forward", 1.0)):
        if name == "forward-forward":
            network = build("6-8-3", LIF.per_step).double()
            data = batch_for(network)
        rule = RULES.make(name)
        memory = rule.init(network, generator)
        counted = learning_operations(network, rule, data, memory, generator)
        seen = in_memory(network, rule, data.inputs, batch=5, learning=counted)
        assert seen.sweeps >= least
        assert (seen.sweeps > 0.0) == (least > 0.0), name


def test_weights_that_no_array_holds_are_refused():
    network = Network({"a": Block(nn.Sequential(nn.ConvTranspose2d(1, 2, 2), nn.Flatten(), nn.Linear(32, 3)), LIF())})
    with pytest.raises(ValueError, match=r"is a ConvTranspose2d, whose weights no array holds"):
        costs("bptt", network, spikes(3, 1, 1, 3, 3))
    residual = Network({"a": Block(nn.Sequential(Residual(1, 2), nn.Flatten(), nn.Linear(18, 3)), LIF())})
    assert len(array_layers(residual, RULES.make("bptt"), spikes(3, 1, 1, 3, 3), CHIP)) == 4
    with pytest.raises(ValueError, match="rows is 0"):
        Chip(rows=0)


def test_matrices_within_neurons_are_refused():
    network = network_for("dan", "6-4-2", (6,), neuron_option={"channels": 2, "width": 3})
    with pytest.raises(ValueError, match=r"is a Phenotype, whose weights no array holds"):
        costs("dan", network, torch.rand(1, 2, 6))


def test_learning_that_could_not_be_counted_has_no_time():
    network = dense("6-8-3")
    unknown = Operations(None, reason="it learns by a kernel")
    with pytest.raises(ValueError, match="what learning costs is not known: it learns by a kernel"):
        in_memory(network, RULES.make("bptt"), batch_for(network).inputs, batch=5, learning=unknown)
