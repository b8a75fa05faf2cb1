"""The tutorials as notebooks: cells are the page's blocks of Python, and what stands between them."""

import re
from pathlib import Path

BLOCK = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def notebooks(docs: Path) -> dict[str, str]:
    """{path: JSON} of a notebook for each tutorial."""
    pages = sorted((docs / "tutorials").glob("*.md"))
    return {f"tutorials/{page.stem}.ipynb": notebook(page.read_text("utf-8")) for page in pages}


def notebook(text: str) -> str:
    """A page as a notebook."""
    import nbformat

    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, part in enumerate(BLOCK.split(text)):
        if part.strip():
            new = nbformat.v4.new_code_cell if number % 2 else nbformat.v4.new_markdown_cell
            made.cells.append(new(part.strip(), id=f"cell-{number}"))
    nbformat.validate(made)
    return str(nbformat.writes(made))
