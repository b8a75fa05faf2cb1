"""Components of one's own, from files and modules."""

import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikelearn.imports import ComponentsChanged, checksums, import_components
from spikelearn.neurons import SURROGATES

SURROGATE = """
from spikelearn.neurons.surrogates import SURROGATES, ATan

@SURROGATES.register("{name}")
class Mine(ATan):
    value = {value}
"""


@pytest.fixture(autouse=True)
def apart(monkeypatch, tmp_path):
    """A folder of its own to work in; what is registered, imported and searched is forgotten."""
    monkeypatch.setattr(SURROGATES, "_components", dict(SURROGATES._components))
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(path, name="mine", value=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SURROGATE.format(name=name, value=value))
    return path


def test_a_file_registers_and_is_recorded_with_its_checksum(tmp_path):
    (recorded,) = import_components(["mine.py"]) if written(tmp_path / "mine.py") else ()
    path, _, checksum = recorded.partition("#sha256=")
    assert path == str(tmp_path / "mine.py")
    assert checksums([recorded]) == [checksum]
    assert len(checksum) == 64
    assert SURROGATES.get("mine").value == 1
    first = SURROGATES.get("mine")
    assert import_components([recorded, "mine.py", str(tmp_path / "mine.py")]) == (recorded,)
    assert SURROGATES.get("mine") is first, "imported once"


def test_a_changed_file_is_imported_anew_and_said(tmp_path):
    recorded = import_components([str(written(tmp_path / "mine.py"))])
    written(tmp_path / "mine.py", value=2)
    with pytest.warns(ComponentsChanged, match=r"mine\.py has changed since"):
        again = import_components(recorded)
    assert SURROGATES.get("mine").value == 2
    assert again != recorded


def test_a_moved_file_is_found_by_its_name_once_it_was_imported(tmp_path):
    recorded = (f"{tmp_path / 'gone' / 'mine.py'}#sha256=0",)
    with pytest.raises(ValueError, match=r"mine\.py, which holds .* does not exist: .*--import FILE"):
        import_components(recorded)
    now = import_components([str(written(tmp_path / "there" / "mine.py"))])
    with pytest.warns(ComponentsChanged):
        assert import_components(recorded) == now


def test_modules_by_name_and_files_in_packages(tmp_path):
    (tmp_path / "ownpackage").mkdir()
    (tmp_path / "ownpackage" / "__init__.py").touch()
    (tmp_path / "ownpackage" / "shared.py").write_text("VALUE = 3\n")
    text = SURROGATE.format(name="packed", value="VALUE").replace("import SUR", "import SUR", 1)
    (tmp_path / "ownpackage" / "rules.py").write_text("from .shared import VALUE\n" + text)
    (recorded,) = import_components(["ownpackage.rules"])
    assert recorded.startswith(str(tmp_path / "ownpackage" / "rules.py"))
    assert SURROGATES.get("packed").value == 3
    assert import_components([recorded, "ownpackage/rules.py"]) == (recorded,)
    written(tmp_path / "ownmodule.py", "alone")
    assert import_components(["ownmodule"])[0].startswith(str(tmp_path / "ownmodule.py"))


def test_a_file_may_import_its_neighbours_but_takes_no_library_s_place(tmp_path):
    (tmp_path / "random.py").write_text("raise RuntimeError('shadowed')\n")
    (tmp_path / "neighbour.py").write_text("VALUE = 4\n")
    text = "import random\nfrom neighbour import VALUE\nrandom.random()\n" + SURROGATE.format(
        name="near", value="VALUE"
    )
    (tmp_path / "near.py").write_text(text)
    import_components(["near.py"])
    assert SURROGATES.get("near").value == 4


def test_in_another_process_objects_are_unpickled_and_the_script_that_runs_is_not_run_again(tmp_path):
    written(tmp_path / "mine.py")
    import_components(["mine.py"])
    (tmp_path / "object.pickle").write_bytes(pickle.dumps(SURROGATES.get("mine")()))
    (tmp_path / "script.py").write_text(
        "import pickle\nfrom spikelearn.imports import import_components\nprint('ran')\n"
        "import_components(['mine.py', __file__])\n"
        "print(type(pickle.load(open('object.pickle', 'rb'))).value)\n"
    )
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "ran\n1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ndef (:\n", r"mine\.py, line 2: invalid syntax"),
        ("x = 1\nx.y\n", r"mine\.py, line 2: AttributeError: 'int' object has no attribute 'y'"),
        ("import nothing_of_this_name\n", r"mine\.py, line 1: ModuleNotFoundError: No module named"),
        ("def f():\n    raise ValueError('no\\n good')\n\nf()\n", r"mine\.py, line 2: no good"),
        ("import sys\nsys.exit(3)\n", r"mine\.py, line 2: the file ends the program \(3\)"),
        ("raise SystemExit\n", r"mine\.py, line 1: the file ends the program"),
        ("x = '\0'\n", r"null bytes"),
        ("assert False\n", r"mine\.py, line 1: AssertionError"),
    ],
)
def test_what_fails_is_said_with_file_and_line(tmp_path, text, expected):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ValueError, match=expected) as caught:
        import_components(["mine.py"])
    assert "\n" not in str(caught.value)
    written(tmp_path / "mine.py")
    import_components(["mine.py"])
    assert SURROGATES.get("mine").value == 1, "mended, it is imported"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["there_is_none.py"], r"there_is_none\.py does not exist, expected a Python file"),
        (["no_such_module"], "no file and no module 'no_such_module'"),
        (["no.such.module"], "no file and no module 'no.such.module'"),
        (["."], "is a folder"),
        ("mine.py", "expected a list"),
        ([3], "expected a list"),
        ([""], "expected a list"),
    ],
)
def test_what_is_no_file_is_refused(items, expected):
    with pytest.raises(ValueError, match=expected):
        import_components(items)


@given(st.text(max_size=300))
def test_any_words_are_imported_or_refused_in_one_sentence(words):
    if words.partition(".")[0].isidentifier() or os.path.isfile(words):
        return  # it may be a module of this machine
    with pytest.raises(ValueError):
        import_components([words])
