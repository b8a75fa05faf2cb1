"""What every rule must hold to."""

import io
import re

import pytest
import torch

from spikelearn import plasticity
from spikelearn.plasticity import Batch
from tests.conformance.cases import RULES

F64 = torch.float64
NAMED = [(f"{name}-{n}", case) for name, cases in RULES.items() for n, case in enumerate(cases)]
each = pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in NAMED])
each_with_feedback_too = pytest.mark.parametrize(
    ("case", "feedback"),
    [pytest.param(case, False, id=name) for name, case in NAMED]
    + [pytest.param(case, True, id=f"{name}-feedback") for name, case in NAMED if case.feedback],
)

#: {case and feedback: ``expected`` of them}.
_EXPECTED = {}

#: Rules whose equations hold for one decay of all neurons in a block.
TAKE_NUMBERS = {
    "ide",
    "desire",
    "tssl-bp",
    "three-factor",
    "ottt",
    "ottt-online",
    "e-prop",
    "s-tllr",
    "s-tllr-online",
    "tess",
    "eventprop",
    "urbanczik-senn",
}


#: Share of a parameter's entries that all updates of a batch together must change: neurons that are silent learn nothing.
LEAST_CHANGED = 0.15


def refused(rule, network):
    try:
        rule.check(network)
    except ValueError as error:
        return str(error)
    return ""


def network_for(case, feedback=False):
    return case.network(feedback=feedback, gain=2.5).to(F64)


def batch(samples=6):
    torch.manual_seed(2)
    return Batch((torch.rand(10, samples, 6) < 0.5).to(F64), torch.arange(samples) % 2)


def updates(case, network, data, memory=None, seed=0):
    rule = case.make()
    generator = torch.Generator().manual_seed(seed)
    memory = rule.init(network, generator) if memory is None else memory
    return list(rule.updates(network, data, memory, torch.Generator().manual_seed(seed)))


def expected(case, feedback=False):
    """The updates of ``batch()``, formed once: most tests set them beside those of something else."""
    key = id(case), feedback and case.feedback
    if key not in _EXPECTED:
        _EXPECTED[key] = updates(case, network_for(case, feedback), batch())
    return _EXPECTED[key]


def test_every_rule_has_a_case():
    assert set(RULES) == set(plasticity.RULES)


