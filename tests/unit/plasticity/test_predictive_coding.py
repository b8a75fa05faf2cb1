"""What predictive coding must be: gradients in closed form, its limits, and its reports of inference."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import HalfTanh, Linear, Softplus, Standardised, Tanh
from spikelearn.plasticity import RULES, Batch, CrossEntropy, SquaredError
from spikelearn.plasticity.equilibrium.dynamics.descent import descend, last
from spikelearn.plasticity.equilibrium.energies.divergence import Divergence, Gaussian
from spikelearn.plasticity.equilibrium.energies.energy import Energy, settling
from spikelearn.plasticity.equilibrium.energies.error_energy import ErrorEnergy
from spikelearn.plasticity.equilibrium.energies.predictive import PredictiveEnergy
from spikelearn.tasks import Regress
from tests.helpers import F64, only_update

SIZES = (5, 6, 4, 3)
SETTLED = {"iterations": 500, "eta": 0.3, "tolerance": 1e-9}


def chain(*sizes, activation=None, output=None, scale=1.0):
    torch.manual_seed(5)
    last = len(sizes) - 2
    blocks = {
        f"b{n}": Block(nn.Linear(below, size), Rate((output or Linear()) if n == last else activation or Tanh()))
        for n, (below, size) in enumerate(pairwise(sizes))
    }
    network = Network(blocks).to(F64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(scale)
    return network


def labelled(samples=4, steps=1):
    torch.manual_seed(6)
    return Batch(torch.randn(steps, samples, SIZES[0], dtype=F64), torch.arange(samples) % SIZES[-1])


def valued(network, distance=None):
    """Targets at a distance from what the network makes of the inputs; None: anywhere."""
    batch = labelled()
    offset = torch.randn(4, SIZES[-1], dtype=F64)
    targets = offset if distance is None else network(batch.inputs).detach() + distance * offset
    return Batch(batch.inputs, targets, task=Regress())


def gradients(rule, network, batch, **options):
    return only_update(RULES.make(rule, options), network, batch).grads


def apart(found, expected):
    """Length of the difference relative to the expected change, all parameters together."""
    gaps = sum(float((found[name] - value).square().sum()) for name, value in expected.items())
    return (gaps / sum(float(value.square().sum()) for value in expected.values())) ** 0.5


class Quartic(Divergence):
    """Not half a squared distance."""

    def of(self, value, prediction):
        return (value - prediction).pow(4).flatten(2).sum((0, 2))


@pytest.mark.parametrize("output", ["predicted", "free", "clamped"])
@pytest.mark.parametrize("node", ["post", "pre"])
def test_slopes_in_closed_form_are_those_of_torch(node, output):
    """Of values and of weights, with masks, several steps, precisions, and of errors in place of values."""
    network, given = chain(*SIZES, activation=Softplus()), labelled(steps=2)
    masks = {"inputs": torch.rand(4, 5), "b0": torch.rand(4, 6), "b1.synapse": torch.rand(4, 4), "b2": torch.rand(4, 3)}
    batch = Batch(given.inputs, given.targets, {place: mask.to(F64) for place, mask in masks.items()})
    for divergence in (Gaussian(), Quartic()):
        options = {"strength": 0.7, "node": node, "output": output, "precision": (0.5, 2.0)}
        inner = PredictiveEnergy(network, batch, CrossEntropy(), divergences=(divergence,), **options)
        for energy in (inner, ErrorEnergy(inner)) if isinstance(divergence, Gaussian) else (inner,):
            values = {name: value + torch.randn_like(value) for name, value in energy.start().items()}
            found, expected = energy.slopes(values), Energy.slopes(energy, values)
            torch.testing.assert_close(found.total, expected.total)
            torch.testing.assert_close(found.values, expected.values)
            if energy is inner:
                torch.testing.assert_close(
                    energy.weight_slopes(values, found), Energy.weight_slopes(energy, values, expected)
                )


def test_activations_over_a_layer_are_carried_back():
    network, batch = chain(5, 6, 4, 3, activation=HalfTanh()), labelled()
    torch.testing.assert_close(
        gradients("pc", network, batch, form="fixed-pred"), gradients("bptt", network, batch, loss="cross-entropy")
    )


@pytest.mark.parametrize("output", ["predicted", pytest.param("free", marks=pytest.mark.slow)])
def test_soft_nudging_tends_to_backpropagation_linearly(output):
    network, batch = chain(*SIZES), labelled()
    expected = gradients("bptt", network, batch, loss="cross-entropy")

    def nudged(strength):
        options = {"loss": "cross-entropy", "output": output, "nudging": strength, **SETTLED}
        return gradients("pc-prospective", network, batch, **options)

    far, near, away = nudged(0.02), nudged(0.002), nudged(-0.002)
    assert apart(far, expected) / apart(near, expected) == pytest.approx(10.0, rel=0.1)
    # Drawn away from the target as much, the difference has the other sign.
    both = {name: (near[name] + away[name]) / 2.0 for name in near}
    assert apart(both, expected) < 0.01 * apart(near, expected)


def test_clamped_outputs_give_backpropagation_of_a_filtered_error():
    """Near the target e counts as (I + sum of J J')^-1 e, which is not e however near the target is."""
    network = chain(*SIZES)
    batch = valued(network, distance=1e-4)
    found = gradients("pc-prospective", network, batch, output="clamped", node="post", **SETTLED)
    x, blocks = batch.inputs[0], list(network.blocks.values())
    values = [x]
    for n, block in enumerate(blocks):
        values.append(
            block.synapse(values[-1].detach() if n == 0 else values[-1]).tanh() if n < 2 else block.synapse(values[-1])
        )
    errors = (values[-1] - batch.targets).detach()
    sent = []
    for sample in range(len(x)):
        jacobians = [
            torch.stack([torch.autograd.grad(values[-1][sample, i], v, retain_graph=True)[0][sample] for i in range(3)])
            for v in values[1:-1]
        ]
        filtered = torch.eye(3, dtype=F64) + sum(j @ j.T for j in jacobians)
        sent.append(torch.linalg.solve(filtered, errors[sample]))
    slopes = torch.autograd.grad(values[-1], list(network.parameters()), torch.stack(sent) / len(x), retain_graph=True)
    plain = torch.autograd.grad(values[-1], list(network.parameters()), errors / len(x))
    names = [name for name, _ in network.named_parameters()]
    assert apart(found, dict(zip(names, slopes, strict=True))) < 1e-3
    assert apart(found, dict(zip(names, plain, strict=True))) > 0.1


def settled_values(network, batch, precision):
    """Values of the forward pass, and those at the equilibrium with the output held at the target."""
    energy = PredictiveEnergy(network, batch, SquaredError(), node="pre", output="clamped", precision=precision)
    start = energy.start()
    return start, last(descend(energy, 500, 0.3, tolerance=1e-9, start=start)).values


def test_without_a_force_from_above_values_are_those_of_a_forward_pass():
    network = chain(4, 4, 4, 4, activation=Linear())
    batch = Batch(torch.randn(1, 3, 4, dtype=F64), torch.randn(3, 4, dtype=F64), task=Regress())
    gaps = []
    for force in (1e-2, 1e-3):
        start, values = settled_values(network, batch, (1.0, 1.0, force))
        gaps.append(torch.stack([values[name] - start[name] for name in values]).norm())
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.1)
    assert gaps[1] < 0.01


