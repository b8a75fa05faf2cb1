"""Losses on filtered spike trains, as TSSL-BP uses them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_finite, check_positive
from spikelearn.network import Activity, Network, TraceReadout
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity.losses import LOSSES, SpikingLoss
from spikelearn.traces import low_pass


class _FilteredLoss(SpikingLoss):
    """A loss on the output spikes behind the synaptic filter of the neurons."""

    tau_syn: float
    dt: float

    def _set_filter(self, tau_syn: float, dt: float) -> None:
        check_positive("tau_syn", tau_syn, "s")
        check_positive("dt", dt, "s")
        if tau_syn < dt:
            raise ValueError(f"tau_syn is {tau_syn} s with dt {dt} s, expected tau_syn >= dt")
        self.tau_syn, self.dt = tau_syn, dt

    def filtered(self, spikes: Tensor) -> Tensor:
        """a [T, B, n] of spikes z [T, B, ...]: $a[t] = (1 - dt/tau)a[t-1] + (dt/tau)z[t]$."""
        return low_pass(spikes.flatten(2), 1.0 - self.dt / self.tau_syn)

    def check(self, network: Network) -> None:
        super().check(network)
        readout = network.readout
        if not isinstance(readout, TraceReadout):
            raise ValueError(
                f"loss {LOSSES.name_of(type(self))!r} looks at filtered spikes, but the readout is a "
                f"{type(readout).__name__}: predict from them too, TraceReadout(tau_syn={self.tau_syn}) "
                "(--readout trace)"
            )
        last = list(network.blocks.values())[-1].neuron
        for what, tau in (("readout", readout.tau_syn), ("last neurons", getattr(last, "tau_syn", self.tau_syn))):
            if abs(tau - self.tau_syn) > 1e-9 * tau:
                raise ValueError(
                    f"loss {LOSSES.name_of(type(self))!r} has tau_syn = {self.tau_syn} s and the {what} {tau} s, "
                    "expected the same: set tau_syn in both (--neuron-option tau_syn=..., "
                    "--rule-option loss=van-rossum:tau_syn=...)"
                )
        if last.dt != self.dt or readout.dt != self.dt:
            raise ValueError(
                f"loss {LOSSES.name_of(type(self))!r} has dt = {self.dt} s, the last neurons {last.dt} s and the "
                f"readout {readout.dt} s, expected the same: set dt in all"
            )
        if isinstance(last, CubaLIF) and last.discretisation != "euler":
            raise ValueError(
                f"loss {LOSSES.name_of(type(self))!r} filters by 1 - dt/tau_syn, the last neurons by "
                'exp(-dt/tau_syn): use discretisation="euler"'
            )


@LOSSES.register("van-rossum")
class VanRossum(_FilteredLoss):
    r"""Squared distance of filtered spike trains, $L = \frac12\sum_{t,c}(a_c[t] - y_c[t])^2$, mean over the batch.

    a is the output behind the synaptic filter, y a fixed desired train of the true class behind the same filter, once
    or twice; the other classes' desired train is silent.

    Args:
        tau_syn: time constant of the filter, seconds; must be that of the neurons.
        target_filterings: how often the desired train is filtered: 1 as the paper has it, 2 as the authors' program
            does and as its figures were made (binary spikes can then never meet it).
        pattern: desired train of the true class, 0 and 1 with hyphens ("0-1-1-1-1"), repeated to fill T; None: the
            authors', 0-1-1-1-1 below 10 steps and 0-1 from 10 on.
        dt: time step, seconds.

    Shapes: output spikes z [T, B, classes], targets [B].

    Raises:
        ValueError: a time not positive; another number of filterings; T not a multiple of the pattern; a readout that
            is no TraceReadout, or another time constant there or in the neurons.

    Source: Zhang & Li, NeurIPS 2020, and the authors' program. deviation: mean over the batch, where theirs is the sum.
    """

    def __init__(
        self, tau_syn: float = 3e-3, *, target_filterings: int = 2, pattern: str | None = None, dt: float = 1e-3
    ) -> None:
        self._set_filter(tau_syn, dt)
        if target_filterings not in (1, 2) or isinstance(target_filterings, bool):
            raise ValueError(f"target_filterings is {target_filterings!r}, expected 1 (the paper) or 2 (the program)")
        if pattern is not None and (not isinstance(pattern, str) or set(pattern.split("-")) - {"0", "1"}):
            raise ValueError(f"pattern is {pattern!r}, expected 0 and 1 joined by hyphens, for example 0-1-1-1-1")
        self.target_filterings, self.pattern = target_filterings, pattern

    def desired_train(self, steps: int) -> list[float]:
        """The true class's desired spikes in ``steps`` steps."""
        pattern = self.pattern or ("0-1-1-1-1" if steps < 10 else "0-1")
        spikes = [float(spike) for spike in pattern.split("-")]
        if steps % len(spikes):
            raise ValueError(
                f"the desired train {pattern} does not fill T = {steps} steps: choose a multiple of {len(spikes)} "
                "(--steps), or another pattern"
            )
        return spikes * (steps // len(spikes))

    def target(self, targets: Tensor, like: Tensor) -> Tensor:
        """y [T, B, classes] for an output shaped like ``like`` [T, B, classes]."""
        train = torch.tensor(self.desired_train(len(like)), dtype=like.dtype, device=like.device)
        desired = train.view(-1, 1, 1) * F.one_hot(targets, like.shape[2]).to(like.dtype)
        for _ in range(self.target_filterings):
            desired = self.filtered(desired)
        return desired

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor) -> Tensor:
        filtered = self.filtered(output.spikes)
        return 0.5 * (filtered - self.target(targets, filtered)).square().sum() / len(targets)


