"""Losses: numbers to descend, from what the output neurons did."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_fraction, check_positive
from spikelearn.network import Activity, MembraneReadout, Network, RateReadout
from spikelearn.registry import Registry

LOSSES: Registry[type["Loss"]] = Registry("loss")


class Loss(ABC):
    """A scalar, mean over the batch, of the output's activity, the readout's scores and the targets."""

    @abstractmethod
    def __call__(self, output: Activity, scores: Tensor, targets: Tensor) -> Tensor:
        """The loss of output [T, B, n], scores [B, classes] and targets [B]."""

    def check(self, network: Network) -> None:
        """Raise ValueError where this loss says nothing about ``network``, or its predictions would not follow it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items())})"


class SpikingLoss(Loss):
    """A loss on the output's spikes: it needs output neurons that fire."""

    def check(self, network: Network) -> None:
        name, block = list(network.blocks.items())[-1]
        if not block.neuron.fires:
            raise ValueError(
                f"loss {LOSSES.name_of(type(self))!r} looks at spikes, but the last block {name!r} is a "
                f"{type(block.neuron).__name__}, which never fires: use 'cross-entropy-membrane'"
            )
        if isinstance(network.readout, MembraneReadout):
            raise ValueError(
                f"loss {LOSSES.name_of(type(self))!r} looks at spikes, but the readout predicts from potentials: use "
                "RateReadout (--readout rate), or 'cross-entropy-membrane'"
            )


@LOSSES.register("cross-entropy-rate")
class CrossEntropyRate(SpikingLoss):
    r"""Cross-entropy on the firing rate, $L = -\log\mathrm{softmax}(k\,\bar z)_y$, $\bar z = \frac1T\sum_t z[t]$.

    Args:
        gain: k, logits per unit of rate (spikes per step); dimensionless.

    Shapes: output spikes z [T, B, classes], targets y [B].

    Raises:
        ValueError: ``gain`` not positive; an output that never fires.

    Source: standard; snnTorch's ``ce_count_loss`` is k = T. deviation: k does not depend on T here.
    """

    def __init__(self, gain: float = 10.0) -> None:
        check_positive("gain", gain)
        self.gain = gain

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(self.gain * output.spikes.mean(0).flatten(1), targets)


@LOSSES.register("cross-entropy-membrane")
class CrossEntropyMembrane(Loss):
    r"""Cross-entropy on the membrane potential, averaged over time, $L = -\frac1T\sum_t\log\mathrm{softmax}(v[t])_y$.

    Shapes: output potential v [T, B, classes] (unit of v_threshold), targets y [B].

    Raises:
        ValueError: a readout of the firing rate, which would predict from what the loss does not look at.

    Source: Eshraghian et al., Proceedings of the IEEE 111, 2023 ("cross-entropy membrane").
    """

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor) -> Tensor:
        v = output.v.flatten(2)
        return F.cross_entropy(v.flatten(0, 1), targets.repeat(v.shape[0]))

    def check(self, network: Network) -> None:
        if isinstance(network.readout, RateReadout):
            raise ValueError(
                "loss 'cross-entropy-membrane' looks at potentials, but the readout predicts from spikes, which it may "
                "silence: use MembraneReadout (--readout membrane), or end in neurons that do not fire "
                "(--output leaky-integrator)"
            )


@LOSSES.register("mse-count")
class MSECount(SpikingLoss):
    r"""Mean squared spike count, $L = \frac{1}{C\,T}\sum_c (n_c - n^*_c)^2$, mean over the batch.

    $n_c = \sum_t z_c[t]$; $n^*_c$ = T x ``correct_rate`` for the true class, T x ``incorrect_rate`` for the others.

    Args:
        correct_rate, incorrect_rate: desired spikes per step, in [0, 1].

    Shapes: output spikes z [T, B, classes = C], targets [B].

    Raises:
        ValueError: a rate outside [0, 1]; an output that never fires.

    Source: Eshraghian et al., Proceedings of the IEEE 111, 2023; snnTorch's ``mse_count_loss``.
    """

    def __init__(self, correct_rate: float = 0.8, incorrect_rate: float = 0.1) -> None:
        check_fraction("correct_rate", correct_rate)
        check_fraction("incorrect_rate", incorrect_rate)
        self.correct_rate, self.incorrect_rate = correct_rate, incorrect_rate

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor) -> Tensor:
        steps = output.spikes.shape[0]
        counts = output.spikes.sum(0).flatten(1)
        desired = torch.full_like(counts, self.incorrect_rate * steps, requires_grad=False)
        desired.scatter_(1, targets.unsqueeze(1), self.correct_rate * steps)
        return F.mse_loss(counts, desired) / steps


@LOSSES.register("cross-entropy")
class CrossEntropy(Loss):
    r"""Cross-entropy on the readout's scores, $L = -\log\mathrm{softmax}(\mathrm{scores})_y$.

    The loss for a readout with weights of its own, ``RateReadout(nn.Linear(...))`` or ``MembraneReadout(...)``.

    Shapes: scores [B, classes] (dimensionless), targets y [B].

    Raises:
        ValueError: a bare firing-rate readout, whose scores lie in [0, 1].

    Source: standard.
    """

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores, targets)

    def check(self, network: Network) -> None:
        readout = network.readout
        if isinstance(readout, RateReadout) and isinstance(readout.head, torch.nn.Identity):
            raise ValueError(
                "loss 'cross-entropy' takes the readout's scores as logits, but these are bare firing rates in "
                "[0, 1]: use 'cross-entropy-rate', or a readout with weights, RateReadout(nn.Linear(...))"
            )
