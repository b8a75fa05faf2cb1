"""Counts against NeuroBench's own, closed forms, and sums of masks."""

import dataclasses
import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from spikelearn import network_for
from spikelearn.event_products import gated_outer_product
from spikelearn.events import events_of
from spikelearn.fast_path import is_watched
from spikelearn.measure import Count, forward_operations, learning_operations
from spikelearn.measure.operations import _Counter
from spikelearn.measure.products import is_ternary, is_uncounted
from spikelearn.network import Block, Network, build
from spikelearn.neurons import IF, LIF, Surrogate, Triangle
from spikelearn.plasticity import BPTT, DECOLLE, STDP, Batch, CrossEntropyRate, OnlineSTDP, ReadoutOnly, Rule, Update
from spikelearn.plasticity.two_phase.base import ErrorNeuronRule
from spikelearn.synapses.event_conv import event_conv
from tests.conformance.cases import RULES


def drawn(*shape, share=0.5):
    return torch.randn(shape) * (torch.rand(shape) < share)


def watched(make):
    """(counter, result) of what ``make`` does."""
    counter = _Counter(nn.Module())
    with counter:
        result = make()
    return counter, result


def mask(x):
    return (x != 0).double()


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("left", "right", "product"),
    [
        ((3, 4), (4, 5), torch.matmul),
        ((2, 3, 4), (2, 4, 5), torch.bmm),
        ((2, 3, 4), (4, 5), torch.matmul),
        ((3, 4), (4,), torch.mv),
        ((4,), (4,), torch.dot),
        ((3, 4), (5, 4), F.linear),
        ((3, 4), (4, 5), lambda a, b: torch.addmm(torch.ones(3, 5), a, b)),
        ((2, 3, 4), (2, 4, 5), lambda a, b: torch.baddbmm(torch.ones(2, 3, 5), a, b)),
        ((3, 4), (4, 5), lambda a, b: torch.zeros(3, 5).addmm_(a, b)),
        ((2, 3, 4), (2, 4, 5), lambda a, b: torch.zeros(3, 5).addbmm_(a, b)),
        ((3, 4), (4,), lambda a, b: torch.addmv(torch.zeros(3), a, b)),
        ((3,), (5,), lambda a, b: torch.zeros(3, 5).addr_(a, b)),
        ((3, 4), (4, 5), lambda a, b: torch.einsum("ij,jk->ki", a, b)),
    ],
)
@pytest.mark.parametrize("inference", [False, True])
def test_matrix_products_are_counted_by_their_nonzero_pairs(left, right, product, inference):
    torch.manual_seed(0)
    a, b = drawn(*left), drawn(*right)
    with torch.inference_mode(inference):
        counter, result = watched(lambda: product(a, b))
    bias = 1.0 if product(torch.zeros(left), torch.zeros(right)).any() else 0.0
    torch.testing.assert_close(result, product(a, b))
    pairs = (product(mask(a).float(), mask(b).float()) - bias).sum().item()
    every = (product(torch.ones(left), torch.ones(right)) - bias).sum().item()
    assert counter.total == Count(0.0, pairs, every)
    assert 0 < pairs < every


@pytest.mark.parametrize(
    ("maps", "options"),
    [
        ((4, 6), {}),
        ((4, 6), {"stride": 2, "padding": 1}),
        ((4, 6), {"groups": 2, "padding": 2}),
        ((4, 6), {"dilation": 2}),
        ((4, 8), {"groups": 4, "stride": 3}),
    ],
)
@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions_are_those_of_the_masks(maps, options, transposed):
    torch.manual_seed(1)
    layer = (nn.ConvTranspose2d if transposed else nn.Conv2d)(*maps, 3, **options)
    with torch.no_grad():
        layer.weight.mul_(torch.rand_like(layer.weight) < 0.6)
    x = drawn(3, maps[0], 9, 9).requires_grad_()
    function = F.conv_transpose2d if transposed else F.conv2d
    masks = [mask(x).requires_grad_(), mask(layer.weight).requires_grad_()]
    reference = function(*masks, **options)
    counter, out = watched(lambda: layer(x))
    assert counter.total.macs == pytest.approx(reference.sum().item())
    assert counter.total.dense == function(torch.ones_like(x), torch.ones_like(layer.weight), **options).sum().item()
    error = drawn(*out.shape)
    counter, _ = watched(lambda: torch.autograd.grad(out, [x, layer.weight], error))
    pulled = torch.autograd.grad(function(*masks, **options), masks, mask(error))
    assert counter.total.macs == pytest.approx(sum(part.sum().item() for part in pulled))
    ones = [torch.ones_like(part).requires_grad_() for part in masks]
    pulled = torch.autograd.grad(function(*ones, **options), ones, torch.ones_like(error).double())
    assert counter.total.dense == pytest.approx(sum(part.sum().item() for part in pulled))


