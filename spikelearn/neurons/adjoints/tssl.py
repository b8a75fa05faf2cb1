"""The adjoint of TSSL-BP: the error of a spike train crosses a neuron at its firing times."""

from typing import Any, Literal

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_flag, check_positive
from spikelearn.fast_path import refuse_second_derivative
from spikelearn.neurons.adjoints.base import ADJOINTS, Adjoint
from spikelearn.neurons.base import Neuron
from spikelearn.neurons.cuba_lif import CubaLIF, CubaLIFState
from spikelearn.neurons.parts.constants import one_number

WarmUp = Literal["element", "layer", "always", "never"]

#: Width of the sigmoid surrogate, unit of potential, and the largest exponent taken of it.
WIDTH, LARGEST = 0.2, 8.0

#: Mean firing rate, spikes per step, above which a whole layer leaves the warm-up of ``warm_up="layer"``.
LAYER_RATE = 0.1


@ADJOINTS.register("tssl")
class TSSL(Adjoint):
    r"""Temporal spike sequence learning: inter-neuron terms at spikes, intra-neuron terms through the reset.

    With q[t] the derivative of the loss in the spike train (what arrives through the filter of the next neurons),
    u[t] the potential before reset, d[t] = u[t] - (potential after the reset of step t-1), z the spikes,
    $\lambda$ = ``decay_mem``, and a the spikes filtered by the synapse, $a[t] = \alpha\,a[t-1] + (1-\alpha)\,z[t]$:

    $$c[t] = z[t]\,\mathrm{clamp}(1/d[t],\,0,\,\mathrm{cap}), \qquad
      e[t] = c[t]\,q[t] + e[t+1]\,\big(\lambda\,(1 - z[t]) + (1-\lambda)\,u[t]\,c[t]\big)$$

    and the derivative in the membrane's input is $h[t] = e[t]$, but $q[t]\,\sigma'((u[t] - v_{threshold})/w)/w$ where
    $a[t] < (1-\alpha)/4$, that is before the first spike and when the last one is old (w = 0.2; e goes on by its own
    value). One pass backwards, O(T).

    Args:
        warm_up: where the sigmoid surrogate stands in: "element" as above; "layer": in all elements of a layer whose
            mean rate is at most 0.1 spikes per step, and in no other (it couples the samples of a batch); "always";
            "never".
        intra: whether errors pass from a later step to an earlier one of the same neuron (e[t+1] above).
        bptt_reset: take the reset's true derivative, $-\lambda\,u\,c$ in place of $(1-\lambda)\,u\,c$.
        cap: largest 1/d, per unit of potential.

    Shapes: current [T, B, ...] -> spikes and v [T, B, ...]; a sequence at once.

    The trace a starts at 0 with every sequence, and the state before it has no derivative: a sequence that is carried
    on has the same spikes as one in one piece, not the same gradient.

    Raises:
        ValueError: another neuron than a CubaLIF that resets to 0; a single step; an unknown choice; a derivative of
            potentials.

    Source: Zhang & Li, NeurIPS 2020 (arXiv 2002.10085), in the recursion of the authors' program of 2021. With
    intra=False, warm_up="layer", cap=10 it is that of June 2020. The ablations: intra=False, warm_up="always",
    bptt_reset=True, warm_up="never"; with the last two together it is BPTT with c for the spike's derivative.
    """

    def __init__(
        self, warm_up: WarmUp = "element", *, intra: bool = True, bptt_reset: bool = False, cap: float = 8.0
    ) -> None:
        check_choice("warm_up", warm_up, ("element", "layer", "always", "never"))
        check_flag("intra", intra)
        check_flag("bptt_reset", bptt_reset)
        check_positive("cap", cap)
        self.warm_up, self.intra, self.bptt_reset, self.cap = warm_up, intra, bptt_reset, cap

    def sequence(self, neuron: Neuron, state: Any, current: Tensor) -> tuple[Tensor, Tensor, Any]:
        self.check_neuron(neuron)
        spikes, v, last_v, last_i = _TSSLScan.apply(current, state, neuron, self)
        return spikes, v, CubaLIFState(last_v, last_i)

    def check_neuron(self, neuron: Neuron) -> None:
        """Raise ValueError where the equations above are not those of ``neuron``."""
        if not isinstance(neuron, CubaLIF):
            raise ValueError(
                f"the adjoint tssl is that of a current-based LIF neuron, not of {type(neuron).__name__}: use CubaLIF "
                "(--neuron cuba-lif)"
            )
        if neuron.per_neuron:
            one_number(neuron, neuron.per_neuron[0], "the adjoint tssl")
        if neuron.reset != "to_value" or neuron.v_reset != 0.0 or neuron.leak != 0.0 or neuron.inclusive:
            raise ValueError(
                f"the adjoint tssl needs a reset to 0, no leak potential and spikes above threshold alone, but the "
                f"neuron has reset={neuron.reset!r}, v_reset={neuron.v_reset}, v_leak={neuron.v_leak}, inclusive="
                f'{neuron.inclusive}: use reset="to_value", v_reset=0, v_leak=0, inclusive=False'
            )

    def silent(self, neuron: CubaLIF, spikes: Tensor) -> Tensor:
        """Places at which the surrogate stands in, bool [T, B, ...], given the spikes z [T, B, ...]."""
        places = torch.empty_like(spikes, dtype=torch.bool)
        if self.warm_up != "element":
            wholly = {"always": True, "never": False}.get(self.warm_up)
            return places.fill_(float(spikes.mean()) <= LAYER_RATE if wholly is None else wholly)
        decay = one_number(neuron, "decay_syn", "the adjoint tssl")
        gain = 1.0 - decay
        low_pass = torch.zeros_like(spikes[0])
        for now, below in zip(spikes.unbind(0), places.unbind(0), strict=True):
            torch.lt(low_pass.mul_(decay).add_(now, alpha=gain), gain / 4.0, out=below)
        return places

    def membrane_error(self, neuron: CubaLIF, q: Tensor, spikes: Tensor, u: Tensor, start: Tensor) -> Tensor:
        """h [T, B, ...] of q, z and u [T, B, ...], and the potential before the first step [B, ...]."""
        silent = self.silent(neuron, spikes)
        decay, threshold = (one_number(neuron, name, "the adjoint tssl") for name in ("decay_mem", "v_threshold"))
        through_reset = -decay if self.bptt_reset else 1.0 - decay
        h, error = torch.empty_like(q), torch.zeros_like(start)
        # One step at a time in the same few buffers: what is read next is still in the cache.
        c, x = torch.empty_like(start), torch.empty_like(start)
        for t in range(len(q) - 1, -1, -1):
            if t:
                torch.addcmul(u[t - 1], u[t - 1], spikes[t - 1], value=-1.0, out=x)
            else:
                x.copy_(start)
            torch.sub(u[t], x, out=x)
            torch.div(spikes[t], x, out=c).nan_to_num_(nan=0.0).clamp_(0.0, self.cap)
            if self.intra:
                torch.mul(u[t], c, out=x).mul_(through_reset).sub_(spikes[t], alpha=decay)
                error.mul_(x.add_(decay))
                error.addcmul_(c, q[t])
            else:
                torch.mul(c, q[t], out=error)
            if self.warm_up == "never":
                h[t] = error
                continue
            _sigmoid_slope(u[t], threshold, out=x).mul_(q[t])
            torch.where(silent[t], x, error, out=h[t])
        return h

    def __repr__(self) -> str:
        return f"TSSL({self.warm_up!r}, intra={self.intra}, bptt_reset={self.bptt_reset}, cap={self.cap:g})"


