"""Plans: what is merged over what, which places share a trial, and what is refused."""

import pytest

from spikelearn.bench.plan.nets import deepened
from spikelearn.bench.plan.reading import plan_from, plan_values, read_plan, read_suite
from spikelearn.catalogue import SUITES
from spikelearn.documents import write_toml
from spikelearn.plasticity import RULES
from spikelearn.runs import filled_in

COMMON = {"net": "64-12-10", "steps": 6, "epochs": 2}


def points(**plan):
    return plan_from({"rules": ["bptt", "fa"], "seeds": 2, "common": COMMON, "tuned": False, **plan}).points()


def test_names_of_arms_are_those_of_folders():
    for name in ("x" * 101, "\U0001f9e0" * 26, "a/b", " a"):
        with pytest.raises(ValueError, match="cannot name an arm, expected at most 100 characters"):
            plan_from({"rules": ["bptt", name], "arms": {name: {"rule": "bptt"}}})
    name = "\U0001f9e0" * 25
    (_, point) = plan_from({"rules": ["bptt", name], "arms": {name: {"rule": "bptt"}}, "seeds": 1}).points()
    assert len(point.trial.id.encode()) < 250


def test_steps_that_all_share_are_those_of_every_rule():
    common = {**COMMON, "lr": 0.3, "optimizer": "sgd", "optimizer_option": {"momentum": 0.5}, "schedule": "constant"}
    found = [point.trial.settings for point in points(common=common, arms={"fa": {"lr": 0.1}}, seeds=1)]
    assert [(one.lr, one.optimizer, one.optimizer_option, one.schedule) for one in found] == [
        (0.3, "sgd", {"momentum": 0.5}, "constant"), (0.1, "sgd", {"momentum": 0.5}, "constant")
    ]  # fmt: skip


def test_arms_x_seeds_under_common_conditions():
    found = points()
    assert [(p.arm, p.seed, p.axis, p.net) for p in found] == [
        (arm, seed, None, "64-12-10") for arm in ("bptt", "fa") for seed in (0, 1)
    ]
    assert {p.trial.settings.rule for p in found} == {"bptt", "fa"}
    for point in found:
        settings = point.trial.settings
        assert (settings.net, settings.steps, settings.epochs, settings.seed) == ("64-12-10", 6, 2, point.seed)
        assert settings.test_curve
        assert point.trial.differs == ()


def test_places_with_equal_settings_share_a_trial():
    found = points(axes={"epochs": [1, 2], "depth": [1, 2]}, rules=["bptt"], seeds=1)
    ids = {(p.axis, p.value): p.trial.id for p in found}
    assert ids[None, None] == ids["epochs", 2] == ids["depth", 1]
    assert len(set(ids.values())) == 3
    assert next(p for p in found if p.value == 2 and p.axis == "depth").trial.settings.net == "64-12-12-10"


def test_what_is_tested_after_training_is_tested_of_the_base_point_alone():
    found = points(axes={"epochs": [1, 2]}, rules=["bptt"], seeds=1, after={"noise": ["gaussian:sd=0.1"]})
    after = {(p.axis, p.value): p.trial.after for p in found}
    assert after == {(None, None): ("gaussian:sd=0.1",), ("epochs", 1): (), ("epochs", 2): ("gaussian:sd=0.1",)}


def test_all_combinations_where_they_are_asked_for():
    found = points(axes={"epochs": [1, 2], "steps": [3, 4]}, rules=["bptt"], seeds=1, factorial=True)
    assert [p.value for p in found] == [None, *({"epochs": e, "steps": s} for e in (1, 2) for s in (3, 4))]
    assert found[0].trial.settings.steps == 6
    assert (found[2].trial.settings.epochs, found[2].trial.settings.steps) == (1, 4)


def test_the_id_depends_on_all_that_the_result_depends_on():
    plan = plan_from({"common": COMMON, "tuned": False, "rules": ["bptt"], "seeds": 1})
    base = plan.points()[0].trial.id
    assert plan.points(data_root="/", device="cuda:3")[0].trial.id == base
    changed = [
        {"common": {**COMMON, "lr": 0.1}},
        {"after": {"noise": ["gaussian:sd=0.1"]}},
        {"measure": False},
        {"seeds": [1]},
    ]
    others = {plan_from({**plan.model_dump(exclude_unset=True), **new}).points()[0].trial.id for new in changed}
    assert len(others | {base}) == 5


