"""Exact spike times: the network's own steps come near them, and losses, readouts and masks see them as they are."""

import math

import pytest
import torch
from torch import nn

from spikelearn.loading import Latency
from spikelearn.network import Activity, Block, FirstSpikeReadout, Network
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.plasticity import Batch, EventProp, MSECount, TimeToFirstSpike
from spikelearn.plasticity.gradient.event_times import Solution, Spikes, fire, in_order, input_times

F64 = torch.float64


def solution(tau_mem=20e-3, tau_syn=5e-3):
    return Solution(tau_mem, tau_syn, 1.0, 1.0)


def network(sizes=(6, 8, 3), tau_mem=20e-3, tau_syn=5e-3, dt=1e-3, delay=0):
    gain = 1.0 / (1.0 - math.exp(-dt / tau_syn))
    generator, blocks = torch.Generator().manual_seed(1), {}
    for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        linear = nn.Linear(inputs, outputs, bias=False)
        with torch.no_grad():
            linear.weight.copy_(torch.rand(outputs, inputs, generator=generator) * 24.0 / inputs)
        neuron = CubaLIF(tau_mem, tau_syn, r=gain, dt=dt)
        blocks[f"b{n}"] = Block(linear, neuron, delay=delay if n else 0)
    return Network(blocks, readout=FirstSpikeReadout(dt)).double()


def inputs_of(steps, samples=4, places=6, every=10):
    """A spike of every input within the first ``every``-th of the steps."""
    when = torch.randint(steps // every, (1, samples, places), generator=torch.Generator().manual_seed(2))
    return torch.zeros(steps, samples, places, dtype=F64).scatter_(0, when, 1.0)


@pytest.mark.parametrize(("tau_mem", "tau_syn"), [(20e-3, 5e-3), (5e-3, 20e-3), (10e-3, 10e-3), (10e-3, 5e-3)])
def test_fine_steps_come_to_the_exact_times(tau_mem, tau_syn):
    dt = 5e-5
    net, inputs = network((6, 8), tau_mem, tau_syn, dt), inputs_of(800)
    with torch.no_grad():
        record, _ = net.run(inputs)
    fired = EventProp(tail=0.0).present(net, inputs, {})["b0"].fired
    assert int(fired.counts.sum()) > 40
    assert float(record["b0"].spikes.sum()) == pytest.approx(int(fired.counts.sum()), rel=0.1)
    torch.testing.assert_close(net.scores(record), -fired.first, rtol=0.0, atol=2 * dt)
    # Every spike of a step is up to a step late, and the next begins from it.
    second = record["b0"].spikes * (record["b0"].spikes.cumsum(0) == 2)
    both = (second.sum(0) > 0) & (fired.counts > 1)
    assert int(both.sum()) > 4
    stepped = dt * second.argmax(0)[both]
    torch.testing.assert_close(stepped.to(F64), fired.times[:, :, 1][both], rtol=0.0, atol=4 * dt)


def test_a_spike_by_hand():
    """With tau_mem = 2 tau_syn the crossing solves a quadratic: v = w (a - a^2), a = e^(-t / tau_mem)."""
    spikes = Spikes(torch.tensor([[3e-3]], dtype=F64), torch.tensor([[0]]), torch.ones(1, 1, dtype=F64))
    fired = fire(solution(10e-3, 5e-3), spikes, torch.tensor([[5.0], [3.9]], dtype=F64), 1.0)
    expected = 3e-3 - 10e-3 * math.log((1 + math.sqrt(1 - 4 / 5)) / 2)
    assert fired.counts.tolist() == [[1, 0]], "a peak of w / 4 below the threshold is no spike"
    assert float(fired.first[0, 0]) == pytest.approx(expected, rel=1e-13)
    assert fired.first[0, 1] == torch.inf


def test_inputs_tell_the_time_within_a_step():
    times = input_times(torch.tensor([[[0.0, 1.0]], [[0.25, 0.0]]], dtype=F64), 2e-3)
    torch.testing.assert_close(times, torch.tensor([[[math.inf, 3.5e-3], [0.0, math.inf]]], dtype=F64))
    spikes, places = in_order(times, 1.0)
    assert (spikes.sources.tolist(), places.tolist()) == ([[1, 0]], [[2, 1]])
    with pytest.raises(ValueError, match=r"inputs go from 0 to 2, expected spikes.*--encoder latency"):
        input_times(torch.tensor([[[0.0, 2.0]]]), 1e-3)


def test_latency_tells_the_time_within_a_step():
    pixels = torch.tensor([0.0, 0.3, 0.5, 1.0], dtype=F64).reshape(1, 1, 1, 4)
    found = Latency(exact=True)(pixels, 4, torch.tensor([0]), (0, "train", 0))[:, 0, 0]
    times = input_times(found, 1.0)[0, :, :].min(1).values
    torch.testing.assert_close(times, torch.tensor([math.inf, 2.8, 2.0, 0.0], dtype=F64))
    assert Latency()(pixels, 4, torch.tensor([0]), (0, "train", 0)).bool()[:, 0, 0].equal(found > 0)


def test_a_delay_makes_all_later_by_as_much():
    inputs = inputs_of(60)
    early, late = (EventProp(tail=1.0).present(network(delay=delay), inputs, {})["b1"].fired for delay in (0, 7))
    torch.testing.assert_close(late.times, early.times + 7e-3)


def test_chunks_do_not_matter(monkeypatch):
    from spikelearn.plasticity.gradient import event_times

    data = Batch(inputs_of(60), torch.tensor([0, 1, 2, 0]))
    found = []
    for chunk in (2**21, 1):
        monkeypatch.setattr(event_times, "CHUNK", chunk)
        (update,) = EventProp().updates(network(), data, {}, torch.Generator())
        found.append(update.grads)
    torch.testing.assert_close(found[0], found[1])


def test_the_loss_by_hand():
    loss = TimeToFirstSpike(tau_0=2.0, tau_1=4.0, alpha=0.5)
    scores = torch.tensor([[-1.0, -3.0], [-torch.inf, -2.0], [-torch.inf, -2.0]], dtype=F64, requires_grad=True)
    each = loss.each(scores, torch.tensor([0, 1, 0]))
    first = math.log(1 + math.exp(-1.0)) + 0.5 * (math.exp(0.25) - 1)
    assert each.tolist() == pytest.approx([first, 0.5 * (math.exp(0.5) - 1), 0.0])
    (slope,) = torch.autograd.grad(each.sum(), scores)
    assert slope.isfinite().all()
    assert not slope[2].any(), "a silent label teaches nothing"


def test_a_silent_label_is_woken():
    net, data = network(), Batch(inputs_of(60), torch.tensor([0, 1, 2, 0]))
    with torch.no_grad():
        net.blocks["b1"].synapse.weight[2] = 0.01
    rule = EventProp()
    (plain,) = rule.updates(net, data, {}, torch.Generator())
    (woken,) = EventProp(wake=2.0).updates(net, data, {}, torch.Generator())
    assert plain.metrics == woken.metrics == {"silent_labels": 0.25}
    counts = rule.present(net, data.inputs, {})["b0"].fired.counts[2].to(F64)
    change = torch.zeros(3, 8, dtype=F64)
    change[2] = -2.0 * counts / 4
    torch.testing.assert_close(
        woken.grads["blocks.b1.synapse.weight"] - plain.grads["blocks.b1.synapse.weight"], change
    )
    (words,) = rule.warnings(plain.metrics)
    assert "stayed silent for 25 %" in words
    assert rule.warnings({"silent_labels": 0.0}) == []


def test_first_spikes_of_a_record():
    spikes = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]], dtype=F64).unsqueeze(1).requires_grad_()
    readout, seen = FirstSpikeReadout(2.0), Activity(spikes, spikes, spikes)
    assert readout(seen).tolist() == [[-2.0, 0.0, -6.0]]
    (slope,) = torch.autograd.grad(readout(seen).sum(), spikes)
    assert slope[0].tolist() == [[2.0, 2.0, 6.0]], "no step behind another spike counts"
    valid = torch.tensor([[True], [False], [True]])
    assert readout(seen, valid).tolist() == [[-4.0, 0.0, -6.0]]


