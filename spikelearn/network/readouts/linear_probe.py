"""Scores by logistic regression."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from spikelearn.checks import check_count, check_positive
from spikelearn.network.readouts.base import READOUTS
from spikelearn.network.readouts.fitted import PART, FittedReadout

#: Largest entry of the gradient, in coordinates in which curvatures are near 1, over the first one: there it ends.
TOLERANCE = 1e-4

#: Samples from which curvatures are estimated at most, or samples a unit, where these are more: fewer samples than
#: units would leave directions without any curvature. They say how steps are scaled, not where they end.
CURVED, CURVED_PER_UNIT = 8192, 4


@READOUTS.register("linear-probe")
class LinearProbe(FittedReadout):
    r"""Multinomial logistic regression of the classes on firing rates: what a linear layer can tell from them.

    $$W, b = \arg\min -\sum_n \log \mathrm{softmax}(W a_n + b)_{y_n} + \tfrac{1}{2 C} \lVert W \rVert^2$$

    over training samples n with rates $a_n$ in spikes per step and classes $y_n$; b is not penalised. L-BFGS finds
    the minimum, in coordinates in which the curvature at W = 0 is near 1 in all directions, by products in the type of
    the rates and sums in double precision; it ends where the gradient is a ten-thousandth of the first one. A class of
    which there is no sample scores no more than any other.

    Args:
        units: number of neurons that are read.
        classes: number of classes.
        strength: C, the inverse of the penalty, per squared spike per step.
        iterations: most iterations of the solver.

    Shapes: output spikes z [T, B, units] -> scores [B, classes].

    Raises:
        ValueError: a strength not positive; samples of fewer than two classes.

    Source: Alain & Bengio, ICLR 2017 workshop (arXiv 1610.01644), linear probes; L-BFGS: Liu & Nocedal, Mathematical
    Programming 45, 1989.
    """

    def __init__(self, units: int, classes: int, *, strength: float = 100.0, iterations: int = 300) -> None:
        super().__init__(units, classes)
        check_positive("strength", strength)
        check_count("iterations", iterations)
        self.strength, self.iterations = strength, iterations

    def solved(self, read: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        there, labels = targets.unique(return_inverse=True)
        if len(there) < 2:
            raise ValueError(f"all samples are of class {int(there[0])}, expected two classes or more: show others")
        found, intercepts = _Regression(read, labels, len(there), self.strength).solved(self.iterations)
        weight = found.amin(0).repeat(len(self.head.bias), 1)
        bias = intercepts.amin().repeat(len(self.head.bias))
        weight[there], bias[there] = found, intercepts
        return weight, bias


class _Regression:
    """The regression of ``labels`` [N] on ``read`` [N, units], both of K classes, and its steps' scale."""

    def __init__(self, read: Tensor, labels: Tensor, classes: int, strength: float) -> None:
        self.read, self.labels, self.classes, self.strength = read, labels, classes, strength
        self.mean = read.mean(0, dtype=torch.float64)
        count = min(len(read), max(CURVED, CURVED_PER_UNIT * read.shape[1]))
        some = read[torch.arange(count) * len(read) // count]
        curvature = torch.zeros(2 * (read.shape[1],), dtype=torch.float64)
        for part in some.split(PART):
            centred = part.double() - self.mean
            curvature += centred.T @ centred
        # At W = 0 all classes are as likely, so a class's curvature is that of the samples over K, and the penalty's.
        curvature *= len(read) / count / classes
        curvature.diagonal().add_(1.0 / strength)
        self.factor = torch.linalg.cholesky(curvature)
        self.scale = (len(read) / classes) ** 0.5

    def solved(self, iterations: int) -> tuple[Tensor, Tensor]:
        """Weights [K, units] and biases [K] at the minimum."""
        unknown = torch.zeros(self.classes, len(self.mean) + 1, dtype=torch.float64)
        gradient = self._descended(unknown)[1]
        solver = torch.optim.LBFGS(
            [unknown],
            max_iter=iterations,
            history_size=20,
            tolerance_grad=TOLERANCE * float(gradient.abs().max()),
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            value, unknown.grad = self._descended(unknown)
            return value

        solver.step(closure)
        weight, bias = self._weights(unknown)
        return weight, bias - weight @ self.mean

    def _weights(self, unknown: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and biases, behind the mean, of scaled unknowns [K, units + 1]."""
        weight = torch.linalg.solve_triangular(self.factor, unknown[:, :-1], upper=False, left=False)
        return weight, unknown[:, -1] / self.scale

    def _descended(self, unknown: Tensor) -> tuple[Tensor, Tensor]:
        """The value that is descended, and its gradient in the unknowns."""
        weight, bias = self._weights(unknown)
        value = weight.square().sum() / (2.0 * self.strength)
        by_weight, by_bias = weight / self.strength, torch.zeros_like(bias)
        kind, shift = self.read.dtype, bias - weight @ self.mean
        for rates, labels in zip(self.read.split(PART), self.labels.split(PART), strict=True):
            scores = (rates @ weight.T.to(kind)).double() + shift
            value = value + cross_entropy(scores, labels, reduction="sum")
            error = scores.softmax(1) - one_hot(labels, self.classes)
            by_weight, by_bias = by_weight + error.T.to(kind) @ rates, by_bias + error.sum(0)
        by_weight = by_weight - by_bias.unsqueeze(1) * self.mean
        scaled = torch.linalg.solve_triangular(self.factor.T, by_weight, upper=True, left=False)
        return value, torch.cat([scaled, by_bias.unsqueeze(1) / self.scale], 1)
