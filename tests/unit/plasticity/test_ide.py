"""IDE by identities: charge balance, the equilibrium, its implicit derivative, dropout and batch statistics by hand."""

import gc

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, RateReadout, TraceReadout, build
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator
from spikelearn.plasticity import IDE, RULES, Batch
from spikelearn.plasticity.equilibrium.ide import LARGEST_DENSE, Simulated, mean_input, sources
from spikelearn.synapses import bound_spectral_norm
from spikelearn.traces import weighted_rate

F64 = torch.float64
V = 2.0
NEURONS = {
    "if": lambda: IF(V, reset="subtract", inclusive=True),
    "lif": lambda: LIF.per_step(0.9, v_threshold=V, reset="subtract", inclusive=True),
}


def decay_of(neuron):
    return NEURONS[neuron]().decay_mem


def linear(inputs, outputs, bias=True, lift=0.5):
    """Weights small enough for a contraction, biases that put the rates in the middle of [0, 1]."""
    made = nn.Linear(inputs, outputs, bias=bias, dtype=F64)
    with torch.no_grad():
        made.weight.mul_(0.2 * V)
        if bias:
            made.bias.copy_(lift * V + 0.1 * V * (torch.rand(outputs, dtype=F64) - 0.5))
    return made


def head(inputs, decay):
    return RateReadout(nn.Linear(inputs, 3, dtype=F64), decay=decay)


def one_block(neuron="if"):
    blocks = {"a": Block(linear(6, 8), NEURONS[neuron]())}
    return Network(blocks, {"loop": Feedback("a", "a", linear(8, 8, bias=False))}, head(8, decay_of(neuron)))


def two_blocks(neuron="if"):
    blocks = {"a": Block(linear(6, 8), NEURONS[neuron]()), "b": Block(linear(8, 5), NEURONS[neuron]())}
    return Network(blocks, {"back": Feedback("b", "a", linear(5, 8, bias=False))}, head(5, decay_of(neuron)))


def two_sources(neuron="if"):
    blocks = {"a": Block(linear(6, 8), NEURONS[neuron]()), "b": Block(linear(8, 5), NEURONS[neuron]())}
    edges = {"near": Feedback("a", "a", linear(8, 8, lift=0.0)), "far": Feedback("b", "a", linear(5, 8, bias=False))}
    return Network(blocks, edges, head(5, decay_of(neuron)))


def convolutional(neuron="if"):
    network = build("4C3p-5C3s2p(F4C3u)-3", NEURONS[neuron], input_shape=(1, 6, 6), readout="linear").to(F64)
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.bias.fill_(0.5 * V)
    return network


def bounded(neuron="if"):
    """Once the singular vectors have settled, holding them fixed costs the derivative nothing."""
    network = one_block(neuron)
    synapse = network.feedback["loop"].synapse
    bound_spectral_norm(synapse)
    for _ in range(500):
        _ = synapse.weight
    with torch.no_grad():
        network.get_parameter("feedback.loop.synapse.parametrizations.weight.0.gain").fill_(0.4)
    return network.eval()


NETWORKS = {
    "one block": one_block,
    "two blocks": two_blocks,
    "two sources": two_sources,
    "convolutional": convolutional,
    "bounded": bounded,
}
PLACES = {"one block": (6,), "two blocks": (6,), "two sources": (6,), "convolutional": (1, 6, 6), "bounded": (6,)}


@pytest.fixture(params=NETWORKS)
def case(request):
    return NETWORKS[request.param](), torch.rand(4, *PLACES[request.param], dtype=F64)


TARGETS = torch.tensor([0, 2, 1, 2])


def mapped(network, rates, x, masks=None):
    found = network.rate_map(rates, x, masks or {})
    return {name: found[name] for name in rates}


def equilibrium(network, x, masks=None, iterations=60):
    shapes = network.shapes(x)
    rates = {name: torch.full((len(x), *shapes[name]), 0.5, dtype=F64) for name in sources(network)}
    for _ in range(iterations):
        rates = mapped(network, rates, x, masks)
    return rates


def loss_at(network, rates, targets=TARGETS):
    return F.cross_entropy(network.readout.of_rate(rates[list(network.blocks)[-1]]), targets)


class AtEquilibrium(IDE):
    """IDE after infinitely many steps: the simulated rate is the fixed point of the rate map."""

    def simulate(self, network, inputs, masks):
        with torch.no_grad():
            rates = equilibrium(network, mean_input(network, inputs), masks)
        return Simulated({name: rate.detach().clone() for name, rate in rates.items()}, {})


