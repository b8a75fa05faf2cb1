"""What follows from the group of a setting."""

import pytest

from spikelearn.runs import Settings
from spikelearn.runs.groups import Group, about, described, in_groups

FIELDS = Settings.model_fields


def those(of):
    return {name for name, field in FIELDS.items() if of(about(field))}


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_one_group_and_a_sentence(name):
    field = FIELDS[name]
    assert isinstance(about(field).group, Group)
    assert described(field).endswith(".")
    assert "{" not in described(field)


def test_options_are_in_the_group_of_their_component():
    for name in FIELDS:
        if name.endswith("_option"):
            assert about(FIELDS[name]).group is about(FIELDS[name.removesuffix("_option")]).group


def test_arms_share_what_decides_on_which_samples_they_learn_and_how_long():
    shared = those(lambda setting: setting.is_shared)
    assert {"data", "data_option", "data_fraction", "noise", "seed", "epochs", "validation", "weights"} <= shared
    assert "threads" in shared
    assert not shared & {"net", "encoder", "steps", "batch", "lr", "rule_option", "prune"}


def test_a_search_changes_neither_what_is_shared_nor_what_is_tuned_nor_where_it_runs():
    searched = those(lambda setting: setting.is_searched)
    assert {"lr", "rule_option", "steps", "batch", "prune", "neuron_option", "init_option"} <= searched
    assert not searched & {"rule", "net", "freeze", "data", "seed", "device", "imports", "threads"}


def test_weights_mean_something_else_under_another_network_or_other_samples():
    decides = those(lambda setting: setting.decides_weights)
    assert {"net", "neuron_option", "readout", "steps", "encoder", "data", "noise"} <= decides
    assert not decides & {"rule", "lr", "epochs", "data_fraction", "freeze", "device"}


def test_a_rule_declares_how_its_changes_are_applied():
    step = {"optimizer", "optimizer_option", "lr", "schedule", "clip_norm", "bounds"}
    assert set(in_groups(FIELDS, Group.STEP)) == step


def test_descriptions_name_what_is_registered():
    assert described(FIELDS["schedule"]) == (
        "Run of the learning rate: constant, cosine, exponential, linear, one-cycle or step; default: the rule's."
    )
    assert described(FIELDS["device"]) == "cpu, cuda or cuda:N."
