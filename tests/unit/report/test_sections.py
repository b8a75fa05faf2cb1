"""The report as a list of sections: a new one is a file and a line, and stands in every form."""

from importlib.resources import files
from pkgutil import iter_modules
from typing import get_args

import pytest

from spikelearn.report import write_report
from spikelearn.report.comparison import page, sections
from spikelearn.report.comparison.finding_groups import FindingGroup
from spikelearn.report.comparison.section import Command, Commands, Facts, Findings, Folded, Part, Section, Sentences
from spikelearn.report.comparison.table import ARM, Column, Row, Table, text_cell
from tests.unit.bench.made import write_comparison


def test_every_file_of_a_section_is_in_the_list():
    listed = [made.__module__.rpartition(".")[2] for made in sections.SECTIONS]
    assert sorted(listed) == sorted(module.name for module in iter_modules(sections.__path__))


def test_every_kind_of_part_has_a_template():
    folder = files("spikelearn.report.comparison").joinpath("templates", "parts")
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{kind.kind}.html.j2" for kind in get_args(Part))


@pytest.fixture
def folder(tmp_path):
    return write_comparison(tmp_path, ("bptt", "dfa"), seeds=range(1), epochs=2)


def test_a_section_of_one_s_own_stands_in_every_form(folder, monkeypatch):
    def section(material):
        rows = [Row((text_cell(arm), text_cell("<new>")), material.layout.arms_of(arm)) for arm in ("bptt", "dfa")]
        table = Table("own", "Own table", "What it is about", [ARM, Column("more", "More")], rows)
        commands = Commands([Command("once", "do <it>")], "Type it", "A command", in_text=True)
        findings = Findings("Found", [FindingGroup("", ["all is well"])], label="Look")
        facts = (Facts([("a", "b")], "Facts in a text", in_text=True), Facts([("c", "d")], "Facts of the page"))
        return Section(
            "own", "My own", (Folded("Open me", table), Sentences(["It is mine."]), findings, commands, *facts)
        )

    monkeypatch.setattr(page, "SECTIONS", (*sections.SECTIONS[:-1], section, sections.SECTIONS[-1]))
    written = write_report(folder)
    text = written["html"].read_text()
    assert '<li><a href="#own">My own</a></li>' in text
    assert '<h2 id="h-own">My own</h2>' in text
    assert '<details class="more"><summary>Open me</summary>' in text
    assert '<table data-sortable="own">' in text
    assert "&lt;new&gt;" in text
    assert '<details class="folded"><summary>Look</summary>' in text
    assert "<p>It is mine.</p>" in text
    assert "do &lt;it&gt;" in text
    assert text.index('id="own"') < text.index('id="sources"')
    markdown = written["md"].read_text()
    assert markdown.index("## Found\n\n- all is well") < markdown.index("## A command\n\nType it\n\nonce")
    assert markdown.index("## A command") < markdown.index("## Tables") < markdown.index("**Own table.** What it is")
    assert markdown.index("**Own table.**") < markdown.index("## Facts in a text\n\n- a: b")
    assert "Facts of the page" not in markdown
    assert r"\caption{Own table. What it is about}" in written["tex"].read_text()


def test_a_section_that_has_nothing_is_left_out(folder, monkeypatch):
    before = write_report(folder)["html"].read_bytes()
    monkeypatch.setattr(page, "SECTIONS", (*sections.SECTIONS, lambda material: None))
    assert write_report(folder)["html"].read_bytes() == before


def test_tables_of_seeds_come_after_those_of_classes_in_a_text(folder):
    markdown = write_report(folder)["md"].read_text()
    titles = ("**Accuracy.**", "**Costs.**", "**Accuracy by class.**", "**Every seed.**", "**Against bptt.**")
    places = [markdown.index(title) for title in titles]
    assert places == sorted(places)
    page_text = (folder / "report.html").read_text()
    assert page_text.index('id="seeds"') < page_text.index('id="cost"') < page_text.index('id="classes"')