def still(x, steps=3, targets=TARGETS, masks=None):
    return Batch(x.expand(steps, *x.shape), targets, masks or {})


def update_of(rule, network, batch, seed=0):
    (update,) = rule.updates(network, batch, {}, torch.Generator().manual_seed(seed))
    return update


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


# Charge balance


@pytest.mark.parametrize("steps", [1, 2, 7, 40])
@pytest.mark.parametrize(
    "neuron",
    [
        *NEURONS.values(),
        lambda: LIF(10e-3, r=9.0, v_threshold=V, reset="subtract"),
        lambda: IF(V, r=1.5, reset="subtract"),
    ],
    ids=["if", "lif", "lif of a time constant", "if of a resistance"],
)
def test_charge_balance(neuron, steps):
    """V sum lambda^(T-1-t) s[t] = sum lambda^(T-1-t) g I[t] - u[T-1], u after the reset, in every block."""
    blocks = {"a": Block(linear(6, 8), neuron()), "b": Block(linear(8, 5), neuron(), delay=1)}
    edges = {"near": Feedback("a", "a", linear(8, 8, lift=0.0)), "far": Feedback("b", "a", linear(5, 8, lift=-0.3))}
    network = Network(blocks, edges)
    record, _ = network.run(torch.rand(steps, 4, 6, dtype=F64))
    for name, seen in record.items():
        current = torch.stack([network.blocks[name].synapse(pre) for pre in seen.pre])
        for edge_name, edge in network.feedback.items():
            if edge.target == name:
                current = current + torch.stack([edge.synapse(met) for met in record.feedback[edge_name]])
        model = network.blocks[name].neuron
        powers = model.decay_mem ** torch.arange(steps - 1, -1, -1, dtype=F64).view(-1, 1, 1)
        left = seen.v[-1] - model.v_threshold * seen.spikes[-1]
        right = (powers * model.gain_mem * current).sum(0) - left
        torch.testing.assert_close(V * (powers * seen.spikes).sum(0), right, rtol=0, atol=1e-12)
        assert steps < 7 or 0 < seen.spikes.mean() < 1


def test_the_rate_of_an_if_neuron_approaches_the_equilibrium_as_one_over_t():
    network, x = two_blocks("if"), torch.rand(4, 6, dtype=F64)
    with torch.no_grad():
        limit = equilibrium(network, x)["b"]
    assert limit.min() > 0.05
    assert limit.max() < 0.95
    errors = {}
    for steps in (10, 40, 160, 640):
        rates = IDE().simulate(network, still(x, steps).inputs, {}).rates
        errors[steps] = float((rates["b"] - limit).abs().max())
    assert all(steps * error < 5.0 for steps, error in errors.items()), errors
    assert errors[640] < errors[10] / 20


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("make", [one_block, two_blocks, two_sources])
@pytest.mark.parametrize("events", [False, True])
def test_simulated_rates_are_those_of_a_run(neuron, make, events):
    network = make(neuron)
    masks = {"a.synapse": 2.0 * torch.rand(4, 8, dtype=F64).round()}
    x = torch.rand(4, 6, dtype=F64)
    inputs = (torch.rand(9, 4, 6) < 0.5).to(F64) if events else x.expand(9, 4, 6)
    record, _ = network.run(inputs, masks=masks)
    simulated = IDE().simulate(network, inputs, masks)
    assert list(simulated.rates) == sources(network)
    for name, rate in simulated.rates.items():
        torch.testing.assert_close(rate, weighted_rate(record[name].spikes, decay_of(neuron)))
        assert not rate.requires_grad
    for name, fired in simulated.fired.items():
        assert fired == pytest.approx(record[name].spikes.mean().item())
    update = update_of(IDE(dropout=0.0), network, Batch(inputs, TARGETS, masks))
    torch.testing.assert_close(update.scores, network.scores(record).detach())
    torch.testing.assert_close(update.loss, F.cross_entropy(network.scores(record), TARGETS).detach())
    assert update.rates == pytest.approx(simulated.fired)


# The implicit derivative


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


# Batches, memory, dropout


