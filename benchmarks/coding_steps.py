"""How long a step of predictive coding takes beside a plain loop of torch, and beside backpropagation.

A step is inference of a batch, 20 activity steps from a forward pass, and the weights' gradients; the plain loop is
written as one would without a library: values are leaves, their energy is differentiated by torch at every activity
step. With fixed predictions there are as many steps as blocks, which give the gradient of backpropagation. Times are of
the processor, on one thread. Ours and what it is measured beside first agree on the changes of the weights:

    python -m benchmarks.coding_steps [--net 784-300-300-10] [--batch 128] [--iterations 20]

Programs of the method's authors stand beside ours in ``benchmarks.authors``.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Network, build
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import Batch, CrossEntropy, PredictiveCoding
from spikelearn.seeding import generator_for

ETA = 0.1

Changes = list[Tensor]


def layers_of(network: Network) -> list[nn.Sequential]:
    """The same layers as plain modules, with the network's weights: linear maps, and tanh behind all but the last."""
    maps = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return [nn.Sequential(each, nn.Tanh()) if each is not maps[-1] else nn.Sequential(each) for each in maps]


def ours(network: Network, batch: Batch, iterations: int) -> Callable[[], Changes]:
    """A step of ``pc`` in its strict form, which looks once more behind the last move; the loss is a mean's."""
    rule = PredictiveCoding(CrossEntropy(), eta=ETA, iterations=iterations + 1, nudging=1 / batch.size)

    def step() -> Changes:
        (update,) = rule.updates(network, batch, {}, torch.Generator())
        return list(update.grads.values())

    return step


def fixed(network: Network, batch: Batch) -> Callable[[], Changes]:
    """A step of ``pc`` with fixed predictions."""
    rule = PredictiveCoding(CrossEntropy(), form="fixed-pred")

    def step() -> Changes:
        (update,) = rule.updates(network, batch, {}, torch.Generator())
        return list(update.grads.values())

    return step


def plain(layers: list[nn.Sequential], batch: Batch, iterations: int) -> Callable[[], Changes]:
    """The same by differentiating the energy."""
    inputs, parameters = batch.inputs[0], [p for layer in layers for p in layer.parameters()]

    def energy(values: list[Tensor]) -> Tensor:
        total, below = inputs.new_zeros(()), inputs
        for layer, value in zip(layers, values, strict=False):
            total, below = total + 0.5 * (value - layer(below)).square().sum(), value
        return total + F.cross_entropy(layers[-1](below), batch.targets)

    def step() -> Changes:
        values, below = [], inputs
        with torch.no_grad():
            for layer in layers[:-1]:
                values.append(layer(below))
                below = values[-1]
        for _ in range(iterations):
            leaves = [value.requires_grad_() for value in values]
            slopes = torch.autograd.grad(energy(leaves), leaves)
            values = [leaf.detach() - ETA * slope for leaf, slope in zip(leaves, slopes, strict=True)]
        return list(torch.autograd.grad(energy(values), parameters))

    return step


def backpropagation(layers: list[nn.Sequential], batch: Batch) -> Callable[[], Changes]:
    """A forward and a backward pass."""
    model = nn.Sequential(*layers)
    return lambda: list(
        torch.autograd.grad(F.cross_entropy(model(batch.inputs[0]), batch.targets), list(model.parameters()))
    )


def check_agree(one: Changes, other: Changes, name: str) -> None:
    """Raise ValueError where two steps are not the same."""
    for mine, theirs in zip(one, other, strict=True):
        off = float((mine - theirs).norm() / theirs.norm())
        if off > 1e-3:
            raise ValueError(f"{name} differs by {off:.1e} of the change: it does not do the same, and no time counts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="784-300-300-10")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [int(size) for size in given.net.split("-")]
    made = generator_for(0, "weights")
    network = build(given.net, lambda: Rate(Tanh()), output=lambda: Rate(Linear()), generator=made)
    torch.manual_seed(0)
    batch = Batch(torch.rand(1, given.batch, sizes[0]), torch.arange(given.batch) % sizes[-1])
    layers = layers_of(network)
    steps = {
        "pc": ours(network, batch, given.iterations),
        "plain torch": plain(layers, batch, given.iterations),
        "pc, fixed": fixed(network, batch),
        "backpropagation": backpropagation(layers, batch),
    }
    check_agree(steps["pc, fixed"](), steps["backpropagation"](), "pc with fixed predictions")
    check_agree(steps["pc"](), steps["plain torch"](), "plain torch")
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(given.rounds + 2):
        for name, step in steps.items():
            begun = time.process_time()
            step()
            if number >= 2:
                times[name].append(1e3 * (time.process_time() - begun))
    for name, found in times.items():
        of_pc, of_bp = (
            statistics.median(mine / other for mine, other in zip(found, times[base], strict=True))
            for base in ("pc", "backpropagation")
        )
        print(f"{name:16} {statistics.median(found):7.1f} ms   {of_pc:5.2f} of pc   {of_bp:5.2f} of backpropagation")


if __name__ == "__main__":
    main()
