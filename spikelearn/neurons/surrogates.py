"""Surrogate derivatives psi(x) of the step function, x = v - v_threshold."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.registry import Registry

SURROGATES: Registry[type["SurrogateDerivative"]] = Registry("surrogate")


class SurrogateDerivative(ABC):
    """A function psi(x) >= 0 that stands for the derivative of a spike at distance x from threshold."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """psi(x), shaped like x."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({options})"


@SURROGATES.register("atan")
class ATan(SurrogateDerivative):
    r"""Derivative of an arc tangent, $\psi(x) = \frac{\alpha/2}{1 + (\pi\alpha x/2)^2}$.

    Args:
        alpha: sharpness, per unit of potential; $\psi(0) = \alpha/2$.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``alpha`` not positive.

    Source: Fang et al., ICCV 2021 (PLIF); the default of snnTorch and SpikingJelly.
    """

    def __init__(self, alpha: float = 2.0) -> None:
        check_positive("alpha", alpha)
        self.alpha = alpha

    def __call__(self, x: Tensor) -> Tensor:
        return (x * (math.pi * self.alpha / 2)).square_().add_(1.0).reciprocal_().mul_(self.alpha / 2)


@SURROGATES.register("fast-sigmoid")
class FastSigmoid(SurrogateDerivative):
    r"""Derivative of the fast sigmoid, called SuperSpike, $\psi(x) = (1 + \beta|x|)^{-2}$.

    Args:
        slope: $\beta$, per unit of potential; $\psi(0) = 1$ whatever the slope.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``slope`` not positive.

    Source: Zenke & Ganguli, Neural Computation 30, 2018.
    """

    def __init__(self, slope: float = 25.0) -> None:
        check_positive("slope", slope)
        self.slope = slope

    def __call__(self, x: Tensor) -> Tensor:
        return x.abs().mul_(self.slope).add_(1.0).square_().reciprocal_()


@SURROGATES.register("triangle")
class Triangle(SurrogateDerivative):
    r"""Piecewise linear bump, $\psi(x) = \gamma\,\max(0, 1 - |x|/w)$; exactly zero far from threshold.

    Args:
        width: half width w, unit of potential.
        height: $\gamma = \psi(0)$, per unit of potential.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``width`` or ``height`` not positive.

    Source: Bellec et al., NeurIPS 2018 ($\gamma$ = 0.3, w = the threshold there).
    """

    def __init__(self, width: float = 1.0, height: float = 1.0) -> None:
        check_positive("width", width)
        check_positive("height", height)
        self.width, self.height = width, height

    def __call__(self, x: Tensor) -> Tensor:
        return x.abs().mul_(-self.height / self.width).add_(self.height).clamp_(min=0.0)


@SURROGATES.register("rectangle")
class Rectangle(SurrogateDerivative):
    r"""A box, $\psi(x) = \gamma$ where $|x| < w$ and exactly zero elsewhere.

    Args:
        width: half width w, unit of potential.
        height: $\gamma$, per unit of potential; 1/(2w) makes its area that of the step.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``width`` or ``height`` not positive.

    Source: Wu, Deng, Li, Zhu & Shi, Frontiers in Neuroscience 12, 2018, $h_1$ (w = 1/2 and height 1 with its a = 1).
    """

    def __init__(self, width: float = 0.5, height: float = 1.0) -> None:
        check_positive("width", width)
        check_positive("height", height)
        self.width, self.height = width, height

    def __call__(self, x: Tensor) -> Tensor:
        return (x.abs() < self.width).to(x.dtype).mul_(self.height)


@SURROGATES.register("sigmoid")
class Sigmoid(SurrogateDerivative):
    r"""Derivative of a logistic function, $\psi(x) = k\,\sigma(kx)\,(1 - \sigma(kx))$.

    Args:
        slope: k, per unit of potential; $\psi(0) = k/4$.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``slope`` not positive.

    Source: Bengio, Leonard & Courville, arXiv 1308.3432, 2013; Esser et al., PNAS 113, 2016 use its kin.
    """

    def __init__(self, slope: float = 4.0) -> None:
        check_positive("slope", slope)
        self.slope = slope

    def __call__(self, x: Tensor) -> Tensor:
        y = torch.sigmoid(x * self.slope)
        return y.mul(1.0 - y).mul_(self.slope)