@pytest.mark.parametrize("make", [one_block, two_sources])
@pytest.mark.parametrize("neuron", NEURONS)
def test_a_batch_is_the_mean_of_its_samples(make, neuron):
    network, x = make(neuron), torch.rand(4, 6, dtype=F64)
    rule = IDE(dropout=0.0, solver="dense")
    whole = update_of(rule, network, still(x, 9))
    alone = [update_of(rule, network, still(x[n : n + 1], 9, TARGETS[n : n + 1])) for n in range(4)]
    for name, grad in whole.grads.items():
        mean = torch.stack([update.grads[name] for update in alone]).mean(0)
        torch.testing.assert_close(grad, mean, rtol=1e-11, atol=1e-14, msg=name)
    torch.testing.assert_close(whole.scores, torch.cat([update.scores for update in alone]))


def live_bytes():
    """Bytes of all tensors that Python can reach; what a compiler has left over holds none."""
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        if type(thing) in (torch.Tensor, nn.Parameter) and thing.layout is torch.strided:
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


@pytest.mark.parametrize("make", [one_block, two_sources])
def test_the_simulation_keeps_no_history(make):
    """The tensors that are alive at the last step take as many bytes after 5 steps as after 100."""
    network, x = make("lif"), torch.rand(50, 6, dtype=F64)
    seen = {}

    class Watched(Network):
        def stream(self, inputs, state=None, *, masks):
            for step, item in enumerate(super().stream(inputs, state, masks=masks), start=1):
                if step == len(inputs):
                    seen[step] = live_bytes()
                yield item

    network.__class__ = Watched
    for steps in (5, 100):
        IDE().simulate(network, x.expand(steps, *x.shape), {})
    assert set(seen) == {5, 100}
    assert abs(seen[100] - seen[5]) < 8 * 50 * 8, "a block's record of one step more"


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_dropout_draws_one_mask_for_the_current_of_every_synapse(make):
    network = make()
    shape = (1, 6, 6) if make is convolutional else (6,)
    x = torch.rand(300, *shape, dtype=F64)
    masks = IDE(dropout=0.2).draws(network, still(x, targets=torch.zeros(300, dtype=torch.int64)), torch.Generator())
    shapes = network.shapes(x)
    expected = {f"{name}.synapse": shapes[name] for name in network.blocks}
    expected |= {f"feedback.{name}": shapes[edge.target] for name, edge in network.feedback.items()}
    assert {place: tuple(mask.shape[1:]) for place, mask in masks.items()} == expected
    for place, mask in masks.items():
        assert mask.shape[0] == 300
        assert mask.dtype == F64
        assert mask.unique().tolist() == [0.0, 1.25], place
        # Variance of one entry 0.25: four standard errors.
        assert abs(float(mask.mean()) - 1.0) < 4 * (0.25 / mask.numel()) ** 0.5, place
    drawn = list(masks.values())
    if len(drawn) > 1 and drawn[0].shape == drawn[1].shape:
        assert not drawn[0].equal(drawn[1])


def test_the_same_generator_gives_the_same_update(case):
    network, x = case
    rule = IDE(dropout=0.3)
    one, two, other = (update_of(rule, network, still(x, 9), seed) for seed in (1, 1, 2))
    for name, grad in one.grads.items():
        assert grad.equal(two.grads[name]), name
    assert any(not grad.equal(other.grads[name]) for name, grad in one.grads.items())


def test_drawn_masks_act_as_masks_of_the_batch_do(case):
    """In the simulation, the rate map and the solve alike."""
    network, x = case
    batch = still(x, 9)
    masks = IDE(dropout=0.3).draws(network, batch, torch.Generator().manual_seed(5))
    drawn = update_of(IDE(dropout=0.3), network, batch, seed=5)
    given = update_of(IDE(dropout=0.0), network, still(x, 9, masks=masks))
    for name, grad in drawn.grads.items():
        assert grad.equal(given.grads[name]), name
    assert drawn.scores.equal(given.scores)


def test_masked_gradients_are_those_of_the_masked_rate_map(case):
    network, x = case
    masks = IDE(dropout=0.3).draws(network, still(x), torch.Generator().manual_seed(5))
    update = update_of(AtEquilibrium(dropout=0.0, iterations=200), network, still(x, masks=masks))
    rates = {name: rate.detach() for name, rate in equilibrium(network, x, masks).items()}
    for _ in range(50):
        rates = mapped(network, rates, x, masks)
    expected = torch.autograd.grad(loss_at(network, rates), list(network.parameters()))
    for (name, grad), wanted in zip(update.grads.items(), expected, strict=True):
        torch.testing.assert_close(grad, wanted, rtol=1e-9, atol=1e-12, msg=name)


