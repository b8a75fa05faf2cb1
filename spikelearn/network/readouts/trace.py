"""Scores from filtered spikes."""

from torch import Tensor, nn

from spikelearn.checks import check_fraction, check_positive
from spikelearn.network.readouts.base import READOUTS, Readout
from spikelearn.network.records import Activity
from spikelearn.neurons import CubaLIF, Neuron
from spikelearn.neurons.parts.constants import one_number
from spikelearn.traces import low_pass, over_steps


@READOUTS.register("trace")
class TraceReadout(Readout):
    r"""Sum over time of each output neuron's filtered spikes, $\sum_t a[t]$.

    $a[t] = (1 - dt/\tau)\,a[t-1] + (dt/\tau)\,z[t]$: a late spike counts less, for its trace has no time to end. In a
    run by name, $\tau$ is the synaptic time constant of the last block's own neurons.

    Args:
        head: module from what was read [B, n] to scores [B, classes]; None: nothing.
        tau_syn: time constant $\tau$ of the filter, seconds.
        dt: time step, seconds.

    Shapes: output spikes z [T, B, n] -> [B, n], and behind a head [B, classes].

    Raises:
        ValueError: a time not positive, tau_syn < dt; neurons without a synaptic filter.

    Source: Zhang & Li, NeurIPS 2020 (arXiv 2002.10085), the authors' program.
    """

    def __init__(self, head: nn.Module | None = None, *, tau_syn: float = 3e-3, dt: float = 1e-3) -> None:
        super().__init__(head)
        check_positive("tau_syn", tau_syn, "s")
        check_positive("dt", dt, "s")
        check_fraction("dt / tau_syn", dt / tau_syn)
        self.tau_syn, self.dt = tau_syn, dt

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "TraceReadout":
        if not isinstance(neuron, CubaLIF):
            raise ValueError(
                "readout 'trace' filters spikes as a synapse does, but the last block's neuron is a "
                f"{type(neuron).__name__} without one: use --neuron cuba-lif"
            )
        return cls(tau_syn=one_number(neuron, "tau_syn", "the readout 'trace'"), dt=neuron.dt)

    def read(self, output: Activity) -> Tensor:
        return self.each(output).sum(0)

    def each(self, output: Activity) -> Tensor:
        return low_pass(output.spikes, 1.0 - self.dt / self.tau_syn)

    def read_valid(self, output: Activity, valid: Tensor) -> Tensor:
        each = self.each(output)
        return over_steps(each, valid.to(each.dtype))
