"""The page of a single run, from its files alone."""

import json
import re

import pytest

from spikelearn.cli.app import run
from spikelearn.report import write_run_report
from spikelearn.report.recording import Recording
from spikelearn.report.run.charts import Lines, curve_chart, membrane_charts, rate_chart
from spikelearn.training import RunFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "one"
    flags = ["--net", "64-12-10", "--steps", "5", "--epochs", "2", "--batch", "200", "--test-curve"]
    assert run(["train", *flags, "--out", str(path)]) == 0
    return RunFolder(path)


def facts_of(page):
    return json.loads(re.search(r'id="facts">(.*?)</script>', page, re.DOTALL)[1])


def test_the_command_writes_the_page(folder, capsys):
    assert run(["report", str(folder.path)]) == 0
    assert capsys.readouterr().out.strip() == str(folder.path / "report.html")
    page = (folder.path / "report.html").read_text("utf-8")
    for section in ("verdict", "curves", "rates", "activity", "weights", "classes", "settings", "reproduce", "sources"):
        assert f'<section id="{section}"' in page, section
    result = folder.read_result()
    assert f"Test accuracy {100 * result['test_accuracy']:.2f} % of 360 samples." in page
    assert "spikelearn train --config" in page
    assert "http://" not in re.sub(r"<script.*?</script>|<svg.*?</svg>|xmlns=\S+", "", page, flags=re.DOTALL)
    assert 'id="alignment"' not in page


def test_its_charts_show_the_numbers_of_the_files(folder):
    metrics, recording = folder.read_metrics(), Recording(folder.recording)
    lines = Lines("bptt", list(metrics[0]["rates"]))
    curves, rates = curve_chart(metrics, lines), rate_chart(metrics, lines)
    assert [option.key for option in curves.options] == ["score", "loss"]
    by_name = {lines.styles[one["arm"]].name: one["points"] for one in curves.chart.series}
    assert set(by_name) == {"training", "validation", "test"}
    assert by_name["test"]["score"]["y"] == pytest.approx([100 * row["test_accuracy"] for row in metrics], rel=1e-4)
    assert by_name["training"]["loss"]["y"] == pytest.approx([row["loss"] for row in metrics], rel=1e-4)
    assert rates.chart.series[1]["points"]["rate"]["y"] == pytest.approx(
        [row["rates"]["fc2"] for row in metrics], rel=1e-4
    )
    first = membrane_charts(recording, lines)[0]
    most = int(recording.spikes["fc1"][:, 0].reshape(5, -1).sum(0, dtype=float).argmax())
    assert f"most active: neuron {most}, second: neuron" in first.about
    expected = recording.v["fc1"][:, 0].reshape(5, -1)[:, most]
    assert first.series[0]["points"]["v"]["y"] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_alignment_stands_there_where_it_was_measured(folder):
    page = write_run_report(folder, {}, {}, {"fc1": 0.25, "fc2": None}).read_text("utf-8")
    assert 'id="alignment"' in page
    assert "<dt>fc1</dt><dd>0.250</dd>" in page
    assert "<dt>fc2</dt>" not in page.partition('id="alignment"')[2].partition("</section>")[0]


def test_folders_that_hold_no_epoch_are_refused(tmp_path, capsys):
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(ValueError, match="no finished epoch, expected at least one"):
        write_run_report(RunFolder(tmp_path), {}, {})
    assert run(["report", str(tmp_path / "nothing")]) == 2


def test_a_file_that_was_changed_is_refused(folder):
    content = folder.metrics.read_bytes()
    folder.metrics.write_bytes(content.replace(b'"epoch": 1', b'"epoch": 3'))
    try:
        with pytest.raises(ValueError, match="metrics.jsonl"):
            write_run_report(folder, {}, {})
    finally:
        folder.metrics.write_bytes(content)
