"""Every block of code in the README and on the site: Python runs, commands are taken with their settings."""

import re
import shlex
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
import typer

import spikelearn
from docs.generator.notebooks import BLOCK, notebook
from spikelearn.bench import plan_from
from spikelearn.cli.app import COMMANDS, SEVERAL, command_of, run
from spikelearn.cli.common import spread

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
CONSOLE = re.compile(r"^```console\n(.*?)^```|^((?:    (?:spikelearn|make)(?: [^\n]*)?\n)+)", re.MULTILINE | re.DOTALL)

#: What the blocks of a page take as given.
GIVEN = {
    "docs/own-data.md": {
        "readings": np.random.default_rng(0).normal(size=(12, 7, 3)).astype("float32"),
        "pictures": np.random.default_rng(0).random((12, 1, 8, 8)).astype("float32"),
        "labels": np.arange(12) % 3,
    },
}
#: Packages without which a page cannot run.
PACKAGES = {"docs/from/norse.md": "norse", "docs/from/spikingjelly.md": "spikingjelly"}
SNNTORCH = ("docs/from/snntorch.md", "docs/export.md", "docs/tutorials/from-snntorch.md")
PACKAGES |= dict.fromkeys(SNNTORCH, "snntorch")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder of its own; networks train for one epoch, and pictures open no window."""
    whole = spikelearn.fit
    few = lambda *given, **options: whole(*given, **{**options, "epochs": 1})  # noqa: E731
    monkeypatch.setattr(spikelearn, "fit", few)
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    return tmp_path


def blocks(name):
    return BLOCK.findall((ROOT / name).read_text("utf-8"))


def prepared(name, folder):
    """What a page takes as given, and its files."""
    if name == "docs/export.md":
        text = ["train", "--net", "64-12-10", "--steps", "4", "--epochs", "1", "--out", "runs/mlp"]
        assert run(text) == 0
        assert run(["export", "runs/mlp"]) == 0
        return {"inputs": (torch.rand(4, 3, 1, 8, 8) < 0.3).float()}
    if name == "docs/simulate.md":
        test = spikelearn.Loader(spikelearn.Digits("test"), n_steps=5, batch=64)
        return {
            "test": test,
            "network": spikelearn.build("64-20-10", input_shape=(1, 8, 8)),
            "evaluate": spikelearn.evaluate,
        }
    return dict(GIVEN.get(name, {}))


@pytest.mark.parametrize("name", [name for name in NAMES if blocks(name)])
def test_python_of_a_page_runs(name, folder):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    scope = prepared(name, folder)
    for number, block in enumerate(blocks(name), 1):
        exec(compile(block, f"{name}, block {number}", "exec"), scope)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("docs/tutorials/")])
def test_a_tutorial_runs_as_it_stands(name, monkeypatch, tmp_path):
    """With all of its epochs, from the notebook's cells."""
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    cells = nbformat.reads(notebook((ROOT / name).read_text("utf-8")), as_version=4).cells
    scope: dict = {}
    for cell in cells:
        if cell.cell_type == "code":
            exec(cell.source, scope)


def test_a_notebook_has_the_code_and_the_words_of_its_page():
    nbformat = pytest.importorskip("nbformat")
    text = (ROOT / "docs/tutorials/write-a-rule.md").read_text("utf-8")
    made = nbformat.reads(notebook(text), as_version=4)
    assert [cell.source for cell in made.cells if cell.cell_type == "code"] == [b.strip() for b in BLOCK.findall(text)]
    assert "# Write a rule" in made.cells[0].source


def lines_of(name):
    """The commands of a page, lines that go on put together."""
    for fenced, indented in CONSOLE.findall((ROOT / name).read_text("utf-8")):
        text = re.sub(r"\\\n\s*", " ", fenced or indented)
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words


COMMANDS_OF_PAGES = sorted({(name, shlex.join(words)) for name in NAMES for words in lines_of(name)})


