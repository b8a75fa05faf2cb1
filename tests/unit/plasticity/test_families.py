"""Families of rules."""

import pytest

from spikelearn.plasticity import RULES
from spikelearn.plasticity.families import FAMILIES, OTHER, family_of


@pytest.mark.parametrize(
    ("rule", "family"), [("bptt", "Gradients"), ("lls-mxm", "Signals times traces"), ("split", OTHER)]
)
def test_a_rule_has_the_family_of_its_folder(rule, family):
    assert family_of(rule) == family


def test_every_family_has_rules_and_a_rule_that_is_not_here_has_none():
    found = {rule: family_of(rule) for rule in RULES.names}
    assert set(found.values()) == {*FAMILIES.values(), OTHER}
    assert [rule for rule, family in found.items() if family == OTHER] == ["split"]
    assert family_of("a-rule-of-ones-own") == OTHER
