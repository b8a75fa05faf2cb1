"""IDE against the authors' own program: simulation, equilibrium, costate, gradients, training with batch norm."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network, RateReadout, evaluating
from spikelearn.neurons import IF, LIF
from spikelearn.plasticity import IDE, Batch
from spikelearn.synapses import bound_spectral_norm
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

F64 = torch.float64


def neuron(case):
    if case["leak"] == 1.0:
        return IF(case["vth"], reset="subtract", inclusive=True)
    return LIF.per_step(case["leak"], v_threshold=case["vth"], reset="subtract", inclusive=True)


def linear(weight, bias=None):
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, dtype=F64)
    made.weight = nn.Parameter(weight.clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.clone())
    return made


def sequence(case):
    """[B, ...] constant, or [B, ..., T] events, as [T, B, ...]."""
    x = case["x"]
    steps = case["T"]
    return x.movedim(-1, 0) if str(case.get("input_type")) == "spikes" else x.expand(steps, *x.shape)


def plain_network(case):
    """One or several dense blocks, feedback from the last to the first; {key in the file: parameter}."""
    keys = [("Wx", "bx")] + [(f"W{n}", f"b{n}") for n in range(2, 10) if f"W{n}" in case]
    blocks = {f"layer{n}": Block(linear(case[w], case[b]), neuron(case)) for n, (w, b) in enumerate(keys, 1)}
    back = "Wf" if "Wf" in case else "Ws"
    last = f"layer{len(keys)}"
    head = linear(case["Wo"], case["bo"]) if "Wo" in case else None
    network = Network(
        blocks, {"loop": Feedback(last, "layer1", linear(case[back]))}, RateReadout(head, decay=case["leak"])
    )
    names = {back: "feedback.loop.synapse.weight", "Wo": "readout.head.weight", "bo": "readout.head.bias"}
    for n, (w, b) in enumerate(keys, 1):
        names |= {w: f"blocks.layer{n}.synapse.weight", b: f"blocks.layer{n}.synapse.bias"}
    return network, names, last


def rule_for(case, **options):
    compat = case.get("solver") == "iter"
    return IDE(dropout=0.0, **{"solver": "ide_iter_compat"} | options if compat else options)


def costate_of(case, network, last, rule):
    batch = Batch(sequence(case), case["labels"].long())
    rates = {name: r.requires_grad_() for name, r in rule.simulate(network, batch.inputs, {}).rates.items()}
    x = case.get("x_equiv", case["x"])
    mapped = network.rate_map(rates, x)
    costate, settled = rule.costate(network, rates, mapped, case["grad_rate"], batch.inputs, {})
    return costate[0], settled


PLAIN = golden_files("ide_fc_*", "ide_ml_fc_*")


def plain_case(path):
    case = load(path)
    if "Wx" not in case or "rate" not in case:
        pytest.skip(f"{path.name} is not a plain case")
    return case


@pytest.mark.parametrize("path", PLAIN)
def test_simulation(path):
    case = plain_case(path)
    network, _, last = plain_network(case)
    record, _ = network.run(sequence(case))
    for number, name in enumerate(network.blocks, 1):
        prefix = f"layer{number}_" if f"layer{number}_spikes" in case else ""
        assert record[name].spikes.equal(case[f"{prefix}spikes"])
        assert_relative(record[name].v, case[f"{prefix}u_before"], 1e-12, name)
    assert_relative(IDE().simulate(network, sequence(case), {}).rates[last], case["rate"], 1e-12, "rate")
    assert_relative(network.scores(record), case["logits"], 1e-12, "scores")


@pytest.mark.parametrize("path", PLAIN)
def test_rate_map(path):
    case = plain_case(path)
    network, _, last = plain_network(case)
    x = case.get("x_equiv", case["x"])
    assert_relative(network.rate_map({last: case["rate"]}, x)[last], case["f_rate"], 1e-12, "f")
    assert_relative(network.rate_map({last: case["fixed_point"]}, x)[last], case["fixed_point"], 1e-12, "fixed point")


@pytest.mark.parametrize("path", PLAIN)
def test_gradients(path):
    case = plain_case(path)
    network, names, _ = plain_network(case)
    rule = rule_for(case)
    rule.check(network)
    batch = Batch(sequence(case), case["labels"].long())
    (update,) = rule.updates(network, batch, {}, torch.Generator())
    assert_relative(update.loss, torch.tensor(case["loss"], dtype=F64), 1e-12, "loss")
    for key, name in names.items():
        assert_relative(update.grads[name], case[f"grad_{key}"], 1e-8, key)


@pytest.mark.parametrize("path", PLAIN)
def test_dense_solve(path):
    """The exact costate, also where the authors' iteration has half the right answer."""
    case = plain_case(path)
    network, names, last = plain_network(case)
    expected = case.get("adjoint_exact", case.get("adjoint_exact_at_f_rate"))
    costate, settled = costate_of(case, network, last, IDE(solver="dense"))
    assert_relative(costate, expected, 1e-12, "costate")
    assert settled.residual < 1e-12
    exact = {key: case[f"exact_grad_{key}"] for key in names if f"exact_grad_{key}" in case}
    if exact:
        batch = Batch(sequence(case), case["labels"].long())
        (update,) = IDE(dropout=0.0, solver="dense").updates(network, batch, {}, torch.Generator())
        for key, value in exact.items():
            assert_relative(update.grads[names[key]], value, 1e-12, key)


