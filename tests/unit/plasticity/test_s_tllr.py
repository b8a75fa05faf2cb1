import pytest
import torch

from spikelearn.neurons import LIF, LeakyIntegrator
from spikelearn.plasticity import BPTT, OTTT, RULES, STLLR, Batch, CrossEntropyMembrane, STLLROnline
from tests.helpers import batch_for, dense, only_update

F64 = torch.float64
LOSS = CrossEntropyMembrane()


def network(net="6-8-3", memory=0.9):
    """Leaky neurons, and an output whose potential decays by ``memory`` per step."""
    return dense(net, lambda: LIF.per_step(0.8, reset="subtract"), output=lambda: LeakyIntegrator.per_step(memory))


@pytest.mark.parametrize("form", ["sequence", "step"])
def test_the_causal_term_alone_is_ottt_and_with_one_hidden_block_bptt(form):
    """Where the output has no memory through which an error of a later step would come."""
    for net in ("6-8-3", "6-8-7-3"):
        own = network(net, memory=0.0)
        data = batch_for(own)
        adjoint = OTTT(LOSS).adjoint
        causal = STLLR(LOSS, adjoint, decay=None, alpha_post=0.0, last_steps=None, form=form)
        found = only_update(causal, own, data).grads
        exact = only_update(BPTT(LOSS, adjoint), own, data).grads
        for name, grad in only_update(OTTT(LOSS, form=form), own, data).grads.items():
            assert relative(found[name], grad) < 1e-14
            if net == "6-8-3" and name.endswith("weight"):
                assert relative(found[name], exact[name]) < 1e-14
    assert relative(found["blocks.fc1.synapse.1.weight"], exact["blocks.fc1.synapse.1.weight"]) > 1e-3


def relative(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def test_what_is_kept_between_steps_has_the_size_of_inputs_and_neurons():
    own = network("6-8(F8)-7-3")
    data, rule = batch_for(own), STLLR(form="step", decay_read=0.9)
    walk = rule.walk(own, data, {}, rule.counted(len(data.inputs), torch.Generator()))
    for t in range(len(data.inputs)):
        with torch.enable_grad():
            walk.step(t)
    kept = {name: tuple(trace.shape[1:]) for name, trace in {**walk._traces, **walk._slopes}.items()}
    assert kept == {
        "blocks.fc1.synapse.": (5, 6),
        "feedback.from_fc1.synapse.": (5, 8),
        "blocks.fc2.synapse.": (5, 8),
        "blocks.fc3.synapse.": (5, 7),
        "fc1": (5, 8),
        "fc2": (5, 7),
    }
    assert not any(trace.requires_grad for trace in (*walk._traces.values(), *walk._slopes.values()))


@pytest.mark.parametrize("form", ["sequence", "step"])
def test_only_the_last_steps_teach_but_traces_run_over_all(form):
    own = network()
    data = batch_for(own)
    whole = only_update(STLLR(last_steps=None, form=form), own, data).grads
    for steps in (12, 100):
        every = only_update(STLLR(last_steps=steps, form=form), own, data).grads
        assert all(relative(every[name], grad) < 1e-14 for name, grad in whole.items())
    name = "blocks.fc1.synapse.1.weight"
    last = only_update(STLLR(last_steps=1, form=form), own, data)
    early = Batch(torch.cat([1.0 - data.inputs[:4], data.inputs[4:]]), data.targets)
    assert not only_update(STLLR(last_steps=1, form=form), own, early).grads[name].equal(last.grads[name])
    record, _ = own.run(data.inputs)
    assert last.loss.allclose(torch.nn.functional.cross_entropy(record["fc2"].v[-1], data.targets))


def test_an_update_for_each_of_the_last_steps():
    own = network("6-8(F8)-3")
    data, memory = batch_for(own), {}
    updates = list(STLLROnline(last_steps=4).updates(own, data, memory, torch.Generator()))
    assert len(updates) == 4
    assert len(list(STLLROnline(last_steps=None).updates(own, data, memory, torch.Generator()))) == 12
    whole = only_update(STLLR(last_steps=4, form="step"), own, data, memory)
    for name, grad in whole.grads.items():
        torch.testing.assert_close(sum(update.grads[name] for update in updates), grad)
    torch.testing.assert_close(updates[-1].loss, whole.loss)
    assert updates[-1].scores.allclose(whole.scores)


def test_errors_that_are_sent_directly():
    """Twice the feedback weights are twice the signal, and of the error its sign alone may be sent."""
    own = network("6-8-7-3")
    data, name = batch_for(own), "blocks.fc1.synapse.1.weight"
    once, twice = (only_update(STLLR(feedback="direct", scale=scale), own, data).grads for scale in (1.0, 2.0))
    torch.testing.assert_close(2.0 * once[name], twice[name])
    torch.testing.assert_close(once["blocks.fc3.synapse.1.weight"], twice["blocks.fc3.synapse.1.weight"])
    signed = RULES.make("s-tllr:feedback=direct-sign")
    assert not only_update(signed, own, data).grads[name].allclose(once[name])


@pytest.mark.parametrize("options", [{}, {"feedback": "direct"}, {"feedback": "direct-sign", "scale": 3.0}])
def test_signals_online_are_those_of_the_whole(options):
    """While no update is applied they add up to the one, with the same feedback weights."""
    own = network("6-8-7-3")
    data, whole, online = batch_for(own), STLLR(**options), STLLROnline(**options)
    memory, same = (rule.init(own, torch.Generator().manual_seed(5)) for rule in (whole, online))
    assert memory.keys() == same.keys()
    assert len(memory) == (2 if options else 0)
    assert all(memory[name].equal(same[name]) for name in memory)
    updates = list(online.updates(own, data, same, torch.Generator()))
    for name, grad in only_update(whole, own, data, memory).grads.items():
        assert relative(sum(update.grads[name] for update in updates), grad) < 1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"last_steps": 0}, "last_steps is 0"),
        ({"feedback": "dfa"}, "feedback is 'dfa', expected"),
        ({"feedback": "direct", "scale": 0.0}, "scale is 0.0"),
        ({"decay": 1.5}, "decay is 1.5"),
        ({"alpha_post": float("inf")}, "alpha_post is inf"),
    ],
)
@pytest.mark.parametrize("rule", ["s-tllr", "s-tllr-online"])
def test_options_that_are_refused(rule, options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make(rule, options)


@pytest.mark.parametrize("form", ["sequence", "step"])
def test_each_side_of_a_synapse_has_its_share(form):
    own = network()
    data = batch_for(own)
    name = "blocks.fc1.synapse.1.weight"
    pre, post, both = (
        only_update(STLLR(LOSS, alpha_pre=a, alpha_post=b, form=form), own, data).grads[name]
        for a, b in ((2.0, 0.0), (0.0, 3.0), (1.0, 1.0))
    )
    torch.testing.assert_close(both, pre / 2 + post / 3, rtol=1e-12, atol=1e-14)
    assert min(pre.abs().max(), post.abs().max()) > 0


@pytest.mark.parametrize("make", [STLLR, STLLROnline])
def test_a_scale_that_is_no_number_is_refused_whatever_the_feedback(make):
    with pytest.raises(ValueError, match="scale is 'abc', expected a positive number"):
        make(scale="abc")
