"""Tables of the report: digits, what is missing, Markdown and LaTeX."""

import html
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from spikelearn.docstrings import source_of, summary_of
from spikelearn.neurons import NEURONS, SURROGATES
from spikelearn.plasticity import RULES
from spikelearn.registry import registries
from spikelearn.report import write_report
from spikelearn.report.comparison.diagram import critical_difference_svg
from spikelearn.report.comparison.rasters import draw_raster
from spikelearn.report.comparison.render.latex import escaped, latex_table
from spikelearn.report.comparison.render.markdown import markdown_table
from spikelearn.report.comparison.table import Cell, Column, Row, Table
from spikelearn.report.comparison.values import count, number, seconds, significant, size, with_prefix
from spikelearn.report.findings.sentences import p_is, p_value, signed
from tests.unit.bench.made import facts_of, write_comparison

AWKWARD = 'lr_x 50% & #1 {a} \\b ~ ^ $5 <2> |n| "q" −0.5 ± 3'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (significant(0.0123456), "0.0123"),
        (significant(1234.5), "1,234"),
        (significant(-2.5), "−2.50"),
        (significant(0), "0"),
        (with_prefix(3.21e-7, "J"), "321 nJ"),
        (with_prefix(0.9996, "J"), "1.00 J"),
        (seconds(0.0421), "42.1 ms"),
        (seconds(300), "5.00 min"),
        (seconds(9000), "2.50 h"),
        (size(3 * 2**20), "3.00 MiB"),
        (count(54000), "54,000"),
        (count(2.5e6), "2.50 M"),
        (p_value(0.0004), "< 0.001"),
        (p_value(0.0416), "0.042"),
        (p_is(0.0004, "≤"), "p < 0.001"),
        (p_is(0.213), "p = 0.21"),
        (signed(-0.456), "−0.46"),
    ],
)
def test_numbers_are_written_with_few_digits(text, expected):
    assert text == expected


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "text", True])
def test_what_is_no_finite_number_is_none(value):
    assert number(value) is None