@pytest.mark.parametrize(
    ("neuron", "words"),
    [
        (LIF(10e-3), "solves the equations of current-based LIF neurons, but block 'a' is a LIF"),
        (CubaLIF.per_step(), "of block 'a' have discretisation=euler: use"),
        (CubaLIF(reset="subtract"), "of block 'a' have reset=subtract: use"),
        (CubaLIF(v_leak=0.5), "of block 'a' have v_leak=0.5: use"),
        (CubaLIF(torch.tensor([1e-2, 2e-2])), "block 'a': eventprop takes one tau_mem for all neurons"),
    ],
)
def test_neurons_that_it_cannot_solve(neuron, words):
    net = Network({"a": Block(nn.Linear(3, 2, bias=False), neuron)}, readout=FirstSpikeReadout())
    with pytest.raises(ValueError, match=words):
        EventProp().check(net)


def test_other_losses_and_readouts_are_refused():
    with pytest.raises(ValueError, match="loss"):
        EventProp(loss=MSECount())
    net = Network({"a": Block(nn.Linear(3, 2, bias=False), CubaLIF())})
    with pytest.raises(ValueError, match=r"the readout is RateReadout: use FirstSpikeReadout"):
        EventProp().check(net)


def test_rates_are_of_the_steps_and_the_tail():
    dt = 5e-5
    net, inputs = network(dt=dt), inputs_of(400)
    (update,) = EventProp(tail=400 * dt).updates(net, Batch(inputs, torch.arange(4) % 3), {}, torch.Generator())
    with torch.no_grad():
        record, _ = net.run(torch.cat([inputs, torch.zeros_like(inputs)]))
    for name, rate in update.rates.items():
        assert rate == pytest.approx(float(record[name].spikes.mean()), rel=0.15)
