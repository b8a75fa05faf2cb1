"""One encoder behind another."""

from collections.abc import Sequence

from torch import Tensor

from spikelearn.checks import check_instance
from spikelearn.loading.encoders.base import Encoder, NoiseKey, check_intensities
from spikelearn.loading.encoders.transform import Transform


class Pipeline(Encoder):
    """Transforms of the intensities, one behind the other, and a code of what they give.

    Text puts ``/`` between them: ``centre-surround/latency``, ``gamma:power=0.5/invert/rate:max_rate=0.5``. The code
    draws the random numbers that it would draw alone.

    Args:
        stages: transforms, and an encoder as the last.

    Shapes: pixels [B, C, ...] -> [T, B, ...], as the last encoder has it.

    Raises:
        ValueError: fewer than two stages; a code ahead of the last stage, whose spikes are no intensities.
    """

    def __init__(self, stages: Sequence[Encoder]) -> None:
        for stage in stages:
            check_instance("stages", stage, Encoder, "for example [Gamma(0.5), Latency()]")
        if len(stages) < 2:
            raise ValueError(f"{len(stages)} stage was given, expected two or more: use it as it is")
        for stage in stages[:-1]:
            if not isinstance(stage, Transform):
                raise ValueError(
                    f"{getattr(stage, 'name', type(stage).__name__)} gives a sequence, behind which no encoder can "
                    "stand: put transforms of intensities ahead and one code last, or codes side by side (latency+rate)"
                )
        self.transforms = tuple(stage for stage in stages[:-1] if isinstance(stage, Transform))
        self.code = stages[-1]
        self.samples = max(stage.samples for stage in stages)

    def fit(self, pixels: Tensor) -> None:
        for transform in self.transforms:
            transform.fit(pixels)
            pixels = transform.transform(pixels)
        self.code.fit(pixels)

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for stage in (*self.transforms, self.code):
            shape = stage.shape_of(shape)
        return shape

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_intensities(pixels)
        for transform in self.transforms:
            pixels = transform.transform(pixels)
        return self.code(pixels, n_steps, indices, key)
