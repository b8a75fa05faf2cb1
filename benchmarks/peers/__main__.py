"""Our training step against other libraries', all in turn in one process.

    python -m benchmarks.peers --json peers.json --picture docs/peers.png      everything that can be imported
    python -m benchmarks.peers --workload b --peers snntorch floor --rounds 30
    python -m benchmarks.peers --sweep steps --workload a --picture steps.png
    python -m benchmarks.peers --memory
    python -m benchmarks.peers --first-call --compiled
    python -m benchmarks.peers --from peers.json --picture docs/peers.png      draws what was measured before

A ratio is the median of peer / ours over rounds in which both ran, and says how many times longer the peer takes; in
brackets the 10 % and 90 % quantiles. Weights and inputs are the same for everyone. Peers get float inputs made outside
the step, as they want them; ours are bytes, packed into events inside the step (``--events-given``: another row with
lists made before; ``--float-inputs``: as the peers'; ``--dense``: another row without any events). A step is complete:
states reset, gradients cleared, forward, loss, backward, and Adam where the workload is trained.

a: Linear(512, 512) and LIF, gradient of the summed spikes; b: 784-400-10; c: 16C5-P2-32C3-P2-10 on 28 x 28; both with
Adam on the cross-entropy of summed spikes; d: STDP, see ``stdp.py``. ``floor`` is the network without its neurons.
Gradients of ours and of each peer are compared first, in settings whose equations are the same (``agreement.py``).

What cannot be imported is left out, and said. SpikingJelly asks for torchaudio and BindsNET for a later torch, which
neither needs here; Brian2 and NEST ask for an earlier numpy and have environments of their own, Brian2's with a C++
compiler:

    pip install -c constraints.txt -e '.[peers,bench]'
    pip install --no-deps spikingjelly==2.0.0 bindsnet==0.3.4
    python -m venv brian && brian/bin/pip install brian2==2.9.0 numpy==1.26.4 cython setuptools

    python -m venv nest && nest/bin/pip install nest-simulator==3.10.0 'numpy<2.4'

BindsNET may have its own too; each is named by its Python:

    python -m benchmarks.peers --workload d --bindsnet-python PATH --brian2-python PATH --nest-python PATH
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import apart
from benchmarks.peers.candidates import available
from benchmarks.peers.compare import Row, compare
from benchmarks.peers.growth import SWEEPS, draw_sweep, sweep
from benchmarks.peers.libraries import PEERS, CompiledSpikingJelly
from benchmarks.peers.report import draw, read_json, show, write_json
from benchmarks.peers.stdp import Task, compare_stdp, interpreters
from benchmarks.peers.workloads import WORKLOADS, Workload

#: Samples at once in workload d, and the libraries that have batches there.
BATCHES, BATCHED = (1, 32), ("bindsnet",)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", nargs="+", choices=[*WORKLOADS, "d"], help="default: all")
    parser.add_argument("--peers", nargs="+", metavar="PEER", help="default: all that can be imported")
    parser.add_argument("--compiled", action="store_true", help="SpikingJelly under torch.compile too")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--activity", type=float, nargs="+", help="in place of each workload's own")
    parser.add_argument("--steps", type=int, help="in place of T")
    parser.add_argument("--batch", type=int, help="in place of B")
    parser.add_argument("--width", type=int, help="neurons in the layer of a, in the hidden layer of b")
    parser.add_argument("--events-given", action="store_true")
    parser.add_argument("--float-inputs", action="store_true")
    parser.add_argument("--dense", action="store_true")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--sweep", choices=list(SWEEPS), help="how time grows with it; one workload, default a")
    other.add_argument("--memory", action="store_true", help="peak memory of a step, a process each")
    other.add_argument("--first-call", action="store_true", help="time of the first step, a process each")
    other.add_argument("--from", dest="rows", type=Path, metavar="JSON", help="show and draw rows measured before")
    parser.add_argument("--values", type=float, nargs="+", help="points of the sweep")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    for name in ("bindsnet", "brian2", "nest"):
        parser.add_argument(f"--{name}-python", metavar="PATH")
    return parser


def main(given_arguments: Sequence[str] | None = None) -> None:
    parser = arguments()
    given = parser.parse_args(given_arguments)
    if given.rounds < 1 or given.threads < 1:
        parser.error(f"--rounds is {given.rounds} and --threads {given.threads}, expected at least 1")
    if given.sweep and (len(given.workload or "a") > 1 or given.workload == ["d"]):
        parser.error(f"--workload is {' '.join(given.workload)}, expected one of a, b and c with --sweep")
    torch.set_num_threads(given.threads)
    try:
        peers, left_out = available(given.peers or _default_peers(given.compiled))
        for sentence in left_out:
            print(sentence)
        run(given, peers)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")


def run(given: argparse.Namespace, peers: list[str]) -> None:
    """What the arguments ask for.

    Raises:
        ValueError: an unknown peer, a workload without what is asked, gradients that differ.
    """
    forms = ["float" if given.float_inputs else "bytes"]
    forms += [form for form, asked in (("events-given", given.events_given), ("dense", given.dense)) if asked]
    if given.memory or given.first_call:
        ask = apart.memory if given.memory else apart.first_call
        plain: list[dict[str, Any]] = []
        for workload, activity in _points(given):
            plain += ask(workload, activity, [*forms, *peers], given.threads)
            if given.json:
                write_json(plain, given.json)
        return
    rows: list[Row] = []
    for more in [read_json(given.rows)] if given.rows else _measured(given, peers, forms):
        rows += more
        if given.json:
            write_json(rows, given.json)  # after every part: a later one may fail
    if given.picture:
        (draw_sweep if rows and rows[0].extra.get("sweep") else draw)(rows, given.picture)
    show(rows)


def _measured(given: argparse.Namespace, peers: list[str], forms: list[str]) -> Iterator[list[Row]]:
    """The rows of one part after the other."""
    if given.sweep:
        (name,) = given.workload or ["a"]
        workload = WORKLOADS[name].at(steps=given.steps, batch=given.batch, width=given.width)
        yield sweep(given.sweep, workload, peers, forms, given.rounds, given.values)
        return
    for workload, activity in _points(given):
        print(f"{workload.name}: {workload.about}, T {workload.steps}, B {workload.batch}, {100 * activity:g} % active")
        yield compare(workload, activity, peers, forms, given.rounds)
    if "d" in (given.workload or "d"):
        yield from _stdp(given)


def _stdp(given: argparse.Namespace) -> Iterator[list[Row]]:
    named = {"bindsnet": given.bindsnet_python, "brian2": given.brian2_python, "nest": given.nest_python}
    pythons, left_out = interpreters(named, sys.executable)
    for sentence in left_out:
        print(sentence)
    for batch in [given.batch] if given.batch else BATCHES:
        taken = {name: python for name, python in pythons.items() if batch == 1 or name in BATCHED}
        if taken:
            task = Task(batch=batch, steps=given.steps or Task.steps, threads=given.threads)
            print(f"d: STDP, {task.inputs}-{task.neurons}, T {task.steps}, B {task.batch}")
            yield compare_stdp(task, taken, given.rounds)


def _points(given: argparse.Namespace) -> list[tuple[Workload, float]]:
    chosen = [WORKLOADS[name] for name in given.workload or WORKLOADS if name in WORKLOADS]
    placed = [w.at(steps=given.steps, batch=given.batch, width=given.width) for w in chosen]
    return [(workload, activity) for workload in placed for activity in given.activity or workload.activities]


def _default_peers(compiled: bool) -> list[str]:
    return [name for name in PEERS if compiled or name != CompiledSpikingJelly.name]


if __name__ == "__main__":
    main()
