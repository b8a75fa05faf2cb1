"""Desire backpropagation: the published program's loops, image by image, in batches and in chunks."""

import pytest
import torch
import torch.nn.functional as F

from spikelearn.plasticity import Batch, OptimizerChoice
from spikelearn.plasticity.targets.desire import Desire
from spikelearn.training import Training, learn
from tests.helpers import only_update
from tests.unit.plasticity.desire.networks import F64, batch_of, network_of, weights_of, wishes_of


def part_of(data, samples):
    masks = {place: mask[samples] for place, mask in data.masks.items()}
    return Batch(data.inputs[:, samples], data.targets[samples], masks)


def published(network, inputs, target, masks, rule, decay=0.75, threshold=1.0):
    """{block: (slots [T+1, ...], desire, up, change of the weights per unit of learning rate)}."""
    steps, names = len(inputs), list(network.blocks)
    weights = [next(network.blocks[name].synapse.parameters()).detach() for name in names]
    one = torch.ones((), dtype=F64)
    source = torch.zeros(steps + 1, *inputs.shape[1:], dtype=F64)
    slots, traces = [], []
    for t in range(steps):
        source[t] = inputs[t] * masks.get("inputs", one)
    for name, weight in zip(names, weights, strict=True):
        mask = masks.get(name, one)
        z, u = [], 0.0
        for t in range(steps):
            if weight.ndim == 2:
                u = decay * u + weight @ source[t].flatten()
                fired = (u >= threshold) & (mask != 0)
                u = u - threshold * fired
            else:
                u = u + F.conv2d(source[t].unsqueeze(0), weight)[0]
                fired = u >= threshold
                u = torch.where(fired, u - threshold, decay * u)
            z.append(fired * mask)
        trace = torch.zeros_like(source)
        for t in range(steps):
            trace[t + 1] = decay * trace[t] + source[t].clamp(max=1)
        traces.append(trace.flatten(1))
        slots.append((source, torch.stack([torch.zeros_like(z[0]), *z])))
        source = slots[-1][1]
    full, found, error, desire = steps - rule.margin, {}, one, one
    for number in reversed(range(len(names))):
        source, sent = slots[number]
        rate = (sent != 0).sum(0) / full
        if number == len(names) - 1:
            up = torch.arange(len(rate)) == target
            active = torch.where(up, 1 - rate, rate) > rule.threshold_output
        else:
            above = weights[number + 1]
            carried = error * desire * (masks.get(names[number + 1], one) != 0)
            if above.ndim == 2:
                total, limit = (above.T @ carried).reshape(rate.shape), rule.threshold_dense
            else:
                total, limit = F.conv_transpose2d(carried.unsqueeze(0), above)[0], rule.threshold_conv
            active, up = total.abs() >= limit, total > 0
        desire = active * torch.where(up, 1.0, -1.0).to(F64)
        error = (up.to(F64) - rate).abs()
        if weights[number].ndim == 2:
            change = torch.zeros_like(weights[number])
            for t in range(steps + 1):
                change += torch.outer(desire * (sent[t] != 0), traces[number][t])
        else:
            change, size = torch.zeros_like(weights[number]), rate.shape[-1]
            wrong, arrived, kernel = (rate - up.to(F64)) * active, source.sum(0), change.shape[-1]
            for row in range(kernel):
                for column in range(kernel):
                    window = arrived[:, row : row + size, column : column + size]
                    change[:, :, row, column] = torch.einsum("ohw,chw->oc", wrong, window)
            change *= -rule.conv_rate / size**2
        found[names[number]] = (sent, desire, up, change)
    return found


CASES = {
    "dense": (((16, 20), (20, 12), (12, 4)), (16,), {}, {}, {}),
    "one block": (((16, 4),), (16,), {}, {}, {}),
    "four blocks": (((16, 18), (18, 16), (16, 14), (14, 4)), (16,), {}, {}, {}),
    "other numbers": (
        ((16, 14), (14, 4)),
        (16,),
        {"margin": 0, "threshold_output": 0.2, "threshold_dense": 0.1},
        {"decay": 0.5, "threshold": 0.8},
        {"steps": 12},
    ),
    "conv": (((2, 4, 3), (100, 12), (12, 4)), (2, 7, 7), {"conv_rate": 1.0}, {}, {}),
    "two convs": (((1, 3, 3), (3, 4, 3), (64, 4)), (1, 8, 8), {"threshold_conv": 0.1}, {}, {}),
}


@pytest.mark.parametrize("chunk", [20, 7])
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_published_loops(name, masked, chunk):
    layers, shape, options, numbers, more = CASES[name]
    network, rule = network_of(*layers, gain=1.6, **numbers), Desire(**options, chunk=chunk)
    data = batch_of(shape, **more)
    if masked:
        kept = {"inputs": torch.rand(1, *shape) < 0.9}
        kept |= {f"b{n}": torch.rand(1, layer[1]) < 0.7 for n, layer in enumerate(layers[:-1]) if len(layer) == 2}
        masks = {place: mask.to(F64) / (0.9 if place == "inputs" else 0.7) for place, mask in kept.items()}
        data = Batch(data.inputs, data.targets, masks)
    expected = published(
        network, data.inputs[:, 0], data.targets[0], {k: m[0] for k, m in data.masks.items()}, rule, **numbers
    )
    record, _ = network.run(data.inputs, masks=data.masks)
    wishes, update = wishes_of(rule, network, data), only_update(rule, network, data)
    changed = 0
    for key, grad in update.grads.items():
        block = key.split(".")[1]
        slots, desire, up, change = expected[block]
        torch.testing.assert_close(record[block].spikes[:, 0], slots[1:])
        assert wishes[block].desire(F64)[0].equal(desire)
        assert wishes[block].up[0].equal(up)
        torch.testing.assert_close(-grad, change, rtol=1e-12, atol=1e-13, msg=key)
        changed += bool(change.any())
    assert len(update.grads) == len(layers)
    assert changed == len(layers), "the case shows nothing"


