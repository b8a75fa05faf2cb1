"""The README's table of rules: what rules declare, and the figures of the comparison that is stored with the site.

``python -m docs.generator.readme`` writes it into README.md.
"""

import re
from pathlib import Path

from docs.generator.choose import made, signals

README = Path(__file__).parents[2] / "README.md"
#: Where the figures stand, as ``spikelearn compare --suite mnist`` reported them.
BENCH = Path(__file__).parents[1] / "measured/bench.md"
BEGIN, END = "<!-- rules: python -m docs.generator.readme -->", "<!-- end of rules -->"

#: Needs that say little to whoever chooses: every rule has something to learn.
COMMON = ("a trainable weight", "a trainable parameter")


def table() -> str:
    """The table in Markdown, in the order of the comparison."""
    lines = [
        "| rule | needs | labels | weights of other synapses | memory | ms an epoch | MNIST, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, accuracy, cost in figures():
        rule, found = made(name), signals(name)
        needs = [str(need) for need in rule.requires if str(need) not in COMMON] if rule is not None else []
        words = "; ".join(needs[:3]) + ("; ..." if len(needs) > 3 else "") or "nothing"
        labels, weights = ("no" if found[key].startswith("no") else "yes" for key in ("labels", "weights"))
        memory = found["memory"].partition(" (")[0]
        lines.append(f"| `{name}` | {words} | {labels} | {weights} | {memory} | {cost} | {accuracy} |")
    return "\n".join(lines)


def figures() -> list[tuple[str, str, str]]:
    """(rule, test accuracy, milliseconds of a training epoch) of every row of the stored comparison."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| [^|]* \| ([0-9]+) \|", BENCH.read_text("utf-8"), re.MULTILINE)
    return [(name, accuracy.strip(), cost) for name, accuracy, cost in rows]


def with_table(text: str) -> str:
    """The README with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")
