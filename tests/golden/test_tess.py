"""TESS against its authors' program: every factor of every step, of the rule as it is meant and as it was released."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import LIF, LeakyIntegrator, Surrogate, Triangle
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.synapses import max_normalised, standardised
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

TOLERANCE = 1e-11
PSI = {"0.3*max(0,1-|d|)": lambda: Triangle(1.0, 0.3)}
WEIGHTS = {"max_normalised": max_normalised, "standardised": standardised, "raw": lambda layer: layer}
CRITERIA = {"CE": "cross-entropy", "MSEHW": "bounded-mse"}
FILES = golden_files("tess_*.npz")


def network_of(case):
    """Convolutions, each behind the pool of the block before; at a spike a membrane loses ``reset_subtract``.

    A resting potential of that less the threshold, and a threshold raised by as much, make such of neurons that lose
    their threshold: ``above_rest`` is what their potentials are higher by.
    """
    blocks, front = {}, []
    for n, stage in enumerate(json.loads(case["arch_json"])):
        conv = WEIGHTS[case["weight_mode"]](nn.Conv2d(stage["in"], stage["out"], 3, padding=1, bias=False))
        synapse = nn.Sequential(*front)
        synapse.add_module("layer", conv)
        lost = case["reset_subtract"]
        neuron = LIF.per_step(case["v_decay"], v_threshold=lost, v_leak=above_rest(case), reset="subtract")
        blocks[f"block{n}"] = Block(synapse, neuron)
        front = [nn.AvgPool2d(stage["pool"])]
    synapse = nn.Sequential(*front, nn.Flatten())
    synapse.add_module("layer", nn.Linear(*reversed(case["readout_weight"].shape)))
    blocks["readout"] = Block(synapse, LeakyIntegrator.per_step(0.0))
    network = Network(blocks, readout=MembraneReadout(), input_shape=tuple(case["input"].shape[2:])).double()
    with torch.no_grad():
        for key, name in parameters_of(case, network).items():
            network.get_parameter(name).copy_(case[key])
    return network


def above_rest(case):
    return case["reset_subtract"] - case["v_threshold"]


def parameters_of(case, network):
    """{key of an initial value: parameter}."""
    ends = {"weight": ("weight", "parametrizations.weight.original"), "bias": ("bias",)}
    ends |= {"gain": ("parametrizations.weight.0.gain",)}
    known = dict(network.named_parameters())
    named = {
        f"{block}_{end}": f"blocks.{block}.synapse.layer.{own}"
        for block in network.blocks
        for end, names in ends.items()
        for own in names
        if f"blocks.{block}.synapse.layer.{own}" in known
    }
    assert set(named.values()) == set(known)
    return named


def rule_of(case, form="step"):
    options = {
        "adjoint": Surrogate(PSI[case["psi"]]()),
        "decay": case["lambda_pre"],
        "decay_post": case["lambda_post"],
        "alpha_pre": case["alpha_pre"],
        "alpha_post": case["alpha_post"],
        "criterion": CRITERIA[case["local_loss"]],
        "places": "/".join(str(stage["ls_pool"]) for stage in json.loads(case["arch_json"])),
        "last_steps": case["delay_ls"],
        "released": case["mode"] == "released",
        "form": form,
    }
    return RULES.make("tess", options)


def batch_of(case):
    """The samples; masks, where a file has them, are of what a block sends."""
    masks = {key.removesuffix("_mask"): case[key] for key in case if key.endswith("_mask")}
    return Batch(case["input"], case["labels"], masks)


def scale(case):
    """The program sums over the steps of which the loss here is the mean."""
    return min(case["delay_ls"], case["T"])


@pytest.mark.filterwarnings("ignore:class vectors of")
@pytest.mark.parametrize("path", FILES)
def test_changes(path):
    case = load(path)
    assert case["rule"] == "tess"
    for form in ("step",) if case["mode"] == "released" else ("step", "sequence"):
        network = network_of(case)
        training = Training.start(network, rule_of(case, form), optimizer=OptimizerChoice("sgd", scale(case)))
        assert len(training.memory) == len(network.blocks) - 1
        for name, vectors in training.memory.items():
            key = f"{name.removeprefix('basis.')}_basis"
            assert_relative(vectors / vectors.shape[1], case[key], TOLERANCE, key)
        update = learn(training, batch_of(case))
        active = case["loss_out_step"] * case["output_loss_active"]
        assert_relative(scale(case) * update.loss, active.sum(), TOLERANCE, "loss")
        assert_relative(update.scores, case["out"].mean(0), TOLERANCE, "scores")
        assert list(update.rates.values()) == pytest.approx(case["rates"].tolist(), rel=1e-12)
        for key, name in parameters_of(case, network).items():
            summed = case[f"{key}_grad"] if f"{key}_grad" in case else case[f"{key}_grad_step"].sum(0)
            assert_relative(scale(case) * update.grads[name], summed, TOLERANCE, f"{key}_grad")
            assert_relative(network.get_parameter(name), case[key] - summed, TOLERANCE, f"{key} after a step")


@pytest.mark.filterwarnings("ignore:class vectors of")
@pytest.mark.parametrize("path", FILES)
def test_every_factor_of_every_step(path, monkeypatch):
    case = load(path)
    network, rule, batch, met, told = network_of(case), rule_of(case), batch_of(case), [], {}
    memory, counted = rule.init(network, torch.Generator()), rule.counted(case["T"], torch.Generator())
    walk = rule.walk(network, batch, memory, counted)
    watch(monkeypatch, rule, met, told)
    for t in range(case["T"]):
        met.clear(), told.clear()
        check = lambda key, found, tolerance=TOLERANCE, t=t: assert_relative(  # noqa: E731
            found, case[key][t], tolerance, f"{key} at {t}"
        )
        with network.presentation(), torch.enable_grad():
            record, _ = network.step(batch.inputs[t], walk._state, masks=batch.masks)
            step = walk.step(t)
        assert bool(told) == bool(case["labels_given"][t])
        assert bool(walk.shares[t]) == bool(case["output_loss_active"][t])
        check("out", record["readout"].v)
        check("loss_out_step", F.cross_entropy(record["readout"].v, case["labels"]))
        for n, stage in enumerate(json.loads(case["arch_json"])):
            check_block(case, network, walk, record[f"block{n}"], f"block{n}", stage["pool"], check)
            check(f"block{n}_local_loss", scale(case) * told.get(f"block{n}", torch.zeros(())))
        for edge, behind in met:
            name = next(n for n in network.blocks if network.blocks[n].neuron is edge.neuron)
            if behind is not None:
                pool = json.loads(case["arch_json"])[int(name.removeprefix("block"))]["pool"]
                mask = batch.masks.get(name, 1.0)
                check(f"{name}_out_grad", scale(case) * pool**2 * F.avg_pool2d(behind.signal[0], pool))
                check(f"{name}_spikes_grad", scale(case) * behind.signal[0] * mask)
        for key, name in parameters_of(case, network).items():
            grad = step.grads.get(name, torch.zeros_like(network.get_parameter(name))).detach()
            check(f"{key}_grad_step", scale(case) * grad)
    given = r"hw|seed|dropout|min_threshold_margin|n_classes|rates|B|rule|mode|block\d+_(basis|weight_grad|gain_grad)"
    case.assert_all_read(given)


def check_block(case, network, walk, seen, name, pool, check):
    """What a block does, and the traces on both sides of its weights."""
    mask = case.get(f"{name}_mask", 1.0)
    check(f"{name}_v_before", seen.v - above_rest(case))
    check(f"{name}_v_after", walk._state.neurons[name].v - above_rest(case))
    fired = (seen.v > case["reset_subtract"]).double()
    assert torch.equal(seen.spikes, fired * mask)
    check(f"{name}_spikes", fired, 0.0)
    check(f"{name}_out", F.avg_pool2d(seen.spikes, pool))
    check(f"{name}_trace_psi", walk._slopes[name][0])
    trace = walk._traces[f"blocks.{name}.synapse."][0]
    for front in list(network.blocks[name].synapse)[:-1]:
        trace = front(trace)
    check(f"{name}_trace_in", trace)
    weight = network.blocks[name].synapse.layer.weight
    assert_relative(weight, case[f"{name}_effective_weight"], TOLERANCE, f"{name}_effective_weight")


def watch(monkeypatch, rule, met, told):
    """Have what meets at each edge, and the local loss of each block, be noted."""
    meet, teach = type(rule.trace).meet, type(rule.signal).teach

    def meeting(self, edge, traced, error, behind=None):
        met.append((edge, behind))
        return meet(self, edge, traced, error, behind)

    def teaching(self, name, *given):
        taught = teach(self, name, *given)
        told[name] = taught.loss
        return taught

    monkeypatch.setattr(type(rule.trace), "meet", meeting)
    monkeypatch.setattr(type(rule.signal), "teach", teaching)
