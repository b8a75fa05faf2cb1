"""An editable install is found beside the clone too, whose folder has the package's name."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_package_is_found_from_the_folder_that_holds_the_clone(tmp_path):
    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.partition(".")[0]) < 77:
        pytest.skip("an older setuptools than the build asks for")
    clone = tmp_path / "beside" / "spikelearn"
    (clone / "spikelearn").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    (clone / "spikelearn" / "__init__.py").write_text("found = True\n")
    installed = tmp_path / "installed"
    installed.mkdir()
    build = f"from setuptools import build_meta; build_meta.build_editable({str(installed)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=clone, check=True, capture_output=True)
    with zipfile.ZipFile(next(installed.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    look = f"import site; site.addsitedir({str(installed)!r}); import spikelearn; assert spikelearn.found"
    # Without the site packages, where this very package may be installed.
    done = subprocess.run([sys.executable, "-S", "-c", look], cwd=clone.parent, capture_output=True, text=True, env={})
    assert not done.returncode, done.stderr
