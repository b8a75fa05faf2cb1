"""The error of a linear classifier of each block's own, which is trained beside it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import uniform
from spikelearn.plasticity.base import Memory
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.per_layer import PerLayer
from spikelearn.plasticity.three_factor.signals.base import SIGNALS
from spikelearn.plasticity.three_factor.signals.latent import Latent, Over

#: What stands before a block in the names of its classifier's weights and biases.
CLASSIFIER, OFFSETS = "classifier_weights.", "classifier_biases."


@SIGNALS.register("local-classifier")
class LocalClassifier(Latent):
    r"""The derivative of a block's own cross-entropy, of a linear classifier that learns with the block.

    $$m_l = \frac{\partial L_l}{\partial s_l}, \qquad L_l = -\log\mathrm{softmax}(k\,G_l\, z_l + c_l)_y, \qquad
      \Delta G_l \propto -\frac{\partial L_l}{\partial G_l}$$

    z is what the block sends, pooled; G and c are drawn from $U(-1/\sqrt d, 1/\sqrt d)$, d the entries of z, and learn
    by the loss that the block's weights descend, under the same optimizer.

    Args:
        loss: what the last block and the readout descend.
        gain: k, on products with rates, which lie in [0, 1]; dimensionless.
        length, places, over, behind_pools: how z is read of the block; images are pooled to p x p places a channel, p
            the largest number by which z has no more than ``length`` entries, or ``places``.

    Shapes: s_l [T, B, ...], z [B, d], G [classes, d], c [classes].

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes; a
            value out of range.

    Source: Belilovsky, Eickenberg & Oyallon, ICML 2020, and the loss "pred" of Nokland & Eidnes, ICML 2019, with a
    linear classifier; one that is fixed is ``local-readout``. deviation: of spikes the rate is read.
    """

    own_as_network = True
    unclipped = (
        "learns classifiers of its own by the local losses that the weights descend, and the norm of the network's "
        "gradients knows nothing of them"
    )

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        *,
        gain: float = 10.0,
        length: int = 512,
        places: PerLayer | None = None,
        over: Over = "presentation",
        behind_pools: bool = False,
    ) -> None:
        super().__init__(loss, length=length, places=places, over=over, behind_pools=behind_pools)
        check_positive("gain", gain)
        self.gain = gain

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``classifier_weights.<block>``: G, ``classifier_biases.<block>``: c} of all blocks but those read."""
        entries, classes = self.read_from(network)
        like, memory = next(network.parameters()), dict[str, Tensor]()
        for name, length in entries.items():
            memory[CLASSIFIER + name] = uniform((classes, length), 1.0, generator, like)
            memory[OFFSETS + name] = uniform((classes,), length**-0.5, generator, like)
        return memory

    def entries(self, name: str, memory: Memory) -> int:
        return memory[CLASSIFIER + name].shape[1]

    def classes(self, name: str, memory: Memory) -> int:
        return len(memory[CLASSIFIER + name])

    def losses(self, name: str, latent: Tensor, targets: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        learned = {key + name: memory[key + name].detach().requires_grad_() for key in (CLASSIFIER, OFFSETS)}
        logits = F.linear(self.gain * latent, learned[CLASSIFIER + name], learned[OFFSETS + name])
        return F.cross_entropy(logits, targets, reduction="none"), learned