def test_the_fast_path_equals_the_plain_one(monkeypatch):
    monkeypatch.setattr("spikelearn.events.SMALLEST", 0)
    network, data, rule = network_of((30, 80), (80, 70), (70, 4)), batch_of((30,), 5), Desire(dropout_hidden=0.3)
    fast = only_update(rule, network, data)
    monkeypatch.setattr("spikelearn.event_products.GATED_BREAK_EVEN", -1)
    monkeypatch.setattr("spikelearn.events.SMALLEST", 10**9)
    monkeypatch.setattr("spikelearn.plasticity.targets.desire._binary", lambda network, masks: dict(masks))
    plain = only_update(rule, network, data)
    torch.testing.assert_close(fast.grads, plain.grads, rtol=1e-12, atol=1e-13)
    assert fast.scores.equal(plain.scores)
    assert fast.rates == pytest.approx(plain.rates)
    assert fast.metrics == plain.metrics


def test_by_hand():
    """Two inputs that spike at every step, two outputs of which both fire at every second step or never."""
    network = network_of((2, 2), decay=0.0)
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight").copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    inputs = torch.tensor([[1.0, 1], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0]], dtype=F64).unsqueeze(1)
    rule = Desire(margin=4, threshold_output=0.3)  # a full rate is 4 spikes: r = (1, 1/4)
    update = only_update(rule, network, Batch(inputs, torch.tensor([1])))
    # The wrong class has e = 1: unwanted; the right one e = 3/4: wanted. It fires once, with both inputs at trace 1.
    expected = torch.tensor([[-4.0, -1.0], [1.0, 1.0]], dtype=F64)  # decay 0: a trace is the spike itself
    torch.testing.assert_close(-update.grads["blocks.b0.synapse.weight"], expected)
    assert update.scores.tolist() == [[0.5, 0.125]]
    assert update.rates == {"b0": 0.3125}
    assert update.metrics == {"active_b0": 1.0}
    assert update.loss is None


def test_a_batch_is_the_sum_of_its_images():
    network, data, rule = network_of((2, 4, 3), (100, 12), (12, 4), gain=1.5), batch_of((2, 7, 7), 5), Desire()
    data = Batch(data.inputs, data.targets, {"b1": (torch.rand(5, 12) < 0.7).to(F64) / 0.7})
    whole = only_update(rule, network, data)
    singles = [only_update(rule, network, part_of(data, slice(n, n + 1))) for n in range(5)]
    for name, grad in whole.grads.items():
        assert grad.any()
        torch.testing.assert_close(5 * grad, sum(single.grads[name] for single in singles))
    assert whole.scores.equal(torch.cat([single.scores for single in singles]))


def test_learn_applies_the_sum_at_the_learning_rate():
    network, data = network_of((16, 12), (12, 4)), batch_of((16,), 5)
    grads, before = only_update(Desire(), network, data).grads, {k: v.clone() for k, v in weights_of(network).items()}
    learn(Training.start(network, Desire(), optimizer=OptimizerChoice("sgd", 1e-3)), data)
    for name, weight in weights_of(network).items():
        torch.testing.assert_close(weight - before[name], -5 * 1e-3 * grads[name], rtol=1e-9, atol=1e-14)
    assert (Desire.default_optimizer.name, Desire.default_optimizer.lr) == ("sgd", 1e-5)


@pytest.mark.parametrize("chunk", [1, 3, 19, 20, 100])
def test_chunks_make_no_difference(chunk):
    network, data = network_of((2, 4, 3), (100, 12), (12, 4)), batch_of((2, 7, 7), 3)
    whole, parts = only_update(Desire(), network, data), only_update(Desire(chunk=chunk), network, data)
    torch.testing.assert_close(parts.grads, whole.grads, rtol=1e-12, atol=1e-13)
    assert parts.scores.equal(whole.scores)
    assert parts.rates == whole.rates
    assert parts.metrics == whole.metrics


def test_only_a_chunk_is_kept(monkeypatch):
    network, data, lengths = network_of((16, 12), (12, 4)), batch_of((16,), 3, steps=50), []
    run = network.run

    def watched(inputs, *args, **options):
        lengths.append(len(inputs))
        return run(inputs, *args, **options)

    monkeypatch.setattr(network, "run", watched)
    only_update(Desire(chunk=20), network, data)
    assert lengths == [20, 20, 10, 20, 20, 10]


def test_a_constant_input_is_taken_as_it_is():
    network, image = network_of((16, 12), (12, 4)), torch.rand(3, 16, dtype=F64)
    constant = only_update(Desire(), network, Batch(image.expand(20, 3, 16), torch.arange(3)))
    copied = only_update(Desire(), network, Batch(image.repeat(20, 1, 1), torch.arange(3)))
    torch.testing.assert_close(constant.grads, copied.grads)