class Reached(Exception):
    """All that is checked before the work has been checked."""


def reached(*given, **options):
    raise Reached


#: Where a command's work begins, behind the reading of its settings.
WORK = {"train": "spikelearn.cli.train._run", "tune": "spikelearn.cli.tune.tune"}
#: Words in a page that stand for something of the reader's own.
OWN = (
    "NAME",
    "COMMAND",
    "PLAN.toml",
    "RUN",
    "|",
    "idx:kmnist",
    "file:mine.npz",
    "video:clips",
    "nir:mine.nir",
    "found.json",
    "myrule.py",
    "--preset",
)


@pytest.mark.parametrize(("name", "line"), COMMANDS_OF_PAGES)
def test_a_command_of_a_page_is_taken(name, line, monkeypatch, tmp_path):
    program, *words = shlex.split(line)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "python":
        assert words[0] != "-m" or (ROOT / words[1].replace(".", "/")).exists() or words[1] in MODULES, words
        assert words[0] == "-m" or (ROOT / words[0]).is_file()
    elif words:
        parsed(words)
        if words[0] in WORK and "--resume" not in words and not any(own in line for own in OWN):
            monkeypatch.chdir(tmp_path)
            monkeypatch.setattr(WORK[words[0]], reached)
            monkeypatch.setenv("SPIKELEARN_DEBUG", "1")
            with pytest.raises(Reached):
                run(words)


#: Modules that pages run by ``python -m`` and that are files.
MODULES = (
    "benchmarks.digits_by_stdp",
    "benchmarks.first_spikes",
    "pytest",
    "docs.generator.readme",
    "benchmarks.rule_steps",
    "benchmarks.busy",
    "benchmarks.competing_neurons",
    "benchmarks.depth_and_adapter",
    "benchmarks.long_simulation",
    "benchmarks.coding_steps",
    "benchmarks.meta_plasticity",
    "benchmarks.short_products",
    "benchmarks.nir_readers",
    "tests.property.mutated_nir",
)


def parsed(words):
    """What a line gives to its command, which is not run; a word that is no command or flag raises."""
    name, *rest = words
    assert name in COMMANDS, f"{name} is no command"
    if name.startswith("|") or "|" in rest:
        return None
    app = typer.Typer(rich_markup_mode=None)
    app.command()(command_of(name))
    rest = [word for word in rest if word != "..."]
    given = spread([name, *rest], SEVERAL.get(name, ()))[1:]
    given = [word for at, word in enumerate(given) if word != "--import" and (not at or given[at - 1] != "--import")]
    return typer.main.get_command(app).make_context(name, given).params


def test_a_wrong_flag_on_a_page_would_be_seen():
    with pytest.raises(Exception, match="No such option"):
        parsed(["compare", "--rules", "bptt", "--sedes", "3"])


def test_the_plan_of_the_page_on_comparing_is_one():
    import tomllib

    text = (ROOT / "docs/compare.md").read_text("utf-8")
    (plan,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert plan_from(tomllib.loads(plan)).seeds


def test_the_readme_is_short_and_its_table_is_as_it_is_made():
    from docs.generator.readme import table

    text = (ROOT / "README.md").read_text("utf-8")
    assert table() in text, "write it anew: python -m docs.generator.readme"
    assert len(text.splitlines()) <= 115


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text("utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link


@pytest.mark.slow
def test_first_steps_from_an_empty_folder(folder, capsys):
    """The page "Getting started", as it stands."""
    for name, line in COMMANDS_OF_PAGES:
        if name == "docs/getting-started.md" and line.startswith("spikelearn train"):
            assert run(shlex.split(line)[1:]) == 0
    for line in ("inspect runs/first --pictures", "report runs/first"):
        assert run(line.split()) == 0
    assert (folder / "runs/first/report.html").is_file()


def test_the_blocks_would_be_seen():
    assert len(COMMANDS_OF_PAGES) > 60
    assert sum(len(blocks(name)) for name in NAMES) > 25
