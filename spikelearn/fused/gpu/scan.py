"""Neurons over a whole sequence on GPUs by Triton kernels, where Triton is installed.

The kernels are checked in Triton's interpreter against the eager loop, and compiled, but have not run on a GPU.
"""

import functools
import importlib
import importlib.util
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from spikelearn.fast_path import refuse_second_derivative
from spikelearn.fused.registry import register_kernel
from spikelearn.fused.surrogate_code import SurrogateCode, surrogate_code
from spikelearn.neurons import IF, LIF, TSSL, AdaptiveLIF, CubaLIF, CubaLIFState, MembraneNeuron, Surrogate
from spikelearn.neurons.adjoints.tssl import LARGEST, LAYER_RATE, WIDTH


class Family(NamedTuple):
    """What the kernels of a neuron are called with.

    Args:
        module: where ``forward`` and ``backward`` are.
        numbers: attributes of the neuron that both take before those of every membrane.
        two_potentials: whether what resets is not what was compared; both are kept where backward needs both.
    """

    module: str
    numbers: tuple[str, ...] = ()
    two_potentials: bool = False


FAMILIES: dict[type[MembraneNeuron], Family] = {
    LIF: Family("membrane"),
    IF: Family("membrane"),
    CubaLIF: Family("cuba", ("decay_syn", "gain_syn")),
    AdaptiveLIF: Family("adaptive", ("decay_adaptation", "beta"), two_potentials=True),
}
MEMBRANE = ("decay_mem", "gain_mem", "v_threshold", "v_reset")

#: Every operation rounded by itself, as the eager loop's are.
EXACT = {"enable_fp_fusion": False}

#: First compute capability that Triton compiles for.
VOLTA = (7, 0)


@register_kernel(Surrogate, LIF, "cuda")
@register_kernel(Surrogate, IF, "cuda")
@register_kernel(Surrogate, CubaLIF, "cuda")
@register_kernel(Surrogate, AdaptiveLIF, "cuda")
def surrogate_scan(
    adjoint: Surrogate, neuron: MembraneNeuron, state: Any, current: Tensor
) -> tuple[Tensor, Tensor, Any] | None:
    """The sequence of a firing neuron; None where the kernels do not know the spike function or the tensors."""
    code = surrogate_code(adjoint.spike_function)
    # Kernels take numbers: with arrays the plain operations behind them are as quick as they are many.
    if code is None or neuron.per_neuron or not _can_run(state, current):
        return None
    spikes, v, *last = _SurrogateScan.apply(current, neuron, code, adjoint.spike_function.reset_gradient, *state)
    return spikes, v, type(state)(*last)


@register_kernel(TSSL, CubaLIF, "cuda")
def tssl_scan(
    adjoint: TSSL, neuron: CubaLIF, state: CubaLIFState, current: Tensor
) -> tuple[Tensor, Tensor, CubaLIFState] | None:
    """The sequence of a current-based neuron under TSSL; None where the kernels do not know the tensors."""
    adjoint.check_neuron(neuron)
    if not _can_run(state, current):
        return None
    spikes, v, last_v, last_i = _TSSLScan.apply(current, neuron, adjoint, state)
    return spikes, v, CubaLIFState(last_v, last_i)


