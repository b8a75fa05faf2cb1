"""A copy of the package to which a test adds a component, with the compiled kernels of the original."""

import shutil
from pathlib import Path

from spikelearn.kernels.compiled import FOLDERS


def copy_package(package: Path, to: Path) -> None:
    """Copy ``package``; kernels, valid for files of the same time and size, are kept where the original keeps them.

    Whichever of the two needs a kernel first compiles it for both.
    """

    def left_out(folder: str, names: list[str]) -> set[str]:
        return {"__pycache__"} & set(names) if Path(folder) in [package / name for name in FOLDERS] else set()

    shutil.copytree(package, to, ignore=left_out)
    for name in FOLDERS:
        kept = package / name / "__pycache__"
        kept.mkdir(exist_ok=True)
        (to / name / "__pycache__").symlink_to(kept)
