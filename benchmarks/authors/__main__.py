"""A training step of a rule's authors' own program beside ours: same network, images and starting weights.

    python -m benchmarks.authors --tssl-bp FOLDER --ide FOLDER --desire FOLDER --torch2pc FOLDER --emstdp FOLDER

Each folder holds a copy of the program; nothing of them is here. What is not named is left out, and said. A program
runs in a process of its own with one thread, driven by ``drivers/``, ours in this one through ``learn`` with a
published recipe (``presets``), on that recipe's data. Of every case the gradients (or the changes of the weights) of
one step are compared first; where they differ by more than the tolerance, no time is told. Then both step in turn, from
the same weights each time: the ratio is the median over rounds of theirs / ours, in brackets its 10 % and 90 %
quantiles; ``processor`` is the ratio of processor time, which other work on the machine disturbs less.

A program that needs other libraries gets an interpreter that has them, by its name and ``-python``; jpc asks for JAX:

    python -m venv jax && jax/bin/pip install ./jpc
    python -m benchmarks.authors --jpc FOLDER --jpc-python jax/bin/python
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.authors.cases import CASES, PROGRAMS
from benchmarks.authors.compare import Row, compare
from benchmarks.peers.agreement import Disagreement


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.authors", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for program, repository in PROGRAMS.items():
        parser.add_argument(f"--{program}", metavar="FOLDER", dest=program, help=f"a copy of {repository}")
        parser.add_argument(f"--{program}-python", metavar="PATH", dest=f"{program}-python", help="its Python")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    given = vars(arguments().parse_args(words))
    torch.set_num_threads(1)
    rows: list[Row] = []
    failed = 0
    for program, repository in PROGRAMS.items():
        if given[program] is None:
            print(f"{program:10} is left out: name a copy of {repository} with --{program} FOLDER", flush=True)
            continue
        for case in (case for case in CASES if case.program == program):
            try:
                row = compare(case, given[program], given["rounds"], given[f"{program}-python"] or sys.executable)
            except (Disagreement, RuntimeError) as error:
                failed += 1
                print(f"{program:10} {case.about}: {error}", flush=True)
                continue
            rows.append(row)
            print(row.told(), flush=True)
    if given["json"]:
        about = {"processor": platform.processor(), "torch": torch.__version__, "threads": torch.get_num_threads()}
        given["json"].write_text(json.dumps({"about": about, "rows": [asdict(row) for row in rows]}, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
