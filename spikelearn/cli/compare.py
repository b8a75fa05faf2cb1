"""spikelearn compare"""

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from spikelearn.bench import (
    Compared,
    Engine,
    LocalEngine,
    Plan,
    RayEngine,
    compare,
    plan_from,
    read_plan,
    read_suite,
)
from spikelearn.catalogue import SUITES
from spikelearn.cli.claims import ask, check_alone, chosen_claims
from spikelearn.cli.common import (
    INTERRUPTED,
    AsJson,
    Imports,
    Shared,
    output,
    print_json,
    progress,
    read_options,
    read_shared,
)
from spikelearn.extras import check_extra
from spikelearn.report import write_all
from spikelearn.runs import merged
from spikelearn.threads import cores, said_number
from spikelearn.training import Interrupted

#: Exit code of a comparison in which trials failed.
FAILED = 3

#: Trials at a time where nothing is said; each holds its data in memory of its own.
MOST_JOBS = 4

Text = str | None
Texts = list[str] | None


def compare_command(
    plan: Annotated[Text, typer.Argument(metavar="[PLAN.toml]", help="File of the plan; see docs/compare.md.")] = None,
    suite: Annotated[
        Text, Option(help="A plan of the package: quick, bench, low-data, ..., claims, or claims/NAME for one of them.")
    ] = None,
    full: Annotated[bool, Option("--full", help="The longer form of a suite: hours to days.")] = False,
    rules: Annotated[Texts, Option(metavar="RULE...", help="Rules, for example --rules bptt dfa tssl-bp.")] = None,
    data: Annotated[Texts, Option(metavar="DATA...", help="Data sets.")] = None,
    nets: Annotated[Texts, Option("--net", metavar="NET...", help="Networks.")] = None,
    seeds: Annotated[int | None, Option(help="How many seeds.")] = None,
    set_: Shared = None,
    axis: Annotated[
        Texts, Option(metavar="KEY=V,V...", help="An axis, for example --axis data-fraction=0.05,0.2 depth=1,2,4.")
    ] = None,
    tuned: Annotated[bool, Option("--tuned/--untuned", help="Whether settings found by tuning are used.")] = True,
    reference_mlp: Annotated[
        bool, Option("--reference-mlp", help="Beside the arms, an ordinary network of the same layers (no spikes).")
    ] = False,
    out: Annotated[Text, Option(help="Folder of the comparison; one that is there is gone on with.")] = None,
    engine: Annotated[str, Option(help="local or ray.")] = "local",
    jobs: Annotated[
        int | None, Option(help="Trials at a time on this machine; default: what its cores hold, at most 4.")
    ] = None,
    threads: Annotated[
        int | None, Option(help="Threads of every trial; default: OMP_NUM_THREADS, else 1, and what it began with.")
    ] = None,
    address: Annotated[Text, Option(help="Ray cluster: auto, or HOST:PORT; default: one on this machine.")] = None,
    cpus: Annotated[float, Option(help="CPUs of a trial on a Ray cluster.")] = 1,
    gpus: Annotated[float, Option(help="GPUs of a trial on a Ray cluster.")] = 0,
    device: Annotated[Text, Option(help="cpu, cuda or cuda:N.")] = None,
    data_root: Annotated[Text, Option(help="Folder of the data sets.")] = None,
    imports: Imports = None,
    retry: Annotated[bool, Option("--retry/--no-retry", help="Try trials again that failed before.")] = True,
    as_json: AsJson = False,
) -> None:
    """Compare rules under equal conditions, and write one page that shows what came out.

    What has ended is never run again: after Ctrl-C, a crash or a power cut, the same command goes on.

    Exit code: 0 all trials ended well, 2 a mistake in the command or the plan, 3 trials failed, 130 interrupted.

    \b
    Examples:
      spikelearn compare --rules bptt dfa readout-only --data digits --seeds 5 --out comparisons/first
      spikelearn compare --rules bptt fa dfa --set net=64-30-30-10 epochs=5 --axis data-fraction=0.1,0.5 depth=1,2,4
      spikelearn compare --suite quick --jobs 2
      spikelearn compare --suite bench --jobs 2 --data digits
    """
    check_extra("report", "a comparison")  # before it runs, for its page comes last
    everywhere = {"device": device, "data_root": data_root}
    options: dict[str, Any] = {
        "engine": _engine(engine, jobs, threads, address, cpus, gpus),
        "console": progress,
        "command": shlex.join(["spikelearn", *sys.argv[1:]]),
        "retry": retry,
        "everywhere": {name: value for name, value in everywhere.items() if value is not None},
    }
    claims = [] if plan else chosen_claims(suite)
    try:
        if claims:
            check_alone(full or None, rules, data, nets, seeds, set_, axis, imports or None, reference_mlp or None)
            if ask(claims, Path(out or "comparisons/claims"), options, as_json):
                raise typer.Exit(FAILED)
            return
        chosen = _plan(plan, suite, full, rules, data, nets, seeds, set_, axis, tuned, imports or [], reference_mlp)
        folder = Path(out or _folder(plan, f"{suite}-full" if full else suite, chosen))
        compared = compare(chosen, folder, **options)
    except Interrupted as stopped:
        progress.print(f"{stopped}; the same command goes on")
        raise typer.Exit(INTERRUPTED) from stopped
    _tell(compared, write_all(folder) if compared.finished else {}, as_json)
    if compared.failed:
        raise typer.Exit(FAILED)


