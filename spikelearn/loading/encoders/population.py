"""Population coding: overlapping receptive fields over the intensity, as currents or times of spikes."""

import math

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag, check_positive
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities


@ENCODERS.register("population")
class Population(Encoder):
    r"""Each pixel as n neurons with Gaussian receptive fields over the intensity.

    Neuron i answers with $a_i = e^{-(x - c_i)^2/(2\sigma^2)}$, its centre $c_i = (i - 3/2)/(n - 2)$ for i = 1..n and
    $\sigma = 1/(\beta (n - 2))$. It spikes once, the earlier the stronger: at step $\lfloor (1 - a_i)\,T \rfloor$,
    answers below ``threshold`` never. With ``rate`` it has $\lfloor a_i T + 1/2 \rfloor$ evenly spaced spikes in T
    steps. The n neurons of a channel follow each other as channels.

    Args:
        neurons: n, 3 or more.
        beta: $\beta$, how narrow the fields are, dimensionless.
        threshold: answer below which there is no spike, in [0, 1).
        rate: whether answers are rates; else times.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, n C, H, W].

    Raises:
        ValueError: fewer than 3 neurons; a value out of range; a pixel outside [0, 1].

    Source: Bohte, La Poutre & Kok, IEEE Transactions on Neural Networks 13, 2002; $\beta$ = 1.5 is theirs.
    """

    def __init__(self, neurons: int = 8, *, beta: float = 1.5, threshold: float = 0.1, rate: bool = False) -> None:
        check_count("neurons", neurons, 3)
        check_positive("beta", beta)
        check_flag("rate", rate)
        if not 0.0 <= threshold < 1.0:
            raise ValueError(f"threshold is {threshold}, expected an answer in [0, 1)")
        self.neurons, self.beta, self.threshold, self.rate = neurons, beta, threshold, rate
        self.centres = (torch.arange(1, neurons + 1, dtype=torch.float64) - 1.5) / (neurons - 2)
        self.width = 1.0 / (beta * (neurons - 2))

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.neurons * shape[0], *shape[1:])

    def answers(self, pixels: Tensor) -> Tensor:
        """a of every pixel and neuron, [B, C, ...] -> [B, C, n, ...]."""
        centres = self.centres.view(-1, *[1] * (pixels.ndim - 2))
        return torch.exp(-0.5 * ((pixels.double().unsqueeze(2) - centres) / self.width) ** 2)

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_intensities(pixels)
        answer = self.answers(pixels).flatten(1, 2)
        heard = answer >= self.threshold
        if self.rate:
            count = torch.floor(answer * n_steps + 0.5) * heard
            steps = torch.arange(n_steps, dtype=torch.float64).view(-1, *[1] * answer.ndim)
            spikes = torch.floor((steps + 1) * count / n_steps) > torch.floor(steps * count / n_steps)
            return spikes.to(torch.uint8)
        when = ((1.0 - answer) * n_steps).long().clamp_(max=n_steps - 1).unsqueeze(0)
        spikes = torch.zeros(n_steps, *answer.shape, dtype=torch.uint8)
        return spikes.scatter_(0, when, heard.to(torch.uint8).unsqueeze(0))

    def decoded(self, spikes: Tensor) -> Tensor:
        """The intensity by the centres of the neurons, weighted by their rates or, of times, their earliness.

        Shapes: spikes [T, B, n C, ...] -> [B, C, ...].
        """
        if self.rate:
            weight = spikes.double().mean(0)
        else:
            earliness = 1.0 - torch.arange(len(spikes), dtype=torch.float64) / len(spikes)
            weight = torch.tensordot(earliness, spikes.double(), 1)
        weight = weight.unflatten(1, (-1, self.neurons))
        centres = self.centres.view(-1, *[1] * (weight.ndim - 3))
        return (weight * centres).sum(2) / weight.sum(2).clamp(min=math.ulp(1.0))
