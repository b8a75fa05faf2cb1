"""Pages of one's own rule, neuron and data set: the examples as they are, which tests run."""

import ast
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples/extend"


def extending_pages() -> dict[str, str]:
    """{path: Markdown}: the words at the head of each example, and the whole of it."""
    return {f"extending/{path.stem}.md": _page(path) for path in sorted(EXAMPLES.glob("*.py"))}


def _page(path: Path) -> str:
    text = path.read_text("utf-8")
    title, _, words = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")
    return f"# {title.partition(':')[0].rstrip('.')}\n\n{title}\n\n{words}\n\n```python\n{text.rstrip()}\n```\n"