def test_places_that_the_batch_masks_are_left_to_it():
    network, x = two_blocks(), torch.rand(4, 6, dtype=F64)
    own = {"a.synapse": torch.ones(4, 8, dtype=F64), "inputs": torch.ones(4, 6, dtype=F64)}
    masks = IDE(dropout=0.5).draws(network, still(x, masks=own), torch.Generator())
    assert set(masks) == {"b.synapse", "feedback.back"}
    assert IDE(dropout=0.0).draws(network, still(x, masks=own), torch.Generator()) == {}


def test_metrics_tell_of_the_solve_and_the_gains():
    network, x = bounded(), torch.rand(4, 6, dtype=F64)
    update = update_of(IDE(dropout=0.0), network, still(x, 9))
    assert set(update.metrics) == {"residual", "iterations", "gain_loop"}
    assert update.metrics["gain_loop"] == pytest.approx(0.4)
    assert update.metrics["residual"] <= 1e-12
    loose = update_of(IDE(dropout=0.0, tolerance=1e-2), network, still(x, 9))
    assert 1e-6 < loose.metrics["residual"] <= 1e-2
    assert loose.metrics["iterations"] < update.metrics["iterations"]
    assert update_of(IDE(dropout=0.0, iterations=2), network, still(x, 9)).metrics["iterations"] == 2.0


def test_frozen_parameters_get_no_gradient():
    network, x = two_blocks(), torch.rand(4, 6, dtype=F64)
    whole = update_of(IDE(dropout=0.0), network, still(x, 9))
    network.blocks["a"].requires_grad_(False)
    part = update_of(IDE(dropout=0.0), network, still(x, 9))
    assert set(whole.grads) - set(part.grads) == {"blocks.a.synapse.weight", "blocks.a.synapse.bias"}
    for name, grad in part.grads.items():
        torch.testing.assert_close(grad, whole.grads[name])


# Batch norm


def normalised(neuron="lif", blocks=1):
    """Batch norm behind every block's weights, with its own scale and shift."""

    def synapse(inputs, outputs):
        made = nn.Sequential(nn.Linear(inputs, outputs, dtype=F64), nn.BatchNorm1d(outputs, dtype=F64))
        with torch.no_grad():
            made[1].weight.copy_(0.4 + 0.2 * torch.rand(outputs, dtype=F64))
            made[1].bias.copy_(0.5 + 0.2 * torch.rand(outputs, dtype=F64))
        return made

    made = {"a": Block(synapse(6, 8), NEURONS[neuron]())}
    if blocks == 2:
        made["b"] = Block(synapse(8, 5), NEURONS[neuron]())
    last, size = list(made)[-1], 8 if blocks == 1 else 5
    return Network(made, {"loop": Feedback(last, "a", linear(size, 8, bias=False))}, head(size, decay_of(neuron)))


def simulated_by_hand(current, weight, decay):
    """Rates of one block with its own feedback: current [T, B, n], one step late loop."""
    u, spikes, record = torch.zeros_like(current[0]), torch.zeros_like(current[0]), []
    for now in current:
        u = decay * u + now + spikes @ weight.T
        spikes = (u >= V).to(F64)
        u = u - V * spikes
        record.append(spikes)
    return weighted_rate(torch.stack(record), decay)


@pytest.mark.parametrize(("masked", "size"), [(False, 3.0), (True, 3.0), (False, 2e-4)])
def test_event_input_is_normalised_by_the_statistics_of_its_weighted_mean(masked, size):
    """Every step with mean and unbiased variance + 1e-8 over the batch of f(sum lambda^(T-1-t) x / sum lambda^t).

    Where the input is small the 1e-8 is what counts, not the 1e-5 of the norm.
    """
    network = normalised("lif")
    inputs = size * (torch.rand(12, 5, 6) < 0.4).to(F64)
    masks = {"inputs": 2.0 * (torch.rand(5, 6) < 0.7).to(F64)} if masked else {}
    weights = 0.9 ** torch.arange(11, -1, -1, dtype=F64)
    seen = inputs * masks["inputs"] if masked else inputs
    mean = (weights.view(-1, 1, 1) * seen).sum(0) / weights.sum()
    torch.testing.assert_close(mean_input(network, seen), mean)
    dense, norm = network.blocks["a"].synapse
    with torch.no_grad():
        through = dense(mean)
        centre = through.sum(0) / 5
        variance = (through - centre).square().sum(0) / 4 + 1e-8
        current = norm.weight * (dense(seen) - centre) / variance.sqrt() + norm.bias
        expected = simulated_by_hand(current, network.feedback["loop"].synapse.weight, 0.9)
    assert 0 < expected.mean() < 1
    found = IDE().simulate(network, inputs, masks).rates["a"]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    record, _ = network.run(inputs, masks=masks)
    assert not torch.allclose(weighted_rate(record["a"].spikes, 0.9), expected), (
        "the norm of all steps would do as well"
    )


