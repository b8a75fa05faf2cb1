"""DECOLLE against its authors' program: traces, potentials, readouts, errors and changes of every step that is shown."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import (
    FastSigmoid,
    LeakyIntegrator,
    Rectangle,
    SpikeResponse,
    Surrogate,
    SynapticTrace,
)
from spikelearn.plasticity import RULES, Batch, SmoothL1Membrane
from spikelearn.plasticity.three_factor.signals import local_readout
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

F64 = torch.float64
TOLERANCE = 1e-11
FILES = golden_files("decolle_*.npz")
#: What the program calls the box, and the slope of 10.
PSI = {"1/(10|U|+1)^2": lambda: FastSigmoid(10.0)}


def layers_of(case):
    return json.loads(case["arch_json"])


def network_of(case):
    """A block of traces in front of every layer, a step late as in the program, and the last readout as the output."""
    unit_gain, reset = case["neuron"] == "LIFLayerNonorm", case["neuron"] == "LIFLayerRefractory"
    front, blocks = nn.Identity(), {}
    for n, layer in enumerate(layers_of(case)):
        weight = case[f"layer{n}_weight"]
        conv = layer["type"] == "conv"
        made = nn.Conv2d(weight.shape[1], len(weight), layer["k"], padding=layer["pad"]) if conv else nn.Linear(1, 1)
        made = made if conv else nn.Sequential(nn.Flatten(), nn.Linear(weight.shape[1], len(weight)))
        trace = SynapticTrace.per_step(case["alpha"], case["beta"], unit_gain=unit_gain)
        blocks[f"trace{n}"] = Block(front, trace, delay=1)
        neuron = SpikeResponse.per_step(
            *(0.0, 0.0, case["alpha_rp"]),
            refractory=case["wrp"],
            reset="to_value" if reset else "subtract",
            unit_gain=unit_gain,
        )
        blocks[f"layer{n}"] = Block(made, neuron)
        front = nn.MaxPool2d(layer["maxpool"]) if layer.get("maxpool", 1) > 1 else nn.Identity()
    readout = case[f"layer{n}_readout_weight"]
    out = nn.Sequential(front, nn.Flatten(), nn.Linear(*reversed(readout.shape)))
    blocks["out"] = Block(out, LeakyIntegrator.per_step(0.0))
    shape = case["input"].shape[2:]
    network = Network(blocks, readout=MembraneReadout(), input_shape=shape).to(F64)
    values = {name: case[key] for key, name in parameters_of(case).items()}
    values |= {"blocks.out.synapse.2.weight": readout, "blocks.out.synapse.2.bias": case[f"layer{n}_readout_bias"]}
    with torch.no_grad():
        for name, value in values.items():
            network.get_parameter(name).copy_(value)
    return network


def parameters_of(case):
    """{key of a file: parameter that learns}."""
    paths = {n: "" if layer["type"] == "conv" else "1." for n, layer in enumerate(layers_of(case))}
    parts = [part for part in ("weight", "bias") if f"layer0_{part}" in case]
    return {f"layer{n}_{part}": f"blocks.layer{n}.synapse.{path}{part}" for n, path in paths.items() for part in parts}


def rule_of(case, form, trace):
    psi = PSI.get(case["psi"], lambda: Rectangle(0.5))()
    options = {"adjoint": Surrogate(psi), "form": form, "trace": trace, "dropout": case["dropout"]}
    options |= {"burn_in": case["burnin"], "skipped_burn_in": True, "fixed_output": True}
    return RULES.make("decolle", {**options, "potential_strength": case["reg"]})


def memory_of(case, rule, network):
    """The readouts of the file; that of the last layer is the output itself."""
    drawn = rule.init(network, torch.Generator().manual_seed(0))
    last = len(layers_of(case)) - 1
    for part, prefix in (("weight", "readout_weights"), ("bias", "readout_biases")):
        own = {f"{prefix}.layer{n}": case[f"layer{n}_readout_{part}"] for n in range(last + 1)}
        assert drawn[f"{prefix}.layer{last}"].equal(own[f"{prefix}.layer{last}"])
        assert {name: drawn[name].shape for name in own} == {name: value.shape for name, value in own.items()}
        drawn |= own
    return drawn


def batch_of(case, monkeypatch):
    """The inputs, and seeds of dropout by which a step is known, for which the file has the masks."""
    count, seeds = len(layers_of(case)), torch.zeros(case["B"], dtype=torch.int64)

    def masks(seeds, name, spikes, dropout):
        assert dropout == case["dropout"]
        assert len(spikes) == 1
        return case[f"{name}_mask"][seeds[:1] - 1].view(spikes.shape)

    monkeypatch.setattr(local_readout, "kept_by", masks)
    draws = {f"dropout.layer{n}": seeds for n in range(count)} if case["dropout"] else {}
    return Batch(case["input"], case["labels"], draws=draws)


def watched(monkeypatch, rule, network):
    """Lists that fill with the states and records of steps, what is read and its error, and errors at currents."""
    steps, reads, errors = [], [], []
    step, each, pull = network.step, rule.loss.each, rule.signal.pull

    def stepped(x, state=None, **options):
        record, after = step(x, state, **options)
        steps.append((state, record, after))
        return record, after

    def read(y, targets):
        if y.requires_grad and y.shape[0] == len(targets):
            reads.append([y.detach(), None])
            y.register_hook(lambda error, row=reads[-1]: row.__setitem__(1, error))
        return each(y, targets)

    def pulled(value, points, sent, memory):
        # Of the output, which descends the same loss, nothing is read here.
        reads.clear()
        found = pull(value, points, sent, memory)
        errors.append(found.at)
        return found

    monkeypatch.setattr(network, "step", stepped, raising=False)
    monkeypatch.setattr(rule.loss, "each", read, raising=False)
    monkeypatch.setattr(rule.signal, "pull", pulled, raising=False)
    return steps, reads, errors


def traces_of(case):
    """Where a spike takes the potential away, the program holds that fixed, as the trace of the step alone does."""
    return ["instant"] if case["neuron"] == "LIFLayerRefractory" else ["instant", "eligibility"]


@pytest.mark.parametrize("path", FILES)
def test_frames(path):
    case = load(path)
    shown = rule_of(case, "online", "instant")._shown(Batch(case["input"], case["labels"])).inputs
    assert shown.equal(case["input"][case["frames"]])


@pytest.mark.parametrize("path", FILES)
def test_every_step(path, monkeypatch):
    """Online, with the file's changes applied where it has them, so that each step runs with the weights of the last."""
    case = load(path)
    for trace in traces_of(case):
        network, rule = network_of(case), rule_of(case, "online", trace)
        training = Training.start(network, rule)
        memory, batch = memory_of(case, rule, network), batch_of(case, monkeypatch)
        with monkeypatch.context() as patch:
            steps, reads, errors = watched(patch, rule, network)
            for t, update in enumerate(rule.updates(network, batch, memory, torch.Generator())):
                check_state(case, network, rule, steps[-1], t)
                check_learning(case, network, update, reads, errors[-1] if trace == "instant" else None, t)
                if case["update"] == "online":
                    take_step(case, network, training, update, t)
        assert t + 1 == len(case["frames"]) - 1
        check_filtered_inputs(case, network, steps)
        fired = [float(case[f"layer{n}_S"].mean()) for n, _ in enumerate(layers_of(case))]
        assert fired == pytest.approx(case["rates"].tolist(), rel=1e-12)
    check_choices(case, training)
    # What all steps add up to is compared in the whole presentation.
    unused = "" if case["update"] == "online" else "|optimizer|lr|beta1|beta2"
    case.assert_all_read(r"T|rule|seed|min_threshold_margin|layer\d+_(weight|bias)_grad" + unused)