@LOSSES.register("filtered-count")
class FilteredCount(_FilteredLoss):
    r"""One-sided squared count of filtered spikes, $L = \frac{T}{2}\sum_c \delta_c^2$, mean over the batch.

    $\delta_c = (n_c - n^*_c)/T$ with $n_c = \sum_t a_c[t]$, but 0 where the true class has its desired count or more,
    and where another class has its count or less; a is the output behind the synaptic filter.

    Args:
        correct_count, incorrect_count: desired number of spikes of the true and of the other classes in the whole
            presentation; the first must be larger.
        tau_syn: time constant of the filter, seconds; must be that of the neurons.
        dt: time step, seconds.

    Shapes: output spikes z [T, B, classes], targets [B].

    Raises:
        ValueError: a time not positive; counts in the wrong order; a readout that is no TraceReadout, or another time
            constant there or in the neurons.

    Source: Zhang & Li, NeurIPS 2020, and the authors' program. deviation: mean over the batch, where theirs is the sum.
    """

    def __init__(
        self, correct_count: float = 15.0, incorrect_count: float = 3.0, tau_syn: float = 4e-3, *, dt: float = 1e-3
    ) -> None:
        self._set_filter(tau_syn, dt)
        check_finite("correct_count", correct_count)
        check_finite("incorrect_count", incorrect_count)
        if not 0 <= incorrect_count < correct_count:
            raise ValueError(
                f"correct_count is {correct_count} and incorrect_count {incorrect_count}, expected "
                "0 <= incorrect_count < correct_count"
            )
        self.correct_count, self.incorrect_count = correct_count, incorrect_count

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor) -> Tensor:
        filtered = self.filtered(output.spikes)
        steps = len(filtered)
        if self.correct_count > steps:
            raise ValueError(
                f"correct_count is {self.correct_count:g}, which no neuron reaches in T = {steps} steps: run longer "
                "(--steps), or ask for less"
            )
        counts = filtered.sum(0)
        true = F.one_hot(targets, counts.shape[1]).bool()
        missing = (self.correct_count - counts).clamp(min=0.0)
        surplus = (counts - self.incorrect_count).clamp(min=0.0)
        delta = torch.where(true, missing, surplus) / steps
        return 0.5 * steps * delta.square().sum() / len(targets)