def check_latex(text):
    """Balanced braces, environments and inline mathematics; every sign that is a command is escaped; equal columns."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    bare = re.sub(r"\\[\\{}$&#%_]", lambda found: "\0" if found[0] == "\\\\" else "", text)
    assert bare.count("{") == bare.count("}")
    depth = 0
    for sign in bare:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert bare.count("$") % 2 == 0
    for sign in '#_~^"<|':
        assert sign not in bare.replace(r"\ifdim\width>", ""), sign
    assert "%" not in bare.replace("{!}{%", "{!}{")
    assert all(ord(sign) < 128 or sign.isalpha() for sign in text), [s for s in text if ord(s) > 127]
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    for form, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", bare, re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith("\0")]
        assert rows
        assert all(row.count("&") == len(form) - 1 for row in rows)


def awkward_table():
    columns = [Column("a", "Arm_1", heads=True), Column("n", "95 % #", "number"), Column("c", "Command", fixed=True)]
    rows = [Row((Cell(AWKWARD), Cell("[1, 2]", 1.0), Cell("Copy", copy="x"))), Row((Cell("[b]"), Cell("2"), Cell("")))]
    return Table("awkward_key", "50 % & more", AWKWARD, columns, rows, notes=["a_b"])


def test_latex_takes_every_sign_literally():
    text = latex_table(awkward_table())
    check_latex(text)
    assert r"lr\_x 50\% \& \#1 \{a\} \textbackslash{}b \textasciitilde{} \textasciicircum{} \$5" in text
    assert "{}[b] &" in text, "a bracket after a line break would be read as its length"
    assert "Copy" not in text
    assert r"\label{tab:awkward-key}" in text
    for raw, marked in (("_", r"\_"), ("$", r"\$"), ("\\", r"\textbackslash{}")):
        assert escaped(raw) == marked


def test_the_check_of_latex_finds_mistakes():
    for wrong in ("{", r"\begin{table}", "50%", "a_b", "$", r"\begin{tabular}{ll}" + "\na \\\\\n" + r"\end{tabular}"):
        with pytest.raises((AssertionError, IndexError)):
            check_latex(wrong)


def test_markdown_keeps_its_columns():
    lines = markdown_table(awkward_table()).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert rows[1] == "| :--- | ---: |"
    assert r"\|n\|" in lines[0]
    assert r"\_" in rows[0]


def test_the_critical_difference_diagram_names_all_arms_and_groups():
    svg = critical_difference_svg({"a<b": 1.5, "c": 1.7, "d": 2.8}, [("a<b", "c")], 1.0, "Ranks")
    assert "a&lt;b" in svg
    assert "a<b" not in svg
    assert svg.count('stroke-width="5"') == 1
    assert "critical difference 1.00" in svg


def test_a_raster_has_a_mark_for_every_spike(tmp_path):
    rng = np.random.default_rng(0)
    spikes, inputs = (rng.random((10, 2, 6)) < 0.3).astype("uint8"), rng.random((10, 2, 5)).astype("float32")
    path = tmp_path / "recording.npz"
    record = {"spikes.out": spikes, "v.out": spikes * 1.0, "threshold.out": 1.0}
    np.savez(path, inputs=inputs, targets=np.array([1, 2]), predictions=np.array([1, 0]), dt=1e-3, **record)
    shown, out = draw_raster(path, 0, 0, sample=1).panels
    assert out.paths[0][1].count("M") == spikes[:, 1].sum()
    assert not shown.spikes
    with pytest.raises(ValueError, match="expected 0 to 1"):
        draw_raster(path, 0, 0, sample=2)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    arms = {"bptt": {}, "stdp": {}, "a_b & 1%": {"rule": "dfa", "lr": 0.01}}
    write_comparison(
        folder, arms, ("digits",), range(3), axes={"epochs": [2, 4]}, after={"noise": ["gaussian:sd=0.1"]}, epochs=4,
        failed={("stdp", 2): "NaN in <weights>"}, missing={"stdp": ["learning", "energy"]},
        left_out=[{"arm": "eventprop", "reason": "fails its identity"}],
    )  # fmt: skip
    return write_report(folder)


def test_the_three_forms_are_written(report):
    assert {path.name for path in report.values()} == {"report.html", "report.md", "report.tex"}
    assert not list(report["html"].parent.glob(".part-*"))


def test_latex_of_a_report_is_well_formed(report):
    text = report["tex"].read_text()
    check_latex(text)
    assert r"a\_b \& 1\%" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_latex_of_a_report_compiles(report, tmp_path):
    packages = (
        r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\usepackage{booktabs,graphicx}"
    )
    source = packages + r"\begin{document}" + report["tex"].read_text() + r"\end{document}"
    (tmp_path / "all.tex").write_text(source)
    ran = subprocess.run(["pdflatex", "-halt-on-error", "all.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-2000:]


def test_markdown_of_a_report_ranks_the_arms(report):
    text = report["md"].read_text()
    ranking = text.partition("**Accuracy.**")[2].partition("**Costs.**")[0]
    ranks = re.findall(r"^\| (\S+|a.*?%) \| (\d) \|", ranking, re.MULTILINE)
    assert [rank for _, rank in ranks] == ["1", "2", "3"]
    assert ranks[0][0] == "bptt"
    assert "nan" not in text.lower().replace("nan in", "")


def test_findings_stand_under_their_data_set_where_there_are_several(report, tmp_path):
    alone = report["md"].read_text().partition("## Tables")[0]
    assert "###" not in alone
    assert "digits, 64-100-10" not in alone
    write_comparison(tmp_path, ("bptt", "stdp"), ("digits", "mnist"), range(2), epochs=4)
    written = write_report(tmp_path)
    verdict = written["md"].read_text().partition("## Verdict")[2].partition("\n## ")[0]
    headings = re.findall(r"^### (.*)$", verdict, re.MULTILINE)
    assert headings[:2] == ["digits, 64-100-10", "mnist, 64-100-10"]
    assert verdict.count("bptt has the highest mean accuracy") == 2
    page = written["html"].read_text()
    assert re.findall(r'<div class="said" data-data="(\d)"><h3>(\w+),', page)[:2] == [("0", "digits"), ("1", "mnist")]


def test_what_is_missing_is_said_with_its_reason(report):
    page = report["html"].read_text()
    assert 'title="learning is not measured for stdp">not measured' in page
    assert "NaN in &lt;weights&gt;" in page
    assert "fails its identity" in page
    assert ">nan" not in page


def test_the_page_is_whole_and_small(report):
    page = report["html"].read_text()
    assert len(page.encode()) < 5_000_000
    assert not re.findall(r'(?:src|href)="(?!#|data:|trials/)', page), "links to the folders of trials alone lead out"
    facts = facts_of(page)
    assert [arm["name"] for arm in facts["arms"]] == ["bptt", "stdp", "a_b & 1%"]
    curve = next(chart for chart in facts["charts"] if chart["section"] == "curves")
    assert set(curve["views"]) == {"epochs", "seconds", "samples"}
    assert curve["series"][0]["points"]["epochs"]["x"] == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_page_of_many_arms_is_small_too(tmp_path):
    write_comparison(
        tmp_path, list(RULES)[:50], ("digits", "mnist", "fashion-mnist"), range(3), reference=next(iter(RULES))
    )
    assert len(write_report(tmp_path)["html"].read_bytes()) < 5_000_000


def test_the_page_sorts_by_the_text_or_by_what_stands_beside_it():
    cells = Cell("digits", "digits"), Cell("90.99", 0.90986694989), Cell("none", None, "why"), Cell("3", 3.0)
    assert [cell.sorts_by for cell in cells] == [None, "0.9098669", "", None]


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected the index"):
        write_report(tmp_path)
    write_comparison(tmp_path, ("bptt",), ("digits",), range(1), unfinished=[("bptt", 0)])
    with pytest.raises(ValueError, match="expected at least one"):
        write_report(tmp_path)


def scattered(arm, data, net, axis, value, seed):
    """Two seeds that lie far apart, but for an arm whose seeds agree."""
    return 0.95 if arm == "readout-only" else (0.99, 0.45)[seed % 2]


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A report of seeds that scatter so much that Student's intervals go beyond all that can be."""
    folder = tmp_path_factory.mktemp("wide")

    def change(record):
        for entry in record["curve"]:
            for block in entry["activity"].values():
                block["silent"], block["rate"] = (0.9, 0.1) if record["seed"] else (0.0, 0.9)
            for block, found in (entry["alignment"] or {}).items():
                entry["alignment"][block] = found and (0.9 if record["seed"] else -0.8)

    write_comparison(
        folder, ("bptt", "dfa", "readout-only"), ("digits",), range(2), axes={"steps": [5, 10]},
        after={"noise": ["gaussian:sd=0.1"]}, epochs=4, accuracy=scattered, change=change,
    )  # fmt: skip
    return write_report(folder)