class _SurrogateScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, current: Tensor, neuron: MembraneNeuron, code: SurrogateCode, through_reset: bool, *state: Tensor
    ) -> tuple[Tensor, ...]:
        rows, row = _rows(current)
        v = torch.empty_like(current, memory_format=torch.contiguous_format)
        spikes, last = torch.empty_like(v), [torch.empty_like(v[0]) for _ in state]
        through_reset = through_reset and code.kind != 0
        kept: list[Tensor | None] = []
        if FAMILIES[type(neuron)].two_potentials:
            kept = [torch.empty_like(v) if through_reset and neuron.reset == "to_value" else None]
        start = [part.contiguous() for part in state]
        options = {"subtract": neuron.reset == "subtract", "inclusive": neuron.inclusive}
        tensors = [rows, *start, spikes, v, *kept, *last]
        _launch(_module(neuron).forward, v, tensors, [row], [*_numbers(neuron), float(neuron.leak)], options | EXACT)
        ctx.neuron, ctx.code, ctx.options = neuron, code, options | {"through_reset": through_reset}
        ctx.save_for_backward(v, *kept)
        ctx.set_materialize_grads(False)
        return spikes, v, *last

    @staticmethod
    def backward(
        ctx: Any, grad_spikes: Tensor | None, grad_v: Tensor | None, *grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        v, *kept = ctx.saved_tensors
        (grad_spikes, row_spikes), (grad_v, row_v) = _rows(grad_spikes), _rows(grad_v)
        at_last = [None if part is None else part.contiguous() for part in grad_last]
        errors, first = torch.empty_like(v), [torch.empty_like(v[0]) for _ in grad_last]
        tensors = [v, *kept, grad_spikes, grad_v, *at_last, errors, *first]
        numbers = [*_numbers(ctx.neuron), ctx.code.a, ctx.code.b]
        options = ctx.options | {"kind": ctx.code.kind}
        _launch(_module(ctx.neuron).backward, v, tensors, [row_spikes, row_v], numbers, options)
        return errors, None, None, None, *first


class _TSSLScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, neuron: CubaLIF, adjoint: TSSL, state: CubaLIFState) -> tuple[Tensor, ...]:
        rows, row = _rows(current)
        v = torch.empty_like(current, memory_format=torch.contiguous_format)
        spikes, last = torch.empty_like(v), [torch.empty_like(v[0]) for _ in state]
        start = [part.contiguous() for part in state]
        silent = torch.empty_like(v, dtype=torch.bool) if adjoint.warm_up == "element" else None
        numbers = [float(getattr(neuron, name)) for name in ("decay_syn", "gain_syn", *MEMBRANE[:3])]
        tensors = [rows, *start, spikes, v, silent, *last]
        _launch(_tssl_module().forward, v, tensors, [row], numbers, dict(EXACT))
        ctx.neuron, ctx.adjoint = neuron, adjoint
        ctx.save_for_backward(v, start[0], silent, spikes.mean() if adjoint.warm_up == "layer" else None)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*last)
        return spikes, v, *last

    @staticmethod
    def backward(ctx: Any, q: Tensor | None, grad_u: Tensor | None, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        if grad_u is not None:
            raise ValueError("the adjoint tssl has no derivative of potentials: use a loss on spikes, or Surrogate")
        if q is None:
            return None, None, None, None
        v, start, silent, rate = ctx.saved_tensors
        neuron, adjoint = ctx.neuron, ctx.adjoint
        warm_up = adjoint.warm_up
        if rate is not None:
            warm_up = "always" if float(rate) <= LAYER_RATE else "never"
        rows, row = _rows(q)
        errors = torch.empty_like(v)
        decay, decay_syn, threshold = (
            float(getattr(neuron, name)) for name in ("decay_mem", "decay_syn", "v_threshold")
        )
        through_reset = -decay if adjoint.bptt_reset else 1.0 - decay
        gain = float(neuron.gain_syn * neuron.gain_mem)
        numbers = [decay_syn, decay, gain, threshold, through_reset, adjoint.cap]
        options = {"warm_up": warm_up, "intra": adjoint.intra, "width": WIDTH, "largest": LARGEST}
        _launch(_tssl_module().backward, v, [v, start, silent, rows, errors], [row], numbers, options)
        return errors, None, None, None


def _can_run(state: tuple[Tensor, ...], current: Tensor) -> bool:
    """Whether Triton is here and knows the device, and the tensors are of one kind and not empty."""
    return (
        _is_installed()
        and current.numel() > 0
        and current.dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16)
        and all(part.dtype == current.dtype and part.device == current.device for part in state)
        and (not current.is_cuda or torch.cuda.get_device_capability(current.device) >= VOLTA)
    )


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("triton") is not None


def _numbers(neuron: MembraneNeuron) -> list[float]:
    return [float(getattr(neuron, name)) for name in (*FAMILIES[type(neuron)].numbers, *MEMBRANE)]


def _module(neuron: MembraneNeuron) -> ModuleType:
    """Triton takes long to import: not before a kernel is needed."""
    return importlib.import_module(f"spikelearn.fused.gpu.{FAMILIES[type(neuron)].module}")


def _tssl_module() -> ModuleType:
    return importlib.import_module("spikelearn.fused.gpu.tssl")


def _rows(record: Tensor | None) -> tuple[Tensor | None, int]:
    """A record whose steps lie side by side, and the distance of one from the next: 0 if they are all the same."""
    if record is None:
        return None, 0
    if not record[0].is_contiguous():
        record = record.contiguous()
    return record, record.stride(0)


def _launch(
    kernel: Any, like: Tensor, tensors: list[Any], rows: list[int], numbers: list[float], options: dict[str, Any]
) -> None:
    """Run over all neurons of ``like`` [T, B, ...], on its device."""
    import triton
    import triton.language as tl

    n = like[0].numel()
    block, warps = _shape(n)
    real = tl.float64 if like.dtype == torch.float64 else tl.float32
    with torch.cuda.device_of(like):
        kernel[(triton.cdiv(n, block),)](
            *tensors, n, len(like), *rows, *numbers, **options, real=real, block=block, num_warps=warps
        )


def _shape(n: int) -> tuple[int, int]:
    """Neurons and warps of a program: the few are spread over all processors, the many read 16 bytes at a time."""
    if n < 1 << 15:
        return 32, 1
    return (128, 4) if n < 1 << 19 else (512, 4)
