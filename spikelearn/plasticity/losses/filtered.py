"""The base of losses on filtered spike trains, as TSSL-BP uses them."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network import Network, TraceReadout
from spikelearn.neurons import CubaLIF, Neuron
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.losses.base import SpikingLoss
from spikelearn.traces import low_pass


class FilteredLoss(SpikingLoss):
    """A loss on the output spikes behind the synaptic filter of the neurons."""

    leaves_out_steps = False

    tau_syn: float
    dt: float

    def _set_filter(self, tau_syn: float, dt: float) -> None:
        check_positive("tau_syn", tau_syn, "s")
        check_positive("dt", dt, "s")
        if tau_syn < dt:
            raise ValueError(f"tau_syn is {tau_syn} s with dt {dt} s, expected tau_syn >= dt")
        self.tau_syn, self.dt = tau_syn, dt

    def filtered(self, spikes: Tensor) -> Tensor:
        """a [T, B, n] of spikes z [T, B, ...]: $a[t] = (1 - dt/tau)a[t-1] + (dt/tau)z[t]$."""
        return low_pass(spikes.flatten(2), 1.0 - self.dt / self.tau_syn)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"readout": "trace"}

    def check(self, network: Network) -> None:
        super().check(network)
        readout = network.readout
        if not isinstance(readout, TraceReadout):
            raise ValueError(
                f"loss {self.name!r} looks at filtered spikes, but the readout is a "
                f"{type(readout).__name__}: predict from them too, TraceReadout(tau_syn={self.tau_syn}) "
                "(--readout trace)"
            )
        for name in network.outputs:
            self._check_filters(network.blocks[name].neuron, readout)

    def _check_filters(self, last: Neuron, readout: TraceReadout) -> None:
        own = one_number(last, "tau_syn", f"loss {self.name!r}") if hasattr(last, "tau_syn") else self.tau_syn
        for what, tau in (("readout", readout.tau_syn), ("last neurons", own)):
            if abs(tau - self.tau_syn) > 1e-9 * tau:
                raise ValueError(
                    f"loss {self.name!r} has tau_syn = {self.tau_syn} s and the {what} {tau} s, "
                    "expected the same: set tau_syn in both (--neuron-option tau_syn=..., "
                    "--rule-option loss=van-rossum:tau_syn=...)"
                )
        if last.dt != self.dt or readout.dt != self.dt:
            raise ValueError(
                f"loss {self.name!r} has dt = {self.dt} s, the last neurons {last.dt} s and the "
                f"readout {readout.dt} s, expected the same: set dt in all"
            )
        if isinstance(last, CubaLIF) and last.discretisation != "euler":
            raise ValueError(
                f"loss {self.name!r} filters by 1 - dt/tau_syn, the last neurons by "
                'exp(-dt/tau_syn): use discretisation="euler"'
            )
