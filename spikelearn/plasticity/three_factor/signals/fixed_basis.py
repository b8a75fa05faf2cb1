"""A local loss whose class vectors are fixed: no weights on the way back, and no error from other blocks."""

import math
import warnings
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_fraction, check_instance, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import neuron_shapes
from spikelearn.plasticity.base import Batch, Memory, RuleWarning
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.bases import Basis, CosineBasis, coherence
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Local, Taught
from spikelearn.tasks import check_targets
from spikelearn.traces import over_steps

#: What stands before a block in the names of a rule's memory.
BASIS = "basis."
MODULATION = "modulation."

#: From this largest cosine between two class vectors on, it is said that they are hard to tell apart.
ALIKE = 0.5

Modulation = Literal["none", "vector", "matrix"]
Over = Literal["presentation", "step"]


class Reading(NamedTuple):
    """The latent vector of a block, its direction, and the logits of its local loss.

    Args:
        latent: what the block sent, pooled, [samples, d].
        direction: the same over its length, [samples, d].
        logits: before the temperature, [samples, classes].
    """

    latent: Tensor
    direction: Tensor
    logits: Tensor


@SIGNALS.register("fixed-basis")
class FixedBasis(Local):
    r"""The derivative of a block's own cross-entropy, whose class vectors are fixed and periodic.

    $$m_l = \frac{\partial L_l}{\partial s_l}, \qquad L_l = -\log\mathrm{softmax}(a / \tau)_y, \qquad
      a = \frac{z}{\lVert z\rVert}\, B^\top, \qquad z = \mathrm{pool}(\bar s_l)$$

    with, for B samples, $q = (\mathrm{softmax}(a/\tau) - y)\,B / (\tau B)$ and
    $\partial L/\partial z = (q - (q \cdot \hat z)\,\hat z) / \lVert z\rVert$, spread back through the pooling. What is
    learned between direction and logits, if anything, is a ``modulation``: $a \leftarrow a \odot m$ or $a M$.

    Images are pooled to p x p places a channel, with p the largest number by which all channels together have no more
    than ``length`` numbers; vectors of more than ``length`` numbers to so many.

    Args:
        loss: what the last block and the readout descend.
        basis: B, ``cosine``, ``square`` or ``random``.
        modulation: "none"; "vector": m, a number for each class; "matrix": M, from class vectors to classes.
        vectors: how many class vectors there are, with "matrix"; None: one a class.
        temperature: $\tau$, dimensionless.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).
        length: largest number of entries of z, where the channels alone are no more.
        over: "presentation": $\bar s$ is the mean over the steps; "step": every step is a sample of its own.
        floor: smallest length by which z is divided, dimensionless: a silent block is pulled to the class vector of its
            target with a force of 1/floor.

    Shapes: s_l [T, B, ...], z [B, d], B [classes or vectors, d], m [classes], M [vectors, classes].

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes;
            ``vectors`` without a matrix; a value out of range.

    Source: Apolinario, Roy & Roy, WACV 2025, arXiv 2405.15868, and the authors' program. deviation: of spikes the rate
    is read; z is divided by no less than ``floor``, in the program 1e-12; lengths of z are chosen from the channels,
    in the program by hand.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        basis: Basis = CosineBasis(),
        *,
        modulation: Modulation = "none",
        vectors: int | None = None,
        temperature: float = 0.5,
        label_smoothing: float = 0.0,
        length: int = 512,
        over: Over = "presentation",
        floor: float = 0.01,
    ) -> None:
        super().__init__(loss)
        check_instance("basis", basis, Basis, "for example basis=CosineBasis()")
        check_choice("modulation", modulation, get_args(Modulation))
        check_choice("over", over, get_args(Over))
        check_positive("temperature", temperature)
        check_fraction("label_smoothing", label_smoothing, below_one=True)
        check_count("length", length)
        check_positive("floor", floor)
        if vectors is not None:
            check_count("vectors", vectors, least=2)
            if modulation != "matrix":
                raise ValueError(
                    f"vectors is {vectors}, but without a matrix from vectors to classes (modulation is "
                    f"{modulation!r}) every class needs one of its own: leave it out, or set modulation to matrix"
                )
        self.basis, self.modulation, self.vectors, self.temperature = basis, modulation, vectors, temperature
        self.label_smoothing, self.length, self.over, self.floor = label_smoothing, length, over, floor
        self.whole = over == "presentation"
        self.own_as_network = modulation != "none"
        if self.own_as_network:
            self.unclipped = (
                "learns modulations of its own by the local losses that the weights descend, and the norm of the "
                "network's gradients knows nothing of them"
            )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``basis.<block>``: B, ``modulation.<block>``: m or M, of N(0, 0.01^2)} of all blocks but those read."""
        shapes, like = neuron_shapes(self.name, network), next(network.parameters())
        classes = sum(math.prod(shapes[name]) for name in network.outputs)
        memory: Memory = {}
        for name, shape in shapes.items():
            if name in network.outputs:
                continue
            length = math.prod(self.pooled_shape(shape))
            vectors = self.basis.vectors(self.vectors or classes, length, generator)
            _say_where_alike(name, vectors)
            memory[BASIS + name] = vectors.to(like)
            if self.modulation != "none":
                size = (classes,) if self.modulation == "vector" else (len(vectors), classes)
                drawn = torch.randn(*size, generator=generator, dtype=torch.float64, device=generator.device)
                memory[MODULATION + name] = (0.01 * drawn).to(like)
        return memory

    def pooled_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of z before it is flattened, of a block of neurons [n] or [C, H, W]."""
        if len(shape) == 1:
            return (min(shape[0], self.length),)
        channels, *sides = shape
        places = 1
        while channels * (places + 1) ** len(sides) <= self.length:
            places += 1
        return (channels, *(min(places, side) for side in sides))

    def read(self, latent: Tensor, basis: Tensor, modulation: Tensor | None) -> Reading:
        """Read direction and logits from a block's pooled outputs [samples, d]."""
        direction = latent / latent.norm(dim=1, keepdim=True).clamp(min=self.floor)
        logits = direction @ basis.t()
        if modulation is not None:
            logits = logits * modulation if modulation.ndim == 1 else logits @ modulation
        return Reading(latent, direction, logits)

    def teach(
        self, name: str, spikes: Tensor, potentials: Tensor, batch: Batch, shares: Tensor, memory: Memory
    ) -> Taught:
        basis, modulation = memory[BASIS + name], memory.get(MODULATION + name)
        targets = self._targets(batch, len(basis) if modulation is None else modulation.shape[-1])
        targets = targets if self.whole else targets.repeat(len(spikes))
        # How much every sample of the loss counts.
        weights = shares.sum(0) if self.whole else shares.flatten()
        seen = _mean(spikes, shares / weights) if self.whole else spikes.flatten(0, 1)
        shape = self.pooled_shape(tuple(seen.shape[1:]))
        points = [_pooled(seen, shape).requires_grad_()]
        points += [] if modulation is None else [modulation.detach().requires_grad_()]
        with torch.enable_grad():
            reading = self.read(points[0], basis, points[-1] if len(points) > 1 else None)
            logits = reading.logits / self.temperature
            each = F.cross_entropy(logits, targets, reduction="none", label_smoothing=self.label_smoothing)
            loss = (weights * each).sum() / batch.size
        at, *learned = torch.autograd.grad(loss, points)
        signal = _spread(at, seen, shape)
        signal = _over_steps(signal, shares / weights) if self.whole else signal.view_as(spikes)
        return Taught(signal, own={MODULATION + name: learned[0]} if learned else {}, loss=loss.detach())

    def _targets(self, batch: Batch, classes: int) -> Tensor:
        if batch.task.name != "classify":
            raise ValueError(
                f"{self.name} has a vector for each class, but the task is {batch.task!s}: use another signal"
            )
        check_targets(batch.targets, classes)
        return batch.targets


