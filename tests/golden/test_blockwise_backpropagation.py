"""Blockwise backpropagation against its authors' classes: heads, losses, gradients of each and what steps leave."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedforward, MembraneReadout, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, ReLU
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.gradient.bw_bpf import Seen
from spikelearn.plasticity.gradient.heads import BIASES, WEIGHTS
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

F64 = torch.float64
TOLERANCE = 1e-11
NORM = {"bn_weight": "weight", "bn_bias": "bias"}
#: Whose errors stop between blocks.
MODES = {"released": False, "detached": True}


def normed(layer, eps):
    return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels, eps))


def network_of(case):
    """Every rectifier is a block; ways past two convolutions are forward edges, the last head is the output."""
    kernel, eps = case["stem_kernel"], case["bn_eps"]
    stem = nn.Conv2d(
        case["input"].shape[1], len(case["stem_conv"]), kernel, case["stem_stride"], kernel // 2, bias=False
    )
    blocks, joins, last, width = {"stem": Block(normed(stem, eps), Rate(ReLU()))}, {}, "stem", len(case["stem_conv"])
    for k, (wider, step) in enumerate(zip(case["widths"].tolist(), case["strides"].tolist(), strict=True)):
        for u in range(case["units_per_block"]):
            stride, name = (1 if u else step), f"b{k}u{u}"
            first, second = (
                nn.Conv2d(width, wider, 3, stride, 1, bias=False),
                nn.Conv2d(wider, wider, 3, 1, 1, bias=False),
            )
            blocks[f"{name}a"] = Block(normed(first, eps), Rate(ReLU()))
            blocks[f"{name}b"] = Block(normed(second, eps), Rate(ReLU()))
            down = f"block{k}_unit{u}_down_conv" in case
            past = normed(nn.Conv2d(width, wider, 1, stride, bias=False), eps) if down else nn.Identity()
            joins[f"past{k}_{u}"] = Feedforward(last, f"{name}b", past)
            last, width = f"{name}b", wider
    final = case["n_blocks"] - 1
    head = nn.Linear(case[f"head{final}_weight"].shape[1], case["n_classes"])
    pool = nn.AvgPool2d(int(case["pool_kernels"][final]))
    blocks["out"] = Block(nn.Sequential(pool, nn.Flatten(), head), Rate(Linear()))
    network = Network(blocks, {}, MembraneReadout(), feedforward=joins, input_shape=case["input"].shape[1:]).to(F64)
    with torch.no_grad():
        for key, name in parameters_of(case, network).items():
            network.get_parameter(name).copy_(case[key])
    return network


def parameters_of(case, network):
    """{key of a file: name of the parameter}, heads of hidden blocks left out."""
    layers = {"stem_conv": "blocks.stem.synapse.0", "stem_": "blocks.stem.synapse.1"}
    for k in range(case["n_blocks"]):
        for u in range(case["units_per_block"]):
            unit, name = f"block{k}_unit{u}", f"b{k}u{u}"
            for n, block in (("1", f"blocks.{name}a"), ("2", f"blocks.{name}b"), ("down", f"feedforward.past{k}_{u}")):
                conv, norm = (
                    (f"{unit}_down_conv", f"{unit}_down_") if n == "down" else (f"{unit}_conv{n}", f"{unit}_bn{n}_")
                )
                layers |= {conv: f"{block}.synapse.0", norm: f"{block}.synapse.1"}
    named = {}
    for key, place in layers.items():
        ends = (
            {"": "weight"}
            if not key.endswith("_")
            else {end if "bn" not in key else own: own for end, own in NORM.items()}
        )
        named |= {f"{key}{end}": f"{place}.{own}" for end, own in ends.items()}
    final = case["n_blocks"] - 1
    named |= {f"head{final}_{own}": f"blocks.out.synapse.2.{own}" for own in ("weight", "bias")}
    known = dict(network.named_parameters())
    assert set(named.values()) >= set(known)
    return {key: name for key, name in named.items() if name in known}


def training_of(case, detach):
    """The registered rule with heads where the file has them, and the file's optimizer."""
    network = network_of(case)
    hidden = [f"b{k}u{case['units_per_block'] - 1}b" for k in range(case["n_blocks"] - 1)]
    pool = "/".join(str(int(kernel)) for kernel in case["pool_kernels"][:-1])
    options = {"loss": "cross-entropy", "heads": "+".join(hidden), "pool": pool, "detach": detach}
    how = {"momentum": case["momentum"], "weight_decay": case["weight_decay"]}
    training = Training.start(network, RULES.make("bw-bpf", options), optimizer=OptimizerChoice("sgd", case["lr"], how))
    for k, name in enumerate(hidden):
        training.memory[WEIGHTS + name].copy_(case[f"head{k}_weight"])
        training.memory[BIASES + name].copy_(case[f"head{k}_bias"])
    return training, hidden


