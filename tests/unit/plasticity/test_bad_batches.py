"""Whatever is wrong with a batch, every rule says so in a ValueError, and nothing is written."""

import contextlib

import numpy as np
import pytest
import torch

from spikelearn import Training, build
from spikelearn.plasticity import RULES, STDP, Batch, OnlineSTDP
from spikelearn.training import learn
from tests.conformance.cases import RULES as CASES

STEPS, SAMPLES, INPUTS = 10, 4, 6
TARGETS = torch.tensor([0, 1, 0, 1])


def spikes(*shape):
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(shape or (STEPS, SAMPLES, INPUTS), generator=generator) < 0.5).float()


def with_one(value):
    inputs = spikes()
    inputs[2, 1, 3] = value
    return inputs


NAN, INFINITE = float("nan"), float("inf")
BAD = {
    "NaN": lambda: (with_one(NAN), TARGETS),
    "infinite": lambda: (with_one(INFINITE), TARGETS),
    "minus infinite": lambda: (with_one(-INFINITE), TARGETS),
    "all NaN": lambda: (spikes() * NAN, TARGETS),
    "constant NaN": lambda: (torch.full((SAMPLES, INPUTS), NAN).expand(STEPS, SAMPLES, INPUTS), TARGETS),
    "too wide": lambda: (spikes(STEPS, SAMPLES, INPUTS + 1), TARGETS),
    "far too wide": lambda: (spikes(STEPS, SAMPLES, 1000), TARGETS),
    "too narrow": lambda: (spikes(STEPS, SAMPLES, INPUTS - 1), TARGETS),
    "no features": lambda: (spikes(STEPS, SAMPLES, 0), TARGETS),
    "images": lambda: (spikes(STEPS, SAMPLES, 1, 2, 3), TARGETS),
    "no time axis": lambda: (spikes(SAMPLES, INPUTS), TARGETS),
    "no step": lambda: (spikes(0, SAMPLES, INPUTS), TARGETS),
    "no sample": lambda: (spikes(STEPS, 0, INPUTS), TARGETS[:0]),
    "batch first": lambda: (spikes(SAMPLES, STEPS, INPUTS), TARGETS),
    "int64": lambda: (spikes().long(), TARGETS),
    "complex": lambda: (spikes().to(torch.complex64), TARGETS),
    "grey levels": lambda: ((255 * spikes()).to(torch.uint8), TARGETS),
    "numpy": lambda: (spikes().numpy(), TARGETS),
    "list": lambda: (spikes().tolist(), TARGETS),
    "None": lambda: (None, TARGETS),
    "sparse": lambda: (spikes().to_sparse(), TARGETS),
    "meta": lambda: (spikes().to("meta"), TARGETS),
    "label too high": lambda: (spikes(), TARGETS + 1),
    "label far too high": lambda: (spikes(), TARGETS + 2**40),
    "label negative": lambda: (spikes(), TARGETS - 1),
    "labels of float": lambda: (spikes(), TARGETS.float()),
    "labels of int32": lambda: (spikes(), TARGETS.int()),
    "labels of bool": lambda: (spikes(), TARGETS.bool()),
    "labels one-hot": lambda: (spikes(), torch.eye(2)[TARGETS]),
    "labels in a list": lambda: (spikes(), TARGETS.tolist()),
    "no labels": lambda: (spikes(), None),
    "too few labels": lambda: (spikes(), TARGETS[:3]),
    "too many labels": lambda: (spikes(), TARGETS.repeat(2)),
    "mask of NaN": lambda: (spikes(), TARGETS, {"inputs": torch.full((SAMPLES, INPUTS), NAN)}),
    "mask too wide": lambda: (spikes(), TARGETS, {"inputs": torch.ones(SAMPLES, INPUTS + 1)}),
    "mask of nowhere": lambda: (spikes(), TARGETS, {"nowhere": torch.ones(SAMPLES, INPUTS)}),
    "mask of numpy": lambda: (spikes(), TARGETS, {"inputs": np.ones((SAMPLES, INPUTS))}),
    "masks in a list": lambda: (spikes(), TARGETS, [torch.ones(SAMPLES, INPUTS)]),
}
GOOD = {
    "spikes": lambda: spikes(),
    "bytes": lambda: spikes().to(torch.uint8),
    "bools": lambda: spikes().bool(),
    "float64": lambda: spikes().double(),
    "transposed": lambda: spikes().permute(2, 1, 0).contiguous().permute(2, 1, 0),
    "every other step": lambda: spikes(2 * STEPS, SAMPLES, INPUTS)[::2],
    "constant": lambda: spikes(SAMPLES, INPUTS).expand(STEPS, SAMPLES, INPUTS),
    "with a gradient": lambda: spikes().requires_grad_(),
}
KINDS = {name: (cases[0].make, lambda case=cases[0]: case.network(deep=case.deep)) for name, cases in CASES.items()} | {
    "stdp untaught": (STDP, lambda: CASES["stdp"][0].network(deep=False)),
    "stdp-online untaught": (OnlineSTDP, lambda: CASES["stdp-online"][0].network(deep=False)),
}


@pytest.mark.parametrize("rule", KINDS)
def test_a_bad_batch_is_refused_and_nothing_written(rule):
    assert {name.split()[0] for name in KINDS} == set(RULES)
    make, network = KINDS[rule]
    training = Training.start(network(), make(), constraints=())
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    taken = []
    for kind, parts in BAD.items():
        with contextlib.suppress(ValueError):
            learn(training, Batch(*parts()))
            taken.append(kind)
    assert not taken
    assert all(value.equal(before[name]) for name, value in training.network.state_dict().items())


@pytest.mark.parametrize("rule", KINDS)
def test_other_layouts_and_types_give_the_same_update(rule):
    make, network = KINDS[rule]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = network()
    found = {}
    for kind, inputs in GOOD.items():
        training = Training.start(first, make(), constraints=())
        (*_, update) = training.rule.updates(
            first, Batch(inputs(), TARGETS), training.memory, torch.Generator().manual_seed(0)
        )
        found[kind] = update.grads
    for kind in ("bytes", "bools", "float64", "transposed", "with a gradient"):
        for name, value in found["spikes"].items():
            torch.testing.assert_close(found[kind][name], value, msg=f"{kind}: {name}")


@pytest.mark.parametrize("features", [63, 65, 128, 1000])
@pytest.mark.parametrize("input_shape", [None, (1, 8, 8)])
def test_stdp_online_refuses_another_width_in_the_words_of_stdp(features, input_shape):
    data = Batch(spikes(20, 4, features), torch.zeros(4, dtype=torch.int64))
    words = []
    for rule in (STDP(), OnlineSTDP()):
        training = Training.start(build("64-10", input_shape=input_shape), rule)
        with pytest.raises(ValueError, match=f"{features}") as error:
            learn(training, data)
        words.append(str(error.value).partition(":")[0])
    assert words[0] == words[1]
