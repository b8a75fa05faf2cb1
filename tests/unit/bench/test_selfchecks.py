"""Self-checks: what holds passes, what is broken is found, and the reason is said."""

import itertools

import pytest
import torch

from spikelearn import plasticity
from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run.selfchecks import check_arms, check_own
from spikelearn.plasticity import BPTT, DFA, FA, IDE, STDP, ReadoutOnly, Update
from spikelearn.plasticity.identities import IDENTITIES
from spikelearn.runs import Settings

SMALL = {"net": "64-12-10", "steps": 6}


def broken(change):
    """A rule's ``updates`` whose gradients went through ``change``."""

    def wrap(updates):
        def changed(self, network, batch, memory, generator):
            for update in updates(self, network, batch, memory, generator):
                yield Update({n: change(g) for n, g in update.grads.items()}, update.scores, update.loss)

        return changed

    return wrap


@pytest.mark.parametrize("rule", [BPTT, ReadoutOnly, FA, DFA, STDP, IDE])
def test_an_identity_sees_a_change_of_a_millionth(monkeypatch, rule):
    name = plasticity.RULES.name_of(rule)
    monkeypatch.setattr(rule, "updates", broken(lambda grad: grad * (1 + 1e-6))(rule.updates))
    with pytest.raises(ValueError, match=f"{name} differs from its identity"):
        IDENTITIES[name]()


def test_a_key_too_many_is_seen(monkeypatch):
    monkeypatch.setattr(ReadoutOnly, "learned", BPTT.learned)
    with pytest.raises(ValueError, match="readout-only changes .*expected"):
        IDENTITIES["readout-only"]()


def test_an_arm_that_fails_is_left_out_with_the_reason(monkeypatch):
    monkeypatch.setattr(FA, "updates", broken(lambda grad: 2 * grad)(FA.updates))
    trials = [p.trial for p in plan_from({"rules": ["bptt", "fa", "dfa"], "common": SMALL, "seeds": 1}).points()]
    left_out = check_arms(trials)
    assert list(left_out) == ["fa"]
    assert "differs from its identity" in left_out["fa"]


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (itertools.repeat(float("nan")), "not finite"),
        (itertools.count(1), "another change"),
        (itertools.repeat(0.0), "changes nothing"),
    ],
)
def test_updates_that_cannot_be_meant(monkeypatch, factors, message):
    monkeypatch.setattr(BPTT, "updates", broken(lambda grad: grad * next(factors))(BPTT.updates))
    with pytest.raises(ValueError, match=message):
        check_own(Settings(**SMALL))


def test_a_rule_whose_own_weights_learn_first_changes_something():
    """During pretraining only the way back learns, which no parameter of the network shows."""
    check_own(Settings(**SMALL, rule="dtp", rule_option={"pretraining": 3}))


def test_a_rule_that_writes_is_seen(monkeypatch):
    updates = BPTT.updates

    def writing(self, network, batch, memory, generator):
        with torch.no_grad():
            next(network.parameters()).add_(1e-3)
        yield from updates(self, network, batch, memory, generator)

    monkeypatch.setattr(BPTT, "updates", writing)
    with pytest.raises(ValueError, match="writes to the network"):
        check_own(Settings(**SMALL))


def test_settings_of_an_arm_that_cannot_be_made_leave_it_out():
    plan = plan_from({"rules": ["bptt", "tssl-bp"], "common": {"net": "64-12-10", "steps": 7}, "seeds": 1})
    left_out = check_arms([p.trial for p in plan.points()])
    assert list(left_out) == ["tssl-bp"]
    assert "7" in left_out["tssl-bp"]


def test_an_error_of_any_kind_leaves_out_its_arm_alone(monkeypatch):
    def updates(self, network, batch, memory, generator):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(DFA, "updates", updates)
    trials = [p.trial for p in plan_from({"rules": ["bptt", "dfa"], "common": SMALL, "seeds": 1}).points()]
    assert check_arms(trials) == {"dfa": "RuntimeError: mat1 and mat2 shapes cannot be multiplied"}
