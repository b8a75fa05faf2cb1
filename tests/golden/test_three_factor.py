"""OTTT and SLTT against their authors' programs: every step that the rules train, its gradients and what it leaves."""

import json
from functools import partial
from itertools import count

import pytest
import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import IF, LIF, LeakyIntegrator, Rectangle, Sigmoid, Surrogate, Triangle
from spikelearn.plasticity import OTTT, SLTT, SLTTK, Batch, MixedMembrane, OptimizerChoice, OTTTOnline
from spikelearn.synapses import Scale, standardised
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

F64 = torch.float64
TOLERANCE = 1e-11
#: {end of a key: parameter of a synapse, by the layer's path}.
PARAMETERS = {
    "weight": ("{layer}.weight", "{layer}.parametrizations.weight.original"),
    "bias": ("{layer}.bias",),
    "gain": ("{layer}.parametrizations.weight.0.gain",),
    "bn_weight": ("{norm}.weight",),
    "bn_bias": ("{norm}.bias",),
}


def adjoint(case):
    alpha = case["surrogate_alpha"]
    kinds = {"sigmoid": lambda: Sigmoid(alpha), "triangle": lambda: Triangle(1 / alpha, alpha)}
    kinds["rectangle"] = lambda: Rectangle(alpha / 2, 1 / alpha)
    return Surrogate(kinds[case["surrogate"]]())


def neuron(case):
    reset = {"soft": "subtract", "hard": "to_value"}[case["reset"]]
    options = {"reset": reset, "inclusive": True, "v_threshold": case["v_threshold"]}
    if case.get("neuron") == "IF":
        return IF(**options)
    decay = case.get("trace_decay", case.get("v_decay"))
    if case["decay_input"]:
        return LIF(1e-3 / (1 - decay), dt=1e-3, discretisation="euler", **options)
    return LIF.per_step(decay, **options)


def stages(case):
    return json.loads(case["arch_json"])


def network_of(case):
    """Every stage is a block: what stands behind a neuron, scale and pool, belongs to the next block's synapse."""
    last, blocks, front = len(stages(case)) - 1, {}, []
    for n, stage in enumerate(stages(case)):
        if stage["type"] == "conv":
            made = nn.Conv2d(stage["in"], stage["out"], stage["k"], stage.get("stride", 1), stage.get("pad", 0))
        else:
            made = nn.Linear(stage["in"], stage["out"])
            front = [*front, nn.Flatten()]
        layers = {str(place): module for place, module in enumerate(front)}
        layers["layer"] = standardised(made) if stage.get("ws") else made
        if stage.get("bn"):
            layers["norm"] = nn.BatchNorm2d(stage["out"]) if stage["type"] == "conv" else nn.BatchNorm1d(stage["out"])
        synapse = nn.Sequential()
        for name, module in layers.items():
            synapse.add_module(name, module)
        blocks[f"layer{n}"] = Block(synapse, LeakyIntegrator.per_step(0.0) if n == last else neuron(case))
        front = [Scale(stage["scale"])] if stage.get("scale", 1) != 1 else []
        front += [nn.AvgPool2d(stage["pool"])] if stage.get("pool") else []
    network = Network(blocks, readout=MembraneReadout()).to(F64)
    with torch.no_grad():
        for key, name in parameters_of(case, network).items():
            network.get_parameter(name).copy_(case[key])
    return network


def parameters_of(case, network):
    """{key of an initial value: parameter}."""
    known, found = dict(network.named_parameters()), {}
    for block in network.blocks:
        paths = {place: f"blocks.{block}.synapse.{place}" for place in ("layer", "norm")}
        for end, names in PARAMETERS.items():
            for name in (name.format(**paths) for name in names):
                if name in known:
                    found[f"{block}_{end}"] = name
    return found


def learned(case, network):
    """The same but for biases in front of a batch norm, which have no gradient."""
    normed = {f"layer{n}_bias" for n, stage in enumerate(stages(case)) if stage.get("bn")}
    return {key: name for key, name in parameters_of(case, network).items() if key not in normed}


