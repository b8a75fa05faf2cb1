"""Programs in torch: weights by our names, gradients, the optimizer's step, and a device that is not there."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.authors.drivers.serve import Arrays


def without_cuda() -> None:
    """Let ``.cuda()`` return what it is called on: the programs write it into every line."""
    torch.Tensor.cuda = nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]


def batch_of(arrays: Mapping[str, np.ndarray]) -> tuple[Tensor, Tensor]:
    """Inputs [T or 1, B, ...] in torch's default type, and targets [B]."""
    return torch.from_numpy(arrays["inputs"]).to(torch.get_default_dtype()), torch.from_numpy(arrays["targets"])


def as_precise_as(arrays: Mapping[str, np.ndarray]) -> None:
    """Have the program compute in double precision where the task's weights have it, also where it asks for floats."""
    if any(array.dtype == np.float64 for array in arrays.values()):
        torch.set_default_dtype(torch.float64)
        torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]


class Descending:
    """A network, what computes its gradients, and its optimizer.

    Args:
        places: {our name: the program's tensor}, parameters first put to the task's values here.
        arrays: of the task.
        backward: leaves the gradients of a batch in ``.grad``.
        update: what follows in the program's loop.
        scale: of the program's gradients, to be ours.
    """

    def __init__(
        self,
        places: Mapping[str, Tensor],
        arrays: Arrays,
        backward: Callable[[], None],
        update: Callable[[], None],
        scale: float = 1.0,
    ) -> None:
        self.places, self.backward, self.update, self.scale = dict(places), backward, update, scale
        self.start = {name: torch.from_numpy(arrays[name]).reshape(place.shape) for name, place in places.items()}
        self.shapes = {name: arrays[name].shape for name in places}

    @torch.no_grad()
    def begin(self) -> None:
        for name, place in self.places.items():
            place.data.copy_(self.start[name])
            place.grad = None

    def step(self) -> None:
        self.backward()
        self.update()

    def compared(self) -> Arrays:
        self.backward()
        return {
            name: (self.scale * place.grad).reshape(self.shapes[name]).numpy()
            for name, place in self.places.items()
            if place.grad is not None
        }