@each_with_feedback_too
def test_pure_and_deterministic(case, feedback):
    network, data = network_for(case, feedback), batch()
    before = {n: t.clone() for n, t in network.state_dict().items()}
    given = updates(case, network, data)
    assert all(t.equal(before[n]) for n, t in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    for one, two in zip(given, expected(case, feedback), strict=True):
        assert one.grads.keys() == two.grads.keys()
        assert all(grad.equal(two.grads[name]) for name, grad in one.grads.items())


@each
def test_constants_of_single_neurons_are_learned_with_or_refused_by_name(case, monkeypatch):
    """Arrays of one number give the updates of that number, wherever a rule does not ask for a number."""
    network, data, numbers = network_for(case, case.feedback), batch(), expected(case, case.feedback)
    monkeypatch.setattr(torch, "get_default_dtype", lambda: F64)
    for name, shape in network.shapes(data.inputs[0]).items():
        neuron = network.blocks[name].neuron
        for constant in {"v_threshold", "decay_mem", "decay_syn"} & set(vars(neuron)):
            neuron.set_constant(constant, torch.full(shape, getattr(neuron, constant), dtype=F64))
    if refusal := refused(case.make(), network):
        assert case.make().name in TAKE_NUMBERS
        number = r"takes one \w+ for all neurons|without one decay that all share"
        assert re.search(rf"({'|'.join(TAKE_NUMBERS).replace('tssl-bp', 'tssl')}).* ({number})", refusal)
        return
    for number, array in zip(numbers, updates(case, network, data), strict=True):
        torch.testing.assert_close(number.grads, array.grads, rtol=1e-9, atol=1e-12)


@each_with_feedback_too
def test_well_formed_and_covering(case, feedback):
    network = network_for(case, feedback)
    shapes = {n: p.shape for n, p in network.named_parameters() if p.requires_grad}
    last = f"blocks.{list(network.blocks)[-1]}."
    learned = {
        "all": set(shapes),
        "weights": {n for n in shapes if not n.endswith("bias")},
        "weights-and-last": {n for n in shapes if not n.endswith("bias") or n.startswith(last)},
        "last": {n for n in shapes if n.startswith(last)},
    }[case.covers]
    given = expected(case, feedback)
    learning = [update.grads for update in given if update.grads]
    assert learning
    for update in given:
        # An update that teaches what the rule itself learns leaves the network alone.
        assert set(update.grads) == learned or (update.own and not update.grads)
        for name, grad in update.grads.items():
            assert grad.shape == shapes[name]
            assert not grad.requires_grad
            assert torch.isfinite(grad).all()
        assert update.scores.shape == (6, 2)
        assert not update.scores.requires_grad
        assert update.loss is None or update.loss.ndim == 0
        assert set(update.rates) == {name for name, block in network.blocks.items() if block.neuron.fires}
    for name in learned:
        changed = torch.stack([grads[name] != 0 for grads in learning])
        assert 2 * int(changed.flatten(1).any(1).sum()) > len(learning), f"{name} rests in half of the updates"
        assert float(changed.any(0).double().mean()) > LEAST_CHANGED, f"hardly an entry of {name} ever changes"


@each
def test_mean_of_shards_is_the_whole_batch(case):
    if not case.shards:
        pytest.skip("weights change within a presentation, and the samples of a batch share them")
    network, whole = network_for(case, feedback=True), batch()
    full = expected(case, feedback=True)
    shards = [
        updates(case, network, Batch(whole.inputs[:, part], whole.targets[part])) for part in (slice(0, 3), slice(3, 6))
    ]
    for number, update in enumerate(full):
        for name, grad in update.grads.items():
            mean = (shards[0][number].grads[name] + shards[1][number].grads[name]) / 2
            torch.testing.assert_close(grad, mean, msg=name)


@each
def test_order_of_samples_does_not_matter(case):
    network, whole = network_for(case), batch()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with network.drawing(order):  # what a sample's neurons draw goes with it
        permuted = updates(case, network, Batch(whole.inputs[:, order], whole.targets[order]))
    for one, two in zip(expected(case), permuted, strict=True):
        torch.testing.assert_close(one.grads, two.grads)
        torch.testing.assert_close(one.scores[order], two.scores)


@each
def test_bytes_are_as_good_as_floating_point(case):
    """Bit for bit: which spikes met which weights does not depend on how a spike is written."""
    data, network = batch(), network_for(case, feedback=True)
    masked = Batch(data.inputs, data.targets, {"inputs": torch.ones(6, 6, dtype=F64)})
    as_bool = updates(case, network_for(case), Batch(data.inputs.bool(), data.targets))
    as_bytes = updates(case, network, Batch(data.inputs.to(torch.uint8), data.targets, masked.masks))
    for floating, short in ((expected(case), as_bool), (updates(case, network, masked), as_bytes)):
        for one, two in zip(floating, short, strict=True):
            assert one.scores.equal(two.scores)
            assert one.grads.keys() == two.grads.keys()
            assert all(grad.dtype == F64 and grad.equal(two.grads[name]) for name, grad in one.grads.items())
            assert one.loss is None or one.loss.equal(two.loss)
            assert (one.rates, one.metrics) == (two.rates, two.metrics)


@each
def test_keys_do_not_depend_on_data(case):
    network, data = network_for(case), batch()
    silent = Batch(torch.zeros_like(data.inputs), data.targets)
    one, two = expected(case), updates(case, network, silent)
    assert [set(u.grads) for u in one] == [set(u.grads) for u in two]


@each
def test_memory_serialises(case):
    memory = case.make().init(network_for(case), torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    torch.save(memory, buffer)
    buffer.seek(0)
    found = torch.load(buffer, weights_only=True)
    assert found.keys() == memory.keys()
    assert all(isinstance(value, torch.Tensor) for value in memory.values())


@each
def test_masked_spikes_teach_nothing(case):
    """Spikes that a mask takes away never meet the next weights."""
    network, data = network_for(case), batch()
    hidden, last = network.blocks
    masks = {"inputs": torch.ones(6, 6, dtype=F64), hidden: torch.zeros(6, 8, dtype=F64)}
    for update in updates(case, network, Batch(data.inputs, data.targets, masks)):
        if not update.grads:
            continue
        (weight,) = (
            grad for name, grad in update.grads.items() if name.startswith(f"blocks.{last}.") and grad.ndim > 1
        )
        assert weight.abs().max() == 0, "masked spikes met the weights"
