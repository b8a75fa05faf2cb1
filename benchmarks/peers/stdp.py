r"""Workload d: a layer that learns by spike-timing-dependent plasticity and competes, in four libraries.

784 inputs, 400 neurons, dt 1 ms. At every step t, with input spikes s, own spikes z and traces x, y:

    v[t] = exp(-dt/tau_membrane) v[t-1] + W s[t] - inhibition (sum of the other neurons' z[t-1]),
    z[t] = v[t] > threshold, then v = 0 where it fired,
    x[t] = exp(-dt/tau_trace) x[t-1] + s[t],    y[t] = exp(-dt/tau_trace) y[t-1] + z[t],
    W   <- clip(W + a_plus z[t] x[t] - a_minus y[t] s[t], 0, 1).

Weights change at every step; with several samples at once, by the mean over them. There is no adaptation of thresholds
and no normalisation. Ours is the rule ``stdp-online`` with coincident pairs, BindsNET is the same, Brian2 differs by
a_minus for a coincident pair and clips twice, NEST sees the spikes of a pair two steps apart from where they meet
(``drivers/``). Brian2 and NEST work in double precision, the others in single.

A sample is 350 steps of about 100 active inputs, each with a rate of its own up to 64 Hz. A round shows ten samples one
after the other, beginning with the same weights, and its time divided by ten counts: ours from ``learn`` to its return,
of BindsNET reset and ``run``, of Brian2 and NEST the loop over the steps, samples shown without a pause.
Ours is timed in both ways, a ``learn`` a sample ("bytes") and one for all samples without a pause ("no pause").
The check shows all samples without a pause to all, and compares output spikes and the mean change of a weight.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers.agreement import Disagreement
from benchmarks.peers.compare import Row, Say, versions
from benchmarks.peers.driven import Driven, driven
from benchmarks.peers.measure import Timed, interleaved, paired
from spikelearn import LIF, Batch, Block, Feedback, Network, Training, learn
from spikelearn.plasticity import OnlineSTDP
from spikelearn.seeding import generator_for

DRIVERS = Path(__file__).parent / "drivers"
#: What the libraries may differ by in the check, as a share of ours; a winner that changes changes what follows. NEST's
#: pairs that raise a weight where ours lower it are those of one step, of the 20 over which a trace fades.
TOLERANCE = 0.1


@dataclass(frozen=True)
class Task:
    """Sizes and constants: times in ms, potentials and weights in one unit."""

    inputs: int = 784
    neurons: int = 400
    steps: int = 350
    batch: int = 1
    samples: int = 10
    tau_membrane: float = 100.0
    tau_trace: float = 20.0
    threshold: float = 13.0
    inhibition: float = 17.5
    a_plus: float = 1e-2
    a_minus: float = 1e-4
    threads: int = 1

    def spikes(self) -> Tensor:
        """uint8 [samples, T, B, inputs]."""
        generator = generator_for(0, "stdp")
        shape = (self.samples, 1, self.batch, self.inputs)
        lit = torch.rand(shape, generator=generator) < 100.0 / 784.0
        rates = lit * torch.rand(shape, generator=generator) * 0.064
        full = (self.samples, self.steps, self.batch, self.inputs)
        return (torch.rand(full, generator=generator) < rates).to(torch.uint8)

    def weights(self) -> Tensor:
        """[inputs, neurons], where everybody begins."""
        return 0.3 * torch.rand(self.inputs, self.neurons, generator=generator_for(1, "stdp"))


class Ours:
    """The network and the rule by the public interface."""

    def __init__(self, task: Task) -> None:
        self.task, self.given, self.start = task, task.spikes(), task.weights().t().contiguous()
        linear = nn.Linear(task.inputs, task.neurons, bias=False)
        lateral = nn.Linear(task.neurons, task.neurons, bias=False).requires_grad_(False)
        with torch.no_grad():
            linear.weight.copy_(self.start)
            lateral.weight.copy_(-task.inhibition * (1.0 - torch.eye(task.neurons)))
        decay = float(np.exp(-1.0 / task.tau_membrane))
        block = Block(linear, LIF.per_step(decay, v_threshold=task.threshold))
        network = Network({"layer": block}, {"inhibition": Feedback("layer", "layer", lateral)})
        tau = 1e-3 * task.tau_trace
        rule = OnlineSTDP(task.a_plus, task.a_minus, tau, tau, coincident=True)
        self.training, self.weight = Training.start(network, rule), linear.weight
        self.targets = torch.zeros(task.batch, dtype=torch.int64)

    def prepare(self) -> None:
        self.begin()
        self.inputs = [sample.clone() for sample in self.given]

    def step(self) -> float:
        """Learn all samples; milliseconds a sample."""
        started = time.perf_counter()
        for sample in self.inputs:
            learn(self.training, Batch(sample, self.targets))
        return 1e3 * (time.perf_counter() - started) / self.task.samples

    @torch.no_grad()
    def begin(self) -> None:
        """The weights as they were."""
        self.weight.copy_(self.start)

    def check(self) -> dict[str, float]:
        """All samples without a pause: output spikes, and the mean change of a weight."""
        self.begin()
        shown = self.given.flatten(0, 1)
        update = learn(self.training, Batch(shown, self.targets))
        fired = float(update.rates["layer"]) * shown.shape[0] * self.task.batch * self.task.neurons
        return {"spikes": fired, "change": float((self.weight.detach() - self.start).mean())}


class OursWithoutPause(Ours):
    """The same samples as one long presentation, as Brian2 is shown them."""

    def step(self) -> float:
        started = time.perf_counter()
        learn(self.training, Batch(self.shown, self.targets))
        return 1e3 * (time.perf_counter() - started) / self.task.samples

    def prepare(self) -> None:
        self.begin()
        self.shown = self.given.flatten(0, 1).clone()


@contextmanager
def driven_by(python: str, driver: str, task: Task) -> Iterator[Driven]:
    """A driver script running under ``python``; it is ended on leaving.

    Raises:
        RuntimeError: it ended by itself; with the last lines that it wrote.
        OSError: there is no such interpreter.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.npz"
        np.savez(path, spikes=task.spikes().numpy(), weights=task.weights().numpy(), constants=json.dumps(asdict(task)))
        with driven([python, str(DRIVERS / driver), str(path)]) as process:
            yield process


