"""PEPITA against its authors' programs: every activity, error, change and weight of networks of rates."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.two_phase import pepita
from spikelearn.plasticity.two_phase.mirroring import centred, product_of
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

FILES = golden_files("pepita_*.npz")

#: {what the followup's files call it: the form}. Its branch "mixed" is overwritten by the difference.
FORMS = {"modulated": "difference", "mixed": "difference", "forward": "forward", "mixed_tl": "time-local"}

#: What is the rule's input, or no number of a step.
GIVEN = {"F", "sizes"}


def tolerances(case):
    """Of what is a difference of nearly equal activities, and of all else."""
    return (1e-11, 1e-11) if case["dtype"] == "float64" else (1e-4, 5e-6)


def layers(case):
    return range(1, case["n_layers"] + 1)


def network_of(case):
    """Layers without biases, rectified but for the last, whose softmax is the rule's; maps are pooled."""
    blocks, pooled = {}, False
    for n in layers(case):
        weight = case[f"W{n}_0"]
        outputs, inputs = weight.shape[:2]
        kernel = {"kernel_size": case["kernel"]} if weight.ndim == 4 else {}
        layer = (nn.Conv2d if kernel else nn.Linear)(inputs, outputs, bias=False, **kernel)
        parts = [nn.MaxPool2d(case["pool"]), nn.Flatten(), layer] if pooled else [layer]
        blocks[f"layer{n}"] = Block(nn.Sequential(*parts), Rate(Linear()) if n == case["n_layers"] else Rate())
        pooled = weight.ndim == 4
    shape = case["x_1"].shape[1:] if case["W1_0"].ndim == 4 else None
    network = Network(blocks, readout=MembraneReadout(), input_shape=shape).to(case["W1_0"].dtype)
    with torch.no_grad():
        for n in layers(case):
            weight_of(network, n).copy_(case[f"W{n}_0"])
    return network


def weight_of(network, n):
    return network.blocks[f"layer{n}"].synapse[-1].weight


def rule_of(case):
    """The registered rule with the file's options."""
    options = {
        "form": FORMS[case.get("mode", "modulated")],
        "modulation": "input",
        "sign": {1.0: "plus", -1.0: "minus"}[case["input_sign"]],
        "projected": case["error_kind"],
        "output_error": case["output_error"],
        "gain": 1.0,
        "dropout": 1.0 - case["keep"],
        "mask_again": bool(case["mask_again"]),
    }
    if case["conv_update_sign"] < 0:
        assert case["conv_position_scale"] == "1/n"
        options["positions"] = "released"
    if "mirror_lr" in case:
        options |= {"feedback": "mirrored", "scale": case["Bstd"]}
        options |= {key: case[key] for key in ("mirror_lr", "mirror_decay", "mirror_noise")}
    return RULES.make("pepita", options)


def training_of(case):
    """The rule with the file's network, matrices and optimizer."""
    choice = {"momentum": case["momentum"], "weight_decay": case.get("weight_decay", 0.0)}
    training = Training.start(network_of(case), rule_of(case), optimizer=OptimizerChoice("sgd", case["lr"], choice))
    for name, value in training.memory.items():
        if name == "back_weights.inputs":
            value.copy_(case["F"].t().reshape(value.shape))
        elif name != "batches":
            value.copy_(case[f"Bf{name[-1]}_0"].t())
    return training


def batch_of(case, step):
    draws = {}
    for n in layers(case):
        if f"mask{n}_{step}" in case:
            draws[f"dropout.layer{n}"] = case[f"mask{n}_{step}"]
        if f"maskp{n}_{step}" in case:
            draws[f"redrawn.layer{n}"] = case[f"maskp{n}_{step}"]
        if f"mnoise{n}_{step}" in case:
            draws[f"noise.layer{n}"] = centred(case[f"mnoise{n}_{step}"], case["mirror_noise"])
    return Batch(case[f"x_{step}"].unsqueeze(0), case[f"labels_{step}"], draws=draws)


class Watch:
    """What the rule presents and finds, seen on the way."""

    def __init__(self, monkeypatch):
        self.presented, self.errors = [], []
        run, errors = pepita.present, pepita.Pepita._errors

        def present(network, inputs, *given):
            record, _ = network.run(inputs, masks=given[0], inject=given[1] if len(given) > 1 else {})
            self.presented.append((inputs[0], record))
            return run(network, inputs, *given)

        def found(rule, *given):
            self.errors.append(errors(rule, *given)[1])
            return errors(rule, *given)

        monkeypatch.setattr(pepita, "present", present)
        monkeypatch.setattr(pepita.Pepita, "_errors", found)


def updates_of(training, batch, monkeypatch):
    """Every update of a call of ``learn``, with what weights and optimizer were when the next was asked for."""
    seen, whole = [], type(training.rule).updates

    def updates(rule, *given):
        for update in whole(rule, *given):
            yield update
            weights = {name: p.detach().clone() for name, p in training.network.named_parameters()}
            memory = {name: value.detach().clone() for name, value in training.memory.items()}
            seen.append((update, weights, memory))

    with monkeypatch.context() as patch:
        patch.setattr(type(training.rule), "updates", updates)
        learn(training, batch)
    return seen


