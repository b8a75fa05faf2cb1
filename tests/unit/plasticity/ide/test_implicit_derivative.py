"""IDE: the derivative at the equilibrium, against unrolled maps and closed forms."""

import pytest
import torch
import torch.nn.functional as F

from spikelearn.plasticity import IDE
from tests.unit.plasticity.ide.networks import (
    F64,
    NEURONS,
    TARGETS,
    AtEquilibrium,
    V,
    equilibrium,
    loss_at,
    mapped,
    one_block,
    still,
    two_blocks,
    two_sources,
    update_of,
)


def costate_of(rule, network, x, masks=None):
    """The costate at the equilibrium, that equilibrium, and the loss's derivative there."""
    rates = {name: r.detach().requires_grad_() for name, r in equilibrium(network, x, masks).items()}
    last = list(network.blocks)[-1]
    (error,) = torch.autograd.grad(loss_at(network, rates), rates[last])
    batch = still(x)
    found, settled = rule.costate(
        network, rates, network.rate_map(rates, x, masks or {}), error, batch.inputs, masks or {}
    )
    return found, rates, error, settled


@pytest.mark.parametrize("solver", ["anderson", "dense"])
@pytest.mark.parametrize("jacobian_at", ["rate", "map"])
def test_gradient_at_the_equilibrium_is_that_through_an_unrolled_rate_map(case, solver, jacobian_at):
    network, x = case
    rule = AtEquilibrium(dropout=0.0, iterations=200, solver=solver, jacobian_at=jacobian_at)
    update = update_of(rule, network, still(x))
    rates = {name: rate.detach() for name, rate in equilibrium(network, x).items()}
    assert all(rate.min() > 0 and rate.max() < 1 for rate in rates.values())
    assert all((rate - rates[name]).abs().max() < 1e-14 for name, rate in mapped(network, rates, x).items())
    for _ in range(50):
        rates = mapped(network, rates, x)
    names = [name for name, _ in network.named_parameters()]
    expected = torch.autograd.grad(loss_at(network, rates), list(network.parameters()))
    assert list(update.grads) == names
    for name, grad in zip(names, expected, strict=True):
        assert grad.abs().max() > 1e-6, name
        torch.testing.assert_close(update.grads[name], grad, rtol=1e-10, atol=1e-12, msg=name)
    if solver == "anderson":
        assert update.metrics["residual"] <= 1e-12


def test_gradient_is_the_slope_of_the_loss_at_the_equilibrium(case):
    network, x = case
    update = update_of(AtEquilibrium(dropout=0.0, iterations=200), network, still(x))
    h = 1e-5

    @torch.no_grad()
    def loss():
        return float(loss_at(network, equilibrium(network, x)))

    for name, parameter in network.named_parameters():
        kept = parameter.detach().clone()
        direction = torch.randn_like(kept)
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.copy_(kept + sign * h * direction)
            sides.append(loss())
        with torch.no_grad():
            parameter.copy_(kept)
        slope = (sides[0] - sides[1]) / (2 * h)
        assert float((update.grads[name] * direction).sum()) == pytest.approx(slope, rel=1e-6, abs=1e-7), name


@pytest.mark.parametrize(("solver", "tolerance"), [("dense", 1e-13), ("anderson", 1e-10)])
def test_costate_of_the_linear_regime_in_one_block(solver, tolerance):
    """x = (I - W^T / V)^-1 g while no rate is at a bound."""
    network, x = one_block(), torch.rand(4, 6, dtype=F64)
    (found,), rates, error, settled = costate_of(IDE(solver=solver, iterations=100), network, x)
    jacobian = network.feedback["loop"].synapse.weight.detach() / V
    expected = torch.linalg.solve(torch.eye(8, dtype=F64) - jacobian.T, error.T).T
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    assert settled.residual <= 1e-11
    assert not found.equal(error)


def test_costate_of_the_linear_regime_in_two_blocks():
    """J = W_b W_f / V^2: the error goes once round the loop."""
    network, x = two_blocks(), torch.rand(4, 6, dtype=F64)
    (found,), _, error, _ = costate_of(IDE(iterations=100), network, x)
    forward, back = network.blocks["b"].synapse.weight.detach(), network.feedback["back"].synapse.weight.detach()
    jacobian = forward @ back / V**2
    torch.testing.assert_close(
        found, error @ torch.linalg.inv(torch.eye(5, dtype=F64) - jacobian), rtol=1e-10, atol=1e-12
    )


