"""Every rule has an identity, and meets it."""

import pytest

from spikelearn.plasticity import RULES
from spikelearn.plasticity.identities import IDENTITIES, identity


def test_every_rule_has_an_identity():
    assert set(IDENTITIES) == set(RULES)


@pytest.mark.parametrize("rule", IDENTITIES)
def test_a_rule_meets_its_identity(rule):
    IDENTITIES[rule]()


def test_an_identity_is_of_a_registered_rule():
    with pytest.raises(ValueError, match="unknown rule 'bpt', expected one of .*did you mean 'bptt'"):
        identity("bpt")(lambda: None)
