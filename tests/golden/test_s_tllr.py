"""S-TLLR against its authors' program: every factor of every step, the changes, and what they leave."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.network import Block, Feedback, MembraneReadout, Network
from spikelearn.neurons import LIF, FastSigmoid, LeakyIntegrator, Sigmoid, Surrogate, Triangle
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.synapses import standardised
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

F64 = torch.float64
#: The narrow derivative of "inv" amplifies rounding by its slope, 100.
TOLERANCE = {"inv": 1e-10, "tri": 1e-11, "sig": 1e-11}
PSI = {"inv": lambda: FastSigmoid(100.0), "tri": lambda: Triangle(1.0, 0.3), "sig": lambda: Sigmoid(4.0)}
FILES = golden_files("stllr_*.npz")


def layers_of(case):
    return json.loads(case["arch_json"])


def network_of(case):
    """A pool behind a neuron belongs to the next synapse; hidden weights, those of feedback too, are standardised."""
    blocks, feedback, front = {}, {}, []
    for n, layer in enumerate(layers_of(case)):
        name, read = f"layer{n}", layer["type"] == "readout"
        if layer["type"] == "conv":
            made = nn.Conv2d(layer["in"], layer["out"], layer["k"], padding=layer["pad"])
        else:
            made = nn.Linear(layer["in"], layer["out"])
            front = [*front, nn.Flatten()]
        synapse = nn.Sequential()
        for place, module in enumerate(front):
            synapse.add_module(str(place), module)
        synapse.add_module("layer", made if read else standardised(made))
        blocks[name] = Block(synapse, output_of(case) if read else neuron_of(case))
        if layer["type"] == "rec":
            loop = standardised(nn.Linear(layer["out"], layer["out"], bias=False))
            feedback[name] = Feedback(name, name, loop)
        front = [nn.AvgPool2d(layer["pool"])] if layer.get("pool") else []
    network = Network(blocks, feedback, MembraneReadout()).to(F64)
    with torch.no_grad():
        for key, parameter in parameters_of(case, network).items():
            network.get_parameter(parameter).copy_(case[key])
    return network


def neuron_of(case):
    assert case["reset"] == "soft"
    return LIF.per_step(case["v_decay"], v_threshold=case["v_threshold"], reset="subtract")


def output_of(case):
    return LeakyIntegrator.per_step(case["v_decay"] if case["readout"] == "leaky_accumulator" else 0.0)


def parameters_of(case, network):
    """{key of an initial value: parameter}."""
    known, found = dict(network.named_parameters()), {}
    for block in network.blocks:
        place, loop = f"blocks.{block}.synapse.layer", f"feedback.{block}.synapse"
        for end, names in {
            "weight": (f"{place}.weight", f"{place}.parametrizations.weight.original"),
            "bias": (f"{place}.bias",),
            "gain": (f"{place}.parametrizations.weight.0.gain",),
            "weight_rec": (f"{loop}.parametrizations.weight.original",),
            "gain_rec": (f"{loop}.parametrizations.weight.0.gain",),
        }.items():
            found |= {f"{block}_{end}": name for name in names if name in known}
    assert set(found.values()) == set(known)
    return found


def rule_of(case, form="step"):
    options = {
        "adjoint": Surrogate(PSI[case["psi_kind"]]()),
        "decay": case["lambda_pre"],
        "decay_post": case["lambda_post"],
        "alpha_pre": case["alpha_pre"],
        "alpha_post": case["alpha_post"],
        "decay_read": case["readout_trace_decay"],
        "feedback": {"BP": "spatial", "DFA": "direct"}[case["feedback"]],
        "last_steps": case["delay_ls"],
    }
    if case["update"] == "online":
        return RULES.make("s-tllr-online", options)
    return RULES.make("s-tllr", {**options, "form": form})


def memory_of(case, network):
    """The program does not divide what it sends directly by the batch."""
    if case["feedback"] == "BP":
        return {}
    hidden = [name for name in network.blocks if name not in network.outputs]
    return {f"back_weights.{name}": case["B"] * case[f"{name}_feedback"] for name in hidden}


def scale(case):
    """The program sums over the steps that learn, of which the loss here is the mean."""
    return int(case["active"].sum())


def forms_of(case):
    """The forms that give the file's changes: with feedback not the one over a whole sequence; online one of its own."""
    if case["update"] == "online":
        return ["online"]
    return ["step"] if any(layer["type"] == "rec" for layer in layers_of(case)) else ["sequence", "step"]


@pytest.mark.parametrize("path", FILES)
def test_changes(path):
    case = load(path)
    tolerance = TOLERANCE[case["psi_kind"]]
    for form in forms_of(case):
        network, rule = network_of(case), rule_of(case, form)
        training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", case["lr"] * scale(case)))
        assert training.memory.keys() == memory_of(case, network).keys()
        training.memory = memory_of(case, network)
        update = learn(training, Batch(case["input"], case["labels"]))
        assert_relative(scale(case) * update.loss, (case["active"] * case["loss_step"]).sum(), tolerance, "loss")
        assert_relative(update.scores, case["logits"].mean(0), tolerance, "scores")
        assert list(update.rates.values()) == pytest.approx(case["rates"].tolist(), rel=1e-12)
        for key, name in parameters_of(case, network).items():
            if form == "online":
                assert_relative(network.get_parameter(name), case[f"{key}_after"][-1], tolerance, f"{key} after")
                continue
            assert_relative(scale(case) * update.grads[name], case[f"{key}_grad"], tolerance, f"{key}_grad")
            after = case[key] - case["lr"] * case[f"{key}_grad"]
            assert_relative(network.get_parameter(name), after, tolerance, f"{key} after a step")


