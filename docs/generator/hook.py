"""What mkdocs asks while it builds the site: generated pages, the list of pages, and mathematics without a network."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from mkdocs.structure.files import File, Files

from docs.generator.navigation import navigation
from docs.generator.notebooks import notebooks
from docs.generator.pages import pages


def on_config(config: Any) -> Any:
    """The list of pages: those that are written and those that are generated."""
    config.nav = navigation(Path(config.docs_dir), pages())
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages, the tutorials as notebooks, and MathJax, which a package brings."""
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    for path, text in notebooks(Path(config.docs_dir)).items():
        files.append(File.generated(config, path, content=text))
    files.append(File.generated(config, "assets/mathjax.js", content=mathjax()))
    return files


def mathjax() -> bytes:
    """The program that draws formulas, in one file with its fonts."""
    found = find_spec("sphinx-mathjax-offline")
    if found is None or not found.submodule_search_locations:
        raise ValueError("formulas are drawn by a file of the package sphinx-mathjax-offline: pip install '.[docs]'")
    return (Path(next(iter(found.submodule_search_locations))) / "static/mathjax/tex-svg.js").read_bytes()