def test_without_a_force_from_below_values_are_those_of_target_propagation():
    """Each is what the block above would need to reach its own: its inverse, from the target down."""
    network = chain(4, 4, 4, activation=Linear())
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.weight.copy_(torch.linalg.qr(torch.randn(4, 4, dtype=F64))[0])
    batch = Batch(torch.randn(1, 3, 4, dtype=F64), torch.randn(3, 4, dtype=F64), task=Regress())
    synapse = network.blocks["b1"].synapse
    needed = torch.linalg.solve(synapse.weight, (batch.targets - synapse.bias).T).T.detach()
    gaps = [(settled_values(network, batch, (force, 1.0))[1]["b0"][0] - needed).norm() for force in (1e-2, 1e-3)]
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.1)
    assert gaps[1] < 0.01


def test_critical_points_of_the_loss_change_nothing():
    network = chain(*SIZES)
    reached = valued(network, distance=0.0)
    assert all(float(g.abs().max()) < 1e-12 for g in gradients("pc-prospective", network, reached).values())
    # The saddle at 0, whose targets are as often above the output as below: no sample is at its target.
    zero = chain(*SIZES, scale=0.0)
    batch = labelled(2)
    targets = torch.tensor([[1.0, -2.0, 0.5], [-1.0, 2.0, -0.5]], dtype=F64)
    update = only_update(RULES.make("pc-prospective", {}), zero, Batch(batch.inputs, targets, task=Regress()))
    assert float(update.loss) > 1.0
    assert all(float(g.abs().max()) < 1e-12 for g in update.grads.values())