def test_a_linear_system_is_counted_by_elimination():
    """2 x 2 with one right side: one quotient and one product to eliminate, four to substitute."""
    counter, _ = watched(lambda: torch.linalg.solve(torch.tensor([[2.0, 1.0], [1.0, 3.0]]), torch.tensor([1.0, 2.0])))
    assert counter.total == Count(0.0, 6.0, 6.0)


def test_what_is_an_accumulate():
    assert is_ternary(torch.tensor([-1.0, 0.0, 1.0]))
    assert is_ternary(torch.tensor([True]))
    assert not is_ternary(torch.tensor([1.0, 2.0]))
    spikes, weight = (torch.rand(5, 4) < 0.5).float(), drawn(3, 4)
    assert watched(lambda: F.linear(spikes, weight))[0].total.macs == 0
    assert watched(lambda: F.linear(0.5 * spikes, weight))[0].total.acs == 0


def test_which_operations_would_be_missed():
    aten = torch.ops.aten
    missed = [
        aten._embedding_bag,
        aten._sparse_mm,
        aten.linalg_inv_ex,
        aten.mkldnn_rnn_layer,
        aten._int_mm,
        aten._cdist_forward,
    ]
    harmless = [
        aten.mul,
        aten.lgamma,
        aten.linalg_vector_norm,
        aten.upsample_bilinear2d,
        aten.embedding,
        aten.index_add,
        aten.mm,
    ]
    assert all(map(is_uncounted, missed))
    assert not any(map(is_uncounted, harmless))


def test_the_input_decides_and_not_the_weights():
    network = Network({"out": Block(nn.Linear(3, 2), IF())})
    with torch.no_grad():
        network.blocks["out"].synapse.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, 1.0]]))
    found = forward_operations(network, torch.full((4, 2, 3), 0.5))
    assert found.total == Count(0.0, 4 * 4.0, 4 * 6.0)


def test_a_forward_pass_by_hand():
    """Input (1, 1, 0) makes both hidden neurons fire at each of two steps; one of four output weights is 0."""
    network = Network({"a": Block(nn.Linear(3, 2), IF()), "b": Block(nn.Linear(2, 2), IF())})
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.weight.fill_(2.0)
        network.blocks["b"].synapse.weight[0, 0] = 0.0
    inputs = torch.tensor([1.0, 1.0, 0.0]).repeat(2, 5, 1)
    found = forward_operations(network, inputs)
    assert found.blocks == {"a": Count(8.0, 0.0, 12.0), "b": Count(6.0, 0.0, 8.0)}
    assert found.total == Count(14.0, 0.0, 20.0)
    assert json.loads(json.dumps(dataclasses.asdict(found)))["total"]["acs"] == 14.0


def test_readout_feedback_and_reparametrised_weights_have_their_part():
    network = build("6-8(F8)-3", spectral_feedback=True, readout="linear")
    found = forward_operations(network, torch.rand(4, 2, 6))
    assert set(found.blocks) == {*network.blocks, *(f"feedback.{name}" for name in network.feedback), "readout"}
    together = Count()
    for part in found.blocks.values():
        together = together.plus(part)
    assert together == found.total, "computing a reparametrised weight is no synaptic operation"
    assert any(parametrize.is_parametrized(m) for m in network.modules())


def test_a_constant_input_counts_as_often_as_it_is_mapped():
    network = Network({"out": Block(nn.Linear(6, 4), LIF.per_step())})
    constant = torch.rand(1, 2, 6).expand(5, 2, 6)
    assert forward_operations(network, constant).total.macs == 24
    assert forward_operations(network, constant.contiguous()).total.macs == 5 * 24


