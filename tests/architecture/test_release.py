"""A wheel and a source archive are built and installed in an environment of their own, where a network trains."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

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