def test_costate_of_two_sources():
    """(a, b) -> (f(a, b), g(f(a, b))): block a gets what its own loop and the feedback of b make of the error."""
    network, x = two_sources(), torch.rand(4, 6, dtype=F64)
    found, rates, error, _ = costate_of(IDE(iterations=200), network, x)
    assert list(rates) == ["a", "b"]
    near, far = (network.feedback[name].synapse.weight.detach() / V for name in ("near", "far"))
    forward = network.blocks["b"].synapse.weight.detach() / V
    jacobian = torch.cat([torch.cat([near, far], 1), torch.cat([forward @ near, forward @ far], 1)], 0)
    given = torch.cat([torch.zeros(4, 8, dtype=F64), error], 1)
    expected = given @ torch.linalg.inv(torch.eye(13, dtype=F64) - jacobian)
    torch.testing.assert_close(torch.cat(found, 1), expected, rtol=1e-9, atol=1e-11)


def test_the_iteration_of_the_program_has_half_the_answer():
    network, x = one_block(), torch.rand(4, 6, dtype=F64)
    (found,), _, error, settled = costate_of(IDE(solver="ide_iter_compat", iterations=200), network, x)
    jacobian = network.feedback["loop"].synapse.weight.detach() / V
    halved = error @ torch.linalg.inv(2 * torch.eye(8, dtype=F64) - jacobian)
    torch.testing.assert_close(found, halved, rtol=1e-12, atol=1e-14)
    assert settled.residual > 0.1
    (first,), _, _, _ = costate_of(IDE(solver="ide_iter_compat", iterations=1), network, x)
    torch.testing.assert_close(first, (error @ jacobian + error) / 2)


def test_without_iterations_the_costate_is_the_error():
    network, x = one_block(), torch.rand(4, 6, dtype=F64)
    (found,), _, error, settled = costate_of(IDE(iterations=0), network, x)
    assert found.equal(error)
    assert settled.iterations == 0


@pytest.mark.parametrize("rule", [IDE(dropout=0.0), AtEquilibrium(dropout=0.0)], ids=["simulated", "equilibrium"])
@pytest.mark.parametrize("neuron", NEURONS)
def test_without_feedback_it_is_a_clamp_network_of_two_layers(rule, neuron):
    """By hand: delta = W_o^T (softmax - y) / B inside the clamp, over V; dW = delta x, dW_f = delta a."""
    network, x = one_block(neuron), torch.rand(4, 6, dtype=F64)
    with torch.no_grad():
        network.feedback["loop"].synapse.weight.zero_()
        network.blocks["a"].synapse.bias.copy_(torch.tensor([-3.0, -3, 6, 6, 1, 1.2, 0.8, 1]))
    update = update_of(rule, network, still(x, 20))
    synapse, out = network.blocks["a"].synapse, network.readout.head
    with torch.no_grad():
        rate = rule.simulate(network, still(x, 20).inputs, {}).rates["a"]
        scores = rate @ out.weight.T + out.bias
        surplus = (scores.softmax(1) - F.one_hot(TARGETS, 3)) / 4
        current = x @ synapse.weight.T + synapse.bias
        delta = surplus @ out.weight * ((current > 0) & (current < V)) / V
    assert delta[:, :4].abs().max() == 0
    expected = {
        "blocks.a.synapse.weight": delta.T @ x,
        "blocks.a.synapse.bias": delta.sum(0),
        "feedback.loop.synapse.weight": delta.T @ rate,
        "readout.head.weight": surplus.T @ rate,
        "readout.head.bias": surplus.sum(0),
    }
    assert set(update.grads) == set(expected)
    for name, grad in expected.items():
        torch.testing.assert_close(update.grads[name], grad, rtol=1e-11, atol=1e-14, msg=name)
    (found,), _, error, _ = costate_of(IDE(), network, x)
    torch.testing.assert_close(found, error, rtol=0, atol=0)


