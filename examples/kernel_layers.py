"""Two layers of Gaussian kernel machines, trained one after the other, beside a support vector machine.

Every unit is a kernel machine, $u_j = \\sum_i a_{ji} e^{-|x - c_i|^2 / (2 \\sigma^2)} + b_j$, whose centres $c_i$ are
what the training samples give. The first layer learns from pairs alone (`kernel-proxy`: are two samples of one
class?). Then it stays as it is; the centres of the second are put where the first sends the training samples, and it
learns the labels. Nothing goes back through a layer. Duan, Yu, Chen & Principe, Neural Computation 32, 2020.

    python examples/kernel_layers.py [epochs [seeds]]
"""

import math
import statistics
import sys

import torch
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from torch import Tensor, nn

from spikelearn import Block, Loader, Network, Training, evaluate, fit
from spikelearn.datasets import Digits
from spikelearn.loading import Direct
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import Batch, CrossEntropy, KernelProxy, OptimizerChoice

WIDTH = 40


class KernelMachines(nn.Module):
    r"""Kernel machines on shared centres; sigma: in the unit of the input. Shapes: [B, n] -> [B, units]."""

    def __init__(self, centres: Tensor, units: int, sigma: float) -> None:
        super().__init__()
        self.register_buffer("centres", centres.clone())
        self.combine, self.sigma = nn.Linear(len(centres), units), sigma

    def forward(self, x: Tensor) -> Tensor:
        near: Tensor = torch.exp(-torch.cdist(x.flatten(1), self.centres).square() / (2 * self.sigma**2))
        return self.combine(near)


def samples(data: Digits) -> tuple[Tensor, Tensor]:
    """All intensities, [N, 64], and labels."""
    batch = Batch.of(Loader(data, n_steps=1, batch=len(data), encoder=Direct()).load(torch.arange(len(data))))
    return batch.inputs[0].flatten(1).float(), batch.targets


def spread(sent: Tensor) -> float:
    """The median distance between samples; a quarter of it did best on a quarter of the training samples held out."""
    return float(torch.pdist(sent[:500]).median())


def two_layers(train: Digits, test: Digits, epochs: int, seed: int) -> float:
    """Test accuracy of two layers that learn one after the other, percent."""
    torch.manual_seed(seed)
    shown, _ = samples(train)
    loader = Loader(train, n_steps=1, batch=128, encoder=Direct(), shuffle=True, seed=seed)
    first = KernelMachines(shown, WIDTH, spread(shown) / 4)
    second = KernelMachines(shown.new_zeros(len(shown), WIDTH), 10, 1.0)
    network = Network({"pairs": Block(first, Rate(Linear())), "labels": Block(second, Rate(Linear()))})
    step = OptimizerChoice("adam", 1e-2)
    batches = math.ceil(epochs * len(loader))
    rule = KernelProxy(CrossEntropy(), proxy="nmse", module_batches=batches)
    fit(Training.start(network, rule, optimizer=step), loader, epochs=epochs)
    with torch.no_grad():
        sent = first(shown)
        second.centres.copy_(sent)
        second.sigma = spread(sent) / 4
    first.requires_grad_(False)
    fit(Training.start(network, KernelProxy(CrossEntropy()), optimizer=step), loader, epochs=epochs)
    return 100 * evaluate(network, Loader(test, n_steps=1, batch=512, encoder=Direct())).accuracy


def main(epochs: int = 20, seeds: int = 3) -> None:
    train, test = Digits("train"), Digits("test")
    (shown, labels), (asked, expected) = samples(train), samples(test)
    grid = {"C": [1, 10, 100], "gamma": [0.01, 0.03, 0.1, 0.3]}
    machine = GridSearchCV(SVC(), grid, cv=3).fit(shown.numpy(), labels.numpy())
    print(
        f"support vector machine: {100 * machine.score(asked.numpy(), expected.numpy()):.2f} %, {machine.best_params_}"
    )
    found = [two_layers(train, test, epochs, seed) for seed in range(seeds)]
    each = ", ".join(f"{accuracy:.2f}" for accuracy in found)
    print(f"two kernel layers: {statistics.mean(found):.2f} % over {seeds} seeds ({each})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
