"""Several codes of one image, side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from spikelearn.checks import check_instance
from spikelearn.loading.encoders.base import Encoder, NoiseKey


class Together(Encoder):
    """Several codes of the same image, side by side as channels; text joins them by ``+``, as in ``latency+rate``.

    Each draws random numbers of its own. Spikes stay bytes where all codes give spikes; else all are numbers.

    Args:
        codes: the encoders, two or more.

    Shapes: pixels [B, C, ...] -> [T, B, the channels of all codes in turn, ...].

    Raises:
        ValueError: fewer than two encoders; codes whose steps differ in more than their channels.
    """

    def __init__(self, codes: Sequence[Encoder]) -> None:
        for code in codes:
            check_instance("codes", code, Encoder, "for example [Latency(), BernoulliRate()]")
        if len(codes) < 2:
            raise ValueError(f"{len(codes)} code was given, expected two or more: use it as it is")
        self.codes = tuple(codes)
        self.samples = max(code.samples for code in codes)

    def fit(self, pixels: Tensor) -> None:
        for code in self.codes:
            code.fit(pixels)

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        shapes = [code.shape_of(shape) for code in self.codes]
        if len({one[1:] for one in shapes}) > 1:
            raise ValueError(f"codes have steps of the shapes {shapes}, expected the same but for the first number")
        return (sum(one[0] for one in shapes), *shapes[0][1:])

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        # The first draws what it would draw alone.
        keys = [key, *((*key, "code", place) for place in range(1, len(self.codes)))]
        records = [code(pixels, n_steps, indices, own) for code, own in zip(self.codes, keys, strict=True)]
        kinds = {record.dtype for record in records}
        kind = pixels.dtype if len(kinds) > 1 else records[0].dtype
        return torch.cat([record.to(kind) for record in records], dim=2)
