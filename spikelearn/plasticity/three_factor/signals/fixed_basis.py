"""A local loss whose class vectors are fixed: no weights on the way back, and no error from other blocks."""

import warnings
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_fraction, check_instance, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.base import Memory, RuleWarning
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.per_layer import PerLayer
from spikelearn.plasticity.three_factor.bases import Basis, CosineBasis, coherence
from spikelearn.plasticity.three_factor.signals.base import SIGNALS
from spikelearn.plasticity.three_factor.signals.latent import Latent, Over

#: What stands before a block in the names of a rule's memory.
BASIS = "basis."
MODULATION = "modulation."

#: From this largest cosine between two class vectors on, it is said that they are hard to tell apart.
ALIKE = 0.5

Modulation = Literal["none", "vector", "matrix"]
HowRead = Literal["direction", "mean"]
Criterion = Literal["cross-entropy", "bounded-mse"]


class Reading(NamedTuple):
    """The latent vector of a block, its direction, and the logits of its local loss.

    Args:
        latent: what the block sent, pooled, [samples, d].
        direction: the same over its length, or over d, [samples, d].
        logits: before the temperature, [samples, classes].
    """

    latent: Tensor
    direction: Tensor
    logits: Tensor


@SIGNALS.register("fixed-basis")
class FixedBasis(Latent):
    r"""The derivative of a block's own cross-entropy, whose class vectors are fixed and periodic.

    $$m_l = \frac{\partial L_l}{\partial s_l}, \qquad L_l = -\log\mathrm{softmax}(a / \tau)_y, \qquad
      a = \frac{z}{\lVert z\rVert}\, B^\top, \qquad z = \mathrm{pool}(\bar s_l)$$

    with, for B samples, $q = (\mathrm{softmax}(a/\tau) - y)\,B / (\tau B)$ and
    $\partial L/\partial z = (q - (q \cdot \hat z)\,\hat z) / \lVert z\rVert$, spread back through the pooling. What is
    learned between direction and logits, if anything, is a ``modulation``: $a \leftarrow a \odot m$ or $a M$.

    Args:
        loss: what the last block and the readout descend.
        basis: B, ``cosine``, ``square`` or ``random``.
        modulation: "none"; "vector": m, a number for each class; "matrix": M, from class vectors to classes.
        vectors: how many class vectors there are, with "matrix"; None: one a class.
        temperature: $\tau$, dimensionless.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).
        length, places, over, behind_pools: how z is read of the block; images are pooled to p x p places a channel, p
            the largest number by which z has no more than ``length`` entries, or ``places``.
        floor: smallest length by which z is divided, dimensionless: a silent block is pulled to the class vector of its
            target with a force of 1/floor.
        reading: "direction": as above; "mean": $a = z\,B^\top / d$, the mean of d products.
        criterion: "cross-entropy", or "bounded-mse": mean square of $[a/4 + 1/2]_0^1 - y$, whose derivative is taken as
            if the bracket were a.

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
        reading: HowRead = "direction",
        criterion: Criterion = "cross-entropy",
        places: PerLayer | None = None,
        behind_pools: bool = False,
    ) -> None:
        super().__init__(loss, length=length, places=places, over=over, behind_pools=behind_pools)
        check_instance("basis", basis, Basis, "for example basis=CosineBasis()")
        check_choice("modulation", modulation, get_args(Modulation))
        check_choice("reading", reading, get_args(HowRead))
        check_choice("criterion", criterion, get_args(Criterion))
        check_positive("temperature", temperature)
        check_fraction("label_smoothing", label_smoothing, below_one=True)
        check_positive("floor", floor)
        if vectors is not None:
            check_count("vectors", vectors, least=2)
            if modulation != "matrix":
                raise ValueError(
                    f"vectors is {vectors}, but without a matrix from vectors to classes (modulation is "
                    f"{modulation!r}) every class needs one of its own: leave it out, or set modulation to matrix"
                )
        self.basis, self.modulation, self.vectors, self.temperature = basis, modulation, vectors, temperature
        self.label_smoothing, self.floor, self.reading, self.criterion = label_smoothing, floor, reading, criterion
        self.own_as_network = modulation != "none"
        if self.own_as_network:
            self.unclipped = (
                "learns modulations of its own by the local losses that the weights descend, and the norm of the "
                "network's gradients knows nothing of them"
            )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``basis.<block>``: B, ``modulation.<block>``: m or M, of N(0, 0.01^2)} of all blocks but those read."""
        entries, classes = self.read_from(network)
        like = next(network.parameters())
        memory: Memory = {}
        for name, length in entries.items():
            vectors = self.basis.vectors(self.vectors or classes, length, generator)
            _say_where_alike(name, vectors)
            memory[BASIS + name] = vectors.to(like)
            if self.modulation != "none":
                size = (classes,) if self.modulation == "vector" else (len(vectors), classes)
                drawn = torch.randn(*size, generator=generator, dtype=torch.float64, device=generator.device)
                memory[MODULATION + name] = (0.01 * drawn).to(like)
        return memory

    def read(self, latent: Tensor, basis: Tensor, modulation: Tensor | None) -> Reading:
        """Read direction and logits from a block's pooled outputs [samples, d]."""
        if self.reading == "direction":
            direction = latent / latent.norm(dim=1, keepdim=True).clamp(min=self.floor)
        else:
            direction = latent / latent.shape[1]
        logits = direction @ basis.t()
        if modulation is not None:
            logits = logits * modulation if modulation.ndim == 1 else logits @ modulation
        return Reading(latent, direction, logits)

    def entries(self, name: str, memory: Memory) -> int:
        return memory[BASIS + name].shape[1]

    def classes(self, name: str, memory: Memory) -> int:
        modulation = memory.get(MODULATION + name)
        return len(memory[BASIS + name]) if modulation is None else modulation.shape[-1]

    def losses(self, name: str, latent: Tensor, targets: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        kept = memory.get(MODULATION + name)
        modulation = None if kept is None else kept.detach().requires_grad_()
        logits = self.read(latent, memory[BASIS + name], modulation).logits / self.temperature
        learned = {} if modulation is None else {MODULATION + name: modulation}
        if self.criterion == "cross-entropy":
            return F.cross_entropy(logits, targets, reduction="none", label_smoothing=self.label_smoothing), learned
        wanted = F.one_hot(targets, logits.shape[1]).to(logits)
        bounded = (0.25 * logits + 0.5).clamp(0.0, 1.0).detach() + (logits - logits.detach())
        return (bounded - wanted).square().mean(1), learned


def _say_where_alike(name: str, vectors: Tensor) -> None:
    if (alike := coherence(vectors)) >= ALIKE:
        warnings.warn(
            f"class vectors of {vectors.shape[1]} entries for block {name!r} come as close as a cosine of {alike:.2f}, "
            "so that the block cannot tell two classes apart well: give it more neurons, or take basis=random",
            RuleWarning,
            stacklevel=2,
        )