def test_no_interval_on_the_page_goes_beyond_what_can_be(wide):
    facts = facts_of(wide["html"].read_text())
    met = set()
    for chart in facts["charts"]:
        for one in chart["series"]:
            for key, points in one["points"].items():
                for side, low, high in (("y", "low", "high"), ("x", "xlow", "xhigh")):
                    within = chart["views"][key][side].get("within", [None, None])
                    ends = [-1e300 if within[0] is None else within[0], 1e300 if within[1] is None else within[1]]
                    known = [v for name in (low, high) for v in points.get(name, []) if v is not None]
                    assert all(ends[0] <= value <= ends[1] for value in known), chart["id"]
                    met |= {(chart["section"], value) for value in known if value in within}
    sections = {section for section, _ in met}
    assert sections == {"cost", "curves", "axis-0", "after-0", "rates", "silent", "alignment"}
    assert {("curves", 100.0), ("silent", 0.0), ("silent", 100.0), ("alignment", -1.0), ("alignment", 1.0)} <= met
    for form in ("md", "tex"):
        text = wide[form].read_text().replace("\\", "").replace("$-$", "−").replace("{}", "")
        pairs = re.findall(r"\[([+−]?[\d.]+), ([+−]?[\d.]+)\]", text)
        assert ("0.00", "100.00") in pairs
        assert ("−100.00", "+100.00") in pairs or ("−100.00", "100.00") in pairs, form
        for low, high in pairs:
            assert -100 <= float(low.replace("−", "-")) <= float(high.replace("−", "-")) <= 100


def test_equal_seeds_have_no_interval_but_that_of_the_test_samples(wide):
    text = wide["md"].read_text()
    best = "95.00 % (2 equal seeds, no interval; 539 test samples alone leave 92.81 to 96.53 % open)"
    assert best in text
    assert "[95.00, 95.00]" not in text.replace("\\", "")
    row = next(line for line in text.splitlines() if line.startswith("| readout-only | 1 |"))
    assert "| none | 2 | 539 (±1.86) |" in row
    assert "539 of digits, 64-100-10 leave 92.81 to 96.53 % for readout-only (Wilson, 95 %)" in wide["html"].read_text()


def table_in(text, title):
    """Heading and rows of a table in Markdown, as dictionaries."""
    lines = [line for line in text.partition(f"**{title}.**")[2].partition("\n**")[0].splitlines() if line[:1] == "|"]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_every_seed_has_a_row_with_its_folder(wide):
    page, rows = wide["html"].read_text(), table_in(wide["md"].read_text(), "Every seed")
    assert len(rows) == 3 * 2
    assert [(row["Seed"], row["Test (%)"], row["From the arm's mean"]) for row in rows[:2]] == [
        ("0", "99.00", "+27.00"),
        ("1", "45.00", "−27.00"),
    ]
    for row in rows:
        assert f'href="trials/{row["Folder"]}/"' in page
        assert (wide["html"].parent / "trials" / row["Folder"]).is_dir()


