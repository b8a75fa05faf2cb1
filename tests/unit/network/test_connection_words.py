"""Words of a network string about connections, delays, releases, signs and inhibition."""

import pytest
import torch
from torch import nn

from spikelearn.network import INITIALISERS, build
from spikelearn.neurons import LIF, ConductanceLIF
from spikelearn.synapses import DelayedLinear, LateralInhibition, SparseLinear


def made(net, **options):
    return build(net, generator=torch.Generator().manual_seed(0), **options)


def runs(network, size):
    return network(torch.rand(6, 2, size).round()).isfinite().all()


def test_populations_with_signs_and_edges_between_all_of_them():
    network = made("20-16(exc)(>fc1 x p0.5 d1..3)-4(inh)(>fc1)(>fc2 x)-3(<fc1)")
    assert network.signs == {"fc1": "excitatory", "fc2": "inhibitory"}
    assert {name: (edge.source, edge.target) for name, edge in network.feedback.items()} == {
        "fc1_to_fc1": ("fc1", "fc1"),
        "fc2_to_fc1": ("fc2", "fc1"),
        "fc2_to_fc2": ("fc2", "fc2"),
    }
    loop, back, among = (network.feedback[name].synapse for name in network.feedback)
    assert isinstance(loop, SparseLinear)
    assert loop.longest == 3
    assert not loop.dense().sum(1).diagonal().any()
    assert isinstance(back, nn.Linear)
    assert (back.weight <= 0).all()
    assert not among.dense().diagonal().any()
    assert (loop.weight >= 0).all()
    assert (network.blocks["fc3"].synapse[-1].weight >= 0).all()
    assert runs(network, 20)


def test_connections_of_a_layer_and_of_a_further_edge():
    network = made("20-30(p0.2 d1..4)-5(k3)(+inputs p0.5 d2)-4(exc3)-3(< fc2 k2)")
    first, second = network.blocks["fc1"].synapse, network.blocks["fc2"].synapse
    assert 60 < len(first.weight) < 180
    assert (int(first.delays.min()), int(first.delays.max())) == (1, 4)
    assert (second.summed(torch.ones_like(second.weight)) == 3).all()
    skip = network.feedforward["inputs_to_fc2"].synapse
    assert skip.delays.unique().tolist() == [2]
    assert network.signs == {"fc3": 3}
    assert network.wiring.sources["fc4"] == "fc2"
    assert len(network.blocks["fc4"].synapse.weight) == 6
    assert runs(network, 20)


def test_the_same_generator_draws_the_same_connections():
    one, other = (made("20-30(p0.2 d1..4)-3").state_dict() for _ in range(2))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_learned_delays_releases_and_inhibition():
    network = made(
        "20-30(dcls8:width=2,narrowing=0.99)(lateral0.5)-5(tsodyks-markram:u=0.2,tau_rec=1e-1,learnable=true)"
    )
    assert isinstance(network.blocks["fc1"].synapse, DelayedLinear)
    assert float(network.blocks["fc1"].synapse.width) == 2.0
    release = network.blocks["fc2"].release
    assert float(release.log_tau_rec.detach().exp()) == pytest.approx(0.1)
    assert "blocks.fc2.release.logit_u" in dict(network.named_parameters())
    assert isinstance(network.feedback["lateral_fc1"].synapse, LateralInhibition)
    assert runs(network, 20)


def test_a_release_goes_by_the_steps_of_the_neurons_it_leads_to():
    network = build("6-5(tsodyks-markram)-3", lambda: LIF(dt=5e-4))
    assert network.blocks["fc1"].release.dt == 5e-4


def test_a_feedback_edge_drives_the_current_that_is_named():
    network = made("6-5(inh)(>fc1@inhibitory x)-3", neuron=ConductanceLIF, output=None)
    assert network.feedback["fc1_to_fc1"].current == "inhibitory"


@pytest.mark.parametrize("map_shape", [(4,), (4, 3, 3)])
def test_lateral_inhibition_is_a_matrix_without_diagonal(map_shape):
    z = torch.rand(2, *map_shape).round()
    expected = -0.5 * torch.einsum("ij,bj...->bi...", 1 - torch.eye(4), z)
    torch.testing.assert_close(LateralInhibition(0.5)(z), expected)


def test_strong_inhibition_lets_few_neurons_fire():
    counts = []
    for net in ("12-40-3", "12-40(lateral5)-3"):
        network = made(net)
        with torch.no_grad():
            network.blocks["fc1"].synapse[-1].weight.abs_()
        record, _ = network.run(torch.ones(40, 1, 12))
        counts.append(record["fc1"].spikes.sum().item())
    assert 0 < counts[1] < 0.3 * counts[0]


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ("6-5(k9)-3", "expected at most the 6 sources"),
        ("6-5(k0)-3", "in_degree is 0"),
        ("6-5(p0.1 k2)-3", "write one of them"),
        ("6-5(p0.1)(p0.2)-3", "says again"),
        ("6-5(p2)-3", "cannot read"),
        ("6-5(dcls8:foo=1)-3", "expected interpolation, width, least_width or narrowing"),
        ("6-5(dcls0)-3", "at least 1 step"),
        ("6-5(dcls8 d2)-3", "write dcls alone"),
        ("6-5(d4..1)-3", "as in d1..20"),
        ("2x8x8-4C3(p0.1)-3", "for dense layers alone"),
        ("2x8x8-P2-6(k4 d2)-3", "without a pool"),
        ("6-5(exc)(inh)-3", "one sign"),
        ("6-5(inh3)-3", "one sign"),
        ("6-5(exc9)-3", "9 excitatory neurons send to"),
        ("6-5(lateral0)-3", "above 0"),
        ("6-5(>fc2)-3", "sends back to 'fc2', expected one of fc1"),
        ("6-5-4(>fc1 x)-3", "write it to 'fc2' alone"),
        ("6-5(>fc1)(>fc1 p0.5)-3", "sends to 'fc1' twice"),
        ("2x8x8-4C3p-6(>conv1)-3", "expected a dense layer"),
        ("6-5(tsodyks-markram:v=1)-3", "has no option 'v'"),
        ("6-5(=inputs p0.1)-3", "write '\\+'"),
        ("6-5(+inputs x)-3", "which feedback alone has"),
        ("6-5(+inputs q)-3", "every pair is connected with that probability"),
        ("6-5(p0.1)(ws)-3", "without norms and standardised weights"),
        ("6-5(>fc1 @ shunting)-3", "does not have"),
    ],
)
def test_refused_words(net, words):
    with pytest.raises(ValueError, match=words):
        made(net)


def test_norms_do_not_go_with_listed_connections():
    with pytest.raises(ValueError, match="without norms"):
        made("6-5(p0.5)-3", batch_norm=True)
    orthogonal = INITIALISERS.make("orthogonal")
    with pytest.raises(ValueError, match="draws whole matrices"):
        made("6-5(p0.5)-3", init=orthogonal)
