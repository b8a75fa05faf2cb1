"""E-prop against the authors' programs of LIF, ALIF and mixtures of both: every factor of every step, and the changes."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, StepReadout
from spikelearn.neurons import LeakyIntegrator, RefractoryALIF, Surrogate, Triangle
from spikelearn.plasticity import BPTT, RULES, Batch, CrossEntropyMembrane, MSESteps, OptimizerChoice
from spikelearn.plasticity.three_factor.engine.followed_edge import FollowedEdge
from spikelearn.synapses import without_self
from spikelearn.tasks import PerStep
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load
from tests.golden.rates import watched
from tests.helpers import only_update

TOLERANCE = 1e-11
DT = 1e-3
IN, REC, OUT = (
    "blocks.rec.synapse.weight",
    "feedback.loop.synapse.parametrizations.weight.original",
    "blocks.out.synapse.weight",
)
PREFIX = {"in": "blocks.rec.synapse.", "rec": "feedback.loop.synapse."}


@pytest.fixture(autouse=True)
def _in_double_precision():
    """Constants of single neurons are made in torch's default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def neuron(case):
    """The authors count the step of the spike as one of the refractory ones."""
    options = {"beta": case["beta"], "v_threshold": case["threshold"], "refractory": max(case["n_refractory"] - 1, 0)}
    if case["kind"] == "ealif":
        return RefractoryALIF.per_step(case["alpha"], case["rho"], **options)
    return RefractoryALIF(DT * case["tau"], DT * case["tau_adaptation"], dt=DT, **options)


def network_of(case):
    sizes = case["n_in"], len(case["beta"]), case["n_out"]
    hidden, loop, out = (
        nn.Linear(*sizes[:2], bias=False),
        nn.Linear(sizes[1], sizes[1], bias=False),
        nn.Linear(*sizes[1:], bias=False),
    )
    blocks = {"rec": Block(hidden, neuron(case)), "out": Block(out, LeakyIntegrator(DT * case["tau_out"], dt=DT))}
    read = MembraneReadout() if case["task"] == "classification" else StepReadout(MembraneReadout())
    network = Network(blocks, {"loop": Feedback("rec", "rec", without_self(loop))}, readout=read)
    with torch.no_grad():
        for name, key in ((IN, "w_in"), (REC, "w_rec"), (OUT, "w_out")):
            network.get_parameter(name).copy_(case[key].t())
    return network


def batch_of(case):
    inputs = case["x"].transpose(0, 1)
    if case["task"] == "classification":
        return Batch(inputs, case["labels"])
    return Batch(inputs, case["target"].transpose(0, 1), task=PerStep(values=True))


def scale(case):
    """The program sums half the squared error over samples, steps and outputs, of which the loss here is the mean."""
    return 1.0 if case["task"] == "classification" else 0.5 * case["target"].numel()


def rule_of(case, form, feedback=None, **options):
    classify = case["task"] == "classification"
    given = {"loss": CrossEntropyMembrane() if classify else MSESteps(), "form": form}
    given |= {"adjoint": psi_of(case), "feedback": feedback or case["feedback"]}
    given |= {"last_steps": case["n_last"]} if classify else {}
    return RULES.make("e-prop", {**given, **options})


def psi_of(case, **options):
    return Surrogate(Triangle(1.0, case["dampening"]), **options)


def memory_of(case):
    return {"back_weights.rec": case["feedback_weights"].t()} if case["feedback"] == "random" else {}


def check_grads(case, grads, ending=""):
    for name, key in ((IN, "grad_w_in"), (REC, "grad_w_rec"), (OUT, "grad_w_out")):
        if key + ending in case:
            assert_relative(scale(case) * grads[name].t(), case[key + ending], TOLERANCE, key + ending)


FILES = golden_files("eprop_*.npz")


@pytest.mark.parametrize("path", FILES)
def test_simulation(path):
    case = load(path)
    network, batch, state = network_of(case), batch_of(case), None
    for t, x in enumerate(batch.inputs):
        before = state and state.neurons["rec"]
        record, state = network.step(x, state)
        after = state.neurons["rec"]
        found = {"z": record["rec"].spikes, "v": after.v, "y": record["out"].v}
        found |= {"b": before.a, "refractory": (before.rest > 0).double()} if before else {}
        for key, value in found.items():
            if key in case:
                exact = key in ("z", "refractory")
                assert_relative(value, case[key][:, t], 0.0 if exact else TOLERANCE, f"{key} at step {t}")


@pytest.mark.parametrize("form", ["sequence", "step"])
@pytest.mark.parametrize("path", FILES)
def test_changes(path, form):
    case = load(path)
    network, batch, rule = network_of(case), batch_of(case), rule_of(case, form)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.1))
    assert training.memory.keys() == memory_of(case).keys()
    training.memory = memory_of(case)
    update = learn(training, batch)
    assert_relative(scale(case) * update.loss, torch.tensor(case["loss"]), TOLERANCE, "loss")
    assert update.rates["rec"] == pytest.approx(case["rate"], rel=1e-12)
    y = case["y"].transpose(0, 1)
    assert_relative(update.scores, y.mean(0) if case["task"] == "classification" else y, TOLERANCE, "y")
    check_grads(case, update.grads)
    for name, key in ((IN, "w_in"), (REC, "w_rec"), (OUT, "w_out")):
        after = case[key] - 0.1 * case[f"grad_{key}"] / scale(case)
        assert_relative(network.get_parameter(name).t(), after, TOLERANCE, f"{key} after a step")