@pytest.mark.parametrize("path", PLAIN)
def test_iterative_solve_reaches_the_dense_one(path):
    case = plain_case(path)
    network, _, last = plain_network(case)
    expected = case.get("adjoint_exact", case.get("adjoint_exact_at_f_rate"))
    costate, settled = costate_of(case, network, last, IDE())
    assert_relative(costate, expected, 1e-9, "costate")
    assert settled.residual <= 1e-11


@pytest.mark.parametrize("path", golden_files("ide_fc_*const*"))
def test_halved_iteration_of_the_program(path):
    case = plain_case(path)
    network, _, last = plain_network(case)
    costate, _ = costate_of(case, network, last, IDE(solver="ide_iter_compat", iterations=200))
    assert_relative(costate, case["adjoint_halved"], 1e-12, "limit")
    for steps in (1, 2, 5, 30):
        if f"adjoint_iter{steps}" in case:
            costate, _ = costate_of(case, network, last, IDE(solver="ide_iter_compat", iterations=steps))
            assert_relative(costate, case[f"adjoint_iter{steps}"], 1e-12, f"{steps} iterations")


@pytest.mark.parametrize("path", golden_files("ide_ml_fc_*"))
def test_where_the_jacobian_is_taken(path):
    case = plain_case(path)
    network, names, _ = plain_network(case)
    batch = Batch(sequence(case), case["labels"].long())
    (update,) = IDE(dropout=0.0, jacobian_at="rate").updates(network, batch, {}, torch.Generator())
    for key, name in names.items():
        if f"jac_at_rate_grad_{key}" in case:
            assert_relative(update.grads[name], case[f"jac_at_rate_grad_{key}"], 1e-8, key)


@pytest.mark.parametrize("path", golden_files("ide_convergence*"))
def test_convergence_to_the_equilibrium(path):
    case = load(path)
    network, _, last = plain_network(case)
    rule = IDE()
    gaps = []
    for steps, expected in zip(case["T_list"].tolist(), case["rates"], strict=True):
        if steps > 3000:
            continue
        inputs = case["x"].expand(steps, *case["x"].shape)
        rate = rule.simulate(network, inputs, {}).rates[last]
        # The longest runs hold potentials that come within rounding of the threshold.
        assert (rate - expected).abs().max() <= 1e-12 + (2.0 / steps if steps > 300 else 0.0)
        gaps.append((steps, float((rate - case["fixed_point"]).abs().max())))
    if case["leak"] == 1.0:
        assert max(steps * gap for steps, gap in gaps) <= 2.0 + 1e-9
    else:
        assert gaps[-1][1] <= 1.2 * (1.0 - case["leak"])


