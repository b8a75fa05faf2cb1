"""The distance of van Rossum between filtered spike trains."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES
from spikelearn.plasticity.losses.filtered import FilteredLoss


@LOSSES.register("van-rossum")
class VanRossum(FilteredLoss):
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

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        filtered = self.filtered(output.spikes)
        return 0.5 * (filtered - self.target(targets, filtered)).square().sum() / len(targets)