@pytest.mark.parametrize("path", FILES)
def test_symmetric_feedback_is_the_derivative_with_spikes_stopped(path):
    case = load(path)
    for form in ("sequence", "step"):
        check_grads(
            case,
            only_update(rule_of(case, form, "symmetric"), network_of(case), batch_of(case)).grads,
            "_autodiff_eprop",
        )


@pytest.mark.parametrize("form", ["sequence", "step"])
@pytest.mark.parametrize("path", FILES)
def test_pull_of_rates(path, form):
    case = load(path)
    pull = {"rate_strength": case["reg_coeff"], "rate_target": case["reg_rate"] / DT, "rate_half": case["reg_half"]}
    plain, pulled = (
        only_update(rule_of(case, form, **options), network_of(case), batch_of(case), memory_of(case))
        for options in ({}, pull)
    )
    assert_relative(pulled.loss - plain.loss, torch.tensor(case["loss_reg"]), 1e-10, "loss_reg")
    for name, key in ((IN, "grad_w_in"), (REC, "grad_w_rec")):
        for ending in ("_reg", "_reg_autodiff_eprop"):
            if key + ending in case:
                found = (pulled.grads[name] - plain.grads[name]).t()
                assert_relative(found, case[key + ending], 1e-10, key + ending)
    assert pulled.grads[OUT].equal(plain.grads[OUT])


@pytest.mark.parametrize("path", FILES)
def test_factors_of_every_step(path, monkeypatch):
    """The learning signal, the derivative of the spikes, the traces and what the readout low-passes, as they come."""
    case = load(path)
    rule, seen = rule_of(case, "step"), []
    whole = FollowedEdge.step

    def step(self, slopes, pre, errors, sent=None):
        carried = self.carrier.step
        self.carrier.step = lambda *given: seen.append((self, slopes, found := carried(*given))) or found
        try:
            return whole(self, slopes, pre, errors, sent)
        finally:
            self.carrier.step = carried
            if self.low_pass:
                seen[-1] = (*seen[-1], _by_weight(self.filtered))

    monkeypatch.setattr(FollowedEdge, "step", step)
    signals = watched(monkeypatch, rule)
    walk = rule.walk(network_of(case), batch_of(case), memory_of(case), rule.counted(case["T"], torch.Generator()))
    learned = 0
    for t in range(case["T"]):
        seen.clear()
        with torch.enable_grad():
            walk.step(t)
        if t < case["T"] - case["n_last"]:
            assert not case["learning_signal"][:, t].any()
        else:
            (error, signal), learned = signals[-1], learned + 1
            assert_relative(scale(case) * error[0], case["output_error"][:, t], TOLERANCE, f"output error at {t}")
            found = scale(case) * signal["rec"][0]
            assert_relative(found, case["learning_signal"][:, t], TOLERANCE, f"learning signal at {t}")
        for key, prefix in PREFIX.items():
            ((edge, slopes, found, filtered),) = (row for row in seen if row[0] is walk.edges[prefix])
            _check_edge(case, t, key, edge, slopes, found, filtered)
    assert len(signals) == learned == case["n_last"]


def _check_edge(case, t, key, edge, slopes, found, filtered):
    """Factors of one edge at step t; the programs keep the gain of the input in psi or in the trace.

    That for ALIF leaves out the way of a neuron to itself in its traces, here it is left out in the weights.
    """
    gain, carrier = case["input_gain"], edge.carrier
    apart = 1.0 - torch.eye(len(case["beta"])) if key == "rec" and case["kind"] == "ealif" else 1.0
    assert_relative(slopes.of("spikes", "current.soma") / gain, case["psi"][:, t], TOLERANCE, f"psi at {t}")
    values = {f"e_{key}": _by_weight(found["spikes"].whole()), f"e_filtered_{key}": filtered}
    trace = gain * carrier.trace[:, 0, 0]
    if f"pre_{key}" in case:
        assert_relative(trace, case[f"pre_{key}"][:, t], TOLERANCE, f"pre_{key} at {t}")
    if f"eps_v_{key}" in case:
        values[f"eps_v_{key}"] = trace.unsqueeze(2).expand_as(values[f"e_{key}"])
    for name, value in values.items():
        assert_relative(apart * value, case[name][:, t], TOLERANCE, f"{name} at {t}")
    if f"eps_a_{key}" in case and t + 1 < case["T"] and case["n_alif"]:
        adapted = apart * _by_weight(carrier.adapted)
        assert_relative(adapted, case[f"eps_a_{key}"][:, t + 1], TOLERANCE, f"eps_a_{key} after {t}")


def _by_weight(values):
    """[B, 1, post, 1, pre] as [B, pre, post]."""
    return values[:, 0, :, 0].transpose(1, 2).clone()


@pytest.mark.parametrize("path", FILES)
def test_backpropagation_through_time_of_the_same_network(path):
    """With the spikes that neurons send, and their reset, differentiated too."""
    case = load(path)
    classify = case["task"] == "classification"
    rule = BPTT(CrossEntropyMembrane() if classify else MSESteps(), psi_of(case, reset_gradient=True))
    batch = batch_of(case)
    if classify:
        valid = torch.zeros(case["T"], case["B"], dtype=torch.bool)
        valid[-case["n_last"] :] = True
        batch = Batch(batch.inputs, batch.targets, valid=valid)
    check_grads(case, only_update(rule, network_of(case), batch).grads, "_bptt")
