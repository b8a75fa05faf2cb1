"""The base of losses that look at the output's potential at every step."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from spikelearn.network import Activity, Network, RateReadout
from spikelearn.plasticity.losses.base import Loss
from spikelearn.traces import over_steps, step_weights


class MembraneLoss(Loss):
    r"""A loss of the potential at every step, $L = \frac1B\sum_b \frac{1}{|V_b|}\sum_{t \in V_b} l_b[t]$.

    $V_b$ are the steps of sample b that count.
    """

    @property
    def is_mean_over_steps(self) -> bool:
        return True

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"readout": "membrane"}

    @abstractmethod
    def each(self, v: Tensor, targets: Tensor) -> Tensor:
        """l [N] of potentials [N, classes] and targets [N]."""

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        v = output.v.flatten(2)
        each = self.each(v.flatten(0, 1), targets.repeat(v.shape[0])).view(v.shape[:2])
        if valid is None:
            return each.mean()
        return over_steps(each, step_weights(valid, dtype=each.dtype)).mean()

    def check(self, network: Network) -> None:
        if isinstance(network.readout, RateReadout):
            raise ValueError(
                f"loss {self.name!r} looks at potentials, but the readout predicts from spikes, which it may "
                "silence: use MembraneReadout (--readout membrane), or end in neurons that do not fire "
                "(--output leaky-integrator)"
            )
