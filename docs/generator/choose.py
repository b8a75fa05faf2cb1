"""The page by which a rule is chosen: one table of what rules declare and of what a command found."""

from docs.generator.component_pages import KINDS
from docs.generator.evidence import locality_of
from spikelearn.plasticity import RULES, Rule
from spikelearn.plasticity.families import family_of

#: Four times the steps keep so many times the bytes, at least, where memory grows with them.
GROWS = 1.5

HEAD = """\
---
hide: [toc]
---

# Choose a rule

Every row is what the rule declares, and what `spikelearn locality` found by running it on a small network: one signal
is perturbed at a time, with all others held.

- **labels**: whether the rule learns from targets. Rules without need a readout that is fitted, or a teacher
  (`train --rule NAME` fills in what is needed, and says it).
- **error**: whether it depends on what the network put out; **weights**: on weights of other synapses. Neither is
  local.
- **memory**: whether what an update keeps grows with the number of steps (what is alive in one of 80 steps, in times
  that of 20, where it was measured).
- **operations**: those of learning on that network, in times those of `bptt` on the same one.
- **needs**: what the rule asks of a network.

A first choice: [`bptt`](rules/bptt.md) where nothing forbids it; [`dfa`](rules/dfa.md) or [`drtp`](rules/drtp.md) where
errors cannot be carried back by the forward weights; [`ottt`](rules/ottt.md) or [`e-prop`](rules/e-prop.md) where
sequences are long or learning is online; [`decolle`](rules/decolle.md) or [`lls`](rules/lls.md) where no block may wait
for another; [`softhebb`](rules/softhebb.md) or [`stdp`](rules/stdp.md) where there are no labels. Then
[compare](compare.md) them on your own data with `readout-only`, the control whose hidden weights stay as drawn.

<input id="filter" type="search" placeholder="Filter, for example: no labels, fixed" aria-label="Filter the table">

"""


def choose_page() -> str:
    """The page."""
    lines = [HEAD, "| rule | family | labels | error | weights | memory | operations | needs |", "|---" * 8 + "|"]
    names = sorted(KINDS["rule"].own(), key=lambda name: (family_of(name), name))
    return "\n".join([*lines, *(_row(name) for name in names)]) + "\n"


def made(name: str) -> Rule | None:
    """The rule with its default options; None for one that cannot be made without."""
    try:
        return RULES.build(name, {})
    except ValueError:
        return None


def signals(name: str) -> dict[str, str]:
    """{column: words} of labels, error, weights, memory and operations of a rule; what was found wins."""
    rule, found = made(name), locality_of(name)
    declared = rule.factors if rule is not None else None
    words = {"labels": "?" if rule is None else "labels" if rule.supervised else "no labels"}
    for factor in ("error", "weights"):
        known = declared if not found or factor in found["unknown"] else found["depends"]
        words[factor] = "?" if known is None else factor if factor in known else f"no {factor}"
    kept = found["live_bytes"] / found["live_bytes_quarter"] if found.get("live_bytes_quarter") else None
    grows = kept > GROWS if kept else declared is not None and "record" in declared
    known_memory = kept is not None or declared is not None
    words["memory"] = ("grows with steps" if grows else "fixed") if known_memory else "?"
    words["memory"] += f" ({kept:.1f} x)" if kept else ""
    operations = found.get("operations")
    words["operations"] = f"{operations:.2f} x" if operations is not None else "?"
    return words


def _row(name: str) -> str:
    rule, words = made(name), signals(name)
    needs = "; ".join(map(str, rule.requires)) if rule is not None else "what its options ask for"
    cells = [f"[`{name}`](rules/{name}.md)", family_of(name), *words.values(), needs]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
