"""Guards of fast paths: which tensors and modes they know, and how often they are differentiated."""

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import _get_current_dispatch_mode


def is_plain(tensor: Tensor) -> bool:
    """Tell whether ``tensor`` is under reverse-mode differentiation alone: fast paths and compilers know no other."""
    return (
        not torch.compiler.is_compiling()
        and type(tensor) in (Tensor, torch.nn.Parameter)
        and forward_ad.unpack_dual(tensor).tangent is None
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def is_watched() -> bool:
    """Tell whether a torch dispatch mode sees every operation; kernels then leave products to torch, to be seen."""
    return _get_current_dispatch_mode() is not None


def refuse_second_derivative() -> None:
    """Raise RuntimeError inside a hand-written backward pass that is itself being differentiated."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "fast paths are differentiated once: for second derivatives use adjoint.sequence and the synapse itself"
        )