def _sigmoid_slope(u: Tensor, threshold: float, *, out: Tensor) -> Tensor:
    """The slope is even: taken on the falling side, 1 - y loses nothing to rounding."""
    y = torch.sub(u, threshold, out=out).abs_().mul_(-1.0 / WIDTH).clamp_(min=-LARGEST).sigmoid_()
    return y.addcmul_(y, y, value=-1.0).div_(WIDTH)


class _TSSLScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, current: Tensor, state: CubaLIFState, neuron: CubaLIF, adjoint: TSSL
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        spikes = torch.empty_like(current, memory_format=torch.contiguous_format)
        u = torch.empty_like(spikes)
        v, i = state.v.clone(), state.i.clone()
        arriving = torch.empty_like(i)
        for now, potential, fired in zip(current.unbind(0), u.unbind(0), spikes.unbind(0), strict=True):
            i.mul_(neuron.decay_syn).add_(torch.mul(now, neuron.gain_syn, out=arriving))
            torch.mul(v, neuron.decay_mem, out=potential).add_(neuron.membrane_drive(i))
            torch.gt(potential, neuron.v_threshold, out=fired)
            torch.addcmul(potential, potential, fired, value=-1.0, out=v)
        ctx.neuron, ctx.adjoint = neuron, adjoint
        ctx.save_for_backward(spikes, u, state.v)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(v, i)
        return spikes, u, v, i

    @staticmethod
    def backward(ctx: Any, q: Tensor | None, grad_u: Tensor | None, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        if grad_u is not None:
            raise ValueError("the adjoint tssl has no derivative of potentials: use a loss on spikes, or Surrogate")
        if q is None:
            return None, None, None, None
        spikes, u, start = ctx.saved_tensors
        neuron: CubaLIF = ctx.neuron
        decay = one_number(neuron, "decay_syn", "the adjoint tssl")
        h = ctx.adjoint.membrane_error(neuron, q, spikes, u, start)
        for t in range(len(h) - 2, -1, -1):
            h[t].add_(h[t + 1], alpha=decay)
        return h.mul_(neuron.gain_syn * neuron.gain_mem), None, None, None
