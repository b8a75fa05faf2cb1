"""Scores by logistic regression."""

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network.readouts.base import READOUTS
from spikelearn.network.readouts.fitted import FittedReadout


@READOUTS.register("linear-probe")
class LinearProbe(FittedReadout):
    r"""Multinomial logistic regression of the classes on firing rates: what a linear layer can tell from them.

    $$W, b = \arg\min -\sum_n \log \mathrm{softmax}(W a_n + b)_{y_n} + \tfrac{1}{2 C} \lVert W \rVert^2$$

    over training samples n with rates $a_n$ in spikes per step and classes $y_n$; b is not penalised. scikit-learn's
    ``LogisticRegression`` finds the minimum. A class of which there is no sample scores no more than any other.

    Args:
        units: number of neurons that are read.
        classes: number of classes.
        strength: C, the inverse of the penalty, per squared spike per step.
        iterations: most iterations of the solver.

    Shapes: output spikes z [T, B, units] -> scores [B, classes].

    Raises:
        ValueError: a strength not positive; samples of fewer than two classes.

    Source: Alain & Bengio, ICLR 2017 workshop (arXiv 1610.01644), linear probes.
    """

    def __init__(self, units: int, classes: int, *, strength: float = 100.0, iterations: int = 1000) -> None:
        super().__init__(units, classes)
        check_positive("strength", strength)
        check_positive("iterations", iterations)
        self.strength, self.iterations = strength, iterations

    def solved(self, read: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        from sklearn.linear_model import LogisticRegression

        there = targets.unique()
        if len(there) < 2:
            raise ValueError(f"all samples are of class {int(there[0])}, expected two classes or more: show others")
        model = LogisticRegression(C=self.strength, max_iter=self.iterations).fit(read.numpy(), targets.numpy())
        coefficients, intercepts = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
        if len(there) == 2:  # one row then, the score of the second class over that of the first
            coefficients, intercepts = (
                torch.cat([-coefficients, coefficients]) / 2,
                torch.cat([-intercepts, intercepts]) / 2,
            )
        weight, bias = (
            coefficients.min(0).values.repeat(len(self.head.bias), 1),
            intercepts.min().repeat(len(self.head.bias)),
        )
        weight[there], bias[there] = coefficients, intercepts
        return weight, bias