def test_what_wins():
    """Common, data set, tuned file, arm, axis: the later wins."""
    arms = {"slow": {"rule": "ide", "lr": 1e-4, "neuron_option": {"decay": 0.9}}}
    found = points(
        rules=["slow"], arms=arms, on={"digits": {"steps": 7}}, axes={"lr": [0.5]}, tuned=True, common=COMMON, seeds=1
    )
    base, moved = (p.trial.settings for p in found)
    assert (base.steps, base.lr, moved.lr) == (7, 1e-4, 0.5)
    assert base.net == "64-12(F12)-10"  # from ide's {input}-{hidden}(F{first})-{output}
    assert base.neuron_option["decay"] == 0.9
    assert base.neuron_option["reset"] == "subtract"
    assert found[0].net == "64-12-10"
    assert {"net", "lr", "neuron_option", "readout"} <= set(found[0].trial.differs)
    assert found[1].trial.differs.count("lr") == 0, "an axis is not what the arm differs in"


def test_recordings_are_not_encoded_twice():
    found = points(rules=["emstdp"], data=["digits-events"], common={**COMMON, "net": "512-12-10"}, tuned=True, seeds=1)
    assert found[0].trial.settings.encoder is None
    assert found[0].trial.settings.neuron == "if"


def test_a_plan_is_read_as_it_was_written(tmp_path):
    plan = read_suite("quick")
    path = tmp_path / "plan.toml"
    write_toml(path, plan_values(plan))
    assert read_plan(path) == plan
    assert [p.trial.id for p in read_plan(path).points()] == [p.trial.id for p in plan.points()]


@pytest.mark.parametrize("name", SUITES.names())
def test_every_suite_can_be_laid_out(name):
    assert read_suite(name).points()


def test_a_data_set_has_seeds_and_arms_of_its_own():
    parts = {"seeds_on": {"digits-events": 1}, "only": {"digits-events": ["bptt"]}}
    found = points(data=["digits", "digits-events"], **parts)
    assert [(p.data, p.arm, p.seed) for p in found] == [
        *(("digits", arm, seed) for arm in ("bptt", "fa") for seed in (0, 1)),
        ("digits-events", "bptt", 0),
    ]


