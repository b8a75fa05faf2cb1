"""A wheel and a source archive are built and installed in an environment of their own, where a network trains."""

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]

TRAINS = """
import sys
import spikelearn
assert "site-packages" in spikelearn.__file__, spikelearn.__file__
from spikelearn.cli.app import run
assert run(["rules"]) == 0
assert run(["train", "--net", "64-12-10", "--steps", "4", "--epochs", "1", "--out", "run"]) == 0
assert run(["report", "run"]) == 0
assert run(["presets"]) == 0
"""


#: What an install without extras does, and the sentences where it lacks one; importing the package imports none of them.
WITHOUT_EXTRAS = """
import sys
import spikelearn
assert not {"torch", "numba", "numpy"} & set(sys.modules), "import spikelearn waits for what it may not need"
from spikelearn.cli.app import COMMANDS, run
assert run(["train", "--net", "64-12-10", "--steps", "4", "--epochs", "1", "--out", "run"]) == 0
assert run(["evaluate", "run"]) == 0
assert run(["inspect", "run"]) == 0
assert run(["export", "run"]) == 0
assert [name for name in COMMANDS if run([name, "--help"])] == []
assert run(["compare", "--rules", "bptt", "--out", "none"]) == 2
assert run(["tune", "--rules", "bptt", "--out", "none"]) == 2
assert run(["inspect", "run", "--pictures"]) == 2
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel and source archive, built from a copy without what git does not know."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("built")
    names = ["pyproject.toml", "README.md", "LICENSE", "spikelearn"]
    copied = folder / "source"
    copied.mkdir()
    subprocess.run(["cp", "-r", *names, str(copied)], cwd=ROOT, check=True)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(copied)]
    done = subprocess.run(command, capture_output=True, text=True)
    if (
        done.returncode
        and "setuptools" in done.stdout + done.stderr
        and "Missing dependencies" in done.stdout + done.stderr
    ):
        pytest.skip("an older setuptools than the build asks for")
    assert not done.returncode, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_archives_hold_what_the_package_needs(built):
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "__init__.pyi",
        "py.typed",
        "catalogue/presets/ide/mnist.toml",
        "report/comparison/templates/page.css",
    ):
        assert f"spikelearn/{name}" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    with tarfile.open(source) as packed:
        assert any(name.endswith("spikelearn/__init__.pyi") for name in packed.getnames())


@pytest.mark.slow
@pytest.mark.parametrize("form", ["*.whl", "*.tar.gz"])
def test_it_trains_where_it_is_installed(form, built, tmp_path):
    """Libraries are those of this environment, so that nothing is fetched; the package itself is the archive's."""
    venv.create(tmp_path / "clean", with_pip=False, symlinks=True)
    python = tmp_path / "clean/bin/python"
    (archive,) = built.glob(form)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    home = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", home, str(archive)], check=True, capture_output=True)
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    Path(home, "libraries.pth").write_text(f"{libraries}\n")
    done = subprocess.run(
        [str(python), "-c", TRAINS], cwd=tmp_path, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert not done.returncode, done.stderr
    assert (tmp_path / "run/report.html").is_file()


def needed(requirements):
    """Names of the distributions that are installed where ``requirements`` are, themselves and what they need."""
    names, left = set(), [Requirement(text) for text in requirements]
    while left:
        one = left.pop()
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        if name in names or (one.marker and not any(one.marker.evaluate({"extra": e}) for e in one.extras or {""})):
            continue
        try:
            more = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        names.add(name)
        found = [Requirement(text) for text in more]
        left += [
            r for r in found if r.marker is None or any(r.marker.evaluate({"extra": e}) for e in one.extras or {""})
        ]
    return names


@pytest.mark.slow
def test_an_install_without_extras_trains_and_names_what_it_lacks(built, tmp_path):
    """An environment that holds links to the libraries of an ordinary install, as they are here, and to no other."""
    venv.create(tmp_path / "clean", with_pip=False, symlinks=True)
    python = tmp_path / "clean/bin/python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    home = Path(subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True).stdout.strip())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = needed(project["dependencies"])
    assert {"torch", "numba", "nir"} <= names
    assert not {"matplotlib", "pandas", "plotly", "optuna", "pyarrow", "statsmodels", "tonic"} & names
    for name in names:
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            if not (home / top).exists():
                (home / top).symlink_to(distribution(name).locate_file(top))
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(home)
    done = subprocess.run(
        [str(python), "-c", WITHOUT_EXTRAS], cwd=tmp_path, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert not done.returncode, done.stdout[-2000:] + done.stderr[-3000:]
    for sentence in ("a comparison needs pandas", "tuning needs optuna", "drawing needs matplotlib"):
        assert sentence in done.stderr
    for extra in ("report", "tune", "plot"):
        assert f"pip install 'spikelearn[{extra}]'" in done.stderr
