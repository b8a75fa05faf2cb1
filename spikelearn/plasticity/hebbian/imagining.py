"""Images that a network of activation learning answers most: generated, or completed from a part."""

from collections.abc import Callable

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_positive, check_shape
from spikelearn.network import Network
from spikelearn.plasticity.base import Memory
from spikelearn.plasticity.hebbian.activation_learning import ActivationLearning

#: How much an image's length counts, and its spread over many pixels, per unit of activation.
LENGTH, SPREAD = 0.1, 0.003

#: Keeps an empty image from a division by 0, unit of intensity.
LEAST = 1e-12


def generate(
    rule: ActivationLearning,
    network: Network,
    memory: Memory,
    labels: Tensor,
    *,
    steps: int = 500,
    lr: float = 0.01,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Images of which labels are most certain, from noise.

    Adam descends $\tfrac{1}{10}(|x| - 1)^2 + 0.003\,|x|_1 / |x| - A(x, c)$ in the pixels x, which begin uniform in
    [0, 1) and of length 1: the activation rises, lengths stay near 1, and few pixels are bright.

    Args:
        rule: by which the network was trained.
        network: in evaluation mode; left as it was.
        memory: the rule's, of that training.
        labels: class numbers c.
        steps: of the descent.
        lr: learning rate, unit of a pixel.
        generator: where the first pixels come from; None: torch's global generator.

    Shapes: labels [B], int64; result [B, ...], shaped as the images that the network takes.

    Raises:
        ValueError: a number out of range; a network that does not know the shape of its images.

    Source: Zhou, arXiv 2209.13400, 2022, the author's program.
    """
    if network.input_shape is None:
        raise ValueError("the network does not say the shape of its images: make it with input_shape=(C, H, W)")
    weight = memory["label_weights"]
    drawn = torch.rand(len(labels), *network.input_shape, generator=generator).to(weight)
    start = drawn / drawn.flatten(1).norm(dim=1).view(-1, *[1] * (drawn.ndim - 1))

    def cost(image: Tensor) -> Tensor:
        length = image.flatten(1).norm(dim=1)
        return LENGTH * (length - 1.0).square() + SPREAD * image.flatten(1).abs().sum(1) / length

    return _descended(rule, network, memory, labels, start, cost, torch.ones_like(start, dtype=torch.bool), steps, lr)


def complete(
    rule: ActivationLearning,
    network: Network,
    memory: Memory,
    images: Tensor,
    known: Tensor,
    *,
    steps: int = 500,
    lr: float = 0.01,
) -> tuple[Tensor, Tensor]:
    r"""Images whose missing pixels are filled in, and the labels that they were filled in for.

    The label is that of the largest activation while missing pixels are 0. Adam then descends
    $\sum_i \max(x_i - 1, 0)^2 + \max(-x_i, 0)^2 + 0.003\,|x|_1 / |x| - A(x, c)$ in the missing pixels: they stay within
    0 and 1.

    Args:
        rule: by which the network was trained.
        network: in evaluation mode; left as it was.
        memory: the rule's, of that training.
        images: intensities in [0, 1]; what is missing is not looked at.
        known: whether a pixel is known.
        steps: of the descent.
        lr: learning rate, unit of intensity.

    Shapes: images and known [B, ...]; result [B, ...] and [B], int64.

    Raises:
        ValueError: a number out of range, another shape of ``known``.

    Source: Zhou, arXiv 2209.13400, 2022, the author's program.
    """
    check_shape("known", known, images.shape, "say of every pixel of every image whether it is known")
    start = torch.where(known, images, 0.0).to(memory["label_weights"])
    labels = rule.scores(network, start.unsqueeze(0), memory).argmax(1)

    def cost(image: Tensor) -> Tensor:
        flat = image.flatten(1)
        outside = (flat - 1.0).relu().square() + (-flat).relu().square()
        return outside.sum(1) + SPREAD * flat.abs().sum(1) / flat.norm(dim=1).clamp(min=LEAST)

    return _descended(rule, network, memory, labels, start, cost, ~known, steps, lr), labels


def _descended(
    rule: ActivationLearning,
    network: Network,
    memory: Memory,
    labels: Tensor,
    start: Tensor,
    cost: Callable[[Tensor], Tensor],
    free: Tensor,
    steps: int,
    lr: float,
) -> Tensor:
    """``start`` after ``steps`` of Adam on the cost less the activation, in the pixels that are ``free``."""
    check_count("steps", steps)
    check_positive("lr", lr)
    image = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr)
    for _ in range(steps):
        with torch.enable_grad():
            shown = torch.where(free, image, start)
            goal = (cost(shown) - rule.activation(network, shown.unsqueeze(0), memory, labels)).sum()
        optimizer.zero_grad()
        goal.backward(inputs=[image])
        optimizer.step()
    return torch.where(free, image, start).detach()
