"""Dense weights whose delays are learned, by kernels over the last steps whose positions have a gradient."""

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.checks import check_choice, check_count, check_fraction, check_positive
from spikelearn.synapses.sparse_linear import SparseLinear

Interpolation = Literal["gaussian", "triangle"]

#: Keeps a kernel that is 0 at every step from a division by 0.
LEAST = 1e-7


class DelayedLinear(nn.Module):
    r"""A weight and a learned delay for every pair of neurons.

    $$I_j[t] = b_j + \sum_i w_{ji} \sum_d k_{ji}[d]\, s_i[t - d]$$

    The kernel k stands around the delay $\delta_{ji}$, a real number of steps from 0 to D, and adds up to 1,

    $$k[d] \propto e^{-(d - \delta)^2 / 2\sigma^2} \ \text{(gaussian)}, \qquad
      k[d] \propto \max(0,\ 1 + \sigma - |d - \delta|) \ \text{(triangle)},$$

    so that $\delta$ has a gradient. The triangle of width 0 interpolates between two steps. The width $\sigma$ is a
    buffer; every optimizer step multiplies it by ``narrowing`` until it is ``least_width`` and puts delays that left
    the range back to its end (``Network.hold_laws``). ``settled`` is the synapse with whole delays that stays at last.

    Args:
        in_features, out_features: neurons on both sides; an image is taken flat.
        longest: D, the longest delay, steps.
        interpolation: "gaussian" or "triangle".
        width: $\sigma$ at first, steps; None: D / 2 for the gaussian, as published, and 0 for the triangle.
        least_width: the width at which narrowing ends, steps.
        narrowing: factor of an optimizer step on the width, in (0, 1]; 1: it stays.
        bias: whether neurons have a bias.
        generator: where weights and delays come from; None: torch's own.

    Shapes: input [B, D + 1, in...], the oldest step first; current [B, out]; ``weight`` and ``delays`` [out, in].

    Raises:
        ValueError: a number out of range, another interpolation.

    Source: Hammouamri, Khalfaoui-Hassani & Masquelier, ICLR 2024, equations 6 and 7 (gaussian, with its decrease of
    $\sigma$); Khalfaoui-Hassani, Pellegrini & Masquelier, ICLR 2023 (triangle). deviation: the published width falls by
    a schedule over epochs.
    """

    width: Tensor
    #: Buffers that no forward pass writes.
    unwritten = ("width",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        longest: int,
        *,
        interpolation: Interpolation = "gaussian",
        width: float | None = None,
        least_width: float = 0.5,
        narrowing: float = 1.0,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("out_features", out_features), ("longest", longest)):
            check_count(name, value)
        check_choice("interpolation", interpolation, get_args(Interpolation))
        usual = max(longest / 2, 0.5) if interpolation == "gaussian" else 0.0
        width = usual if width is None else width
        if interpolation == "gaussian" or width != 0.0:
            check_positive("width", width, "steps")
        check_positive("least_width", least_width, "steps")
        check_fraction("narrowing", narrowing)
        check_positive("narrowing", narrowing)
        self.in_features, self.out_features, self.longest = in_features, out_features, longest
        self.interpolation, self.least_width, self.narrowing = interpolation, least_width, narrowing
        self.register_buffer("width", torch.tensor(float(width)))
        bound = 1.0 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound, generator=generator))
        self.delays = nn.Parameter(torch.empty(out_features, in_features).uniform_(0, longest, generator=generator))
        self.bias = None
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound, generator=generator))

    def kernels(self) -> Tensor:
        """Weights at every step, [out, D + 1, in], the oldest first."""
        steps = torch.arange(self.longest, -1, -1, dtype=self.delays.dtype, device=self.delays.device)
        apart = steps.view(1, -1, 1) - self.delays.unsqueeze(1)
        if self.interpolation == "gaussian":
            shape = torch.exp(-0.5 * (apart / self.width) ** 2)
        else:
            shape = (1.0 + self.width - apart.abs()).clamp(min=0.0)
        return self.weight.unsqueeze(1) * shape / (shape.sum(1, keepdim=True) + LEAST)

    def forward(self, x: Tensor) -> Tensor:
        """Current [B, out] of x [B, D + 1, in...]."""
        return F.linear(x.flatten(1), self.kernels().flatten(1), self.bias)

    def along(self, line: Tensor) -> Tensor:
        """Currents [T, B, out] of a line [T + D, B, in...]: what was sent, the oldest of D steps before first."""
        return F.conv1d(line.flatten(2).permute(1, 2, 0), self.kernels().transpose(1, 2), self.bias).permute(2, 0, 1)

    @torch.no_grad()
    def hold(self) -> None:
        """Put delays back into their range and narrow the kernels, after a step of the optimizer."""
        self.delays.clamp_(0.0, float(self.longest))
        if float(self.width) > self.least_width:
            self.width.mul_(self.narrowing).clamp_(min=self.least_width)

    @torch.no_grad()
    def settled(self) -> SparseLinear:
        """The same weights, each at the whole number of steps that is next to its delay."""
        targets, sources = torch.ones_like(self.weight).nonzero().unbind(1)
        made = SparseLinear(
            self.in_features,
            self.out_features,
            sources.cpu(),
            targets.cpu(),
            delays=self.delays.round().flatten().long().cpu(),
            weight=self.weight.flatten().cpu(),
            bias=self.bias is not None,
        )
        if made.bias is not None and self.bias is not None:
            made.bias.copy_(self.bias)
        return made.to(self.weight.device)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, longest={self.longest}, interpolation={self.interpolation!r}"
