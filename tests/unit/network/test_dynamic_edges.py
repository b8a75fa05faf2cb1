"""Edges whose weights meet more than one step: delays of single connections, learned delays, short-term plasticity."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import LIF, LeakyIntegrator
from spikelearn.plasticity import BPTT, DFA, IDE, RULES, Batch, MSECount, OptimizerChoice
from spikelearn.plasticity.requires import StaticEdges
from spikelearn.synapses import DelayedLinear, SparseLinear, drive, windows
from spikelearn.synapses.releases import TsodyksMarkram
from spikelearn.training import Training, learn
from tests.helpers import F64, only_update

TARGETS = torch.tensor([0, 1, 2, 0])


def spikes(steps=12, size=6, seed=0):
    return (torch.rand(steps, 4, size, generator=torch.Generator().manual_seed(seed)) < 0.4).to(F64)


def learned(interpolation="gaussian", **options):
    generator = torch.Generator().manual_seed(4)
    return DelayedLinear(6, 8, 5, interpolation=interpolation, generator=generator, **options).to(F64)


def behind(first, release=None):
    torch.manual_seed(2)
    blocks = {"a": Block(first, LIF.per_step(0.8), release=release), "b": Block(nn.Linear(8, 3), LIF.per_step(0.8))}
    network = Network(blocks).to(F64)
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.weight.mul_(4.0)
    return network


def test_every_connection_arrives_after_its_own_delay():
    synapse = SparseLinear(2, 1, [0, 0, 1], [0, 0, 0], delays=[0, 3, 2], weight=[1.0, 10.0, 100.0], bias=False).to(F64)
    network = Network({"a": Block(synapse, LeakyIntegrator.per_step(0.0))}).to(F64)
    inputs = torch.zeros(6, 1, 2, dtype=F64)
    inputs[1, 0, 0] = inputs[2, 0, 1] = 1.0
    expected = torch.tensor([0.0, 1.0, 0.0, 0.0, 110.0, 0.0], dtype=F64)
    torch.testing.assert_close(network.run(inputs)[0]["a"].v.flatten(), expected)


def test_a_delay_behind_a_feedback_edge_comes_on_top_of_its_step():
    loop = Feedback("a", "a", SparseLinear(1, 1, [0], [0], delays=2, weight=[5.0], bias=False))
    network = Network({"a": Block(nn.Linear(1, 1, bias=False), LIF.per_step(0.0))}, {"loop": loop}).to(F64)
    network.blocks["a"].synapse.weight.data.fill_(2.0)
    inputs = torch.zeros(8, 1, 1, dtype=F64)
    inputs[1] = 1.0
    assert network.run(inputs)[0]["a"].spikes.flatten().nonzero().flatten().tolist() == [1, 4, 7]


def test_delays_of_one_connection_each_are_those_of_a_whole_edge():
    torch.manual_seed(0)
    late = SparseLinear.fixed_probability(6, 8, 1.0, delays=3)
    plain = nn.Linear(6, 8)
    with torch.no_grad():
        plain.weight.copy_(late.dense()[:, 0])
        plain.bias.copy_(late.bias)
    one, other = Network({"a": Block(late, LIF.per_step())}), Network({"a": Block(plain, LIF.per_step(), delay=3)})
    torch.testing.assert_close(*(n.double().run(spikes())[0]["a"].v for n in (one, other)))


@pytest.mark.parametrize(("interpolation", "width"), [("gaussian", 1.3), ("triangle", 0.0), ("triangle", 1.5)])
def test_learned_delays_are_kernels_over_time_whose_positions_have_a_gradient(interpolation, width):
    synapse = learned(interpolation, width=width)
    line = spikes(10 + 5).requires_grad_()
    # As a filter of each pair of neurons, written out.
    kernel = torch.zeros(8, 6, 6, dtype=F64)
    for j in range(8):
        for i in range(6):
            away = torch.arange(6, dtype=F64) - synapse.delays[j, i].detach()
            shape = (
                torch.exp(-(away**2) / (2 * width**2)) if interpolation == "gaussian" else F.relu(1 + width - abs(away))
            )
            kernel[j, i] = synapse.weight[j, i].detach() * shape / shape.sum()
    expected = synapse.bias + sum(line[5 - d : 15 - d] @ kernel[:, :, d].t() for d in range(6))
    torch.testing.assert_close(synapse.along(line), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(drive(synapse, windows(line, 5).detach()), expected, rtol=1e-6, atol=1e-6)

    def current(weight, delays):
        parameters = {"weight": weight, "delays": delays, "bias": synapse.bias.detach(), "width": synapse.width}
        return torch.func.functional_call(synapse, parameters, (windows(line, 5).detach()[2],))

    assert torch.autograd.gradcheck(current, (synapse.weight, synapse.delays))


def test_bptt_finds_the_delays_that_a_teacher_has():
    """Inputs that fire at known steps must arrive together: only the delays can do it."""
    torch.manual_seed(0)
    student = DelayedLinear(3, 1, 9, width=3.0, least_width=0.5, narrowing=0.98, bias=False)
    with torch.no_grad():
        student.weight.fill_(0.5)
        student.delays.fill_(4.5)
    student.weight.requires_grad_(False)
    network = Network({"a": Block(student, LeakyIntegrator.per_step(0.0))})
    inputs = torch.zeros(20, 1, 3)
    for source, step in enumerate((2, 5, 9)):
        inputs[step, 0, source] = 1.0
    wanted = torch.zeros(20, 1, 1)
    wanted[10] = 1.5
    optimizer = torch.optim.Adam([student.delays], lr=0.2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = (network.run(inputs)[0]["a"].v - wanted).square().sum()
        loss.backward()
        optimizer.step()
        network.hold_laws(["blocks.a.synapse.delays"])
    assert student.settled().delays.tolist() == [8, 5, 1]
    assert float(student.width) == 0.5


def test_delays_stay_in_range_and_kernels_narrow_with_every_step_of_training():
    network = behind(learned(width=2.0, narrowing=0.5, least_width=0.7))
    training = Training.start(network, BPTT(), optimizer=OptimizerChoice("sgd", 1e4))
    synapse, before = network.blocks["a"].synapse, network.blocks["a"].synapse.delays.detach().clone()
    learn(training, Batch(spikes(), TARGETS))
    assert float(synapse.width) == 1.0
    assert not torch.equal(before, synapse.delays)
    assert float(synapse.delays.detach().min()) >= 0.0
    assert float(synapse.delays.detach().max()) <= 5.0
    stored = copy.deepcopy(training.state_dict())
    learn(training, Batch(spikes(), TARGETS))
    assert float(synapse.width) == pytest.approx(0.7)
    training.load_state_dict(stored)
    assert float(synapse.width) == 1.0


def test_settled_delays_are_what_narrow_kernels_do():
    synapse = learned("triangle")
    with torch.no_grad():
        synapse.delays.round_()
    torch.testing.assert_close(synapse.settled().along(spikes(9)), synapse.along(spikes(9)), rtol=1e-6, atol=1e-6)


def plainly_released(spikes, u, tau_rec, tau_fac, dt):
    """Short-term plasticity in closed form from spike to spike, of one neuron, differentiable in its constants."""
    out, last, raised, there = torch.zeros(len(spikes), dtype=F64), None, u, torch.ones((), dtype=F64)
    for t in spikes.nonzero().flatten().tolist():
        if last is not None:
            away = torch.as_tensor((t - last) * dt, dtype=F64)
            there = 1 + (there - there * raised - 1) * torch.exp(-away / tau_rec)
            raised = u + raised * (1 - u) * torch.exp(-away / tau_fac)
        out = out.index_add(0, torch.tensor([t]), (raised * there).unsqueeze(0))
        last = t
    return out


def test_constants_of_short_term_plasticity_are_learned():
    release = TsodyksMarkram(0.3, 20e-3, 50e-3, learnable=True).to(F64)
    logs = (release.logit_u, release.log_tau_rec, release.log_tau_fac)
    given = torch.sigmoid(logs[0]), *(log.exp() for log in logs[1:])
    train = spikes(30, 1)[:, 0, 0]
    weights = torch.randn(30, dtype=F64, generator=torch.Generator().manual_seed(1))
    found = release.sequence(None, train.view(30, 1, 1))[0].flatten()
    expected = plainly_released(train, *given, 1e-3)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad((found * weights).sum(), logs), torch.autograd.grad((expected * weights).sum(), logs)
    )


def test_short_term_plasticity_is_differentiable_in_what_arrives():
    release = TsodyksMarkram(0.3, 20e-3, 50e-3)
    x = torch.rand(6, 2, 3, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: release.sequence(None, x)[0], (x,))


def test_constants_of_each_neuron():
    rec = torch.tensor([5e-3, 0.5], dtype=F64)
    both = TsodyksMarkram(0.5, rec, 0.0)
    x = spikes(20, 2)
    found = both.sequence(None, x)[0]
    for neuron in range(2):
        alone = TsodyksMarkram(0.5, float(rec[neuron])).sequence(None, x[:, :, neuron : neuron + 1])[0]
        torch.testing.assert_close(found[:, :, neuron : neuron + 1], alone)
    with pytest.raises(ValueError, match=r"have shape \[2\], but the neurons that send are \[3\]"):
        both.sequence(None, spikes(20, 3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"u": 0.0}, "u is 0.0"),
        ({"u": 1.5}, r"expected a share in \(0, 1\]"),
        ({"tau_rec": 0.0}, "tau_rec is 0.0"),
        ({"tau_fac": -1.0}, "tau_fac is -1.0"),
        ({"dt": 0.0}, "dt is 0.0"),
        ({"u": 1.0, "learnable": True}, "learnable needs u below 1"),
    ],
)
def test_refused_constants(options, words):
    with pytest.raises(ValueError, match=words):
        TsodyksMarkram(**options)


def test_refused_edges():
    with pytest.raises(ValueError, match="expected one time step"):
        behind(nn.Linear(6, 8), TsodyksMarkram(dt=1e-4))
    with pytest.raises(ValueError, match="stands alone"):
        Block(nn.Sequential(nn.Flatten(), learned()), LIF())
    with pytest.raises(ValueError, match="release is"):
        Block(nn.Linear(6, 8), LIF(), release=TsodyksMarkram)
    with pytest.raises(ValueError, match="a: DelayedLinear.* cannot take a line"):
        behind(learned()).run(spikes(size=5))
    with pytest.raises(ValueError, match="which no map of steady rates knows"):
        behind(learned()).rate_map({}, spikes()[0])


@pytest.mark.parametrize("first", [learned, lambda: nn.Linear(6, 8)])
def test_rules_that_know_one_step_alone_say_so(first):
    network = behind(first(), TsodyksMarkram() if first is not learned else None)
    for rule in (DFA(), IDE()):
        with pytest.raises(ValueError, match="the edge 'a' has"):
            rule.check(network)
    assert str(StaticEdges()).startswith("no delays of single connections")


@pytest.mark.parametrize("release", [None, TsodyksMarkram(0.6, 20e-3, 10e-3)])
def test_chunks_of_bptt_give_its_gradient(release):
    network = behind(learned(), release)
    batch = Batch(spikes(40), TARGETS)
    whole = only_update(BPTT(MSECount()), network, batch)
    parts = only_update(BPTT(MSECount(), memory_budget=0.06), network, batch)
    assert parts.metrics["chunk"] < 40
    assert float(whole.grads["blocks.a.synapse.weight"].abs().max()) > 0
    for name, grad in whole.grads.items():
        torch.testing.assert_close(parts.grads[name], grad)


@pytest.mark.parametrize("rule", ["stdp", "triplet-stdp:online=false,low=-9,high=9", "vogels:low=-9,high=9"])
def test_rules_of_spikes_learn_behind_learned_delays_or_say_why_not(rule):
    network = behind(SparseLinear.fixed_probability(6, 8, 0.9, delays=(0, 3)), TsodyksMarkram(0.9, 5e-3))
    update = only_update(RULES.make(rule), network, Batch(spikes(), TARGETS))
    assert float(update.grads["blocks.a.synapse.weight"].abs().max()) > 0
