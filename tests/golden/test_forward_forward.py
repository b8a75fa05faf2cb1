"""Forward-forward against snnTorch's tutorial: two layers, trained one after the other."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.synapses import Normalise
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

CLASSES = 10
#: What a file gives: sizes, samples, first weights, and the labels that were permuted.
GIVEN = {"dims", "input", "labels", "negative_labels", "permutation", "layer0_weight", "layer1_weight"}


def network_of(case):
    """The file's layers with their first weights, and the readout that the program does not have."""
    sizes = [*case["dims"].tolist(), CLASSES]
    blocks = {}
    for n in range(len(sizes) - 1):
        linear = nn.Linear(sizes[n], sizes[n + 1], bias=False)
        blocks[f"layer{n}"] = Block(nn.Sequential(Normalise(epsilon=case["norm_eps"]), linear), Rate(Linear()))
    network = Network(blocks).double()
    with torch.no_grad():
        for n in range(len(sizes) - 2):
            weight_of(network, n).copy_(case[f"layer{n}_weight"])
    return network


def weight_of(network, n):
    return network.get_parameter(f"blocks.layer{n}.synapse.1.weight")


def watched(monkeypatch, network):
    """A list of (inputs, record) of all runs."""
    seen, whole = [], network.run

    def run(inputs, *given, **named):
        record, state = whole(inputs, *given, **named)
        seen.append((inputs, record))
        return record, state

    monkeypatch.setattr(network, "run", run)
    return seen


@pytest.mark.parametrize("path", golden_files("ff_*.npz"))
def test_training(path, monkeypatch):
    case = load(path)
    network, compared = network_of(case), set()
    rule = RULES.make("forward-forward", {"loss": "cross-entropy", "threshold": case["threshold"], "gain": 1.0})
    behind = (case["negative_labels"] - case["labels"]) % CLASSES
    batch = Batch(case["input"].unsqueeze(0), case["labels"], draws={"negatives": behind})
    adam = OptimizerChoice("adam", case["lr"], {"eps": case["adam_eps"]})
    runs = watched(monkeypatch, network)

    def compare(key, found, row=None):
        assert_relative(found, case[key] if row is None else case[key][row], 1e-11, key)
        compared.add(key)

    for n in range(len(case["dims"]) - 1):
        network.requires_grad_(False)
        weight = weight_of(network, n).requires_grad_()
        training = Training.start(network, rule, optimizer=adam)
        for epoch in range(case["epochs"]):
            runs.clear()
            update = learn(training, batch)
            if epoch == 0:
                for way, (inputs, record) in zip(("pos", "neg"), runs, strict=False):
                    compare(f"x_{way}", inputs[0])
                    compare(f"layer{n}_h_{way}", record[f"layer{n}"].spikes[0])
                    compare(f"layer{n}_goodness_{way}", record[f"layer{n}"].spikes[0].square().mean(1))
            assert update.grads.keys() == {f"blocks.layer{n}.synapse.1.weight"}
            compare("loss", torch.tensor(update.metrics[f"loss_layer{n}"], dtype=torch.float64), (n, epoch))
            compare(f"layer{n}_weight_grad", next(iter(update.grads.values())), epoch)
            compare(f"layer{n}_weight_after", weight, epoch)
    with torch.no_grad(), network.presentation():
        scores = rule.scores(network, batch.inputs, {})
    compare("goodness_per_label", scores)
    assert scores.argmax(1).equal(case["prediction"])
    assert compared | {"prediction"} == {key for key, value in case.items() if isinstance(value, torch.Tensor)} - GIVEN