@pytest.mark.parametrize("make", [one_block, two_blocks, two_sources])
def test_clamped_neurons_learn_nothing_but_the_readout(make):
    network, x = make(), torch.rand(4, 6, dtype=F64)
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.bias.copy_(20.0 * (-1.0) ** torch.arange(len(block.synapse.bias)))
    update = update_of(IDE(dropout=0.0), network, still(x, 12))
    for name, grad in update.grads.items():
        assert (grad.abs().max() > 0) == name.startswith("readout."), name
    last = list(network.blocks)[-1]
    assert update.rates[last] == pytest.approx(
        (len(network.blocks[last].synapse.bias) + 1) // 2 / len(network.blocks[last].synapse.bias)
    )


@pytest.mark.parametrize("neuron", NEURONS)
def test_doubling_threshold_weights_and_biases_changes_no_spike(neuron):
    network, inputs = two_sources(neuron), torch.rand(4, 6, dtype=F64)
    batch = still(inputs, 25)
    before, _ = network.run(batch.inputs)
    small = update_of(IDE(dropout=0.0), network, batch)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.startswith("readout."):
                parameter.mul_(2.0)
    for block in network.blocks.values():
        block.neuron.v_threshold *= 2.0
    after, _ = network.run(batch.inputs)
    large = update_of(IDE(dropout=0.0), network, batch)
    for name in before:
        assert before[name].spikes.sum() > 0
        assert after[name].spikes.equal(before[name].spikes)
    for name, grad in small.grads.items():
        factor = 1.0 if name.startswith("readout.") else 0.5
        torch.testing.assert_close(large.grads[name], factor * grad, rtol=1e-10, atol=1e-15, msg=name)


def test_where_the_jacobian_is_taken():
    """A neuron that the simulated rate puts outside the clamp and its map inside: the two choices differ."""
    network, x = one_block(), torch.rand(4, 6, dtype=F64)
    with torch.no_grad():
        network.blocks["a"].synapse.bias.copy_(torch.linspace(0.5, 2.5, 8))
        network.feedback["loop"].synapse.weight.mul_(10.0)
    batch = still(x, 2)
    found = {
        at: update_of(IDE(dropout=0.0, solver="dense", jacobian_at=at), network, batch)
        for at in ("rate", "map", "auto")
    }
    name = "blocks.a.synapse.weight"
    assert not torch.allclose(found["rate"].grads[name], found["map"].grads[name])
    assert found["auto"].grads[name].equal(found["rate"].grads[name])
    rate = IDE().simulate(network, batch.inputs, {}).rates["a"]
    points = {"rate": rate, "map": network.rate_map({"a": rate}, x)["a"].detach()}
    scores = network.readout.of_rate(rate.requires_grad_())
    (error,) = torch.autograd.grad(F.cross_entropy(scores, TARGETS), rate)
    current = network.blocks["a"].synapse(x) + network.feedback["loop"].synapse(rate)
    inside = ((current > 0) & (current < V)).to(F64)
    for at, point in points.items():
        there = network.blocks["a"].synapse(x) + network.feedback["loop"].synapse(point)
        slope = ((there > 0) & (there < V)).to(F64) / V
        expected = torch.zeros(8, 6, dtype=F64)
        for sample in range(4):
            jacobian = slope[sample].unsqueeze(1) * network.feedback["loop"].synapse.weight.detach()
            costate = torch.linalg.solve(torch.eye(8, dtype=F64) - jacobian.T, error[sample])
            expected += torch.outer(costate * inside[sample] / V, x[sample])
        torch.testing.assert_close(found[at].grads[name], expected, rtol=1e-10, atol=1e-13, msg=at)


def test_deep_networks_take_the_jacobian_at_the_map():
    network, x = two_blocks(), torch.rand(4, 6, dtype=F64)
    with torch.no_grad():
        network.feedback["back"].synapse.weight.mul_(15.0)
    found = {
        at: update_of(IDE(dropout=0.0, jacobian_at=at), network, still(x, 2)).grads for at in ("rate", "map", "auto")
    }
    name = "blocks.a.synapse.weight"
    assert found["auto"][name].equal(found["map"][name])
    assert not found["auto"][name].equal(found["rate"][name])