@pytest.mark.parametrize(
    "output", ["predicted", *(pytest.param(each, marks=pytest.mark.slow) for each in ("free", "clamped"))]
)
def test_errors_reach_the_equilibrium_of_the_values(output):
    network, batch = chain(*SIZES), labelled()
    options = {"output": output, "loss": "cross-entropy", **SETTLED}
    values, errors = (
        gradients("pc-prospective", network, batch, through=each, **options) for each in ("values", "errors")
    )
    assert apart(errors, values) < 1e-7


def test_errors_settle_in_deep_networks_in_far_fewer_iterations():
    network, batch = chain(5, *[6] * 8, 3), labelled()
    options = {"eta": 0.3, "iterations": 400, "tolerance": 0.05, "loss": "cross-entropy"}
    taken = {
        through: only_update(RULES.make("pc-prospective", {"through": through, **options}), network, batch).metrics
        for through in ("values", "errors")
    }
    assert taken["errors"]["settled"] == taken["values"]["settled"] == 1.0
    assert 2.0 * taken["errors"]["iterations"] < taken["values"]["iterations"]


def test_inference_reports_whether_it_has_settled_and_how_to():
    network, batch = chain(5, *[6] * 9, 3), labelled()
    rule = RULES.make("pc", {"iterations": 4})
    metrics = only_update(rule, network, batch).metrics
    assert (metrics["residual"], metrics["settled"]) == (1.0, 0.0)  # nothing has arrived at the first blocks
    (words,) = rule.warnings(metrics)
    assert "settled for 0 % of the samples" in words
    assert "raise iterations (--rule-option iterations=...), lower eta where the energy grows, or nudge less" in words
    settled = only_update(RULES.make("pc", {"eta": 0.3, "iterations": 100}), network, batch).metrics
    assert settled["settled"] == 1.0
    assert rule.warnings(settled) == []


def test_momentum_is_that_of_prospective_configuration_and_settles_in_fewer_iterations():
    network, batch = chain(5, *[6] * 5, 3, scale=1.5), labelled()
    options = {"loss": "squared-error", "eta": 0.25, "iterations": 40, "momentum": 0.6}
    same = gradients("pc-prospective", network, batch, node="post", **options)
    assert apart(gradients("pc", network, batch, **options), same) == 0.0
    residuals = {
        momentum: only_update(RULES.make("pc", options | {"momentum": momentum}), network, batch).metrics["residual"]
        for momentum in (0.0, 0.6)
    }
    assert 5.0 * residuals[0.6] < residuals[0.0]


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_values_swing_where_eta_exceeds_the_curvature(momentum):
    # Of linear neurons E is a quadratic in the hidden values: its curvature is I + W'W, W the weights above them.
    network, batch = chain(5, 6, 3, activation=Linear(), scale=3.0), valued(chain(5, 6, 3))
    weight = network.get_parameter("blocks.b1.synapse.weight").detach()
    limit = 2.0 * (1.0 + momentum) / (1.0 + float(torch.linalg.matrix_norm(weight, 2)) ** 2)
    options = {"loss": "squared-error", "momentum": momentum, "iterations": 600}
    below, above = (
        only_update(RULES.make("pc", options | {"eta": part * limit}), network, batch).metrics["residual"]
        for part in (0.97, 1.03)
    )
    assert below < 1e-3
    assert above > 0.5