def check_choices(case, training):
    """The file's loss is the rule's own, of the classes that it wants; its optimizer the rule's too, where it has one."""
    assert case["loss_kind"] == "smooth_l1_mean"
    assert type(training.rule.loss) is SmoothL1Membrane
    assert case["target"].argmax(1).equal(case["labels"])
    if case["update"] == "online":
        (group,) = training.optimizer.param_groups
        assert type(training.optimizer).__name__ == case["optimizer"]
        assert (group["lr"], *group["betas"]) == (case["lr"], case["beta1"], case["beta2"])


def check_state(case, network, rule, step, t):
    before, record, after = step
    for n, _ in enumerate(layers_of(case)):
        name, seen = f"layer{n}", record[f"layer{n}"]
        found = {"P": after.neurons[f"trace{n}"].p, "R": before.neurons[name].r, "U": seen.v}
        for key, value in found.items():
            expected = case[f"{name}_{key}"][t]
            assert_relative(value, expected.view(value.shape), TOLERANCE, f"{name} {key} at {t}")
        assert seen.spikes.equal(case[f"{name}_S"][t])
        out, _ = rule.signal.seen(network, name, seen.spikes[None], seen.v[None])
        assert out[0].equal(case[f"{name}_out_spikes"][t])


def check_filtered_inputs(case, network, steps):
    """The traces stand a step late, so that what was filtered once is known at the step behind it."""
    last = steps[-1][2]
    more, after = network.step(torch.zeros_like(case["input"][0]), last)
    first = len(steps) - len(case["frames"]) + 1
    states = [after for _, _, after in steps[first + 1 :]] + [after]
    for n, _ in enumerate(layers_of(case)):
        for t, state in enumerate(states):
            value = state.neurons[f"trace{n}"].q
            assert_relative(value, case[f"layer{n}_Q"][t].view(value.shape), TOLERANCE, f"layer{n} Q at {t}")
    assert set(more) == set(network.blocks)


