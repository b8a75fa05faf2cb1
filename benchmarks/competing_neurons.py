"""What neurons that compete for their input withstand, beside backpropagation through as many neurons.

SoftHebb, activation learning and a rectified network trained by backpropagation learn the same images of MNIST.
SoftHebb sees no label. It is read twice: by a logistic regression on its rates, and by the share of each class among
the images for which a neuron wins, whose cross-entropy is measured while the layer learns. All are tested with noise,
and by projected gradient descent on the pixels, within a distance in every pixel, which knows the whole network. Last,
images of one class are moved towards another, within a length of the whole change: where a network answers to whole
objects, an object between the two classes appears. The picture shows a row for each network.

    python -m benchmarks.competing_neurons [--samples 12000] [--units 500] [--tested 500] [--arms bptt softhebb]
        [--picture FILE] [--json FILE]
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn import Loader, Training, build, network_for
from spikelearn.datasets import MNIST
from spikelearn.draw.style import save
from spikelearn.network import INITIALISERS, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, MeanTriangle
from spikelearn.plasticity import BPTT, ActivationLearning, Batch, OptimizerChoice, SoftHebb
from spikelearn.plasticity.hebbian.competition import soft_winners
from spikelearn.plasticity.losses import CrossEntropy
from spikelearn.seeding import generator_for
from spikelearn.training import learn
from spikelearn.training.fit_readout import fit_readout

#: Inverse temperature of SoftHebb's competition, per unit of potential; images have length 1 before its weights.
T_INV = 100.0

ARMS = ("bptt", "softhebb", "activation-learning")
NOISES = (0.0, 0.1, 0.3, 0.5)
DISTANCES = (0.02, 0.05, 0.1, 0.2)
STEPS = 20

#: Length of the change that moves an image towards another class, unit of intensity.
LONG = 6.0

#: Scores [B, classes] of images [B, 1, 28, 28]; differentiable in them.
Scores = Callable[[Tensor], Tensor]


def loaders(samples: int, batch: int, seed: int) -> Loader:
    """Batches of the first images of training, in an order that follows from the seed."""
    return Loader(MNIST("train"), 1, batch, indices=torch.arange(samples), shuffle=True, seed=seed)


def competing(units: int, samples: int, seed: int) -> tuple[dict[str, Scores], list[dict[str, float]]]:
    """SoftHebb for one epoch; its scores by both readouts, and the cross-entropy of labels that it never sees."""
    network = build(
        f"784-{units}-10",
        lambda: Rate(MeanTriangle()),
        input_shape=MNIST.shape,
        bias=False,
        input_norm="length",
        readout="linear-probe",
        init=INITIALISERS.make("unit-norm:length=2,positive=true"),
        generator=generator_for(seed, "weights"),
    )
    training, loader = Training.start(network, SoftHebb(t_inv=T_INV), seed=seed), loaders(samples, 32, seed)
    whole = MNIST("train")
    known = Batch(
        whole.pixels(torch.arange(samples, samples + 4000)).unsqueeze(0), whole.targets[samples : samples + 4000]
    )
    curve = [{"samples": 0, "cross_entropy": unseen(network, known)}]
    for place, batch in enumerate(loader.epoch()):
        learn(training, Batch.of(batch, loader.task))
        if (place + 1) % 25 == 0:
            curve.append({"samples": 32 * (place + 1), "cross_entropy": unseen(network, known)})
    fit_readout(network, loader)

    def probed(images: Tensor) -> Tensor:
        return network.scores(network.run(images.unsqueeze(0))[0])

    with torch.no_grad():
        classes = classes_of(winning(network, known.inputs[0]), known.targets)
    return {"softhebb": probed, "softhebb, by winners": lambda images: told(winning(network, images), classes)}, curve


def winning(network: Network, images: Tensor) -> Tensor:
    """Shares of the neurons for images [B, ...], [B, units]."""
    return soft_winners(network.run(images.unsqueeze(0))[0].output.v, T_INV)[0]


def classes_of(shares: Tensor, targets: Tensor) -> Tensor:
    """Share of every class among the images for which a neuron wins, [units, 10]."""
    counts = shares.T @ F.one_hot(targets, 10).to(shares) + 1e-2
    return counts / counts.sum(1, keepdim=True)


def told(shares: Tensor, classes: Tensor) -> Tensor:
    r"""$\log \sum_k y_k(x)\,p(c \mid k)$, [B, 10]."""
    return (shares @ classes).log()


@torch.no_grad()
def unseen(network: Network, batch: Batch) -> float:
    """Cross-entropy of labels, nats: classes of neurons are counted on half of the samples, and used on the others."""
    shares, half = winning(network, batch.inputs[0]), batch.size // 2
    return float(F.nll_loss(told(shares[half:], classes_of(shares[:half], batch.targets[:half])), batch.targets[half:]))


def descending(units: int, samples: int, seed: int) -> Scores:
    """Backpropagation through ``units`` rectified neurons for one epoch."""
    network = build(
        f"784-{units}-10",
        Rate,
        input_shape=MNIST.shape,
        output=lambda: Rate(Linear()),
        generator=generator_for(seed, "weights"),
    )
    rule = BPTT(CrossEntropy())
    training = Training.start(network, rule, seed=seed, optimizer=OptimizerChoice("adam", 1e-3))
    loader = loaders(samples, 32, seed)
    for batch in loader.epoch():
        learn(training, Batch.of(batch, loader.task))
    return lambda images: network.scores(network.run(images.unsqueeze(0))[0])


def explaining(samples: int, seed: int, epochs: int = 3) -> Scores:
    """Activation learning in two layers as wide as image and label."""
    rule = ActivationLearning(scored=False)
    network = network_for(rule, "784-1064-1064-10", MNIST.shape, seed=seed)
    training = Training.start(network, rule, seed=seed, optimizer=OptimizerChoice("sgd", 0.4))
    loader = loaders(samples, 100, seed)
    for epoch in range(epochs):
        for batch in loader.epoch(epoch):
            learn(training, Batch.of(batch, loader.task))

    def scores(images: Tensor) -> Tensor:
        labels = [torch.full((len(images),), number) for number in range(10)]
        found = [rule.activation(network, images.unsqueeze(0), training.memory, own) for own in labels]
        return torch.stack(found, 1)

    return scores


def attacked(scores: Scores, images: Tensor, labels: Tensor, distance: float) -> Tensor:
    """``images`` after ``STEPS`` steps up the loss of ``labels``, within ``distance`` in every pixel and in [0, 1]."""
    changed = images.clone()
    for _ in range(STEPS):
        slope = _slope(scores, changed, labels)
        changed = changed + 2.5 * distance / STEPS * slope.sign()
        changed = torch.minimum(torch.maximum(changed, images - distance), images + distance).clamp(0.0, 1.0)
    return changed


def moved(scores: Scores, images: Tensor, wanted: Tensor, steps: int = 100) -> Tensor:
    """``images`` after a descent of the loss of the classes ``wanted``, within a change of length ``LONG``."""
    changed = images.clone()
    for _ in range(steps):
        slope = _slope(scores, changed, wanted)
        slope = slope / slope.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        change = (changed - 4.0 * LONG / steps * slope).clamp(0.0, 1.0) - images
        length = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        changed = images + change * (LONG / length.clamp(min=LONG))
    return changed


def _slope(scores: Scores, images: Tensor, labels: Tensor) -> Tensor:
    given = images.clone().requires_grad_()
    with torch.enable_grad():
        loss = F.cross_entropy(scores(given), labels, reduction="sum")
    return torch.autograd.grad(loss, given)[0]


def accuracy(scores: Scores, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((scores(images).argmax(1) == labels).float().mean())


def picture(arms: dict[str, Scores], images: Tensor, labels: Tensor, path: Path) -> None:
    """Images, and what they become on the way to another class, one row for each network."""
    chosen = torch.stack([(labels == number).nonzero()[0, 0] for number in range(10)])
    start, wanted = images[chosen], (labels[chosen] + 5) % 10
    rows = {"image": start} | {f"{name}, to the class below": moved(own, start, wanted) for name, own in arms.items()}
    figure = Figure(figsize=(10, 1.2 * len(rows)))
    for row, (name, shown) in enumerate(rows.items()):
        for column, image in enumerate(shown):
            axes = figure.add_subplot(len(rows), 10, 10 * row + column + 1)
            axes.imshow(image[0], cmap="gray", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            if row == len(rows) - 1:
                axes.set_xlabel(str(int(wanted[column])))
            if column == 0:
                axes.set_title(name, fontsize=8, loc="left")
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=12000)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--tested", type=int, default=500)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_flush_denormal(True)
    found: dict[str, object] = {}
    arms: dict[str, Scores] = {}
    if "bptt" in given.arms:
        arms["bptt"] = descending(given.units, given.samples, given.seed)
    if "softhebb" in given.arms:
        both, curve = competing(given.units, given.samples, given.seed)
        arms, found["unseen"] = arms | both, curve
        told_at = ", ".join(f"{one['samples']:.0f}: {one['cross_entropy']:.3f}" for one in curve[::3])
        print("cross-entropy of labels never seen:", told_at)
    if "activation-learning" in given.arms:
        arms["activation-learning"] = explaining(given.samples, given.seed)
    test = MNIST("test")
    chosen = torch.arange(given.tested) * len(test) // given.tested
    images, labels = test.pixels(chosen), test.targets[chosen]
    noise = torch.randn(images.shape, generator=generator_for(given.seed, "noise"))
    for name, own in arms.items():
        noisy = {sd: accuracy(own, (images + sd * noise).clamp(0.0, 1.0), labels) for sd in NOISES}
        hit = {far: accuracy(own, attacked(own, images, labels, far), labels) for far in DISTANCES}
        found[name] = {"noise": noisy, "attack": hit}
        print(f"{name:20} noise " + " ".join(f"{sd}: {100 * one:.1f}" for sd, one in noisy.items()), end="; ")
        print("attack " + " ".join(f"{far}: {100 * one:.1f}" for far, one in hit.items()))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    if given.picture:
        picture(arms, images, labels, given.picture)


if __name__ == "__main__":
    main()
