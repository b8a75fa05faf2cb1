"""Scores from firing rates."""

from torch import Tensor, nn

from spikelearn.checks import check_fraction
from spikelearn.network.readouts.base import READOUTS, Readout
from spikelearn.network.records import Activity
from spikelearn.traces import over_steps, step_weights, weighted_rate


@READOUTS.register("rate")
class RateReadout(Readout):
    r"""Mean number of spikes per step of each output neuron.

    With ``decay`` $\lambda$ below 1 recent spikes weigh more, $a = \sum_t \lambda^{T-1-t} z[t] / \sum_t \lambda^t$:
    the rate at which a leaky neuron with that decay and a subtractive reset balances its charge.

    Args:
        head: module from rates [B, n] to scores [B, classes]; None: nothing.
        decay: $\lambda$ per step, in [0, 1]; 1: the plain mean.

    Shapes: output spikes z [T, B, n] -> [B, n], and behind a head [B, classes].

    Raises:
        ValueError: a decay outside [0, 1].

    Source: the rate code, Eshraghian et al., Proceedings of the IEEE 111, 2023; the weighted mean as in Xiao et al.,
    NeurIPS 2021.
    """

    def __init__(self, head: nn.Module | None = None, *, decay: float = 1.0) -> None:
        super().__init__(head)
        check_fraction("decay", decay)
        self.decay = decay

    def read(self, output: Activity) -> Tensor:
        if self.decay == 1.0:
            return output.spikes.mean(0)
        return weighted_rate(output.spikes, self.decay)

    def each(self, output: Activity) -> Tensor:
        return output.spikes

    def read_valid(self, output: Activity, valid: Tensor) -> Tensor:
        return over_steps(output.spikes, step_weights(valid, self.decay, dtype=output.spikes.dtype))

    def of_rate(self, rate: Tensor) -> Tensor:
        """Scores [B, classes] of a rate [B, ...] that was found otherwise than by reading a record."""
        scores: Tensor = self.head(rate.flatten(1))
        return scores