def statistics(network, block, x):
    """Mean and unbiased variance of what arrives at the norm of a block."""
    through = network.blocks[block].synapse[0](x).detach()
    return through.mean(0), through.var(0)


@pytest.mark.parametrize("updates", [1, 2])
@pytest.mark.parametrize("events", [False, True])
def test_running_statistics_move_once_by_the_mean_input_or_twice_as_the_program_does(updates, events):
    network = normalised("lif")
    inputs = (torch.rand(7, 5, 6) < 0.5).to(F64) if events else torch.rand(5, 6, dtype=F64).expand(7, 5, 6)
    targets = torch.tensor([0, 1, 2, 1, 0])
    with torch.no_grad():
        network.blocks["a"].synapse[1].running_mean.fill_(0.3)
    mean, variance = statistics(network, "a", mean_input(network, inputs))
    update = update_of(IDE(dropout=0.0, input_norm_updates=updates), network, Batch(inputs, targets))
    share = 0.19 if updates == 2 and not events else 0.1
    root = "blocks.a.synapse.1."
    torch.testing.assert_close(update.buffers[root + "running_mean"], (1 - share) * 0.3 + share * mean)
    torch.testing.assert_close(update.buffers[root + "running_var"], (1 - share) * 1.0 + share * variance)
    assert network.get_buffer(root + "running_mean").tolist() == [0.3] * 8
    assert network.blocks["a"].synapse[1].training


def test_a_still_image_is_normalised_by_the_batch():
    network, x = normalised("lif"), torch.rand(5, 6, dtype=F64)
    dense, norm = network.blocks["a"].synapse
    with torch.no_grad():
        through = dense(x)
        variance = (through - through.mean(0)).square().mean(0) + norm.eps
        current = norm.weight * (through - through.mean(0)) / variance.sqrt() + norm.bias
        expected = simulated_by_hand(current.expand(9, 5, 8), network.feedback["loop"].synapse.weight, 0.9)
    for updates in (1, 2):
        rule = IDE(input_norm_updates=updates)
        with network.presentation():
            found = rule.simulate(network, x.expand(9, 5, 6), {}).rates["a"]
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_deeper_blocks_step_with_running_statistics_and_move_them_once():
    """Their norm sees the rates of the blocks before, at the simulated rate of the source."""
    network, x = normalised("lif", blocks=2), torch.rand(5, 6, dtype=F64)
    targets = torch.tensor([0, 1, 2, 1, 0])
    update = update_of(IDE(dropout=0.0), network, Batch(x.expand(9, 5, 6), targets))
    with torch.no_grad(), network.presentation():
        rates = IDE().simulate(network, x.expand(9, 5, 6), {}).rates
        below = network.rate_map(rates, x)["a"]
    mean, variance = statistics(network, "b", below)
    torch.testing.assert_close(update.buffers["blocks.b.synapse.1.running_mean"], 0.1 * mean)
    torch.testing.assert_close(update.buffers["blocks.b.synapse.1.running_var"], 0.9 + 0.1 * variance)


