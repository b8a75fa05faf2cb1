"""Predictive coding by a circuit of neurons that fire: its limits are a run of the network, and predictive coding."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator, Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import Batch, PCSpiking, ProspectiveConfiguration

TARGETS = torch.tensor([0, 1, 2, 1])


def inputs(steps=1):
    drawn = torch.rand(1, 4, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return drawn.expand(steps, 4, 5)


def events(steps):
    return (torch.rand(steps, 4, 5, generator=torch.Generator().manual_seed(2)) < 0.5).double()


def network_of(make, **options):
    """Weights that leave every neuron between silence and its highest rate."""
    network = build("5-6-4-3", make, generator=torch.Generator().manual_seed(1), **options).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(0.3) if name.endswith("bias") else parameter.mul_(0.6)
    return network


def update_of(rule, network, batch):
    return next(rule.updates(network, batch, rule.init(network, torch.Generator().manual_seed(0)), torch.Generator()))


def test_long_presentations_come_to_predictive_coding_of_rates():
    """What whole spikes leave open falls as 1 over the steps."""
    precision = tuple(1.5**power for power in (2, 1, 0))
    rates = ProspectiveConfiguration(iterations=600, eta=0.1, node="post", precision=precision)
    coded = update_of(rates, network_of(lambda: Rate(Linear())), Batch(inputs(), TARGETS)).grads
    weights = dict(zip(("fc1", "fc2", "fc3"), precision, strict=True))
    expected = {name: value / weights[name.split(".")[1]] for name, value in coded.items()}
    network, off = network_of(lambda: IF(reset="subtract"), output=lambda: Rate(Linear())), []
    for steps in (80, 640):
        found = update_of(PCSpiking(coupling=2.0, decay=0.95), network, Batch(inputs(steps), TARGETS)).grads
        off.append(max(float((found[k] - value).norm() / value.norm()) for k, value in expected.items()))
    assert off[1] < 0.02
    assert off[1] < 0.3 * off[0]


def test_without_errors_it_is_a_run_of_the_network():
    """Of LIF neurons where traces are spikes, and of neurons behind a synaptic filter where they are filtered."""
    constants = {"tau_mem": 5e-3, "r": 8.0, "reset": "subtract"}
    for decay, other in (
        (0.0, LIF(**constants)),
        (0.7, CubaLIF(tau_syn=1e-3 / 0.3, discretisation="euler", **constants)),
    ):
        made = {"discretisation": "euler"} if decay else {}
        network, filtered = (
            network_of(make, bias=False)
            for make in (lambda made=made: LIF(**constants, **made), lambda other=other: other)
        )
        for parameter in (*network.parameters(), *filtered.parameters()):
            parameter.data.abs_().mul_(2.0)
        rule = PCSpiking(decay=decay, settling=0.0)
        circuit = rule.circuit(network, events(15), {})
        seen, _ = circuit.present(circuit.at_rest(), 0.0)
        record, _ = filtered.run(events(15))
        for name, block in seen.items():
            spikes = block.trace[1:] - decay * block.trace[:-1]
            torch.testing.assert_close(spikes / (1.0 - decay), record[name].spikes[1:])
            assert record[name].spikes.any()


def test_masks_take_part():
    masks = {"fc1": torch.zeros(4, 6), "inputs": torch.ones(4, 5)}
    network = network_of(lambda: IF(reset="subtract"))
    update = update_of(PCSpiking(), network, Batch(events(12), TARGETS, masks=masks))
    assert not update.grads["blocks.fc2.synapse.1.weight"].any()
    assert update.grads["blocks.fc2.synapse.1.bias"].any()
    # What a silenced block sends comes back to nothing: its own errors are those of rounding to whole spikes.
    assert update.rates.keys() == {"fc1", "fc2", "fc3"}


def test_weights_back_of_their_own_change_as_those_of_the_way_up():
    network = network_of(lambda: IF(reset="subtract"))
    update = update_of(PCSpiking(feedback="kolen-pollack"), network, Batch(events(12), TARGETS))
    for block in ("fc2", "fc3"):
        assert update.own[f"back_weights.{block}"] is update.grads[f"blocks.{block}.synapse.1.weight"]


def test_what_has_not_settled_is_told():
    rule = PCSpiking()
    assert not rule.warnings({"residual": 2.0})
    assert "raise the steps" in rule.warnings({"residual": 4.0})[0]


def test_other_neurons_are_refused():
    with pytest.raises(ValueError, match="reset to a value, for which none is known"):
        PCSpiking().check(network_of(IF))
    PCSpiking(predicted="current").check(network_of(IF))
    with pytest.raises(ValueError, match="pc-spiking drives neurons by errors, but block 'fc1' is LeakyIntegrator"):
        PCSpiking().check(network_of(LeakyIntegrator.per_step))
    with pytest.raises(ValueError, match="nudging is 0"):
        PCSpiking(nudging=0.0)
