"""Predictive coding beyond Gaussians: a variational autoencoder by predictive coding and by backpropagation.

Pinchetti, Salvatori, Yordanov, Millidge, Song & Lukasiewicz, "Predictive coding beyond Gaussian distributions", NeurIPS
2022: autoencoders trained by predictive coding reconstruct and generate like those trained by backpropagation. Here:
the images of handwritten digits of 8 x 8 pixels that come with scikit-learn. A variational autoencoder is no chain of
blocks, for it draws a sample in its middle; so the energy stands here, made of the package's divergences and descended
by its inference, on a module of torch.

    python examples/papers/pinchetti2022_vae.py [epochs]

After 20 epochs minus the lower bound is 26.2 nats on test images by predictive coding and 25.3 by backpropagation.
"""

import copy
import sys

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.datasets import Digits
from spikelearn.plasticity import DIVERGENCES
from spikelearn.plasticity.equilibrium.dynamics.descent import descend, last
from spikelearn.plasticity.equilibrium.energies.energy import Energy, Values

HIDDEN, LATENT, BATCH = 64, 8, 50

#: Factor of the loss in the energy that inference descends: the weaker, the nearer to backpropagation.
NUDGING = 0.05


class Autoencoder(nn.Module):
    """x -> tanh layer -> (means, log variances) of the code -> tanh layer -> logits of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.code = nn.Linear(64, HIDDEN), nn.Linear(HIDDEN, 2 * LATENT)
        self.down, self.pixels = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, 64)


class AutoencoderEnergy(Energy):
    """Divergences of three layers from their predictions, and the loss: minus the evidence lower bound.

    With the values at their predictions all divergences are 0 and the loss is what backpropagation descends.
    """

    def __init__(self, model: Autoencoder, images: Tensor, noise: Tensor) -> None:
        self.network, self.images, self.noise = model, images, noise
        self.gaussian, self.coded = DIVERGENCES.make("gaussian"), DIVERGENCES.make("gaussian-variance")

    def start(self) -> Values:
        with torch.no_grad():
            return self.predictions({})

    def predictions(self, values: Values) -> Values:
        """What each layer predicts, from the values below where they are given, else from the predictions there."""
        model, found = self.network, {}
        found["up"] = model.up(self.images)
        found["code"] = model.code(values.get("up", found["up"]).tanh())
        means, variances = values.get("code", found["code"]).chunk(2, 2)
        found["down"] = model.down(means + (0.5 * variances).exp() * self.noise)
        return found

    def of(self, values: Values) -> tuple[Tensor, Tensor]:
        means, kinds = self.predictions(values), {"up": self.gaussian, "code": self.coded, "down": self.gaussian}
        energy = torch.stack([kinds[name].of(value, means[name]).sum() for name, value in values.items()]).sum()
        return energy, NUDGING * self.loss(values)

    def loss(self, values: Values) -> Tensor:
        """Minus the lower bound of the evidence in nats, sum of the images."""
        logits = self.network.pixels(values["down"].tanh())
        missed = F.binary_cross_entropy_with_logits(logits, self.images, reduction="sum")
        return missed + self.coded.of(values["code"], torch.zeros_like(values["code"])).sum()


def by_predictive_coding(energy: AutoencoderEnergy) -> dict[str, Tensor]:
    """Derivatives of the energy in the weights where inference has come to, over the nudging."""
    look = last(descend(energy, iterations=16, rate=0.3))
    return {name: slope / NUDGING for name, slope in energy.weight_slopes(look.values, look.slopes).items()}


def by_backpropagation(energy: AutoencoderEnergy) -> dict[str, Tensor]:
    """Derivatives of the loss in the weights."""
    names, parameters = zip(*energy.network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(energy.loss(energy.predictions({})), parameters), strict=True))


def bound(model: Autoencoder, images: Tensor) -> float:
    """Mean of minus the lower bound on images, in nats, with one sample each."""
    noise = torch.randn(1, len(images), LATENT, generator=torch.Generator().manual_seed(1))
    energy = AutoencoderEnergy(model, images.unsqueeze(0), noise)
    with torch.no_grad():
        return float(energy.loss(energy.start())) / len(images)


def rebuilt(model: Autoencoder, images: Tensor) -> float:
    """Mean squared error of the pixels that the means of the code stand for."""
    with torch.no_grad():
        means, _ = model.code(model.up(images).tanh()).chunk(2, 1)
        return float((model.pixels(model.down(means).tanh()).sigmoid() - images).square().mean())


def pixels(split: str) -> Tensor:
    data = Digits(split)
    return torch.stack([torch.as_tensor(data[n][0]).float().flatten() for n in range(len(data))])


def main(epochs: int = 20) -> None:
    train, test = pixels("train"), pixels("test")
    torch.manual_seed(0)
    first = Autoencoder()
    for name, changes in (("predictive coding", by_predictive_coding), ("backpropagation", by_backpropagation)):
        model, generator = copy.deepcopy(first), torch.Generator().manual_seed(0)
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(train), generator=generator).split(BATCH):
                noise = torch.randn(1, len(rows), LATENT, generator=generator)
                energy = AutoencoderEnergy(model, train[rows].unsqueeze(0), noise)
                for key, change in changes(energy).items():
                    model.get_parameter(key).grad = change / len(rows)
                optimizer.step()
        error = rebuilt(model, test)
        print(f"{name}: test images rebuilt with mean squared error {error:.4f}, bound {bound(model, test):.2f} nats")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