def _tell(compared: Compared, written: Mapping[str, Path], as_json: bool) -> None:
    if as_json:
        print_json({**vars(compared), "files": {name: str(path) for name, path in written.items()}})
        return
    for arm, reason in compared.left_out.items():
        output.print(f"left out: {arm}: {reason}")
    for note in compared.notes.values():
        output.print(f"note: {note}")
    for trial, failure in compared.failures.items():
        output.print(f"failed: {trial}: {failure['reason']}")
    trials = "trial" if compared.finished == 1 else "trials"
    output.print(f"{compared.finished} {trials} finished, {compared.failed} failed")
    if written:
        output.print(f"report {written['html']}")


def _plan(
    path: Text, suite: Text, full: bool, rules: Texts, data: Texts, nets: Texts, seeds: int | None, set_: Texts,
    axis: Texts, tuned: bool, imports: list[str], reference_mlp: bool = False,
) -> Plan:  # fmt: skip
    if path is not None and suite is not None:
        raise ValueError(f"both the plan {path} and the suite {suite!r} are given: name one of them")
    if full and not suite:
        raise ValueError("--full is of a suite: name one with --suite, or leave it out")
    base = read_plan(Path(path)) if path else read_suite(suite, full=full) if suite else plan_from({})
    if not path and not suite and not rules:
        raise ValueError(
            f"nothing to compare: name a plan, a suite ({', '.join(SUITES.names())}), or rules (--rules bptt dfa)"
        )
    values: dict[str, Any] = base.model_dump(exclude_unset=True)
    given = {"rules": rules, "data": data, "nets": nets, "seeds": seeds}
    values |= {name: value for name, value in given.items() if value is not None}
    values["arms"] = {name: own for name, own in base.arms.items() if name in values.get("rules", base.rules)}
    # What is named here, settings, rules and seeds, is that of every data set.
    shared = read_shared(set_)
    named = {**shared, **({"net": None} if nets else {})}
    values["on"] = {name: _without(own, named) for name, own in base.on.items() if name in (data or base.data)}
    values["only"] = {} if rules else {name: arms for name, arms in base.only.items() if name in (data or base.data)}
    values["seeds_on"] = {} if seeds else {n: few for n, few in base.seeds_on.items() if n in (data or base.data)}
    values["common"] = merged(base.common, shared)
    axes = {name: tuple(_values(text)) for name, text in (read_options("--axis", axis) or {}).items()}
    values["axes"] = {**base.axes, **axes}
    values["imports"] = [*base.imports, *imports]
    if base.reference is not None and base.reference not in values.get("rules", base.rules):
        values.pop("reference")
    if reference_mlp:
        values["reference_network"] = "mlp"
    return plan_from({**values, "tuned": base.tuned if tuned else False})


def _without(own: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """The settings of one data set less those that are named for all; of options, less those of the same name."""
    options = {key: _without(own[key], named[key]) for key in own.keys() & named.keys() if isinstance(own[key], dict)}
    return {key: value for key, value in own.items() if key not in named} | options


def _values(text: Any) -> list[Any]:
    from spikelearn.component_text import parse_value

    # A comma before key= goes on with the options of one value: device:bits=5,c2c=0.003.
    return [parse_value(item) for item in re.split(r",(?![\w-]+=)", str(text))]


def _engine(name: str, jobs: int | None, threads: int | None, address: Text, cpus: float, gpus: float) -> Engine:
    if name == "local":
        if address is not None:
            raise ValueError(f"address is {address!r}, which only --engine ray uses: add it, or drop the address")
        if (cpus, gpus) != (1, 0):
            raise ValueError(f"cpus is {cpus:g}, gpus is {gpus:g}, which only --engine ray uses: add it, or drop them")
        held = max(1, min(MOST_JOBS, cores() // (threads or said_number(os.environ) or 1)))
        return LocalEngine(jobs=held if jobs is None else jobs, threads=threads)
    if name == "ray":
        if jobs is not None:
            raise ValueError(f"jobs is {jobs}, which only --engine local uses: on a cluster --cpus bounds them")
        return RayEngine(address=address, cpus=cpus, gpus=gpus, threads=threads)
    raise ValueError(f"unknown engine {name!r}, expected local or ray")


def _folder(path: Text, suite: Text, plan: Plan) -> str:
    """The default folder of a comparison: the same command gives the same folder."""
    if path or suite:
        return f"comparisons/{Path(path).stem if path else suite}"
    digest = hashlib.sha256(plan.model_dump_json(exclude={"imports"}).encode()).hexdigest()[:6]
    return f"comparisons/{'-'.join(plan.rules)[:60]}-{digest}"
