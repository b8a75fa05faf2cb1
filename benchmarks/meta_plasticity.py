"""Learned local terms beside feedback alignment: online, from few images, on classes that no outer loop has seen.

Digits and garments are 20 classes; 12 are for the outer loop and 8 are held out. An episode has five classes, some
images of each, shown once, one by one, to a new network with new feedback; then it is asked about others. Both arms
are tuned by one search, the outer loop with as many episodes, from the same coefficients: one learns the three of
``meta-plasticity``, the other that of the pseudo-gradient alone, which is feedback alignment and its learning rate.

    python -m benchmarks.meta_plasticity [--net NET] [--episodes 60] [--tested 40] [--shots 50] [--out FILE]

Each held-out episode is one pair: both arms have its weights, its feedback, its images and their order.
"""

import argparse
import json
import math
from pathlib import Path
from statistics import mean, stdev

import torch

from spikelearn import Loader, build
from spikelearn.datasets import MNIST, ArrayDataset, FashionMNIST
from spikelearn.network import Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Softplus
from spikelearn.plasticity import MetaPlasticity
from spikelearn.plasticity.meta.coefficients import TERMS
from spikelearn.seeding import generator_for
from spikelearn.training.outer import Episodes, OuterLoop

#: Hidden layers as in the authors' program; the output has all classes.
NET = "784-170-130-100-70-20"
LEARNED = 12
#: First images of each set that episodes draw from.
PART = 12000
#: Terms that learn in each arm.
ARMS = {"learned terms": TERMS, "feedback alignment": TERMS[:1]}
FIRST = 1e-3
#: Number of the first held-out episode.
FRESH = 1_000_000


def images(root: str | None = None) -> tuple[ArrayDataset, list[int], list[int]]:
    """Digits and garments of the training sets as 20 classes, those of the outer loop and those held out."""
    sets = [MNIST("train", root), FashionMNIST("train", root)]
    parts = [torch.arange(min(PART, len(each))) for each in sets]
    pixels = torch.cat([each.pixels(part) for each, part in zip(sets, parts, strict=True)])
    targets = torch.cat(
        [each.targets[part] + 10 * place for place, (each, part) in enumerate(zip(sets, parts, strict=True))]
    )
    order = torch.randperm(20, generator=generator_for(0, "classes")).tolist()
    return ArrayDataset(pixels, targets, sequence=False, classes=20), sorted(order[:LEARNED]), sorted(order[LEARNED:])


def episodes_of(data: ArrayDataset, classes: list[int], shots: int, queries: int) -> Episodes:
    """Episodes of some of the classes."""
    (members,) = torch.isin(data.targets, torch.tensor(classes)).nonzero(as_tuple=True)
    return Episodes(Loader(data, n_steps=1, batch=1, indices=members), classes=5, shots=shots, queries=queries)


def network_for(net: str, number: int) -> Network:
    return build(
        net,
        lambda: Rate(Softplus(10.0)),
        output=lambda: Rate(Linear()),
        bias=False,
        generator=generator_for(0, "episode", number),
    )


def searched(net: str, terms: tuple[str, ...], drawn: Episodes, count: int, outer_lr: float) -> dict[str, float]:
    """The coefficients behind ``count`` episodes of the outer loop, mean of its last quarter."""
    loop = OuterLoop(MetaPlasticity(pseudo_gradient=FIRST, second_order=True), terms=terms, lr=outer_lr)
    seen = []
    for number in range(count):
        result = loop.episode(number, network_for(net, number), drawn.episode(number))
        seen.append(result.coefficients)
        if (number + 1) % max(1, count // 6) == 0:
            found = "  ".join(f"{term} {value:.4g}" for term, value in result.coefficients.items())
            print(f"  episode {number + 1}  loss {result.loss:.3f}  {found}", flush=True)
    last = seen[-max(1, count // 4) :]
    return {term: mean(each[term] for each in last) for term in TERMS}


def accuracies(net: str, coefficients: dict[str, float], drawn: Episodes, count: int) -> list[float]:
    """The share of queries that are right behind each held-out episode."""
    loop = OuterLoop(MetaPlasticity(), derivative="evolution")
    numbers = range(FRESH, FRESH + count)
    return [loop.tested(n, network_for(net, n), drawn.episode(n), coefficients).accuracy for n in numbers]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default=NET)
    parser.add_argument("--episodes", type=int, default=60)
    parser.add_argument("--tested", type=int, default=40)
    parser.add_argument("--shots", type=int, default=50)
    parser.add_argument("--queries", type=int, default=10, help="images of each class that are asked about")
    parser.add_argument("--outer-lr", type=float, default=0.001)
    parser.add_argument("--out", type=Path, help="a file of what was found")
    given = parser.parse_args()
    data, learned, held = images()
    print(f"classes of the outer loop {learned}, held out {held}; images a class: {given.shots}")
    found = {}
    for arm, terms in ARMS.items():
        print(arm)
        coefficients = searched(
            given.net, terms, episodes_of(data, learned, given.shots, given.queries), given.episodes, given.outer_lr
        )
        right = accuracies(given.net, coefficients, episodes_of(data, held, given.shots, given.queries), given.tested)
        error = stdev(right) / math.sqrt(len(right))
        print(f"  held-out classes: {100 * mean(right):.2f} ± {100 * error:.2f} % (standard error)", flush=True)
        found[arm] = {"coefficients": coefficients, "accuracies": right}
    apart = [one - other for one, other in zip(*(each["accuracies"] for each in found.values()), strict=True)]
    error = stdev(apart) / math.sqrt(len(apart))
    better = sum(each > 0 for each in apart)
    print(
        f"learned terms above feedback alignment by {100 * mean(apart):.2f} ± {100 * error:.2f} % of the queries, "
        f"in {better} of {len(apart)} episodes (t = {mean(apart) / error if error else math.nan:.1f})"
    )
    if given.out is not None:
        given.out.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
