import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, build
from spikelearn.neurons import LIF, CubaLIF, LeakyIntegrator, Neuron
from spikelearn.plasticity import (
    BPTT,
    DFA,
    FA,
    RULES,
    Batch,
    CrossEntropy,
    CrossEntropyMembrane,
    Direct,
    DirectKolenPollack,
    EligibilityTrace,
    InstantTrace,
    LayeredFeedback,
    LocalReadout,
    MSECount,
    PrePostTrace,
    PreTrace,
    RandomTarget,
    Spatial,
    ThreeFactor,
)
from spikelearn.synapses import Scale, SumPool2d, correlate, standardised
from tests.helpers import NETWORKS, batch_for, dense, largest_difference, lifted, looped, only_update

F64 = torch.float64
MEMBRANE = CrossEntropyMembrane()
SIGNALS = {
    "spatial": lambda: Spatial(MEMBRANE),
    "feedback": lambda: LayeredFeedback(MEMBRANE),
    "direct": lambda: Direct(MEMBRANE),
    "direct, learned": lambda: DirectKolenPollack(MEMBRANE),
    "direct, sign": lambda: Direct(MEMBRANE, sign=True),
    "random target": lambda: RandomTarget(MEMBRANE),
    "local readout": lambda: LocalReadout(dropout=0.3, potential_strength=0.2),
}
TRACES = {
    "instant": InstantTrace,
    "membrane": PreTrace,
    "decay": lambda: PreTrace(0.3),
    "inputs": lambda: PreTrace(0.6, inputs=False),
    "both sides": lambda: PrePostTrace(0.6, 0.3, alpha_pre=0.7, alpha_post=-0.4, decay_read=0.9),
}


def potentials(net="6-8-7-3", **options):
    return dense(net, output=LeakyIntegrator.per_step, **options)


@pytest.mark.parametrize("case", NETWORKS)
def test_the_loss_itself_through_time_is_bptt(case):
    network, loss = NETWORKS[case][0](), NETWORKS[case][1]
    data = batch_for(network)
    exact = only_update(BPTT(loss), network, data)
    found = only_update(ThreeFactor(Spatial(loss), EligibilityTrace()), network, data)
    assert largest_difference(found.grads, exact.grads) == 0
    assert found.scores.equal(exact.scores)


@pytest.mark.parametrize("kind", ["random", "sign-symmetric", "frozen"])
def test_the_loss_through_other_weights_is_feedback_alignment(kind):
    network = dense()
    data, aligned, found = (
        batch_for(network),
        FA(feedback=kind),
        ThreeFactor(LayeredFeedback(kind=kind), EligibilityTrace()),
    )
    memory = aligned.init(network, torch.Generator().manual_seed(5))
    assert found.init(network, torch.Generator().manual_seed(5)).keys() == memory.keys()
    with torch.no_grad():
        network.blocks["fc2"].synapse[1].weight.neg_()
    expected = only_update(aligned, network, data, memory)
    assert largest_difference(only_update(found, network, data, memory).grads, expected.grads) == 0
    exact = only_update(BPTT(), network, data)
    assert largest_difference(expected.grads, exact.grads) > 1e-3


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("signal", SIGNALS)
def test_both_forms_give_the_same(signal, trace):
    network = potentials(neuron=lambda: CubaLIF.per_step(0.8, 0.5))
    data, make = batch_for(network), SIGNALS[signal]
    if signal != "spatial":
        data = Batch(data.inputs.to(torch.uint8), data.targets, {"fc1": torch.rand(5, 8).round().to(F64)})
    whole, stepped = (
        only_update(ThreeFactor(make(), TRACES[trace](), form=form), network, data) for form in ("sequence", "step")
    )
    torch.testing.assert_close(stepped.grads, whole.grads, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(stepped.own, whole.own, rtol=1e-12, atol=1e-14)
    assert bool(whole.own) == (signal == "direct, learned")
    torch.testing.assert_close(stepped.loss, whole.loss)
    assert stepped.scores.allclose(whole.scores)
    assert stepped.rates == pytest.approx(whole.rates)


@pytest.mark.parametrize("trace", ["decay", "both sides"])
def test_both_forms_give_the_same_with_delays_and_feedback_edges(trace):
    network = looped()
    network.readout = MembraneReadout()
    data = batch_for(network)
    whole, stepped = (
        only_update(ThreeFactor(Direct(MEMBRANE), TRACES[trace](), form=form), network, data)
        for form in ("sequence", "step")
    )
    assert {"feedback.back.synapse.weight", "feedback.loop.synapse.weight"} <= set(whole.grads)
    torch.testing.assert_close(stepped.grads, whole.grads, rtol=1e-12, atol=1e-14)


SYNAPSES = {
    "max pool": lambda: nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 4, 2)),
    "sum pool, scale": lambda: nn.Sequential(SumPool2d(2), Scale(0.7), nn.Conv2d(4, 4, 2, padding=1)),
    "groups, circular": lambda: nn.Conv2d(4, 6, 2, padding="same", padding_mode="circular", groups=2),
    "transposed": lambda: nn.ConvTranspose2d(4, 3, 2, stride=2),
    "unflattened": lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 16), nn.Unflatten(1, (4, 2, 2))),
    "padded, enlarged": lambda: nn.Sequential(nn.ZeroPad2d(1), nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, 2)),
    "standardised": lambda: standardised(nn.Conv2d(4, 4, 3)),
    "frozen in front": lambda: nn.Sequential(nn.Conv2d(4, 5, 3).requires_grad_(False), nn.ReLU(), nn.Conv2d(5, 4, 2)),
}


