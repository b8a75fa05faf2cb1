"""Deep artificial neurons against the authors' program: steps of the vectors of weights, and of the shared phenotype."""

from statistics import fmean

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedforward, Network
from spikelearn.neurons import DeepArtificialNeuron, Phenotype
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.tasks import TASKS
from spikelearn.training.outer import Moment, PhenotypeLoop
from tests.golden.files import assert_relative, golden_files, load

TOLERANCE = 1e-11
KINDS = ("weight", "bias")

every_file = pytest.mark.parametrize("path", golden_files("dan_*.npz"))


def ours(key):
    """The phenotype's tensor that the program calls ``key``: skip_0-2_weight is skip_0_2.weight."""
    name, _, kind = key.rpartition("_")
    return f"{name.replace('-', '_')}.{kind}"


def phenotype_keys(case):
    return [key.removeprefix("dan_") for key in case if key.startswith("dan_") and key.endswith(KINDS)]


def phenotype_in(case):
    return Phenotype({ours(key): case[f"dan_{key}"] for key in phenotype_keys(case)})


def maps_in(case):
    """{map: (from which layer, to which)} of the vectors of weights."""
    names = [key.removeprefix("vecs_").removesuffix("_weight") for key in case if key.endswith("_weight")]
    names = [name for name in names if f"vecs_{name}_weight" in case]
    found = {}
    for name in names:
        kind, _, rest = name.partition("_")
        found[name] = (int(kind[2:]), int(kind[2:]) + 1) if not rest else tuple(map(int, rest.split("-")))
    return found


def place_of(name, ends):
    start, end = ends
    return f"blocks.layer{end}.synapse" if name.startswith("fc") else f"feedforward.from{start}to{end}.synapse"


def network_of(case, phenotype):
    sizes, channels = case["dims"].tolist(), case["n_channels"]
    assert (phenotype.channels, phenotype.width) == (channels, case["dan_width"])
    last = len(sizes) - 1
    blocks, skips = {}, {}
    for name, (start, end) in maps_in(case).items():
        linear = nn.Linear(sizes[start], sizes[end] * channels)
        source = "inputs" if start == 0 else f"layer{start}"
        if name.startswith("fc"):
            gain = case["output_scale"] if end == last else 1.0
            blocks[end] = Block(linear, DeepArtificialNeuron(phenotype=phenotype, gain=gain))
        else:
            skips[f"from{start}to{end}"] = Feedforward(source, f"layer{end}", linear)
    network = Network({f"layer{n}": blocks[n] for n in sorted(blocks)}, feedforward=skips).double()
    with torch.no_grad():
        for name, ends in maps_in(case).items():
            for kind in KINDS:
                network.get_parameter(f"{place_of(name, ends)}.{kind}").copy_(case[f"vecs_{name}_{kind}"])
    return network


def batch_of(case, prefix):
    return Batch(case[f"{prefix}_x"].unsqueeze(0), case[f"{prefix}_y"], task=TASKS.make("regress"))


def loop_of(case):
    phenotype = phenotype_in(case)
    networks = [network_of(case, phenotype) for _ in range(case["population"])]
    betas, eps = tuple(case["adam_betas"].tolist()), case["adam_eps"]
    assert (betas, eps) == ((0.9, 0.999), 1e-8)
    inner = OptimizerChoice("adam", case["vecs_lr"])
    return PhenotypeLoop(RULES.make("dan:loss=mse"), networks, optimizer=inner, lr=case["dans_lr"], resting=1)


@every_file
def test_nodes(path, monkeypatch):
    """What every node is given and answers, before anything has learned."""
    case = load(path)
    network = loop_of(case).networks[0]
    given, whole = [], Phenotype.forward

    def forward(self, channels):
        given.append(channels)
        return whole(self, channels)

    monkeypatch.setattr(Phenotype, "forward", forward)
    record, _ = network.run(batch_of(case, "inner1_net0").inputs)
    for layer, (channels, seen) in enumerate(zip(given, record.values(), strict=True), start=1):
        last = layer == len(given)
        answer = seen.spikes[0] / (case["output_scale"] if last else 1.0)
        assert_relative(channels.flatten(1), case[f"inner1_net0_node_input_l{layer}"], TOLERANCE, f"input {layer}")
        assert_relative(answer, case[f"inner1_net0_node_output_l{layer}"], TOLERANCE, f"output {layer}")