def test_inference_ends_where_all_samples_have_settled():
    network, batch = chain(*SIZES), labelled()
    energy = PredictiveEnergy(network, batch, CrossEntropy())
    looks = list(descend(energy, 500, 0.3, tolerance=0.05))
    residuals = [float(energy.residuals(look.values, look.slopes).max()) for look in looks]
    assert len(looks) < 500
    assert residuals[-1] <= 0.05 < min(residuals[:-1])
    found = settling(energy, looks[-1].values, looks[-1].slopes)
    assert found["settled"] == 1.0
    assert found["energy"] == pytest.approx(float(looks[-1].slopes.energy) / 4)


def test_a_generic_energy_settles_by_the_length_of_its_slope():
    class Spring(Energy):
        def start(self):
            return {"b0": torch.full((1, 2, 3), 2.0, dtype=F64)}

        def of(self, values):
            return 0.5 * (values["b0"] - 1.0).square().sum(), torch.zeros((), dtype=F64)

    energy = Spring(chain(*SIZES))
    first, *_, end = descend(energy, 60, 0.5)
    torch.testing.assert_close(energy.residuals(first.values, first.slopes), torch.full((2,), 0.5, dtype=F64))
    torch.testing.assert_close(end.values["b0"], torch.ones(1, 2, 3, dtype=F64))


@pytest.mark.parametrize(
    ("rule", "options", "words"),
    [
        ("pc", {"form": "exact", "eta": 0.1}, "form 'exact' has no eta, but it is 0.1: drop it, or use form=strict"),
        ("pc", {"form": "z-il", "iterations": 3}, "form 'z-il' has no iterations"),
        ("pc", {"form": "fixed-pred", "presynaptic": "moved"}, "presynaptic is 'moved', but form is 'fixed-pred'"),
        ("pc", {"nudging": 0.0}, "nudging is 0, so that targets have no effect"),
        ("pc", {"iterations": 0}, "iterations"),
        ("pc", {"form": "fixed-pred", "momentum": 0.4}, "momentum is 0.4, but form is 'fixed-pred'"),
        ("pc", {"presynaptic": "moved", "momentum": 0.4}, "presynaptic 'moved', expected 'strict' and 'same'"),
        ("pc-prospective", {"momentum": 1.0}, "momentum"),
        ("pc-prospective", {"discount": 0.0}, "discount"),
        ("pc-prospective", {"output": "held"}, "output"),
        ("pc-incremental", {"through": "value"}, "through"),
    ],
)
def test_options_that_make_no_sense_are_refused(rule, options, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        RULES.make(rule, options)


def test_networks_that_do_not_fit_are_refused():
    rule = RULES.make("pc-prospective", {"precision": "1/2/3/4"})
    with pytest.raises(ValueError, match="4 precision, one a block, but 3 blocks learn"):
        rule.check(chain(*SIZES))
    with pytest.raises(ValueError, match="depends on the others: use tanh"):
        RULES.make("pc").check(chain(*SIZES, activation=Standardised()))
    normed = Network({"b0": Block(nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)), Rate(Linear()))})
    with pytest.raises(ValueError, match="batch norm would normalise anew"):
        RULES.make("pc").check(normed)
    late = Network({"b0": Block(nn.Linear(5, 3), Rate(Linear()), delay=1)})
    with pytest.raises(ValueError, match="block 'b0' has delay 1, expected 0"):
        RULES.make("pc").check(late)


def test_nudging_grows_with_every_batch_and_keeps_its_sign():
    network, batch = chain(5, 6, 3), labelled()
    grown = RULES.make("pc-prospective", {"nudging": -0.2, "growth": 0.05})
    memory = grown.init(network, torch.Generator())
    for count in range(3):
        (update,) = grown.updates(network, batch, memory, torch.Generator())
        fixed = RULES.make("pc-prospective", {"nudging": -0.2 - 0.05 * count})
        (expected,) = fixed.updates(network, batch, {}, torch.Generator())
        torch.testing.assert_close(update.grads, expected.grads)
        memory = update.memory
    assert int(memory["batches"]) == 3