@pytest.mark.parametrize("form", ["sequence", "step"])
@pytest.mark.parametrize("name", SYNAPSES)
def test_the_trace_of_images_is_that_of_each_weight(name, form):
    """Of forward and recurrent edges: errors of a step meet all that met a weight before, by derivatives of each."""
    torch.manual_seed(2)
    blocks = {
        "a": Block(nn.Conv2d(2, 4, 3, padding=1), LIF.per_step(0.8, reset="subtract")),
        "b": Block(SYNAPSES[name](), LIF.per_step(0.6)),
    }
    shape = blocks["b"].synapse(torch.zeros(1, 4, 6, 6)).shape[1:]
    blocks["out"] = Block(nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), 3)), LeakyIntegrator.per_step(0.0))
    back = nn.ConvTranspose2d(shape[0], shape[0], 3, padding=1)
    network = Network(blocks, {"loop": Feedback("b", "b", back)}, readout=MembraneReadout(), input_shape=(2, 6, 6))
    network, rule = lifted(network, 3.0), ThreeFactor(Direct(MEMBRANE), PreTrace(0.7), form=form)
    data, memory = batch_for(network, 6, 3), rule.init(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        record, _ = network.run(data.inputs)
    error = torch.softmax(record["out"].v, 2) - F.one_hot(data.targets, 3)
    errors = {"out": error / error.shape[:2].numel()}
    for block, seen in record.items():
        if block != "out":
            told = (errors["out"] @ memory[f"back_weights.{block}"].flatten(1)).view_as(seen.v)
            errors[block] = told * rule.adjoint.spike_function.derivative(seen.v - 1.0)
    found = only_update(rule, network, data, memory).grads
    for prefix, synapse, pre, target in network.edges(record):
        learned = {key: p for key, p in synapse.named_parameters() if p.requires_grad}
        expected = {key: torch.zeros_like(p) for key, p in learned.items()}
        for t, now in enumerate(errors[target]):
            for s in range(t + 1):
                grads = torch.autograd.grad(synapse(pre[s]), list(learned.values()), 0.7 ** (t - s) * now)
                for key, grad in zip(learned, grads, strict=True):
                    expected[key] += grad if s == t or not key.endswith("bias") else 0.0
        for key, value in expected.items():
            torch.testing.assert_close(found[prefix + key], value, rtol=1e-10, atol=1e-14)
            assert value.any()


def test_one_block_with_the_trace_of_its_membrane_is_bptt_but_for_the_bias():
    """A reset that subtracts is not differentiated, so the eligibility is the trace; a bias has none."""
    network = dense("6-3", neuron=lambda: LIF.per_step(0.8, reset="subtract"))
    data, name = batch_for(network), "blocks.fc1.synapse.1"
    exact = only_update(BPTT(), network, data).grads
    found = only_update(ThreeFactor(Spatial(), PreTrace()), network, data).grads
    torch.testing.assert_close(found[f"{name}.weight"], exact[f"{name}.weight"], rtol=1e-12, atol=1e-14)
    instant = only_update(ThreeFactor(Spatial(), InstantTrace()), network, data).grads
    assert found[f"{name}.bias"].allclose(instant[f"{name}.bias"], rtol=1e-12)
    assert not found[f"{name}.weight"].allclose(instant[f"{name}.weight"], rtol=1e-3)


@pytest.mark.parametrize("form", ["sequence", "step"])
@pytest.mark.parametrize("signal", ["direct", "random target", "local readout"])
@pytest.mark.parametrize("network", [looped, lambda: dense("6-8-7-3")], ids=["looped", "chain"])
def test_masks_on_currents_are_on_the_errors_of_their_synapses(network, signal, form):
    """A trace without a memory, as a factor, is what autograd makes of each step."""
    network = network()
    network.readout = MembraneReadout()
    data, shapes = batch_for(network), network.shapes(torch.zeros(1, 6, dtype=torch.float64))
    places = {f"{name}.synapse": shape for name, shape in shapes.items()}
    places |= {f"feedback.{name}": shapes[edge.target] for name, edge in network.feedback.items()}
    masks = {place: torch.rand(data.size, *shape, dtype=torch.float64) for place, shape in places.items()}
    data = Batch(data.inputs, data.targets, masks)
    exact = only_update(ThreeFactor(SIGNALS[signal](), InstantTrace()), network, data)
    found = only_update(ThreeFactor(SIGNALS[signal](), PreTrace(0.0), form=form), network, data)
    torch.testing.assert_close(found.grads, exact.grads, rtol=1e-12, atol=1e-14)


def test_a_random_target_is_all_that_a_hidden_block_learns_from():
    """By hand: D of the class, divided by steps and samples, meets the derivative at the step and what was seen."""
    network = dense("6-8-7-3")
    data, rule = batch_for(network), ThreeFactor(RandomTarget(), InstantTrace())
    memory = rule.init(network, torch.Generator().manual_seed(1))
    update = only_update(rule, network, data, memory)
    record, _ = network.run(data.inputs)
    for name in ("fc1", "fc2"):
        block, seen = network.blocks[name], record[name]
        psi = rule.adjoint.spike_function.derivative(seen.v - block.neuron.v_threshold)
        post = psi * memory[f"back_weights.{name}"][data.targets] / psi.shape[:2].numel()
        expected = correlate(block.synapse, seen.pre, post)
        for key, value in expected.items():
            torch.testing.assert_close(update.grads[f"blocks.{name}.synapse.{key}"], value, rtol=1e-12, atol=1e-14)
    other = Batch(data.inputs, (data.targets + 1) % 3)
    assert not update.grads["blocks.fc1.synapse.1.weight"].equal(
        only_update(rule, network, other, memory).grads["blocks.fc1.synapse.1.weight"]
    )


def test_direct_weights_that_are_made_of_the_forward_ones():
    torch.manual_seed(0)
    network = build("4C3-P2-6-5", lambda: LIF.per_step(0.8), input_shape=(1, 10, 10)).to(F64)
    conv, dense_ = network.blocks["fc1"].synapse, network.blocks["fc2"].synapse
    signal = Direct(feedback="frozen")
    memory = signal.init(network, torch.Generator())
    maps = torch.eye(4 * 8 * 8, dtype=F64).view(-1, 4, 8, 8)
    through = (dense_(conv(maps)) - dense_(conv(torch.zeros_like(maps[:1])))).t().view(5, 4, 8, 8)
    torch.testing.assert_close(memory["back_weights.conv1"], through)
    torch.testing.assert_close(memory["back_weights.fc1"], dense_[-1].weight.detach())
    assert Direct(feedback="transpose").init(network, torch.Generator()) == {}
    peaks = build("4C3-MP2-6-5", lambda: LIF.per_step(0.8), input_shape=(1, 10, 10)).to(F64)
    with pytest.raises(ValueError, match=r"of block 'fc1' is .*which is not linear: use average pooling"):
        Direct(feedback="frozen").init(peaks, torch.Generator())
    assert DFA(feedback="transpose").init(network, torch.Generator()) == {}


def test_what_is_kept_does_not_grow_with_the_steps():
    """Bytes that autograd holds at once, which a sequence holds for every step."""
    network = potentials("6-40-3")
    for form, grows in (("sequence", True), ("step", False)):
        most = []
        for steps in (5, 50):
            held = [0, 0]

            def keep(tensor, held=held):
                held[0] += tensor.nbytes
                held[1] = max(held)
                return Held(tensor, held)

            rule, data = ThreeFactor(Spatial(MEMBRANE), form=form), batch_for(network, steps)
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept.tensor):
                only_update(rule, network, data)
            most.append(held[1])
        assert (most[1] > 5 * most[0]) == grows, (form, most)
        assert grows or most[1] == most[0]


