"""The ledger: what was compared with what, and how far apart it was, as the tests recorded it."""

from itertools import groupby

from docs.generator.component_pages import DOCS, KINDS
from docs.generator.docstring_pages import parts_of
from docs.generator.evidence import about, fidelity, golden_files_of
from spikelearn.plasticity.identities import IDENTITIES

HEAD = """\
# Fidelity

Made from the results of the tests themselves: each row was written by a test while it compared. A difference is the
largest one of all numbers of an array, relative to the largest magnitude that was expected. *exact* is 0.

```console
python -m pytest tests/golden tests/agreement tests/conformance/test_identities.py --fidelity docs/data/fidelity.json
```

Golden numbers are those of the authors' own programs (repository and commit are in the files' own notes) or of other
simulators; an identity is an answer found another way. A golden file has a checksum in
`tests/golden/checksums.txt`: one that was changed is refused, one that is new is taken.
"""


def fidelity_page() -> str:
    """The page: a table for each test file, then every departure from a source, by component."""
    sections = [HEAD]
    rows = sorted(fidelity().items())
    if not rows:
        sections.append("No results are stored: run the command above.")
    for path, tests in groupby(rows, key=lambda row: row[0].partition("::")[0]):
        sections += [f"## `{path.rpartition('/')[2]}`", about(path)]
        lines = ["| test | reference file | compared | largest difference |", "|---|---|---|---|"]
        for test, row in tests:
            case = test.partition("::")[2]
            files = ", ".join(f"`{name}`" for name in row["files"]) or "computed in the test"
            largest = "exact" if row["largest"] == 0 else "-" if row["largest"] is None else f"{row['largest']:.1e}"
            lines.append(f"| `{case}` | {files} | {row['compared']:,} | {largest} |")
        sections.append("\n".join(lines))
    sections += ["## Departures from the sources", "As the docstrings say them.", _departures()]
    return "\n\n".join(sections) + "\n"


def _departures() -> str:
    lines = []
    for kind in KINDS.values():
        for name in kind.own():
            departures = parts_of(kind.registry.get(name)).departures
            if departures:
                lines.append(
                    f"- {kind.title[:-1].lower()} [`{name}`]({kind.folder}/{name}.md): {' '.join(departures.split())}"
                )
    return "\n".join(lines)


def status_page() -> str:
    """What is supported and tested, from registries and results; what is not, from a list that is kept by hand."""
    rules = KINDS["rule"].own()
    lines = ["# Status", "", "## Supported and tested", ""]
    for kind in KINDS.values():
        tested = "tests of their own" if kind.folder == "encoders" else "the conformance tests, which every one passes"
        lines.append(f"- {len(kind.own())} {kind.title.lower()}: {tested}")
    golden = [name for name in rules if golden_files_of(name)]
    lines += [
        f"- {sum(name in IDENTITIES for name in rules)} of {len(rules)} rules have an identity of their own, checked "
        "before every comparison",
        f"- {len(golden)} rules take part in tests against numbers of authors' own programs or of another simulator: "
        + ", ".join(f"[`{name}`](rules/{name}.md)" for name in golden),
        "- rules of which the ledger holds no such numbers, whose proof is the identity: "
        + ", ".join(f"[`{name}`](rules/{name}.md)" for name in rules if name not in golden),
        "",
        (DOCS / "data/not_established.md").read_text("utf-8"),
    ]
    return "\n".join(lines) + "\n"