def compare_stdp(task: Task, pythons: dict[str, str], rounds: int, say: Say = print) -> list[Row]:
    """Ours against each library in ``pythons`` ({name: interpreter}), in turn.

    Raises:
        Disagreement: a library's spikes or weight changes are not ours.
        RuntimeError: a driver failed.
    """
    ours = Ours(task)
    own = ours.check()
    say(f"  spikelearn: {own['spikes']:.0f} output spikes, mean change of a weight {own['change']:.4g}")
    with ExitStack() as stack:
        peers: dict[str, Driven] = {}
        for name, python in pythons.items():
            peers[name] = stack.enter_context(driven_by(python, f"{name}_stdp.py", task))
            check_against(own, peers[name].ask("check"), name, say)
        timed: dict[str, Timed] = {"bytes": ours, "no pause": OursWithoutPause(task), **peers}
        times = interleaved(timed, rounds)
    forms = [
        (name, form) for name in peers for form in ("bytes", "no pause") if (name, form) != ("bindsnet", "no pause")
    ]
    return [_row(task, times, name, form, peers[name].about, own) for name, form in forms]


def check_against(own: dict[str, float], theirs: dict[str, float], name: str, say: Say = print) -> None:
    """Raise Disagreement where spikes or the mean change of a weight differ by more than ``TOLERANCE`` of ours."""
    say(f"  {name}: {theirs['spikes']:.0f} output spikes, mean change of a weight {theirs['change']:.4g}")
    for what, expected in own.items():
        if not abs(theirs[what] - expected) <= TOLERANCE * abs(expected):
            raise Disagreement(
                f"{what} of {name}: {theirs[what]:.6g}, ours {expected:.6g}, expected the same within "
                f"{100 * TOLERANCE:.0f} %: the equations differ"
            )


def _row(
    task: Task, times: dict[str, list[float]], name: str, form: str, about: dict[str, Any], own: dict[str, float]
) -> Row:
    found = paired(times[form], times[name])
    neuron_steps = task.samples * task.steps * task.batch * task.neurons
    return Row(
        workload="d",
        activity=float(task.spikes().float().mean()),
        batch=task.batch,
        steps=task.steps,
        peer=name,
        form=form,
        ratio_median=found.median,
        ratio_low=found.low,
        ratio_high=found.high,
        ours_ms=found.one_ms,
        peer_ms=found.other_ms,
        rounds=len(times[name]),
        threads=task.threads,
        rates=[own["spikes"] / neuron_steps],
        versions={**versions(name), name: about["version"]},
        extra={"build_s": about["build_s"]} if "build_s" in about else {},
    )


def interpreters(given_pythons: Mapping[str, str | None], this: str) -> tuple[dict[str, str], list[str]]:
    """Which Python runs which library, those of ``given_pythons`` or ``this``, and a sentence for each left out."""
    found, reasons = {}, []
    for name, given in given_pythons.items():
        python = given or (this if find_spec(name) else None)
        if python:
            found[name] = python
        else:
            reasons.append(f"{name} is left out (not in this environment): name its Python with --{name}-python PATH")
    return found, reasons