class Held:
    """A saved tensor that is counted as long as the graph keeps it."""

    def __init__(self, tensor, held):
        self.tensor, self.held = tensor, held

    def __del__(self):
        self.held[0] -= self.tensor.nbytes


def test_rules_are_made_of_text():
    rule = RULES.make("three-factor:form=step,trace=pre(decay=0.9),signal=direct:sign=true,loss=mse-count")
    assert (rule.form, rule.trace.decay, rule.signal.sign) == ("step", 0.9, True)
    assert isinstance(rule.loss, MSECount)


class Leakless(Neuron):
    v_threshold, dt = 1.0, 1e-3

    def initial_state(self, current):
        return LIF.per_step(0.8).initial_state(current)

    def step(self, state, current, spike_function):
        return LIF.per_step(0.8).step(state, current, spike_function)


@pytest.mark.parametrize(
    ("rule", "network", "message"),
    [
        (lambda: ThreeFactor(form="step"), dense, "looks at all steps together: use 'cross-entropy-membrane'"),
        (lambda: ThreeFactor(trace=EligibilityTrace(), form="step"), dense, "cross the neurons above.*use trace=pre"),
        (lambda: ThreeFactor(memory_budget=1.0), dense, "memory_budget bounds.*use signal=spatial or feedback with"),
        (lambda: ThreeFactor(form="steps"), dense, "form is 'steps'"),
        (lambda: ThreeFactor(signal="direct"), dense, "signal is 'direct'"),
        (lambda: ThreeFactor(Spatial(MEMBRANE), form="step"), lambda: potentials(delay=1), "to an earlier step"),
        (
            lambda: ThreeFactor(Spatial(MEMBRANE), form="step"),
            lambda: potentials(batch_norm=True),
            "batch norm with the statistics of its batch",
        ),
        (
            lambda: ThreeFactor(Spatial(MEMBRANE), form="step"),
            lambda: Network({"a": Block(nn.Sequential(nn.Linear(6, 3), nn.ReLU()), LeakyIntegrator.per_step())}),
            "block 'a' is not linear from its weights on.*put what is not in front of them",
        ),
        (
            lambda: ThreeFactor(Spatial(CrossEntropy()), form="step"),
            lambda: potentials(readout=MembraneReadout(nn.Linear(3, 3))),
            "looks at all steps together",
        ),
        (
            lambda: ThreeFactor(Spatial(MEMBRANE), form="step"),
            lambda: potentials(readout=MembraneReadout(nn.Linear(3, 3))),
            "readout has weights that learn",
        ),
        (
            lambda: ThreeFactor(),
            lambda: Network({"a": Block(nn.Linear(6, 3), Leakless())}),
            r"none is given \(trace=pre:decay=0.9\), but the Leakless of block 'a' has no decay",
        ),
        (lambda: PreTrace(1.5), dense, "decay is 1.5"),
        (lambda: PrePostTrace(0.5, 1.5), dense, "decay_post is 1.5"),
        (lambda: PrePostTrace(0.5, decay_read=-0.5), dense, "decay_read is -0.5"),
        (lambda: PrePostTrace(0.5, alpha_post=float("nan")), dense, "alpha_post is nan"),
        (
            lambda: ThreeFactor(trace=PrePostTrace()),
            lambda: dense("6-8(F8)-3"),
            "carry the error back along them.*use form=step.*rule 10",
        ),
        (lambda: InstantTrace().follow_slopes(torch.zeros(1, 2, 3)) and None, dense, "'instant' does not look behind"),
        (lambda: Direct(feedback="learned"), dense, "feedback is 'learned'"),
        (lambda: Direct(scale=0.0), dense, "scale is 0.0"),
        (lambda: RandomTarget(scale=-1.0), dense, "scale is -1.0"),
    ],
)
def test_what_cannot_be_is_refused(rule, network, message):
    with pytest.raises(ValueError, match=message):
        rule().init(network(), torch.Generator())
