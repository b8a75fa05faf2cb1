"""What an ordinary install leaves out: the extras of the package, and the sentence where one is missing.

``import spikelearn.extras.plot`` at the top of a module says in that sentence that it needs the extra ``plot``.
"""

import importlib
from importlib.util import find_spec
from typing import Any

#: {extra: libraries that it brings, by the names under which they are imported}; as in pyproject.toml.
EXTRAS: dict[str, tuple[str, ...]] = {
    "plot": ("matplotlib", "PIL"),
    "images": ("PIL",),
    "report": ("pandas", "pyarrow", "plotly", "scikit_posthocs"),
    "tune": ("optuna",),
    "events": ("rosbags", "hdf5plugin", "pyarrow"),
    "neo": ("neo",),
    "peers": ("snntorch", "norse"),
    "onnx": ("onnx", "onnxruntime"),
    "ray": ("ray",),
    "distributed": ("lightning_fabric",),
}


class MissingExtra(ImportError, ValueError):
    """A library is needed that no ordinary install brings; the sentence names the extra that does."""


def check_extra(extra: str, what: str) -> None:
    """Raise MissingExtra where a library of ``extra`` is not installed; nothing is imported.

    Args:
        extra: of ``EXTRAS``.
        what: what needs it, the subject of the sentence.
    """
    missing = [library for library in EXTRAS[extra] if find_spec(library) is None]
    if missing:
        raise MissingExtra(_sentence(what, missing, extra))


def from_extra(module: str, what: str, extra: str = "", instead: str = "") -> Any:
    """The module ``module``, imported.

    Args:
        module: its name; the library is what stands before the first dot.
        what: what needs it, the subject of the sentence.
        extra: that brings it; "": the first that does.
        instead: what else may be done, a phrase behind "or".

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != library:
            raise
        found = extra or extra_of(library)
        raise MissingExtra(_sentence(what, [library], found) + (f", or {instead}" if instead else "")) from error


def extra_of(library: str) -> str:
    """The first extra that brings ``library``; "" where none does."""
    return next((extra for extra, brought in EXTRAS.items() if library in brought), "")


def _sentence(what: str, missing: list[str], extra: str) -> str:
    are = "is" if len(missing) == 1 else "are"
    return f"{what} needs {' and '.join(missing)}, which {are} not installed: pip install 'spikelearn[{extra}]'"
