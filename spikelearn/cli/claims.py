"""The part of ``spikelearn compare`` that asks published claims."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikelearn.cli.common import output, print_json, progress
from spikelearn.cli.report import write_all
from spikelearn.compare import claim_names, compare, judge, read_claim, read_results, read_verdicts, write_verdicts
from spikelearn.files import write_atomically

#: The suite that is a list of claims.
CLAIMS = "claims"


def chosen_claims(suite: str | None) -> list[str]:
    """The claims that ``--suite claims`` or ``--suite claims/NAME`` names; none for other suites."""
    first, slash, name = (suite or "").partition("/")
    if first != CLAIMS:
        return []
    return [name] if slash else claim_names()


def check_alone(*given: object) -> None:
    """Raise ValueError where flags would change what a claim asks."""
    if any(value is not None for value in given):
        raise ValueError("claims are asked as they are written, expected no flag that changes their plan: drop it")


def ask(names: Sequence[str], folder: Path, options: dict[str, Any], as_json: bool) -> None:
    """Run the plan of every claim in a folder of its own, and write and print the verdicts as they come.

    Verdicts on other claims that the folder holds already are kept.
    """
    from spikelearn.report import write_claims_page

    claims = [read_claim(name) for name in names]
    known = {one["name"]: one for one in read_verdicts(folder)}
    verdicts = []
    for claim in claims:
        progress.print(f"claim {claim.name}: {claim.statement}")
        place = folder / claim.name
        compare(claim.plan, place, **options)
        verdicts.append(judge(claim, read_results(place)))
        write_atomically(place / "claim.json", (json.dumps(verdicts[-1], indent=1) + "\n").encode())
        write_all(place)
        known[claim.name] = verdicts[-1]
        written = {**write_verdicts(folder, list(known.values())), "html": write_claims_page(folder)}
        if not as_json:
            output.print(f"{claim.name}: {verdicts[-1]['verdict']}")
            for check in verdicts[-1]["checks"]:
                output.print(f"  {check['words']}")
    if as_json:
        print_json({"claims": verdicts, "files": {name: str(path) for name, path in written.items()}})
    else:
        output.print(f"verdicts {written['html']}")
