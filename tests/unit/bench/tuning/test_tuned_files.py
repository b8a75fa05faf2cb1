"""The files that searches leave, and that comparisons read."""

import tomllib

import pytest

from spikelearn.bench.plan.tuned import read_tuned
from spikelearn.bench.tune.tuning import tune
from tests.unit.bench.tuning.small import LR, SMALL

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")  # a study that only asks


def test_the_written_file_is_what_a_comparison_reads(tmp_path, instant):
    found = tune("stdp", SMALL, tmp_path, trials=2, space=LR)
    assert found.path == tmp_path / "stdp.toml"
    read = read_tuned("stdp", "digits", tmp_path)
    assert (read.data, read.values, read.search) == ("digits", found.settings, found.search)
    assert read.file == str(found.path)
    assert read.values["net"] == "{input}-{output}"
    assert read.values["encoder"] == "rate"
    tables = tomllib.loads(found.path.read_text())
    assert tables.keys() == {"on"}
    assert tables["on"]["digits"].keys() == {"search", "settings"}
    assert read_tuned("stdp", "shd", tmp_path) is None
    assert read_tuned("no-such-rule", "digits", tmp_path) is None


def test_what_a_file_holds_of_other_data_sets_is_kept(tmp_path, instant):
    first = tune("bptt", SMALL, tmp_path, trials=2, space=LR)
    events = {**SMALL, "data": "digits-events", "net": "512-12-10"}
    second = tune("bptt", events, tmp_path, trials=3, space=LR)
    assert first.path == second.path
    tune("bptt", SMALL, tmp_path, trials=4, space=LR)
    trials = {data: read_tuned("bptt", data, tmp_path).search["trials"] for data in ("digits", "digits-events")}
    assert trials == {"digits": 4, "digits-events": 3}
    first.path.write_text(first.path.read_text() + "# mine\n")
    with pytest.raises(ValueError, match="bptt.toml is not as a search wrote it"):
        tune("bptt", SMALL, tmp_path, trials=5, space=LR)


def test_tuned_files_that_are_refused(tmp_path):
    with pytest.raises(ValueError, match="nowhere, named for tuned settings, is no folder"):
        read_tuned("bptt", "digits", tmp_path / "nowhere")
    for text, message in (
        ("[on", "is no TOML file"),
        ("lr = 1", r"has 'lr', expected the tables \[space\], \[on.DATA.settings\]"),
        ("[settings]\nlr = 1", "has 'settings', expected the tables"),
        ("[on.digits]\nlr = 1", r"holds no tuned settings on digits, expected the tables \[on.digits.settings\]"),
        ("[on]\ndigits = 3", "holds no tuned settings on digits"),
        ("[on.digits.search]\ntrials = 0", r"\[on.digits.search\]: trials: .*restore it, or drop the table"),
    ):
        (tmp_path / "bptt.toml").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_tuned("bptt", "digits", tmp_path)
