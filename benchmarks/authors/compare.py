"""One case: the same numbers first, then the times of both in turn."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.authors.cases import Case
from benchmarks.authors.ours import Arrays, Ours
from benchmarks.peers.agreement import Disagreement
from benchmarks.peers.driven import Driven, driven
from benchmarks.peers.measure import WARM_UP, interleaved, paired

ROOT = Path(__file__).parents[2]
#: One thread for every library that a program may compute by.
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")
} | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A case as it was found: times in milliseconds, ratios as theirs over ours."""

    program: str
    about: str
    batch: int
    difference: float
    tolerance: float
    ours_ms: float
    theirs_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    ratio_processor: float
    rounds: int
    version: str

    def told(self) -> str:
        """The row as a line of the table."""
        return (
            f"{self.program:10} {self.about:45} B {self.batch:4}  differ {self.difference:7.1e} "
            f"(at most {self.tolerance:.0e})  ours {self.ours_ms:8.2f} ms  theirs {self.theirs_ms:9.2f} ms  "
            f"{self.ratio:6.1f} times [{self.ratio_low:.1f}, {self.ratio_high:.1f}]  "
            f"processor {self.ratio_processor:6.1f}"
        )


class Theirs(Driven):
    """A program of the authors', and the processor's milliseconds of every step so far."""

    def __init__(self, process: Any) -> None:
        super().__init__(process)
        self.processor_ms: list[float] = []

    def step(self) -> float:
        told = self.ask("time")
        self.processor_ms.append(told["processor_ms"])
        return told["ms"]

    def found(self) -> dict[str, np.ndarray]:
        """What is compared of one step."""
        with np.load(self.ask("check")["found"]) as file:
            return {name: file[name] for name in file.files}


def largest_difference(ours: Arrays, theirs: Arrays) -> float:
    """Largest difference of two sets of tensors, as a share of the largest value of the same tensor of theirs.

    Raises:
        Disagreement: not the same tensors or shapes, or theirs are all 0.
    """
    if ours.keys() != theirs.keys():
        raise Disagreement(f"ours has {sorted(ours)}, theirs {sorted(theirs)}: expected the same tensors")
    if not any(np.any(value) for value in theirs.values()):
        raise Disagreement("theirs are all 0: a step that changes nothing shows nothing")
    found = []
    for name, mine in ours.items():
        if mine.shape != theirs[name].shape:
            raise Disagreement(f"{name} has the shape {mine.shape}, theirs {theirs[name].shape}")
        off, size = float(np.abs(mine - theirs[name]).max()), float(np.abs(theirs[name]).max())
        found.append(off if off == 0.0 else off / size if size else np.inf)
    return float(np.max(found))  # a NaN stays one


def checked(case: Case, ours: Arrays, theirs: Arrays) -> float:
    """The largest difference.

    Raises:
        Disagreement: it is above the case's tolerance, or not a number.
    """
    mine, others = ({name: x for name, x in each.items() if name not in case.noise} for each in (ours, theirs))
    difference = largest_difference(mine, others)
    if not difference <= case.tolerance:
        raise Disagreement(
            f"{case.program}, {case.about}: {case.compared} differ by {difference:.1e} of the largest, expected at "
            f"most {case.tolerance:.0e}: they do not do the same, and no time counts"
        )
    return difference


def driver_of(program: str) -> str:
    """The module of a program's driver."""
    return f"benchmarks.authors.drivers.{program.replace('-', '_')}"


@contextmanager
def started(case: Case, ours: Ours, folder: str, python: str) -> Iterator[Theirs]:
    """The case's program with the weights and the batch of ours; it is ended on leaving."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "task.npz"
        ours.write(path)
        command = [python, "-m", driver_of(case.program), str(Path(folder).resolve()), str(path)]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
        with driven(command, environment, Theirs) as theirs:
            assert isinstance(theirs, Theirs)
            yield theirs


def compare(case: Case, folder: str, rounds: int, python: str = sys.executable) -> Row:
    """The row of one case.

    Raises:
        Disagreement: both do not compute the same.
        RuntimeError: the program failed; with what it wrote.
    """
    exact = case.ours(double=case.double or case.exactly)
    with started(case, exact, folder, python) as theirs:
        mine = exact.gradients() if case.compared == "gradients" else exact.changes()
        difference = checked(case, mine, theirs.found())
    ours = case.ours(double=case.double)
    with started(case, ours, folder, python) as theirs:
        times = interleaved({"ours": ours, "theirs": theirs}, case.rounds or rounds)
    found = paired(times["ours"], times["theirs"])
    processor = paired(counted(ours.processor_ms), counted(theirs.processor_ms))
    return Row(
        program=case.program,
        about=case.about,
        batch=ours.batch.size,
        difference=difference,
        tolerance=case.tolerance,
        ours_ms=found.one_ms,
        theirs_ms=found.other_ms,
        ratio=found.median,
        ratio_low=found.low,
        ratio_high=found.high,
        ratio_processor=processor.median,
        rounds=len(times["ours"]),
        version=theirs.about["version"],
    )


def counted(milliseconds: list[float]) -> list[float]:
    """Of the steps that ``interleaved`` takes those that it counts: every second one behind the first rounds."""
    return milliseconds[2 * WARM_UP + 1 :: 2]
