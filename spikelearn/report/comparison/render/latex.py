"""The tables of a report as LaTeX for the package booktabs."""

from spikelearn.report.comparison.page import Page
from spikelearn.report.comparison.table import Table

_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "−": r"$-$", "±": r"$\pm$", "×": r"$\times$", "µ": r"$\mu$",
    "·": r"$\cdot$", "≥": r"$\geq$", "≤": r"$\leq$", "Δ": r"$\Delta$", "–": "--", "…": r"\ldots{}", "“": "``",
    "”": "''", "’": "'",
}  # fmt: skip

#: What a reader of report.tex must load.
HEAD = (
    "% \\usepackage[T1]{fontenc}\n% \\usepackage[utf8]{inputenc}\n% \\usepackage{booktabs,graphicx}\n"
    "% Tables wider than the line are scaled down to it.\n"
)


def latex(page: Page) -> str:
    """The tables, to be read into a document with \\input."""
    return HEAD + "\n" + "\n".join(latex_table(table) for table in page.tables)


def latex_table(table: Table, prefix: str = "tab:") -> str:
    """The table as a ``table`` float; columns of buttons are left out."""
    kept = [at for at, column in enumerate(table.columns) if not column.fixed]
    form = "".join("r" if table.columns[at].style == "number" else "l" for at in kept)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(f'{table.title}. {table.about}')}}}",
        rf"\label{{{prefix}{_label(table.key)}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{form}}}",
        r"\toprule",
        _line([escaped(table.columns[at].label) for at in kept]),
        r"\midrule",
        *(_line([escaped(row.cells[at].text) for at in kept]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}}",
        *(rf"\par\footnotesize {escaped(note)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """``text`` with every sign that LaTeX reads as a command taken literally, on one line."""
    return "".join(_SIGNS.get(sign, sign) for sign in " ".join(text.split()))


def _label(key: str) -> str:
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in key)


def _line(cells: list[str]) -> str:
    # A row that begins with a bracket would be read as the length after the line break before it.
    first = "{}" + cells[0] if cells[0].startswith(("[", "*")) else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"