def named_in_file(case, training, hidden, of_network, of_heads):
    """{key of a file: tensor}, of tensors by name of the network's parameters and of the rule's memory."""
    found = {key: of_network[name] for key, name in parameters_of(case, training.network).items()}
    for k, name in enumerate(hidden):
        found |= {f"head{k}_weight": of_heads[WEIGHTS + name], f"head{k}_bias": of_heads[BIASES + name]}
    return found


def block_of(key, blocks):
    """The block of a file that a parameter belongs to: the stem to the first."""
    return (
        0 if key.startswith("stem") else next(k for k in range(blocks) if key.startswith((f"block{k}_", f"head{k}_")))
    )


def gradients_of_each_loss(case, training, hidden, batch):
    """A dict of gradients for each head's loss alone, None where nothing leads to a parameter."""
    network, each = training.network, []
    points = {key: value.detach().requires_grad_() for key, value in training.memory.items()}
    keys = named_in_file(case, training, hidden, dict(network.named_parameters()), points)
    with network.presentation():
        for _, value in training.rule.losses(network, batch, points, Seen()):
            grads = torch.autograd.grad(value, list(keys.values()), retain_graph=True, allow_unused=True)
            each.append(dict(zip(keys, grads, strict=True)))
    return each


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", golden_files("bwbpf_*.npz"))
def test_what_the_program_computes(path, mode, monkeypatch):
    case = load(path)
    training, hidden = training_of(case, MODES[mode])
    batch, compared = Batch(case["input"].unsqueeze(0), case["labels"]), set()

    def compare(key, found):
        assert_relative(found, case[key], TOLERANCE, key)
        compared.add(key)

    with training.network.presentation(), torch.no_grad():
        arrived = training.network.run(batch.inputs)[0]["out"].pre[0]
        compare(f"pooled{len(hidden)}", training.network.blocks["out"].synapse[:2](arrived))
    norms = torch.zeros(case["n_blocks"], case["n_blocks"], dtype=F64)
    for j, grads in enumerate(gradients_of_each_loss(case, training, hidden, batch)):
        for k in range(case["n_blocks"]):
            parts = [
                grad.square().sum()
                for key, grad in grads.items()
                if grad is not None and block_of(key, case["n_blocks"]) == k
            ]
            norms[j, k] = torch.stack(parts).sum().sqrt() if parts else 0.0
        for key, grad in grads.items():
            if f"{mode}_grad_loss{j}_{key}" in case:
                compare(f"{mode}_grad_loss{j}_{key}", grad)
    compare(f"{mode}_grad_norm_loss_block", norms)
    if mode == "detached":
        assert norms.equal(norms.diag().diag()), "a loss reached another block"
    readings, whole = [], type(training.rule).told_by
    monkeypatch.setattr(type(training.rule), "told_by", lambda *given: readings.append(whole(*given)) or readings[-1])
    for step in range(case["steps"]):
        update = learn(training, batch)
        losses = [*(update.metrics[f"loss_{name}"] for name in hidden), float(update.loss)]
        assert_relative(torch.tensor(losses, dtype=F64), case[f"{mode}_loss"][step], TOLERANCE, f"losses of {step}")
        if step == 0:
            for k, reading in enumerate(readings):
                compare(f"logits{k}", reading.logits)
                compare(f"pooled{k}", reading.pooled)
            compare(f"logits{len(hidden)}", update.scores)
            for key, grad in named_in_file(case, training, hidden, update.grads, update.own).items():
                compare(f"{mode}_grad_{key}", grad)
    after = named_in_file(case, training, hidden, dict(training.network.named_parameters()), training.memory)
    for key, value in after.items():
        compare(f"{mode}_after_{key}", value)
    assert compared == {key for key in case if key.startswith((f"{mode}_grad", f"{mode}_after", "logits", "pooled"))}