def pepita_forms(case, step, n):
    """The file's names for the changes and weights of layer ``n``, an update after the other."""
    if f"gfirst{n}_{step}" in case:
        return [(f"gfirst{n}_{step}", f"Wmid{n}_{step}"), (f"gsecond{n}_{step}", f"W{n}_{step}")]
    return [(f"g{n}_{step}", f"W{n}_{step}")]


class Checker:
    """Compares, and remembers what has been compared."""

    def __init__(self, case):
        self.case, self.known = case, set()

    def __call__(self, found, key, tolerance):
        self.known.add(key)
        assert_relative(found, self.case[key], tolerance, key)

    def check_nothing_is_left(self):
        arrays = {key for key, value in self.case.items() if isinstance(value, torch.Tensor)}
        given = {key for key in arrays if key.startswith(("x_", "labels_", "mask", "mnoise")) or key.endswith("_0")}
        assert arrays - self.known - given - GIVEN == set()


def check_presentations(check, case, step, watch):
    """Both presentations, their activities and errors."""
    close = tolerances(case)[1]
    labels = F.one_hot(case[f"labels_{step}"], len(case[f"W{case['n_layers']}_0"])).to(case[f"x_{step}"].dtype)
    check(labels, f"y_{step}", 0.0)
    for (inputs, record), letter in zip(watch.presented, ("", "p"), strict=True):
        if letter and f"xp_{step}" in case:
            check(inputs, f"xp_{step}", close)
        for n in layers(case):
            seen = record[f"layer{n}"]
            sent = seen.v[0].softmax(1) if n == case["n_layers"] else seen.spikes[0]
            check(sent, f"h{letter}{n}_{step}", close)
            if f"a{letter}{n}_{step}" in case:
                check(seen.v[0], f"a{letter}{n}_{step}", close)
            if f"h{letter}pool{n}_{step}" in case:
                check(F.max_pool2d(sent, case["pool"]), f"h{letter}pool{n}_{step}", close)
    check(watch.errors[0], f"e_{step}", close)
    if f"ep_{step}" in case:
        second = watch.presented[1][1][f"layer{case['n_layers']}"].v[0].softmax(1) - labels
        check(second, f"ep_{step}", close)
        if case["output_error"] == "second":
            assert_relative(watch.errors[1], case[f"ep_{step}"], close, f"ep_{step}")


def check_mirror(check, case, step, seen, close):
    """The factors on the way back: their changes, what a step makes of them, and how they are scaled."""
    (update, _, raw), (_, _, scaled) = seen[-2:]
    for n in layers(case):
        name = f"back_weights.layer{n}"
        check(update.own[name].t(), f"gB{n}_{step}", close)
        check(raw[name].t(), f"Braw{n}_{step}", close)
        check(scaled[name].t(), f"Bf{n}_{step}", close)
    check(product_of(scaled).t(), f"F_{step}", close)


@pytest.mark.parametrize("path", FILES)
def test_every_number_of_a_file(path, monkeypatch):
    case = load(path)
    check, training = Checker(case), training_of(case)
    loose, close = tolerances(case)
    moves = 1.0 if case["program"] == "followup" else case["lr"]  # what the program's momentum holds
    if "mirror_lr" in case:
        assert_relative(product_of(training.memory).t(), case["F_0"], close, "F_0")
    for step in range(1, case["n_steps"] + 1):
        batch = batch_of(case, step)
        drawn = training.rule.draws(training.network, batch, torch.Generator())
        assert {name: tuple(d.shape) for name, d in drawn.items()} == {
            k: tuple(d.shape) for k, d in batch.draws.items()
        }
        with monkeypatch.context() as patch:
            watch = Watch(patch)
            seen = updates_of(training, batch, monkeypatch)
        check_presentations(check, case, step, watch)
        loss = F.cross_entropy(torch.log(case[f"h{case['n_layers']}_{step}"]), case[f"labels_{step}"])
        assert_relative(seen[0][0].loss, loss, close, "loss")
        for n in layers(case):
            name = f"blocks.layer{n}.synapse.{len(training.network.blocks[f'layer{n}'].synapse) - 1}.weight"
            for (update, weights, _), (change, after) in zip(seen, pepita_forms(case, step, n), strict=False):
                check(update.grads[name], change, loose)
                check(weights[name], after, close)
            buffer = training.optimizer.state[weight_of(training.network, n)]["momentum_buffer"]
            check(moves * buffer, f"v{n}_{step}", loose)
        if "mirror_lr" in case:
            check_mirror(check, case, step, seen, close)
    check.check_nothing_is_left()


@pytest.mark.parametrize("path", golden_files("pepita_followup_fc1h_mirror_*.npz"))
def test_factors_are_drawn_as_the_program_draws_them(path):
    """Normal numbers, of which the product has the standard deviation that the file names."""
    case = load(path)
    rule, network = rule_of(case), network_of(case)
    drawn = [product_of(rule.init(network, torch.Generator().manual_seed(seed))) for seed in range(400)]
    spread = math.sqrt(2.0 / 12) * case["Bstd"]
    assert float(torch.stack(drawn).std()) == pytest.approx(spread, rel=0.05)
