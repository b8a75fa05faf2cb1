"""Meta-plasticity against the authors' program: an episode of online training, and the step of the outer loop."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Softplus
from spikelearn.plasticity import Batch, MetaPlasticity
from spikelearn.plasticity.meta import meta_plasticity
from spikelearn.plasticity.meta.coefficients import TERMS
from spikelearn.training import Training, learn
from spikelearn.training.outer import Episode, OuterLoop
from tests.golden.files import assert_relative, golden_files, load

FEEDBACK = {"fix": "fixed", "sym": "symmetric"}
LAYERS = range(1, 6)
WEIGHT = "blocks.layer{}.synapse.weight"
ABOUT = {"official", "repo", "commit", "seed", "dims", "softplus_beta", "terms_json", "feedback", "theta", "l1_lambda"}
GIVEN = {"lr_meta", "inner_steps", "x_train", "labels_train", "x_query", "labels_query"}
#: Of a program that overwrites symmetric feedback behind autograd's back: no derivative of its loss.
NO_DERIVATIVE = {"theta_grad"}

every_file = pytest.mark.parametrize("path", golden_files("metaplasticity_*.npz"))


def network_of(case):
    """Five layers of softplus units, the last one linear, with their first weights."""
    unit = Softplus(case["softplus_beta"])
    blocks = {}
    for n in LAYERS:
        outputs, inputs = case[f"l{n}_weight"].shape
        neuron = Rate(Linear() if n == LAYERS[-1] else unit)
        blocks[f"layer{n}"] = Block(nn.Linear(inputs, outputs, bias=False), neuron)
    network = Network(blocks).double()
    with torch.no_grad():
        for n in LAYERS:
            network.get_parameter(WEIGHT.format(n)).copy_(case[f"l{n}_weight"])
    return network


def rule_of(case, **options):
    theta = case["theta"].tolist()
    assert not any(theta[3:])
    weighed = dict(zip(("pseudo_gradient", "ehebb", "oja"), theta, strict=False))
    feedback, sharpness = FEEDBACK[case["feedback"]], case["softplus_beta"]
    return MetaPlasticity(**weighed, feedback=feedback, sharpness=sharpness, **options)


def memory_of(case, rule, network):
    memory = rule.init(network, torch.Generator().manual_seed(0))
    for name in memory:
        if name.startswith("back_weights."):
            memory[name].copy_(case[f"l{name[-1]}_back"])
    assert len(memory) == (6 if case["feedback"] == "fix" else 1)
    return memory


def batches_of(case):
    return [Batch(x.view(1, 1, -1), y.view(1)) for x, y in zip(case["x_train"], case["labels_train"], strict=True)]


@every_file
def test_online_training(path, monkeypatch):
    """Activities, errors and weights of every step, as ``learn`` takes it."""
    case = load(path)
    network, rule = network_of(case), rule_of(case)
    training = Training.start(network, rule)
    training.memory.update(memory_of(case, rule, network))
    formed, whole = [], meta_plasticity.MetaPlasticity.sides

    def sides(*given):
        formed.append(whole(*given))
        return formed[-1]

    monkeypatch.setattr(meta_plasticity.MetaPlasticity, "sides", sides)
    compared = set()

    def compare(key, step, found):
        assert_relative(found, case[key][step], 1e-12, f"{key} of step {step}")
        compared.add(key)

    for step, batch in enumerate(batches_of(case)):
        learn(training, batch)
        layers = list(formed[-1].values())
        compare("l0_act", step, layers[0].pre[0])
        compare("l0_error", step, layers[0].pre_error[0])
        for n, layer in zip(LAYERS, layers, strict=True):
            compare(f"l{n}_act", step, layer.post[0])
            compare(f"l{n}_error", step, layer.post_error[0])
            compare(f"l{n}_weight_after", step, network.get_parameter(WEIGHT.format(n)))
    assert step + 1 == case["inner_steps"]
    with torch.no_grad():
        scores = network(case["x_query"].unsqueeze(0))
    assert_relative(scores, case["query_logits"], 1e-12, "query_logits")
    compared |= {f"l{n}_{key}" for n in LAYERS for key in ("weight", "back")} | {"query_logits"}
    assert compared == set(case) - ABOUT - GIVEN - {k for k in case if k.startswith(("theta_", "meta_"))}


@every_file
def test_the_outer_loop(path):
    case = load(path)
    network = network_of(case)
    episode = Episode(batches_of(case), Batch(case["x_query"].unsqueeze(0), case["labels_query"]))
    terms = [TERMS[int(number)] for number in json.loads(case["terms_json"])]
    outer = {"terms": terms, "lr": case["lr_meta"], "penalty": case["l1_lambda"]}
    compared = {"meta_loss", "theta_after"}
    keys = {True: "theta_grad_total" if "theta_grad_total" in case else "theta_grad"}
    keys |= {False: "theta_grad_stopgrad"} if "theta_grad_stopgrad" in case else {}
    for through, key in keys.items():
        rule = rule_of(case, second_order=True, through_feedback=through)
        loop = OuterLoop(rule, **outer)
        before = {name: value.clone() for name, value in network.state_dict().items()}
        result = loop.episode(0, network, episode, memory_of(case, rule, network))
        assert all(value.equal(before[name]) for name, value in network.state_dict().items())
        meta_loss = torch.tensor([case["meta_loss"]], dtype=torch.float64)
        assert_relative(torch.tensor([result.loss], dtype=torch.float64), meta_loss, 1e-12, "meta_loss")
        assert_relative(result.grad, case[key][:3], 1e-11, key)
        assert not case[key][3:].any()
        after = torch.tensor(list(result.coefficients.values()), dtype=torch.float64)
        assert_relative(after, case["theta_after"][:3], 1e-9 if len(keys) > 1 else 1e-12, "theta_after")
        compared.add(key)
    rest = {key for key in case if key.startswith(("theta_", "meta_"))} - compared
    assert rest <= (NO_DERIVATIVE if case["feedback"] == "sym" else set())