def test_neurobench_counts_the_same():
    neurobench = pytest.importorskip("neurobench.metrics.workload")
    models = pytest.importorskip("neurobench.models")
    snn = pytest.importorskip("snntorch")
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.Linear(64, 10)
    with torch.no_grad():
        # Quarters: sums are exact in any order, so that both programs fire at the same steps.
        for layer, scale in ((conv, 8), (linear, 16)):
            layer.weight.copy_((layer.weight * scale).round() / 4)
            layer.bias.zero_()
    network = Network(
        {
            "conv": Block(conv, IF(reset="subtract")),
            "out": Block(nn.Sequential(nn.Flatten(), linear), IF(reset="subtract")),
        }
    )
    for inputs in ((torch.rand(6, 5, 2, 8, 8) < 0.3).float(), (torch.rand(6, 5, 2, 8, 8) * 4).round() / 4):
        hidden, out = snn.Leaky(1.0, init_hidden=True), snn.Leaky(1.0, init_hidden=True, output=True)
        model = models.SNNTorchModel(nn.Sequential(conv, hidden, nn.Flatten(), linear, out))
        model.register_hooks()
        data = (inputs.transpose(0, 1), torch.zeros(5))
        predicted = model(data[0])
        wanted = neurobench.SynapticOperations()(model, predicted, data)
        model.cleanup_hooks()
        assert torch.equal(predicted.transpose(0, 1), network.run(inputs)[0]["out"].spikes)
        found = forward_operations(network, inputs).total
        assert found.acs == wanted["Effective_ACs"] > 0
        assert found.macs == wanted["Effective_MACs"]
        assert found.dense == wanted["Dense"]


def learner():
    """Large enough for event kernels, which must step aside, and a surrogate that leaves many errors zero."""
    torch.manual_seed(0)
    network = build("784-64-10", LIF.per_step)
    with torch.no_grad():
        network.get_parameter("blocks.fc2.synapse.1.weight").mul_(4)
    inputs = (torch.rand(5, 20, 784) < 0.1).float()
    return network, Batch(inputs, torch.randint(0, 10, (20,)))


def errors(network, batch, loss, adjoint):
    """{block: error at every current}, by injecting a current that is zero."""
    shapes = network.shapes(batch.inputs[0])
    inject = {name: torch.zeros(5, 20, *shape, requires_grad=True) for name, shape in shapes.items()}
    record, _ = network.run(batch.inputs, adjoint=adjoint, inject=inject)
    value = loss(record.output, network.scores(record), batch.targets)
    return dict(zip(inject, torch.autograd.grad(value, list(inject.values())), strict=True)), record


def test_learning_by_bptt_is_the_closed_form():
    """dW: sum over t, b of nnz(pre) nnz(error); dX of the upper block: nnz(error) times its inputs."""
    network, batch = learner()
    assert events_of(batch.inputs) is not None, "the fast path would be taken"
    loss, adjoint = CrossEntropyRate(), Surrogate(Triangle(width=0.3))
    error, record = errors(network, batch, loss, adjoint)
    pairs = {name: (mask(record[name].pre).flatten(2).sum(2) * mask(error[name]).sum(2)).sum().item() for name in error}
    back = 64 * mask(error["fc2"]).sum().item()
    assert 0 < mask(error["fc1"]).mean() < 1
    found = learning_operations(network, BPTT(loss, adjoint), batch, {}, generator())
    assert found.total.acs == pytest.approx((pairs["fc1"] + pairs["fc2"]) / 20)
    assert found.total.macs == pytest.approx(back / 20)
    assert found.total.dense == 5 * (784 * 64 + 2 * 64 * 10)
    control = learning_operations(network, ReadoutOnly(loss, adjoint), batch, {}, generator())
    assert control.total == Count(pairs["fc2"] / 20, 0.0, 5 * 64 * 10.0)
    ratio = (found.total.acs + found.total.macs) / control.total.acs
    assert ratio == pytest.approx((sum(pairs.values()) + back) / pairs["fc2"])


def test_learning_by_local_readouts_is_outer_products_and_each_readout_forth_and_back():
    torch.manual_seed(0)
    rule = DECOLLE(form="sequence")
    network = network_for(rule, "12-8-7-3", (12,))
    batch = Batch((torch.rand(6, 4, 12) < 0.5).float(), torch.arange(4) % 3)
    memory = rule.init(network, generator())
    outer, readouts = 12 * 8 + 8 * 7 + 7 * 3, 3 * (8 + 7)
    assert learning_operations(network, rule, batch, memory, generator()).total.dense == 6 * (outer + 2 * readouts)


