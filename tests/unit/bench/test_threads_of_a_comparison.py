"""All trials of a comparison compute with one number of threads, whatever their number at a time."""

import json

import pytest

from spikelearn.bench import LocalEngine, RayEngine
from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run import comparison
from spikelearn.bench.run.comparison import compare

PLAN = {"rules": ["readout-only", "bptt"], "seeds": 1, "common": {"net": "64-4-10", "steps": 2}, "tuned": False}


@pytest.fixture
def begun(monkeypatch):
    """Threads of every trial that would have been run; nothing is."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = []
    monkeypatch.setattr(comparison, "check_arms", lambda _: {})
    monkeypatch.setattr(
        comparison, "_run", lambda points, *_: found.extend((p.trial.settings.threads, p.trial.differs) for p in points)
    )
    return found


def index_of(folder):
    return json.loads((folder / "index.json").read_text())


@pytest.mark.parametrize(
    ("engine", "common", "said", "expected"),
    [
        (LocalEngine(jobs=1), {}, None, 1),
        (LocalEngine(jobs=2), {}, None, 1),
        (LocalEngine(jobs=2), {}, "3", 3),
        (LocalEngine(threads=2), {"threads": 4}, "3", 2),
        (LocalEngine(), {"threads": 4}, "3", 4),
        (RayEngine(cpus=2), {}, "3", 2),
        (RayEngine(cpus=0, gpus=1), {}, None, 1),
    ],
)
def test_who_says_how_many(tmp_path, monkeypatch, begun, engine, common, said, expected):
    if said:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    compare(plan_from({**PLAN, "common": {**PLAN["common"], **common}}), tmp_path / "c", engine=engine)
    assert begun == [(expected, ())] * 2
    assert index_of(tmp_path / "c")["threads"] == engine.threads == expected


def test_a_comparison_keeps_its_number_and_another_one_is_refused(tmp_path, monkeypatch, begun):
    plan, out = plan_from(PLAN), tmp_path / "c"
    compare(plan, out, engine=LocalEngine(threads=2))
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    for engine in (LocalEngine(jobs=4), RayEngine(), LocalEngine(threads=2)):
        compare(plan, out, engine=engine)
        assert engine.threads == 2
    assert begun == [(2, ())] * 8
    with pytest.raises(ValueError, match="threads is 1, but the comparison in .* began with 2"):
        compare(plan, out, engine=LocalEngine(threads=1))


def test_the_number_changes_no_name(begun):
    ids = [{point.trial.id for point in plan_from(PLAN).points(threads=number)} for number in (1, 2, None)]
    assert ids[0] == ids[1] == ids[2]


@pytest.mark.parametrize(
    "where", [{"arms": {"bptt": {"threads": 2}}}, {"on": {"digits": {"threads": 2}}}, {"axes": {"threads": [1, 2]}}]
)
def test_no_part_of_a_comparison_has_a_number_of_its_own(where):
    with pytest.raises(ValueError, match="threads"):
        plan_from({**PLAN, **where})
