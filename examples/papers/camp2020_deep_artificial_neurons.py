"""Deep artificial neurons that learn slices of a function one after the other, beside a perceptron of equal size.

Camp, Mandivarapu & Estrada, "Continual learning with deep artificial neurons", arXiv 2011.07035, 2020. A small network,
the phenotype, is the same in all neurons and learns beforehand, while a population of networks learns mixtures of sines
slice after slice. Then it stays as it is, and new networks learn new functions, each point of which they see in its own
slice alone. The layers and the five slices of ten steps are those of the authors' program; the phenotype is smaller (8
channels, 16 units, in place of 40 and 40), the population larger, and steps of the outer loop behind a sample are 3 in
place of 50. The perceptron is shown with each of several optimizers.

    python examples/papers/camp2020_deep_artificial_neurons.py [episodes [population]]
"""

import sys
from statistics import fmean

from spikelearn import build
from spikelearn.measure import ForgottenErrors, forgotten_errors
from spikelearn.network import Network
from spikelearn.neurons import DeepArtificialNeuron, Phenotype, Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import BPTT, DAN, MSE, OptimizerChoice, Rule
from spikelearn.seeding import generator_for
from spikelearn.training.outer import PhenotypeLoop, SineMixtures, one_after_the_other

#: Functions that are learned in the end, none of those that the phenotype was learned on.
FRESH = range(1_000_000, 1_000_010)

#: Optimizers of which the perceptron is given the one that leaves it the smallest error.
OPTIMIZERS = [OptimizerChoice("adam", lr) for lr in (0.01, 0.003, 0.001)] + [
    OptimizerChoice("sgd", lr) for lr in (0.1, 0.03, 0.01)
]


def with_phenotype(phenotype: Phenotype) -> Network:
    """Layers of 10, 10, 10 and 1 neurons with all forward skips; the output reaches from -5 to 5."""
    return build(
        "1-10-10(+inputs)-10(+inputs)(+fc1)-1(+inputs)(+fc1)(+fc2)",
        lambda: DeepArtificialNeuron(phenotype=phenotype),
        output=lambda: DeepArtificialNeuron(phenotype=phenotype, gain=5.0),
        generator=generator_for(42, "weights"),
    )


def perceptron(plastic: int) -> Network:
    """Three layers of tanh units with the smallest width by which it has ``plastic`` weights at least."""
    width = next(n for n in range(1, 10_000) if 2 * (n * n + n) + 3 * n + 1 >= plastic)
    return build(
        f"1-{width}-{width}-{width}-1",
        lambda: Rate(Tanh()),
        output=lambda: Rate(Linear()),
        generator=generator_for(42, "weights"),
    )


def size(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def learned(network: Network, rule: Rule, tasks: SineMixtures, optimizer: OptimizerChoice) -> ForgottenErrors:
    """Errors of copies of ``network`` on fresh functions, mean of the functions."""
    rows = [one_after_the_other(network, rule, tasks, number, optimizer=optimizer) for number in FRESH]
    return ForgottenErrors(*map(fmean, zip(*map(forgotten_errors, rows), strict=True)))


def told(name: str, found: ForgottenErrors) -> None:
    print(
        f"{name}: mean squared error {found.average_error:.4f} at the end, {found.right_after:.4f} right after each "
        f"slice, forgetting {found.forgetting:.4f}",
        flush=True,
    )


def main(episodes: int = 20, population: int = 8) -> None:
    tasks, inner = SineMixtures(hyper_steps=3, seed=1), OptimizerChoice("adam", 0.01)
    phenotype = Phenotype.drawn(channels=8, width=16)
    networks = [with_phenotype(phenotype) for _ in range(population)]
    other = perceptron(size(networks[0]))
    print(f"plastic weights: {size(networks[0])} of deep artificial neurons, {size(other)} of the perceptron")
    for optimizer in OPTIMIZERS:
        told(f"perceptron, {optimizer}", learned(other, BPTT(MSE()), tasks, optimizer))
    rule = DAN(MSE())
    loop = PhenotypeLoop(rule, networks, optimizer=inner, lr=0.003)
    told("deep artificial neurons as drawn", learned(networks[0], rule, tasks, inner))
    for number in range(episodes):
        loss = loop.episode(tasks.moments(number, population))
        print(f"episode {number + 1}/{episodes}  error on all slices at its end {loss:.4f}", flush=True)
    loop.begin()
    told("deep artificial neurons, learned phenotype", learned(networks[0], rule, tasks, inner))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