def test_kernels_for_sparse_records_step_aside_while_products_are_watched():
    torch.manual_seed(0)
    conv, rows = nn.Conv2d(2, 32, 3), (torch.rand(20, 2, 50, 50) < 0.05).float()
    record, factor = (torch.rand(3, 4, 20) < 0.1).float(), torch.randint(-1, 2, (4, 20)).float()
    pre = torch.rand(3, 4, 7)
    assert event_conv(conv, rows) is not None
    sparse = gated_outer_product(record, factor, pre)
    with _Counter(conv) as counter:
        assert is_watched()
        assert event_conv(conv, rows) is None
        assert events_of(torch.zeros(10, 100, 100)) is None
        torch.testing.assert_close(gated_outer_product(record, factor, pre), sparse)
    assert counter.total.acs == ((record != 0) & (factor != 0)).sum().item() * 7
    assert not is_watched()


def test_stdp_correlates_once_and_carries_nothing_back():
    network, batch = learner()
    record, _ = network.run(batch.inputs)
    found = learning_operations(network, STDP(), batch, {}, generator()).total
    assert found.dense == 5 * (784 * 64 + 64 * 10)
    assert found.macs == 0
    assert 0 < found.acs <= sum(mask(seen.pre).sum().item() * seen.spikes.shape[2] for seen in record.values()) / 20


def test_stdp_that_changes_weights_at_once_is_counted_by_its_steps():
    """At every step two correlations; with traces of the inputs so far and of the spikes so far."""
    torch.manual_seed(1)
    network = Network({"out": Block(nn.Linear(30, 8, bias=False), IF())})
    with torch.no_grad():
        network.blocks["out"].synapse.weight.uniform_(0.1, 0.9)
    inputs = (torch.rand(6, 4, 30) < 0.3).float()
    found = learning_operations(network, OnlineSTDP(), Batch(inputs, torch.zeros(4).long()), {}, generator()).total
    assert found.dense == 2 * 6 * 30 * 8


def cases():
    return [pytest.param(case, id=f"{name}-{n}") for name, found in RULES.items() for n, case in enumerate(found)]


@pytest.mark.parametrize("case", cases())
def test_every_rule_is_counted_and_nothing_changes(case):
    torch.manual_seed(0)
    network, rule, drawing = case.network(), case.make(), generator()
    # Of an even number of steps a rule of two phases leaves one out, which inference counts.
    steps = 11 if isinstance(rule, ErrorNeuronRule) else 10
    rewards = torch.ones(steps, 4) if case.rule in ("mstdp", "mstdpet", "dopamine-stdp") else None
    batch = Batch((torch.rand(steps, 4, 6) < 0.4).float(), torch.tensor([0, 1, 0, 1]), rewards=rewards)
    memory = rule.init(network, drawing)
    before = [
        x.clone()
        for x in [*network.state_dict().values(), *memory.values(), drawing.get_state(), torch.get_rng_state()]
    ]
    found = learning_operations(network, rule, batch, memory, drawing)
    forward_operations(network, batch.inputs)
    after = [*network.state_dict().values(), *memory.values(), drawing.get_state(), torch.get_rng_state()]
    assert all(map(torch.equal, before, after))
    assert all(parameter.grad is None for parameter in network.parameters())
    if case.rule == "eventprop":  # it multiplies by no matrix
        assert "no product beyond a forward pass was seen" in found.reason
        return
    if case.rule == "pc-spiking":  # its circuit fires less than the network does without errors
        assert "takes fewer operations than inference" in found.reason
        return
    assert found.reason == ""
    assert 0 < found.total.acs + found.total.macs <= found.total.dense
    assert not is_watched()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


class Odd(Rule):
    def __init__(self, learn):
        self.learn = learn

    def updates(self, network, batch, memory, generator):
        scores = network.scores(network.run(batch.inputs[: len(batch.inputs) // 2])[0])
        name, weight = next(iter(network.named_parameters()))
        yield Update({name: self.learn(weight.detach())}, scores)


@pytest.mark.parametrize(
    ("learn", "words"),
    [
        (lambda w: 2.0 * w, "element by element"),
        (lambda w: F.embedding_bag(torch.tensor([[0, 1]]), w).expand_as(w), "_embedding_bag"),
        (lambda w: torch.sparse.mm(torch.eye(8).to_sparse(), w), "sparse"),
        (lambda w: w @ torch.randn(784, 784) @ torch.randn(784, 784), "fewer operations than inference"),
    ],
)
def test_what_cannot_be_counted_says_why(learn, words):
    network = Network({"out": Block(nn.Linear(784, 8), IF())})
    batch = Batch((torch.rand(8, 200, 784) < 0.5).float(), torch.zeros(200).long())
    found = learning_operations(network, Odd(learn), batch, {}, generator())
    assert found.total is None
    assert words in found.reason