def watch(loop, monkeypatch):
    """Lists that fill with what the rule and the loop do: updates, hyper updates, gradients and tensors behind them."""
    updates, asked, steps = [], [], []
    first, second, step = type(loop.rule).updates, type(loop.rule).hyper, loop.optimizer.step

    def recorded(self, *given):
        for update in first(self, *given):
            updates.append(update)
            yield update

    def hyper(self, *given):
        asked.append(second(self, *given))
        return asked[-1]

    def stepped():
        grads = {name: tensor.grad.clone() for name, tensor in loop.phenotype.tensors.items()}
        step()
        steps.append((grads, {name: tensor.clone() for name, tensor in loop.phenotype.tensors.items()}))

    monkeypatch.setattr(type(loop.rule), "updates", recorded)
    monkeypatch.setattr(type(loop.rule), "hyper", hyper)
    monkeypatch.setattr(loop.optimizer, "step", stepped)
    return updates, asked, steps


def compare_shown(case, prefix, update):
    assert_relative(update.scores, case[f"{prefix}_out"], TOLERANCE, f"{prefix}_out")
    assert float(update.loss) == pytest.approx(case[f"{prefix}_loss"], rel=TOLERANCE), f"{prefix}_loss"


def compare_vectors(case, prefix, update, network):
    for name, ends in maps_in(case).items():
        for kind in KINDS:
            own = f"{place_of(name, ends)}.{kind}"
            grad, after = (f"{prefix}_{what}_vecs_{name}_{kind}" for what in ("grad", "after"))
            assert_relative(update.grads[own], case[grad], TOLERANCE, grad)
            assert_relative(network.get_parameter(own), case[after], TOLERANCE, after)


def compare_phenotype(case, prefix, grads, after):
    for name in phenotype_keys(case):
        for what, found in (("grad", grads), ("after", after)):
            stored = f"{prefix}_{what}_dan_{name}"
            assert_relative(found[ours(name)], case[stored], TOLERANCE, stored)


@every_file
def test_hyper_learning(path, monkeypatch):
    """Every step of the vectors and of the phenotype in one episode; the vectors rest at its first moment."""
    case = load(path)
    loop, nets, rounds = loop_of(case), range(case["population"]), range(1, case["hyper_steps_per_sample"] + 1)
    updates, asked, steps = watch(loop, monkeypatch)
    for sample in range(1, case["samples"] + 1):
        met = []
        for m in nets:
            hyper = [batch_of(case, f"outer{sample}_{q}_net{m}") for q in rounds]
            met.append(Moment(batch_of(case, f"inner{sample}_net{m}"), hyper))
        if sample == 1:
            for m, network in enumerate(loop.networks):
                compare_shown(case, f"inner1_net{m}", next(loop.rule.updates(network, met[m].seen, {}, None)))
            updates.clear()
        loop.moment(met)
        assert len(updates) == (0 if sample == 1 else len(nets))
        for m, update in enumerate(updates):
            compare_shown(case, f"inner{sample}_net{m}", update)
            compare_vectors(case, f"inner{sample}_net{m}", update, loop.networks[m])
        for q, (grads, after) in zip(rounds, steps, strict=True):
            compare_phenotype(case, f"outer{sample}_{q}", grads, after)
            for m in nets:
                compare_shown(case, f"outer{sample}_{q}_net{m}", asked[(q - 1) * len(nets) + m])
        total = sum(fmean(case[f"outer{sample}_{q}_net{m}_loss"] for m in nets) for q in rounds)
        for done in (updates, asked, steps):
            done.clear()
    assert total == pytest.approx(case["hyper_loss"], rel=TOLERANCE)
    case.assert_all_read("official|repo|commit|seed|inner_batch|hyper_batch|inner1_net0_node_.*")