def test_classes_are_those_of_the_confusion(wide):
    (bptt, *_) = rows = table_in(wide["md"].read_text(), "Accuracy by class")
    assert [row["Arm"] for row in rows] == ["bptt", "dfa", "readout-only"]
    assert float(bptt["9"]) == min(float(bptt[str(c)]) for c in range(10))
    assert bptt["Weakest class"] == f"9: {bptt['9']} %"
    assert bptt["Confused most"].startswith("9 for 0: ")
    assert wide["html"].read_text().count('<figure class="matrix"') == 3
    assert "no matrix stands here" not in wide["md"].read_text()


@pytest.mark.parametrize(
    "broken", [None, [], [[1, 2]], [[1, -1], [0, 1]], [[1, "a"], [0, 1]], {"0": 1}, [[True, 0], [0, 1]]]
)
def test_a_record_without_a_confusion_leaves_the_classes_out(broken, tmp_path):
    write_comparison(
        tmp_path, ("bptt",), seeds=range(1), epochs=4, change=lambda record: record.update(confusion=broken)
    )
    written = write_report(tmp_path)
    assert "Accuracy by class" not in written["md"].read_text()
    assert 'id="classes"' not in written["html"].read_text()


def test_of_many_classes_the_worst_are_named(tmp_path):
    counts = [[95 if c == k else 5 if k == (c + 7) % 100 else 0 for k in range(100)] for c in range(100)]
    counts[42][42], counts[42][17] = 10, 85
    write_comparison(
        tmp_path, ("bptt",), seeds=range(2), epochs=4, change=lambda record: record.update(confusion=counts)
    )
    written = write_report(tmp_path)
    (row,) = table_in(written["md"].read_text(), "Accuracy by class")
    assert row == {"Arm": "bptt", "Weakest class": "42: 10.0 %", "Confused most": "42 for 17: 85.0 %"}
    assert '<figure class="matrix"' not in written["html"].read_text()
    assert "spikelearn inspect FOLDER --pictures draws a seed's" in written["md"].read_text()


def test_the_test_samples_stand_on_the_page(wide, report):
    assert "1 data set (digits, 539 test samples)" in wide["md"].read_text()
    assert "<dt>test samples</dt><dd>539</dd>" in wide["html"].read_text()
    assert "<dt>training samples</dt><dd>1,258</dd>" in report["html"].read_text()


def test_a_search_is_told_in_columns(tmp_path):
    search = {
        "file": "spikelearn/catalogue/tuned/bptt.toml", "data": "digits", "net": "64-100-10", "trials": 15, "epochs": 5,
        "validation_accuracy": 0.9859, "validation_accuracy_of_defaults": 0.9507, "space": ["lr: 0.0001 to 0.03", "a"],
        "versions": {"torch": "2"},
    }  # fmt: skip
    found = {"bptt": search, "dfa": {"trials": 3}, "readout-only": None}
    write_comparison(
        tmp_path, seeds=range(1), epochs=4, change=lambda record: record.update(tuning=found[record["arm"]])
    )
    bptt, dfa, control = table_in(write_report(tmp_path)["md"].read_text().replace("\\", ""), "How settings were found")
    assert bptt == {
        "Arm": "bptt", "Data set": "digits", "Searched on": "digits, 64-100-10", "Trials": "15 of 5 epochs",
        "Validation accuracy": "98.59 %", "Of the defaults": "95.07 %", "Searched": "lr: 0.0001 to 0.03; a",
        "File": "spikelearn/catalogue/tuned/bptt.toml",
    }  # fmt: skip
    assert (dfa["Searched on"], dfa["Trials"]) == ("not written down", "3")
    assert control["Searched on"] == "not tuned"


def test_commands_name_the_settings_from_where_the_page_was_made(tmp_path, monkeypatch):
    write_comparison(tmp_path / "my runs", ("bptt",), seeds=range(1), epochs=4)
    monkeypatch.chdir(tmp_path)
    page = html.unescape(write_report("my runs")["html"].read_text())
    command = re.search(r">(spikelearn train --config [^<]*)<", page)[1]
    *words, path = shlex.split(command)
    assert words == ["spikelearn", "train", "--config"]
    assert Path(path).is_file()
    assert "from which the comparison lies in my runs" in page
    whole = html.unescape(write_report(tmp_path / "my runs")["html"].read_text())
    assert f"spikelearn train --config '{tmp_path}/my runs/trials/" in whole
    assert "type them anywhere" in whole


def test_no_mark_of_code_or_mathematics_is_left_in_the_sources():
    for registry in registries():
        for component in map(registry.get, registry):
            for text in (source_of(component), summary_of(component)):
                assert not re.search(r"``|\$|\\", text), text
    assert "(γ = 0.3, w = the threshold there)" in source_of(SURROGATES.get("triangle"))
    assert "τm ≠ 2 τs" in source_of(RULES.get("eventprop"))
    assert source_of(NEURONS.get("lif")).endswith("NIR node LIF.")
