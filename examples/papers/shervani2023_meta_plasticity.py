"""Meta-plasticity on MNIST: coefficients of local terms, learned through online training on fixed random feedback.

Shervani-Tabar & Rosenbaum, "Meta-learning biologically plausible plasticity rules with random feedback pathways",
Nature Communications 14, 2023. The network and its units are those of the authors' program, which learns on EMNIST:
five classes an episode, one sample a step, the loss of queries differentiated through all updates. With the learned
coefficients a new network then sees some thousand digits once, beside one with feedback alignment alone.

    python examples/papers/shervani2023_meta_plasticity.py [episodes]  # SPIKELEARN_DATA names the folder of the data
"""

import sys

import torch

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.network import Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Softplus
from spikelearn.plasticity import MetaPlasticity
from spikelearn.seeding import generator_for
from spikelearn.training.outer import Episodes, OuterLoop

#: Digits that a network sees once.
SEEN = 5000


def network_for(seed: int) -> Network:
    return build(
        "784-170-130-100-70-10",
        lambda: Rate(Softplus(10.0)),
        output=lambda: Rate(Linear()),
        bias=False,
        generator=generator_for(seed, "weights"),
    )


def online(name: str, **coefficients: float) -> None:
    """Train a new network on digits that are shown once, one by one."""
    train = Loader(MNIST("train"), n_steps=1, batch=1, indices=torch.arange(min(SEEN, len(MNIST("train")))))
    training = Training.start(network_for(0), MetaPlasticity(**coefficients))
    fit(training, train, epochs=1)
    test = Loader(MNIST("test"), n_steps=1, batch=500, encoder=Direct())
    accuracy = evaluate(training.network, test).accuracy
    print(f"{name}: test accuracy {100 * accuracy:.2f} % behind {train.samples} samples")


def main(count: int = 100) -> None:
    loader = Loader(MNIST("train"), n_steps=1, batch=1)
    shots = min(10, int(loader.dataset.targets.bincount().min()) // 2)
    episodes = Episodes(loader, classes=5, shots=shots, queries=shots)
    loop = OuterLoop(MetaPlasticity(pseudo_gradient=1e-3, second_order=True))
    for number in range(count):
        result = loop.episode(number, network_for(number + 1), episodes.episode(number))
        if number % 10 == 0:
            print(f"episode {number}  loss {result.loss:.4f}  {result.coefficients}")
    learned = {term.replace("-", "_"): value for term, value in loop.coefficients.items()}
    online("feedback alignment", pseudo_gradient=learned["pseudo_gradient"])
    online("learned coefficients", **learned)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