def test_the_bench_tries_every_rule_and_has_a_longer_form():
    bench, full = read_suite("bench"), read_suite("bench", full=True)
    assert set(bench.rules) == set(RULES)
    on_digits = {p.arm for p in bench.points() if p.data == "digits"}
    assert on_digits == set(bench.rules)
    few, many = (p.points()[-1].trial.settings for p in (bench, full))
    assert (few.data, few.data_fraction, few.epochs, few.net) == ("nmnist", 0.02, 5, "2312-100-10")
    assert (many.data, many.data_fraction, many.epochs, many.net) == ("nmnist", 1.0, 20, "2312-100-10")
    with pytest.raises(ValueError, match="the suite 'quick' has no longer form: leave --full out"):
        read_suite("quick", full=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rules": ["bppt"]}, "did you mean 'bptt'"),
        ({"rules": []}, "rules"),
        ({"rules": ["bptt", "bptt"]}, "names something twice"),
        ({"data": ["digit"]}, "did you mean 'digits'"),
        ({"seeds": 0}, "1 to 10,000 seeds"),
        ({"seeds": True}, "seeds"),
        ({"axes": {"epoch": [1]}}, "did you mean 'epochs'"),
        ({"axes": {"epochs": []}}, "has no values"),
        ({"arms": {"slow": {"rule": "bptt"}}}, "not among the rules"),
        ({"rules": ["x"], "arms": {"x": {"rule": "bptt", "epochs": 3}}}, "which all arms must share"),
        ({"on": {"mnist": {}}}, "no data set of the plan"),
        ({"seeds_on": {"mnist": 1}}, "names 'mnist', no data set of the plan, expected one of digits"),
        ({"seeds_on": {"digits": 6}}, "gives digits 6 seeds, expected at most 5"),
        ({"seeds_on": {"digits": 0}}, "seeds_on.digits in the plan is 0"),
        ({"only": {"digits": ["bptt", "fa"]}}, "tries 'fa' on digits, expected arms of the plan"),
        ({"only": {"digits": ["readout-only"]}}, "leaves 'bptt' out on digits"),
        ({"after": {"noise": ["gausian:sd=1"]}}, "did you mean 'gaussian'"),
        ({"after": {"noise": ["gaussian:sd=-1"]}}, "sd is -1"),
        ({"reference": "dfa"}, "'dfa' is no arm, expected one of bptt, readout-only"),
        ({"rules": "bptt"}, "rules in the plan is 'bptt': input should be a list"),
        ({"rules": ["bptt"], "arms": {"bptt": {"rule": ["bptt"]}}}, "unknown rule"),
        ({"rules": ["bptt"], "arms": {"bptt": {"rule": "dfa"}}}, "the name of one rule and trains by another, 'dfa'"),
        ({"rules": ["../x"], "arms": {"../x": {"rule": "bptt"}}}, "without slashes"),
        ({"rules": ["x" * 300], "arms": {"x" * 300: {"rule": "bptt"}}}, "at most 100 characters"),
        ({"seeds": [True]}, "seeds.0 in the plan is True"),
        ({"seeds": ["1"]}, "seeds.0 in the plan is '1'"),
        ({"seeds": [-1]}, "seeds.0 in the plan is -1"),
        ({"measure": "yes"}, "measure in the plan is 'yes': input should be true or false"),
        ({"tuned": ""}, "tuned in the plan is ''"),
        ({"common": {"data": "mnist"}}, "sets data, which a plan names under data"),
        ({"on": {"digits": {"seed": 3}}}, "sets seed, which a plan names under seeds"),
        ({"axes": {"lr": [0.1, 0.1]}}, "axis 'lr' names a value twice"),
        ({"axes": {"epochs": 3}}, "axes.epochs in the plan is 3: input should be a list"),
        ({"after": {"x": ["prune:sparsity=0.5,method=x"]}}, "method is 'x'"),
        ({"colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_what_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        plan_from(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"common": {"nett": "64-10"}}, "arm 'bptt' on 'digits': unknown setting 'nett'"),
        ({"common": {"steps": -1}}, "steps is -1"),
        ({"axes": {"depth": [0]}}, "depth"),
        ({"axes": {"depth": [10_000_000]}}, "at most 1000 hidden layers"),
        ({"common": {"net": 5}}, "net is 5, expected an architecture string"),
        ({"arms": {"bptt": {"net": 5}}}, "the network of an arm is 5"),
        ({"arms": {"bptt": {"net": "{input.real}"}}}, "names something unknown"),
        ({"axes": {"hardware": ["bits:bits=99"]}}, "arm 'bptt' on 'digits': bits is 99"),
        ({"axes": {"noise": ["gausian:sd=1"]}}, "did you mean 'gaussian'"),
        ({"common": {"lr": float("nan")}}, "lr is nan: input should be a finite number"),
        ({"common": {"net": "4C3-10"}, "axes": {"depth": [2]}}, "dense network"),
    ],
)
def test_settings_that_cannot_be_used_are_named_with_their_arm(values, message):
    with pytest.raises(ValueError, match=message):
        plan_from(values).points()


def test_hyphens_in_the_names_of_settings(tmp_path):
    (tmp_path / "plan.toml").write_text(
        'rules = ["my-rule"]\nseeds = 1\n[common]\ndata-fraction = 0.5\n[on.digits]\ntest-curve = false\n'
        '[arms.my-rule]\nrule = "bptt"\nrule-option = { memory-budget = 50 }\n[axes]\nincoming-norm = [1.0]\n'
    )
    settings = [point.trial.settings for point in read_plan(tmp_path / "plan.toml").points()]
    assert [(one.data_fraction, one.test_curve, one.incoming_norm) for one in settings] == [
        (0.5, False, None),
        (0.5, False, 1.0),
    ]
    assert settings[0].rule_option["memory_budget"] == 50


def test_files_that_are_no_plan(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "plan.toml").write_text("rules = [")
    with pytest.raises(ValueError, match="no TOML file"):
        read_plan(tmp_path / "plan.toml")
    with pytest.raises(ValueError, match="unknown suite 'quik'.*did you mean 'quick'"):
        read_suite("quik")


def test_networks_of_arms():
    assert filled_in("{input}-{hidden}(F{first})-{output}", "784-400-300-10") == "784-400-300(F400)-10"
    assert filled_in("{input}-{output}", "784-400-10") == "784-10"
    assert filled_in("15C5-10", "whatever") == "15C5-10"
    with pytest.raises(ValueError, match="expected {input}, {hidden}, {first}, {output}"):
        filled_in("{inputs}-10", "784-400-10")
    with pytest.raises(ValueError, match="dense network"):
        filled_in("{input}-10", "15C5-P2-10")
    assert deepened("784-400-10", None) == "784-400-10"
    assert deepened("784-400-10", 3) == "784-400-400-400-10"
    with pytest.raises(ValueError, match="equal size"):
        deepened("784-400-300-10", 2)


def test_an_axis_whose_values_are_tables():
    found = points(axes={"neuron_option": [{"decay": 0.5}, {"decay": 0.9}]}, rules=["bptt"], seeds=1)
    assert [p.trial.settings.neuron_option.get("decay") for p in found] == [None, 0.5, 0.9]


def test_a_tuned_file_cannot_give_one_arm_more_samples(tmp_path):
    (tmp_path / "bptt.toml").write_text("[on.digits.settings]\nlr = 0.1\nepochs = 50\n")
    message = "the tuned file .*bptt.toml on digits sets epochs, which all arms must share"
    with pytest.raises(ValueError, match=message):
        points(tuned=str(tmp_path))


def test_no_arm_begins_with_weights_that_have_learned():
    arms = {"mine": {"rule": "bptt", "weights": "runs/first"}}
    with pytest.raises(ValueError, match="sets weights, which all arms must share"):
        points(rules=["mine", "fa"], arms=arms)