def test_gradients_through_batch_statistics_are_those_of_the_unrolled_map():
    network, x = normalised("lif"), torch.rand(5, 6, dtype=F64)
    targets = torch.tensor([0, 1, 2, 1, 0])
    update = update_of(AtEquilibrium(dropout=0.0, iterations=300), network, Batch(x.expand(3, 5, 6), targets))
    rates = {name: rate.detach() for name, rate in equilibrium(network, x).items()}
    for _ in range(50):
        rates = mapped(network, rates, x)
    expected = torch.autograd.grad(loss_at(network, rates, targets), list(network.parameters()))
    for (name, grad), wanted in zip(update.grads.items(), expected, strict=True):
        # A bias in front of a batch norm has no gradient at all.
        torch.testing.assert_close(grad, wanted, rtol=1e-9, atol=1e-12, msg=name)


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1.0}, r"dropout is 1.0, expected a number in \[0, 1\)"),
        ({"dropout": -0.1}, "dropout is -0.1"),
        ({"iterations": -1}, "iterations is -1, expected a whole number of at least 0"),
        ({"iterations": 2.5}, "iterations is 2.5"),
        ({"tolerance": -1e-3}, "tolerance is -0.001, expected a positive number"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"solver": "broyden"}, "solver is 'broyden', expected one of anderson, dense, ide_iter_compat"),
        ({"jacobian_at": "both"}, "jacobian_at is 'both', expected one of auto, map, rate"),
        ({"input_norm_updates": 3}, "input_norm_updates is 3, expected 1, or 2"),
        ({"input_norm_updates": True}, "input_norm_updates is True"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        IDE(**options)


@pytest.mark.parametrize("solver", ["anderson", "dense", "ide_iter_compat"])
def test_solvers_have_names(solver):
    rule = RULES.make("ide", {"solver": solver, "dropout": 0.0})
    assert isinstance(rule, IDE)
    assert rule.solver == solver
    update = update_of(rule, one_block(), still(torch.rand(4, 6, dtype=F64)))
    assert all(torch.isfinite(grad).all() for grad in update.grads.values())


def subtracting(decay=0.9):
    return LIF.per_step(decay, reset="subtract")


def with_readout(readout, neuron=subtracting):
    return Network({"a": Block(nn.Linear(6, 3), neuron())}, {"l": Feedback("a", "a", nn.Linear(3, 3))}, readout)


def of_two_decays():
    blocks = {"a": Block(nn.Linear(6, 4), subtracting(0.9)), "b": Block(nn.Linear(4, 3), subtracting(0.8))}
    return Network(blocks, {"l": Feedback("b", "a", nn.Linear(3, 4))}, RateReadout(decay=0.8))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("6-5-3", subtracting, readout="linear"), "the last block 'fc1', but the network has feedback from no block"),
        (lambda: build("6-5(F5)-4-3", subtracting, readout="linear"), r"last block 'fc2', but the network has feedback from \['fc1'\]: add an edge"),
        (lambda: build("6-5(F5)-3", lambda: LIF.per_step(0.9), readout="linear"), "block 'fc1' is LIF.*reset=\"subtract\""),
        (lambda: build("6-5(F5)-3", lambda: IF(), readout="linear"), "block 'fc1' is IF"),
        (lambda: build("6-5(F5)-3", lambda: CubaLIF(reset="subtract"), readout="linear"), "block 'fc1' is CubaLIF"),
        (lambda: build("6-5(F5)-3", LeakyIntegrator, readout="linear"), "block 'fc1' is LeakyIntegrator"),
        (lambda: build("6-5(F5)-3", lambda: LIF(reset="subtract", v_leak=0.1), readout="linear"), "block 'fc1' is LIF.* v_leak=0"),
        (of_two_decays, r"the neurons decay by \[0.8, 0.9\]: use one decay"),
        (lambda: with_readout(RateReadout()), "decay 0.9, but the readout is RateReadout with decay 1.0"),
        (lambda: with_readout(RateReadout(decay=0.8)), "the readout is RateReadout with decay 0.8"),
        (lambda: with_readout(MembraneReadout()), "the readout is MembraneReadout with decay none"),
        (lambda: with_readout(TraceReadout()), "the readout is TraceReadout with decay none"),
        (lambda: one_block().requires_grad_(False), "ide finds no trainable parameter"),
    ],
)  # fmt: skip
def test_networks_that_it_cannot_train(make, message):
    with pytest.raises(ValueError, match=message):
        IDE().init(make(), torch.Generator())


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_networks_that_it_can_train(make):
    for neuron in NEURONS:
        assert IDE().init(make(neuron), torch.Generator()) == {}


def test_the_dense_solver_refuses_what_is_too_large():
    size = LARGEST_DENSE // 4 + 1
    network = build(f"2-{size}(F{size})-3", lambda: IF(reset="subtract"), readout="linear")
    batch = still(torch.rand(4, 2))
    with pytest.raises(
        ValueError, match=f"solver 'dense' would need a matrix of {4 * size} x {4 * size}, expected at most"
    ):
        update_of(IDE(dropout=0.0, solver="dense"), network, batch)


def test_a_target_without_an_output_is_named():
    with pytest.raises(ValueError, match="targets go from 0 to 3, but the network has 3 outputs"):
        update_of(IDE(), one_block(), still(torch.rand(4, 6, dtype=F64), targets=torch.arange(4)))


def test_one_step_is_a_still_image():
    network, x = one_block(), torch.rand(4, 6, dtype=F64)
    assert mean_input(network, x.unsqueeze(0)).equal(x)
    update = update_of(IDE(dropout=0.0), network, Batch(x.unsqueeze(0), TARGETS))
    assert all(torch.isfinite(grad).all() for grad in update.grads.values())