def check_learning(case, network, update, reads, errors, t):
    places = list(network.blocks)
    for n, _ in enumerate(layers_of(case)):
        name, (read, error) = f"layer{n}", reads[n]
        assert_relative(read, case[f"{name}_readout"][t], TOLERANCE, f"{name} readout at {t}")
        assert_relative(error, case[f"{name}_readout_grad"][t], TOLERANCE, f"{name} readout_grad at {t}")
        assert update.metrics[f"loss_{name}"] == pytest.approx(float(case[f"{name}_loss"][t]), rel=1e-12)
        if errors is not None:
            found = errors[places.index(name)][0]
            assert_relative(found, case[f"{name}_U_grad"][t], TOLERANCE, f"{name} U_grad at {t}")
    for key, parameter in parameters_of(case).items():
        assert_relative(update.grads[parameter], case[f"{key}_grad_step"][t], TOLERANCE, f"{key} at {t}")


def take_step(case, network, training, update, t):
    for name in parameters_of(case).values():
        network.get_parameter(name).grad = update.grads[name]
    training.optimizer.step()
    for key, name in parameters_of(case).items():
        assert_relative(network.get_parameter(name), case[f"{key}_after"][t], TOLERANCE, f"{key} after {t}")


@pytest.mark.parametrize("path", FILES)
def test_the_whole_presentation(path, monkeypatch):
    case = load(path)
    learned = len(case["frames"]) - 1
    for trace in traces_of(case):
        for form in ("sequence", "step") if case["update"] == "accumulate" else ("online",):
            network, rule = network_of(case), rule_of(case, form, trace)
            training = Training.start(network, rule)
            training.memory = memory_of(case, rule, network)
            update = learn(training, batch_of(case, monkeypatch))
            if form == "online":
                for key, name in parameters_of(case).items():
                    assert_relative(network.get_parameter(name), case[f"{key}_after"][-1], TOLERANCE, f"{key} after")
                continue
            assert update.grads.keys() == set(parameters_of(case).values())
            for key, name in parameters_of(case).items():
                assert_relative(learned * update.grads[name], case[f"{key}_grad"], TOLERANCE, f"{key} {form} {trace}")
            last = case[f"layer{len(layers_of(case)) - 1}_loss"]
            if not case["reg"]:
                assert_relative(learned * update.loss, last.sum(), TOLERANCE, "loss")