def masks_of(case):
    return {name.removesuffix("_mask"): mask for name, mask in case.items() if name.endswith("_mask")}


def generator_for(rule, steps, wanted):
    """A generator from which the rule draws the steps that the file says."""
    for seed in count():
        generator = torch.Generator().manual_seed(seed)
        if sorted(rule.counted(steps, generator).nonzero().flatten().tolist()) == sorted(wanted):
            return torch.Generator().manual_seed(seed)
    raise AssertionError


def rules_of(case):
    """The registered rule with the options that the file names, in each of its forms."""
    loss = MixedMembrane(case["loss_lambda"], case["loss_means"] if case.get("mse_target") == "constant" else None)
    given = (loss, adjoint(case))
    if case["rule"] == "ottt":
        options = {"decay": case["trace_decay"], "inputs": case["first_layer_input"] != "instantaneous"}
        if case["update"] == "online":
            return [partial(OTTTOnline, *given, **options)]
        return [partial(OTTT, *given, **options, form=form) for form in ("sequence", "step")]
    # Statistics of each step alone: those of a record as a whole would be others.
    forms = ["step"] if any(stage.get("bn") for stage in stages(case)) else ["sequence", "step"]
    if case["K"] < case["T"]:
        return [partial(SLTTK, *given, steps=case["K"], over_all=True, form=form) for form in forms]
    return [partial(SLTT, *given, form=form) for form in forms]


@pytest.mark.parametrize("path", golden_files("ottt_*.npz", "sltt_*.npz"))
def test_what_the_program_computes(path):
    case = load(path)
    for make in rules_of(case):
        rule, network = make(), network_of(case)
        batch = Batch(case["input"], case["labels"], masks_of(case))
        record, _ = network.run(batch.inputs, masks=batch.masks) if case.get("update") != "online" else ({}, None)
        for name, seen in ((n, a) for n, a in record.items() if not any(s.get("bn") for s in stages(case))):
            if f"{name}_v_before" in case:
                assert_relative(seen.v, case[f"{name}_v_before"], TOLERANCE, f"{name} v")
                assert seen.spikes.equal(case[f"{name}_spikes"]), name
        chosen = case["train_steps"].tolist() if "train_steps" in case and isinstance(rule, SLTTK) else None
        generator = torch.Generator() if chosen is None else generator_for(rule, case["T"], chosen)
        updates = []
        training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", case.get("lr", 0.1)))
        for update in rule.updates(network, batch, {}, generator):
            updates.append(update)
            if case.get("update") == "online":
                check_online(case, network, training, update, len(updates) - 1)
        if case.get("update") != "online":
            (update,) = updates
            steps = case["loss_step"]
            expected = steps.sum() if chosen is None else steps[chosen].sum()
            assert_relative(update.loss, expected, TOLERANCE, "loss")
            for key, name in learned(case, network).items():
                assert_relative(update.grads[name], case[f"{key}_grad"], TOLERANCE, key)
    if case.get("update") == "online":
        network, rule = network_of(case), rules_of(case)[0]()
        training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", case["lr"]))
        learn(training, Batch(case["input"], case["labels"], masks_of(case)))
        for key, name in parameters_of(case, network).items():
            assert_relative(network.get_parameter(name), case[f"{key}_after"][-1], TOLERANCE, f"{key} after")


def check_online(case, network, training, update, t):
    """The gradient of a step, and the weights after it."""
    for key, name in parameters_of(case, network).items():
        assert_relative(update.grads[name], case[f"{key}_grad_step"][t], TOLERANCE, f"{key} at {t}")
        network.get_parameter(name).grad = update.grads[name]
    training.optimizer.step()
    for key, name in parameters_of(case, network).items():
        assert_relative(network.get_parameter(name), case[f"{key}_after"][t], TOLERANCE, f"{key} after {t}")
