"""The record of a trial: parts of another kind than a trial writes are damage, whatever its checksum says."""

import pytest

from spikelearn.bench.run.trial_folder import TrialFolder

RECORD = {"arm": "a", "rule": "bptt", "data": "digits", "net": "64-10", "seed": 0, "accuracy": 0.5}


def test_a_record_is_read_back(tmp_path):
    folder = TrialFolder(tmp_path / "t")
    folder.write({**RECORD, "bounds": [0.0, 1.0], "versions": {"torch": "2"}, "machine": None})
    record = folder.checked()
    assert record.bounds == [0.0, 1.0]
    assert (record.measure.name, record.score, record.machine) == ("accuracy", 0.5, {})


@pytest.mark.parametrize("name", ["nll", "loss"])
def test_a_measure_of_any_name_is_the_score(tmp_path, name):
    folder = TrialFolder(tmp_path / "t")
    values = {key: value for key, value in RECORD.items() if key != "accuracy"}
    first = {"epoch": 1, "loss": 3.0, f"train_{name}": 1, f"test_{name}": 0.75}
    after = {"gaussian:sd=0.1": {name: 2.0, "seconds": 0.1}}
    folder.write(
        {
            **values,
            "task": "own",
            name: 0.5,
            f"validation_{name}": 0.6,
            "curve": [{"epoch": 2, f"test_{name}": 0.5}, first],
            "after": after,
        }
    )
    record = folder.checked()
    assert (record.measure.name, record.score, record.validation_score) == (name, 0.5, 0.6)
    assert record.learning_curve() == ("test", [0.75, 0.5])
    assert (record.epochs[0].train_score, record.epochs[0].loss) == (1, 3.0)
    assert record.after["gaussian:sd=0.1"].score == 2.0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x", "accuracy: input should be a valid number"),
        (True, "accuracy: input should be a valid number"),
        (1.5, "accuracy: input should be from 0 to 1"),
        (None, "accuracy is missing"),
    ],
)
def test_a_record_without_its_score_is_damage(tmp_path, value, reason):
    folder = TrialFolder(tmp_path / "t")
    folder.write({**RECORD, "accuracy": value})
    with pytest.raises(ValueError, match=f"trial.json is damaged: {reason}$"):
        folder.checked()


@pytest.mark.parametrize("name", ["bounds", "versions", "machine", "settings", "tuning", "reasons", "differs"])
@pytest.mark.parametrize("value", [True, "x", 3])
def test_a_part_of_another_kind_is_damage(tmp_path, name, value):
    folder = TrialFolder(tmp_path / "t")
    folder.write({**RECORD, name: value})
    with pytest.raises(ValueError, match=rf"trial.json is damaged: {name}: input should be"):
        folder.checked()