def trained_network(case):
    """The network of a training case; {key in the file: parameter or buffer}."""
    inner = sorted(k.removesuffix("_weight_step0") for k in case if k.startswith("s") and k.endswith("_weight_step0"))
    back = next(k.removesuffix("_raw_step0") for k in case if k.endswith("_raw_step0"))
    shape = case["x"].shape[1:]
    blocks, shapes, names = {}, {}, {}
    for number, layer in enumerate(["x", *inner], 1):
        name = f"layer{number}"
        sent = case[f"layer{number}_spikes_step1" if inner else "spikes_step1"].shape[2:]
        weight, bias = case[f"{layer}_weight_step0"], case[f"{layer}_bias_step0"]
        if weight.ndim == 2:
            synapse, norm = linear(weight, bias), nn.BatchNorm1d(weight.shape[0], dtype=F64)
        else:
            kernel = weight.shape[2]
            synapse = nn.Conv2d(weight.shape[1], weight.shape[0], kernel, shape[1] // sent[1], kernel // 2, dtype=F64)
            synapse.weight, synapse.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
            norm = nn.BatchNorm2d(weight.shape[0], dtype=F64)
        places = {
            "bn_gamma": norm.weight,
            "bn_beta": norm.bias,
            "bn_mean": norm.running_mean,
            "bn_var": norm.running_var,
        }
        with torch.no_grad():
            for key, value in places.items():
                value.copy_(case[f"{layer}_{key}_step0"])
        blocks[name] = Block(nn.Sequential(synapse, norm), neuron(case))
        root = f"blocks.{name}.synapse."
        for key, place in zip(
            ["weight", "bias", "bn_gamma", "bn_beta", "bn_mean", "bn_var"],
            ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"],
            strict=True,
        ):
            names[f"{layer}_{key}"] = root + place
        shapes[name] = shape = sent
    raw = case[f"{back}_raw_step0"]
    first, last = shapes["layer1"], next(reversed(blocks))
    if raw.ndim == 2:
        synapse = nn.Linear(raw.shape[1], raw.shape[0], bias=False, dtype=F64)
    elif first[-1] > shapes[last][-1]:
        synapse = nn.ConvTranspose2d(
            raw.shape[0], raw.shape[1], raw.shape[2], 2, raw.shape[2] // 2, 1, bias=False, dtype=F64
        )
    else:
        synapse = nn.Conv2d(raw.shape[1], raw.shape[0], raw.shape[2], 1, raw.shape[2] // 2, bias=False, dtype=F64)
    synapse.weight = nn.Parameter(raw.clone())
    bound_spectral_norm(synapse)
    root = "feedback.loop.synapse.parametrizations.weight."
    names |= {f"{back}_raw": root + "original", f"{back}_gain": root + "0.gain"}
    names |= {f"{back}_pu": root + "0.left", f"{back}_pv": root + "0.right"}
    head = linear(case["o_weight_step0"], case["o_bias_step0"])
    names |= {"o_weight": "readout.head.weight", "o_bias": "readout.head.bias"}
    network = Network(blocks, {"loop": Feedback(last, "layer1", synapse)}, RateReadout(head, decay=case["leak"]))
    state = network.state_dict()
    for key in ("gain", "pu", "pv"):
        state[names[f"{back}_{key}"]].copy_(torch.as_tensor(case[f"{back}_{key}_step0"], dtype=F64))
    return network, names, ["x", *inner], back


@pytest.mark.parametrize("path", golden_files("ide_*train*"))
def test_training(path):
    """Three steps: rates, gradients, weights, running statistics (moved twice at the input, as the program has it)."""
    case = load(path)
    network, names, layers, back = trained_network(case)
    last = list(network.blocks)[-1]
    rule = IDE(dropout=0.0, input_norm_updates=2)
    training = Training.start(network, rule)
    inputs = case["x"].expand(case["T"], *case["x"].shape)
    for step in range(1, case["n_steps"] + 1):
        masks = {}
        for layer, block in zip(layers, network.blocks, strict=True):
            if f"{layer}_dropmask_step{step}" in case:
                masks[f"{block}.synapse"] = case[f"{layer}_dropmask_step{step}"]
        if f"{back}_dropmask_step{step}" in case:
            masks["feedback.loop"] = case[f"{back}_dropmask_step{step}"]
        with network.presentation():
            rate = rule.simulate(network, inputs, masks).rates[last]
        assert_relative(rate.flatten(1), case[f"rate_step{step}"], 1e-12, f"rate {step}")
        update = learn(training, Batch(inputs, case["labels"].long(), masks))
        assert_relative(update.scores, case[f"logits_step{step}"], 1e-9, f"scores {step}")
        assert_relative(update.loss, torch.tensor(case[f"loss_step{step}"], dtype=F64), 1e-9, f"loss {step}")
        for key, name in names.items():
            grad, after = case.get(f"grad_{key}_step{step}"), case[f"{key}_step{step}"]
            if key.endswith("_bias") and key != "o_bias":
                # The gradient of a bias in front of a batch norm is rounding noise around 0.
                assert update.grads[name].abs().max() < 1e-15
                continue
            if grad is not None:
                # The program's own solve stops at about 1e-8.
                assert_relative(update.grads[name], torch.as_tensor(grad, dtype=F64), 5e-8, f"{key} gradient {step}")
            assert_relative(network.state_dict()[name], torch.as_tensor(after, dtype=F64), 1e-8, f"{key} after {step}")
    with evaluating(network), network.presentation():
        rate = rule.simulate(network, inputs, {}).rates[last]
        assert_relative(rate.flatten(1), case["eval_rate"], 1e-9, "rate in evaluation")
        assert_relative(network.readout.of_rate(rate), case["eval_logits"], 1e-8, "scores in evaluation")


@pytest.mark.parametrize("path", golden_files("ide_*train*"))
def test_costate_through_batch_statistics(path):
    case = load(path)
    network, _, layers, back = trained_network(case)
    masks = {
        f"{block}.synapse": case[f"{layer}_dropmask_step1"]
        for layer, block in zip(layers, network.blocks, strict=True)
        if f"{layer}_dropmask_step1" in case
    }
    if f"{back}_dropmask_step1" in case:
        masks["feedback.loop"] = case[f"{back}_dropmask_step1"]
    inputs = case["x"].expand(case["T"], *case["x"].shape)
    for solver, tolerance in (("dense", 1e-12), ("anderson", 1e-9)):
        rule = IDE(solver=solver)
        with network.presentation():
            rates = {name: r.requires_grad_() for name, r in rule.simulate(network, inputs, masks).rates.items()}
            mapped = network.rate_map(rates, case["x"], masks)
            error = case["grad_rate_step1"].view_as(next(iter(rates.values())))
            costate, _ = rule.costate(network, rates, mapped, error, inputs, masks)
        assert_relative(costate[0].flatten(1), case["adjoint_exact_step1"].flatten(1), tolerance, solver)


@pytest.mark.parametrize("path", golden_files("ide_*spikein_bn*"))
def test_event_input_as_it_was_intended(path):
    case = load(path)
    synapse = nn.Sequential(linear(case["Wx"], case["bx"]), nn.BatchNorm1d(case["Wx"].shape[0], dtype=F64))
    with torch.no_grad():
        synapse[1].weight.copy_(case["bn_gamma"])
        synapse[1].bias.copy_(case["bn_beta"])
    network = Network(
        {"layer1": Block(synapse, neuron(case))},
        {"loop": Feedback("layer1", "layer1", linear(case["Ws"]))},
        RateReadout(linear(case["Wo"], case["bo"]), decay=case["leak"]),
    )
    inputs = case["x"].movedim(-1, 0)
    rate = IDE().simulate(network, inputs, {}).rates["layer1"]
    assert_relative(rate, case["intended_rate"], 1e-12, "rate")
    (update,) = IDE(dropout=0.0).updates(network, Batch(inputs, case["labels"].long()), {}, torch.Generator())
    names = {"Wx": "blocks.layer1.synapse.0.weight", "Ws": "feedback.loop.synapse.weight", "Wo": "readout.head.weight"}
    for key, name in names.items():
        if f"intended_grad_{key}" in case:
            assert_relative(update.grads[name], case[f"intended_grad_{key}"], 1e-8, key)
