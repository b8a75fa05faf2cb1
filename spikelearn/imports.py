"""Components of one's own: Python files and modules that register them, imported by name."""

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

#: Stands between a file and the checksum that it had when it was recorded.
MARK = "#sha256="

#: How the names of modules begin that were imported as single files.
PREFIX = "spikelearn_imports_"


class ComponentsChanged(UserWarning):
    """A file of components is no longer what a run recorded."""


class ComponentsMissing(ValueError):
    """A file of components that a run recorded is gone."""


def import_components(items: Sequence[str]) -> tuple[str, ...]:
    """Import Python files or modules, so that what they register counts like the package's own.

    A file is imported once a process, and again where it has changed. One inside a package is imported as a module of
    that package.

    Args:
        items: paths of files (``myrule.py``), names of modules (``mypackage.rules``), or what this function returned.

    Returns:
        What finds them again from anywhere: absolute paths with the SHA-256 of the files, as
        "/home/me/myrule.py#sha256=...".

    Raises:
        ValueError: no such file or module, or one that cannot be imported, with the line where it failed.
    """
    if isinstance(items, str) or not all(isinstance(item, str) and item for item in items):
        raise ValueError(f'import is {items!r}, expected a list of Python files or modules: ["myrule.py"]')
    return tuple(dict.fromkeys(_recorded(item) for item in items))


def checksums(recorded: Sequence[str]) -> list[str]:
    """The checksums alone: what a result depends on, wherever the files lie."""
    return [item.rpartition(MARK)[2] for item in recorded]


def import_file(path: Path) -> ModuleType:
    """Import the file ``path`` as a module whose name follows from its path, in every process the same.

    Raises:
        ValueError: it cannot be imported; the line where it failed is named.
    """
    path = path.resolve()
    found = _loaded(path)
    content = path.read_bytes()
    if found is not None and getattr(found, "__sha256__", None) in (None, _digest(content)):
        return found
    name = _within_package(path)
    if name is not None:
        return _import_module(name, path)
    where = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    name = f"{PREFIX}{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{where}"
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, str(path)))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    vars(module)["__sha256__"] = _digest(content)
    _searched(path.parent)
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses and pickles look it up while it runs
    try:
        # Compiled here, so that no bytecode is left beside the file, and none that is older is taken for it.
        exec(compile(content, str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise ValueError(_told(error, path)) from error
    return module


def _recorded(item: str) -> str:
    """Import one file or module; as it is recorded."""
    name, marked, checksum = item.partition(MARK)
    path = _path_of(name, recorded=bool(marked))
    import_file(path)
    now = _digest(path.read_bytes())
    if marked and now != checksum:
        message = f"{path} has changed since it was recorded: what follows may differ from what it gave then"
        warnings.warn(message, ComponentsChanged, stacklevel=3)
    return f"{path}{MARK}{now}"


def _path_of(name: str, *, recorded: bool) -> Path:
    path = Path(os.path.expanduser(name))
    if os.path.isfile(path):
        return path.resolve()
    if recorded:
        moved = [Path(m.__file__) for key, m in list(sys.modules.items()) if key.startswith(PREFIX) and m.__file__]
        for other in moved:
            if other.name == path.name:
                return other
        raise ComponentsMissing(
            f"{path}, which holds components that are needed here, does not exist: say where it is now "
            "with --import FILE"
        )
    if re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name) and not name.endswith(".py") and not os.path.isdir(path):
        file = _import_module(name, None).__file__
        if file is None or not file.endswith(".py"):
            raise ValueError(f"the module {name!r} is no Python file, expected one that registers components")
        return Path(file).resolve()
    what = "is a folder" if os.path.isdir(path) else "does not exist"
    raise ValueError(f"{name} {what}, expected a Python file (myrule.py) or the name of a module (mypackage.rules)")


def _import_module(name: str, path: Path | None) -> ModuleType:
    _searched(Path.cwd())
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise ValueError(
                f"there is no file and no module {name!r}: name a Python file, such as myrule.py"
            ) from error
        raise ValueError(_told(error, path)) from error


def _loaded(path: Path) -> ModuleType | None:
    """The module that was made from the file ``path`` already, under whatever name."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and file.endswith(path.name) and Path(file).resolve() == path:
            return module
    return None


def _within_package(path: Path) -> str | None:
    """The full name of a module that lies in a package and is found there; None for a file that stands alone."""
    folder, parts = path.parent, [] if path.stem == "__init__" else [path.stem]
    if not (folder / "__init__.py").is_file():
        return None
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    name = ".".join(parts)
    _searched(folder)
    try:
        spec = importlib.util.find_spec(name)
    except (Exception, SystemExit) as error:
        raise ValueError(_told(error, path)) from error
    return name if spec is not None and spec.origin and Path(spec.origin).resolve() == path else None


def _searched(folder: Path) -> None:
    """Have modules beside a file found, behind all others: none of theirs takes a library's place."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _told(error: BaseException, path: Path | None) -> str:
    """Describe the failure in one sentence, with its file and line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {error.msg}: mend the file"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    inside = [frame for frame in frames if path is not None and Path(frame.filename).resolve().parent == path.parent]
    at = f"{(inside or frames)[-1].filename}, line {(inside or frames)[-1].lineno}" if frames else str(path)
    words = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        words = f"the file ends the program ({words})" if words else "the file ends the program"
    elif not isinstance(error, ValueError):
        words = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return f"{at}: {words}"


def _is_theirs(file: str) -> bool:
    return not file.startswith("<frozen") and file != __file__ and os.path.isfile(file)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