def _pooled(seen: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``seen`` [samples, n] or [samples, C, ...], as means over parts of its last axes, [samples, d]."""
    if seen.shape[1:] == shape:
        return seen.flatten(1)
    if len(shape) == 1:
        return F.adaptive_avg_pool1d(seen.unsqueeze(1), shape[0]).flatten(1)
    pools: dict[int, Callable[..., Tensor]] = {
        2: F.adaptive_avg_pool1d,
        3: F.adaptive_avg_pool2d,
        4: F.adaptive_avg_pool3d,
    }
    return pools[len(shape)](seen, shape[1:]).flatten(1)


def _spread(signal: Tensor, seen: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The signal at ``seen`` of that at what it was pooled to, [samples, d]."""
    if seen.shape[1:] == shape:
        return signal.view_as(seen)
    with torch.enable_grad():
        # Pooling is linear: where it is differentiated does not matter, and one number takes no room.
        anywhere = signal.new_zeros(()).expand_as(seen).detach().requires_grad_()
        return torch.autograd.grad(_pooled(anywhere, shape), anywhere, signal)[0]


def _mean(spikes: Tensor, weights: Tensor) -> Tensor:
    """Mean of the steps by ``weights`` [T, B], [B, ...]."""
    return spikes.mean(0) if _is_even(weights) else over_steps(spikes, weights)


def _over_steps(signal: Tensor, weights: Tensor) -> Tensor:
    """The signal at a mean of steps, [B, ...], at each of them, [T, B, ...], by its weight in that mean, [T, B]."""
    if _is_even(weights):
        return (signal / len(weights)).expand(len(weights), *signal.shape)
    return weights.view(*weights.shape, *(1 for _ in signal.shape[1:])) * signal


def _is_even(weights: Tensor) -> bool:
    """Tell whether all steps of each sample weigh the same."""
    return bool((weights == weights[0]).all())


def _say_where_alike(name: str, vectors: Tensor) -> None:
    if (alike := coherence(vectors)) >= ALIKE:
        warnings.warn(
            f"class vectors of {vectors.shape[1]} entries for block {name!r} come as close as a cosine of {alike:.2f}, "
            "so that the block cannot tell two classes apart well: give it more neurons, or take basis=random",
            RuleWarning,
            stacklevel=2,
        )
