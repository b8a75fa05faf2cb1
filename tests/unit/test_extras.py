"""Libraries that an ordinary install leaves out are named, with the extra that brings them, where they are missing."""

import importlib
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import spikelearn
from spikelearn.cli.app import run
from spikelearn.extras import EXTRAS, MissingExtra, check_extra, extra_of, from_extra

PACKAGE = Path(spikelearn.__file__).parent
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]

#: What is asked for by name, in sentences of its own: readers of NIR, and the compiler for GPUs that torch brings.
NAMED_ELSEWHERE = {"spikingjelly", "jaxpike", "sparx", "snn_mlir", "jax", "triton", "onnxscript"}

#: Come with the libraries that an ordinary install brings: jinja2's, typer's, numba's, pydantic's.
BROUGHT = {"markupsafe", "click", "llvmlite", "pydantic_core"}

IMPORT = re.compile(r"^ *(?:import (\w+)|from (\w+)[\w.]* import )", re.MULTILINE)


def named(requirements):
    """Names of distributions and of extras of this package in a list of requirements."""
    names = set()
    for text in requirements:
        name, extras = re.match(r"([A-Za-z0-9._-]+)(?:\[([^]]*)\])?", text).groups()
        names |= set(extras.split(",")) if name == "spikelearn" else {name.lower().replace("_", "-")}
    return names


@cache
def all_distributions():
    return packages_distributions()


def distributions(library):
    return {name.lower().replace("_", "-") for name in all_distributions().get(library, [])}


def test_the_table_is_that_of_the_project():
    offered = PROJECT["optional-dependencies"]
    for extra, libraries in EXTRAS.items():
        for library in libraries:
            if found := distributions(library):
                assert found & named(offered[extra]) or any(
                    found & named(offered[other]) for other in named(offered[extra]) & set(offered)
                ), f"{library} does not come with the extra {extra}"
    assert named(offered["all"]) <= set(offered)


def test_what_is_imported_is_installed_or_an_extra():
    base, ours = named(PROJECT["dependencies"]), sys.stdlib_module_names | {"spikelearn"} | NAMED_ELSEWHERE | BROUGHT
    wrong = set()
    for path in PACKAGE.rglob("*.py"):
        for pair in IMPORT.findall(path.read_text("utf-8")):
            (library,) = set(pair) - {""}
            if not (library in ours or extra_of(library) or distributions(library) & base):
                wrong.add((library, str(path.relative_to(PACKAGE))))
    assert not wrong


@pytest.mark.parametrize(
    ("library", "command", "extra"),
    [
        ("plotly", ["compare", "--rules", "bptt", "--data", "digits"], "report"),
        ("pandas", ["report", "."], "report"),
        ("optuna", ["tune", "--rules", "bptt", "--data", "digits", "--trials", "1"], "tune"),
        ("matplotlib", ["plot", "window", "settings.toml"], "plot"),
    ],
)
def test_a_command_without_its_library_names_the_extra(library, command, extra, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text('rule = "stdp-online"\nnet = "64-10"\nencoder = "rate"\n')
    monkeypatch.setitem(sys.modules, library, None)
    for name in [name for name in sys.modules if name.startswith(("spikelearn.draw", "spikelearn.extras.plot"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(spikelearn, "draw", raising=False)
    assert run(command) == 2
    assert f"{library}, which is not installed: pip install 'spikelearn[{extra}]'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"], "something was begun"


def test_sentences(monkeypatch):
    check_extra("plot", "drawing")
    monkeypatch.setitem(EXTRAS, "none", ("nothing_of_this_name", "nor_this"))
    with pytest.raises(
        MissingExtra,
        match=r"^flying needs nothing_of_this_name and nor_this, which are not installed: pip install 'spikelearn\[none\]'$",
    ):
        check_extra("none", "flying")
    with pytest.raises(ValueError, match=r"^walking needs nor_this, .*'spikelearn\[none\]', or sit$"):
        from_extra("nor_this.part", "walking", instead="sit")
    assert from_extra("json.decoder", "reading") is importlib.import_module("json.decoder")


def test_a_library_whose_own_import_fails_is_not_said_to_be_missing(tmp_path, monkeypatch):
    (tmp_path / "brought.py").write_text("import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nothing_of_this_name'") as caught:
        from_extra("brought", "walking")
    assert not isinstance(caught.value, MissingExtra)
