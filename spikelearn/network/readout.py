"""From the last block's activity to class scores."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from spikelearn.checks import check_fraction, check_positive
from spikelearn.network.records import Activity
from spikelearn.traces import low_pass, weighted_rate


class Readout(nn.Module, ABC):
    """Maps the last block's record to scores [B, classes]; their argmax is the prediction for every rule.

    Args:
        head: module applied to what was read, [B, n] -> [B, classes], for example ``nn.Linear``; None: nothing.
    """

    def __init__(self, head: nn.Module | None = None) -> None:
        super().__init__()
        self.head = nn.Identity() if head is None else head

    @abstractmethod
    def read(self, output: Activity) -> Tensor:
        """What is read, [B, n]."""

    def forward(self, output: Activity) -> Tensor:
        scores: Tensor = self.head(self.read(output).flatten(1))
        return scores


class RateReadout(Readout):
    r"""Mean number of spikes per step of each output neuron; [T, B, n] -> [B, n].

    With ``decay`` $\lambda$ below 1 recent spikes weigh more, $a = \sum_t \lambda^{T-1-t} z[t] / \sum_t \lambda^t$:
    the rate at which a leaky neuron with that decay and a subtractive reset balances its charge.

    Args:
        head: module from rates [B, n] to scores [B, classes]; None: nothing.
        decay: $\lambda$ per step, in [0, 1]; 1: the plain mean.

    Raises:
        ValueError: a decay outside [0, 1].
    """

    def __init__(self, head: nn.Module | None = None, *, decay: float = 1.0) -> None:
        super().__init__(head)
        check_fraction("decay", decay)
        self.decay = decay

    def read(self, output: Activity) -> Tensor:
        if self.decay == 1.0:
            return output.spikes.mean(0)
        return weighted_rate(output.spikes, self.decay)

    def of_rate(self, rate: Tensor) -> Tensor:
        """Scores [B, classes] of a rate [B, ...] that was found otherwise than by reading a record."""
        scores: Tensor = self.head(rate.flatten(1))
        return scores


class TraceReadout(Readout):
    r"""Sum over time of each output neuron's filtered spikes, $\sum_t a[t]$; [T, B, n] -> [B, n].

    $a[t] = (1 - dt/\tau)\,a[t-1] + (dt/\tau)\,z[t]$: a late spike counts less, for its trace has no time to end.

    Args:
        head: module from what was read [B, n] to scores [B, classes]; None: nothing.
        tau_syn: time constant of the filter, seconds.
        dt: time step, seconds.

    Raises:
        ValueError: a time not positive, tau_syn < dt.
    """

    def __init__(self, head: nn.Module | None = None, *, tau_syn: float = 3e-3, dt: float = 1e-3) -> None:
        super().__init__(head)
        check_positive("tau_syn", tau_syn, "s")
        check_positive("dt", dt, "s")
        check_fraction("dt / tau_syn", dt / tau_syn)
        self.tau_syn, self.dt = tau_syn, dt

    def read(self, output: Activity) -> Tensor:
        return low_pass(output.spikes, 1.0 - self.dt / self.tau_syn).sum(0)


class MembraneReadout(Readout):
    """Mean membrane potential of each output neuron over time; [T, B, n] -> [B, n]."""

    def read(self, output: Activity) -> Tensor:
        return output.v.mean(0)
