"""Izhikevich's neuron, with the firing types that its papers name."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_finite, one_of
from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.differential import DifferentialNeuron, Scheme
from spikelearn.neurons.parts.izhikevich_types import FIRING_TYPES, FiringType

#: Slopes of the papers are per ms.
PER_SECOND = 1000.0


class IzhikevichState(NamedTuple):
    """v: membrane potential after reset, mV; u: recovery; both [B, ...]."""

    v: Tensor
    u: Tensor


@NEURONS.register("izhikevich")
class Izhikevich(DifferentialNeuron):
    r"""Izhikevich's neuron: a quadratic rise and a recovery variable, four constants for every kind of firing.

    $$\dot v = 0.04\,v^2 + 5\,v + 140 - u + r\,I, \qquad \dot u = a\,(b\,v - u)$$

    in mV and ms, up to $v \geq v_{threshold}$, then $v \leftarrow c$ and $u \leftarrow u + d$. It starts at the
    potential from which the author's program starts its type, with $u = b\,v$. Two types have other coefficients of v
    ("class-1" and "integrator": $4.1\,v + 108$), and "accommodation" has $\dot u = a\,b\,(v + 65)$, which starts where
    $\dot v = 0$. It has no rate map.

    Args:
        firing: a firing type by name, or a list of one a neuron: regular-spiking, intrinsically-bursting, chattering,
            fast-spiking, low-threshold-spiking, thalamo-cortical and fast-resonator (the cells of 2003), and the twenty
            of 2004, tonic-spiking, phasic-spiking, tonic-bursting, phasic-bursting, mixed-mode,
            spike-frequency-adaptation, class-1, class-2, spike-latency, subthreshold-oscillations, resonator,
            integrator, rebound-spike, rebound-burst, threshold-variability, bistability, depolarising-after-potential,
            accommodation, inhibition-induced-spiking and inhibition-induced-bursting.
        a, b, c, d: in place of the type's: rate of u per ms, pull of v on u, v behind a spike in mV, jump of u.
        v_threshold: the peak, mV.
        r: mV per ms and unit of current; 1 for currents as the papers give them, the default for those of a network.
        discretisation: as ``DifferentialNeuron`` says; "sequential" is that of the author's programs of 2004.
        substeps, exact_rise, dt, inclusive: as ``DifferentialNeuron`` says; dt in seconds.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: an unknown type, c not below v_threshold; as ``DifferentialNeuron``.

    Source: Izhikevich, IEEE Transactions on Neural Networks 14, 2003 and 15, 2004, with the constants of the author's
    program of both figures; NEST's ``izhikevich`` is it with "euler". deviation: two half steps are Euler steps of both
    variables, where the program of 2003 takes them for v alone.
    """

    a: Constant
    b: Constant
    d: Constant
    linear: Constant
    constant: Constant
    leak: Constant
    v_pivot: Constant
    v_start: Constant

    def __init__(
        self,
        firing: str | Sequence[str] = "regular-spiking",
        *,
        a: Constant | None = None,
        b: Constant | None = None,
        c: Constant | None = None,
        d: Constant | None = None,
        v_threshold: Constant = 30.0,
        r: Constant = 50.0,
        discretisation: Scheme = "euler",
        substeps: int = 2,
        exact_rise: bool = False,
        dt: float = 1e-3,
        inclusive: bool = True,
    ) -> None:
        own = {name: value for name, value in {"a": a, "b": b, "c": c, "d": d}.items() if value is not None}
        constants = _constants_of(firing) | own
        super().__init__(
            v_threshold,
            constants.pop("c"),
            r=r,
            discretisation=discretisation,
            substeps=substeps,
            exact_rise=exact_rise,
            dt=dt,
            inclusive=inclusive,
        )
        self.firing = firing
        for name, value in constants.items():
            self.set_constant(name, given(name, value, check_finite))

    @property
    def v_runaway(self) -> Constant:
        return -self.linear / 0.08

    def initial_state(self, current: Tensor) -> IzhikevichState:
        v = self.started(current, self.v_start)
        nullcline = (0.04 * v + self.linear) * v + self.constant
        of_leak = torch.as_tensor(self.leak) != 0.0
        return IzhikevichState(v, torch.where(of_leak, self.b * (v - self.v_pivot), nullcline))

    def slopes(self, drive: Tensor, *variables: Tensor) -> tuple[Tensor, ...]:
        v, u = variables
        of_v = (0.04 * v + self.linear) * v + self.constant - u + drive
        of_u = self.a * (self.b * (v - self.v_pivot) - self.leak * u)
        return PER_SECOND * of_v, PER_SECOND * of_u

    def after_spike(self, z: Tensor, others: list[Tensor]) -> list[Tensor]:
        (u,) = others
        return [u + self.d * z]


def _constants_of(firing: str | Sequence[str]) -> dict[str, Constant]:
    """Constants by name, each a number where all neurons share it, else one a neuron."""
    if isinstance(firing, str):
        return firing_type(firing)._asdict()
    if not firing:
        raise ValueError(f"firing is {firing!r}, expected a firing type, or a list of one a neuron")
    columns = zip(*map(firing_type, firing), strict=True)
    kept = zip(firing_type(firing[0])._fields, columns, strict=True)
    return {
        name: values[0] if len(set(values)) == 1 else torch.tensor(values, dtype=torch.float64) for name, values in kept
    }


def firing_type(name: str) -> FiringType:
    """The constants of a firing type.

    Raises:
        ValueError: an unknown name.
    """
    if name not in FIRING_TYPES:
        raise ValueError(f"firing is {name!r}, expected {one_of(name, list(FIRING_TYPES))}")
    return FIRING_TYPES[name]