@pytest.mark.parametrize("path", FILES)
def test_every_factor_of_every_step(path, monkeypatch):
    case = load(path)
    network, rule, tolerance = network_of(case), rule_of(case), TOLERANCE[case["psi_kind"]]
    online = case["update"] == "online"
    batch, memory = Batch(case["input"], case["labels"]), memory_of(case, network)
    optimizer = torch.optim.SGD(network.parameters(), case["lr"] * scale(case))
    walk, met = rule.walk(network, batch, memory, rule.counted(case["T"], torch.Generator())), []
    whole = type(rule.trace).meet
    monkeypatch.setattr(type(rule.trace), "meet", lambda self, *given: met.append(given) or whole(self, *given))
    compared = set()

    def check(key, found, exact=False):
        assert_relative(found, case[key][t], 0.0 if exact else tolerance, f"{key} at {t}")
        compared.add(key)

    for t in range(case["T"]):
        met.clear()
        before = walk._state
        with network.presentation(), torch.enable_grad():
            record, _ = network.step(batch.inputs[t], before)
            step = walk.step(t)
        assert bool(met) == bool(case["active"][t])
        for name in network.blocks:
            seen, read = record[name], name in network.outputs
            if read:
                check("logits", seen.v.detach())
                check("loss_step", F.cross_entropy(seen.v.detach(), case["labels"]))
            else:
                check(f"{name}_v_before", seen.v.detach())
                check(f"{name}_v_after", walk._state.neurons[name].v)
                check(f"{name}_spikes", seen.spikes.detach(), exact=True)
                check(f"{name}_trace_psi", walk._slopes[name][0])
            check_traces(case, network, walk, name, check)
            if f"{name}_spikes_grad" in case and not met:
                assert not case[f"{name}_spikes_grad"][t].any()
        if met:
            check_factors(case, network, list(met), lambda *given: whole(rule.trace, *given), check)
        for key, name in parameters_of(case, network).items():
            found = scale(case) * step.grads.get(name, torch.zeros_like(network.get_parameter(name)))
            check(f"{key}_grad_step", found.detach())
            network.get_parameter(name).grad = step.grads.get(name)
        if online:
            optimizer.step()
            for key, name in parameters_of(case, network).items():
                check(f"{key}_after", network.get_parameter(name).detach())
    initial = set(parameters_of(case, network))
    given = {"input", "labels", "active", "rates"} | {key for key in case if key.endswith("_feedback")} | initial
    summed = {f"{key}_grad" for key in initial}
    assert {key for key, value in case.items() if isinstance(value, torch.Tensor)} <= compared | given | summed


def check_traces(case, network, walk, name, check):
    """Of what met the weights: behind the pools that stand in front of them; of feedback as the step after has it."""
    if f"{name}_trace_in" in case:
        value = walk._traces[f"blocks.{name}.synapse."][0]
        fronts = list(network.blocks[name].synapse)[:-1]
        for front in fronts:
            value = front(value)
        check(f"{name}_trace_in", value)
    if f"{name}_trace_rec" in case:
        sent = walk._state.sent[name]
        check(f"{name}_trace_rec", case["lambda_pre"] * walk._traces[f"feedback.{name}.synapse."][0] + sent)


def check_factors(case, network, met, meet, check):
    """What meets at each edge: the signal, and the change of weights that are not seen through their standardisation."""
    for edge, trace, error, behind in met:
        layer = edge.synapse[-1] if isinstance(edge.synapse, nn.Sequential) else edge.synapse
        (name,) = (n for n, e in network.synapses().items() if e is edge.synapse)
        _, block, _ = name.split(".", 2)
        if behind is not None and name.startswith("blocks."):
            check(f"{block}_spikes_grad", scale(case) * behind.signal[0])
        if not parametrize.is_parametrized(layer):
            continue
        fronts = list(edge.synapse)[:-1] if layer is not edge.synapse else []
        grads = meet(edge._replace(synapse=nn.Sequential(*fronts, plain_like(layer))), trace, error, behind)
        (weight,) = (grad for key, grad in grads.items() if key.endswith("weight"))
        end = "_rec" if name.startswith("feedback.") else ""
        check(f"{block}_eff_weight{end}_grad_step", scale(case) * weight)


def plain_like(layer):
    """A layer of the same form without a standardisation; what meets at its weights does not depend on them."""
    if isinstance(layer, nn.Conv2d):
        return nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, padding=layer.padding).to(F64)
    return nn.Linear(layer.in_features, layer.out_features).to(F64)
