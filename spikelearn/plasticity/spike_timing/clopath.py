"""STDP by the potential of the postsynaptic neuron."""

import math
from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_finite, check_flag, check_not_negative, check_positive
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.homeostasis import Homeostasis, NoHomeostasis
from spikelearn.plasticity.spike_timing.dependences import Additive
from spikelearn.plasticity.spike_timing.followed import Place, followed, mean_product
from spikelearn.plasticity.spike_timing.stepwise import Seen, StepwiseRule, Traces

#: How the amplitude of depression follows the potential of the last seconds.
Amplitude = Literal["constant", "mean-square", "square-of-mean"]

#: The paper's millivolts from rest to the threshold at rest (-70.6 and -50.4 mV), which are 1 here.
UNIT = 20.2


@RULES.register("clopath")
class Clopath(StepwiseRule):
    r"""Voltage-based STDP: what potentiates and depresses is the neuron's potential, its spike being a part of it.

    $$\dot w_{ji} = A_{LTP}\,\bar x_i\,[u_j - \theta_+]_+\,[\bar u_{+,j} - \theta_-]_+
      - A_{LTD}\,X_i\,[\bar u_{-,j} - \theta_-]_+$$

    $$\tau_x\,\dot{\bar x} = -\bar x + X, \qquad \tau_\pm\,\dot{\bar u}_\pm = -\bar u_\pm + u, \qquad
      X_i = \textstyle\sum_f \delta(t - t_i^f)$$

    A presynaptic spike depresses where the potential has been above $\theta_-$; a potential above $\theta_+$, as in a
    spike, potentiates where spikes have come and the potential was above $\theta_-$ before. So a synapse learns without
    postsynaptic spikes too, and pairs repeated fast potentiate whatever their order.

    What is computed: at every step $\bar x$ decays by $e^{-dt/\tau_x}$; the weights change by
    $A_{LTP}\,dt\,\bar x\,[u - \theta_+]_+ [\bar u_+ - \theta_-]_+$, mean over the samples, and where a spike s = 1 met
    them by $-A_{LTD}\,[\bar u_- - \theta_-]_+$; then s enters, $\bar x \leftarrow \bar x + s/\tau_x$, and u,
    $\bar u_\pm \leftarrow u + (\bar u_\pm - u)\,e^{-dt/\tau_\pm}$, which is exact for a potential that stays during the
    step. u is what the neuron compares with its threshold; a step in which it fires counts as ``spike``, for LIF has no
    upswing. Filters start where the neuron's potential does.

    The amplitude of depression may follow the last seconds, so that a neuron that fires much depresses more:
    $A_{LTD}\,\bar{\bar u} / u_{ref}^2$ with $\tau\,\dot{\bar{\bar u}} = -\bar{\bar u} + (u - v_{rest})^2$
    ("mean-square"), or $A_{LTD}\,\bar{\bar u}^2 / u_{ref}^2$ with
    $\tau\,\dot{\bar{\bar u}} = -\bar{\bar u} + \bar u_- - v_{rest}$ ("square-of-mean").

    Weights change at every step, as in ``stdp-online``: the network steps with them as they stand, the B samples share
    them, bounds cut them, and the update is the change over the whole presentation. Every weight of ``nn.Linear`` that
    is not frozen learns; biases do not. The rule sees no target unless ``teacher`` is set.

    NEST's ``clopath_synapse`` is ``in_turn``, with a ``filter_delay`` of NEST's delay_u_bars and a ``dendritic_delay``
    of the synapse's, in steps; its amplitude that is not constant is "square-of-mean" with ``v_rest`` = 0 mV.

    Args:
        a_ltp: $A_{LTP}$, unit of weight per squared unit of potential.
        a_ltd: $A_{LTD}$, unit of weight per unit of potential.
        theta_plus, theta_minus: thresholds of the potential and of its filtered forms, unit of potential.
        tau_x, tau_plus, tau_minus: time constants of the filters, seconds.
        spike: potential that a step with a spike counts as, unit of potential; None: as the neuron has it.
        filter_delay: steps by which the filtered potentials $\bar u_\pm$ are used late.
        amplitude: of depression, "constant", "mean-square" or "square-of-mean".
        tau_mean: $\tau$ of $\bar{\bar u}$, seconds.
        u_ref: at which depression has its amplitude, unit of potential.
        v_rest: potential from which the amplitude counts, unit of potential.
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at the
            others, unit of current; 0: none. Scores are then those of a run without it, with the weights before.
        in_turn: whether a weight is cut to the bounds between potentiation and depression of one step, in this order;
            else both are added first.
        dendritic_delay: steps by which synapses see late what their target did; NEST's delay is all of this kind.
        homeostasis: what brings neurons to a rate besides, once a presentation: "none", "synaptic-scaling", or
            "threshold", by the biases.

    Shapes: inputs [T, B, in...]; $\bar x$ [B, in], 1/s; potentials [B, out]; synapses are ``nn.Linear``, ``nn.Flatten``
    may stand in front.

    Raises:
        ValueError: a time constant or ``u_ref`` not positive, a negative amplitude or delay, low not below high,
            neurons with another dt or that never fire, nothing to learn or something else than ``nn.Linear``, a teacher
            on an image-shaped output.

    Source: Clopath, Busing, Vasilaki & Gerstner, Nature Neuroscience 13, 2010, equations 1 to 4, with the constants of
    visual cortex, in units of the potential from rest to threshold, 20.2 mV; "mean-square", the spike's height and the
    delay of the filters: their program, ModelDB 144566, as Larisch, ReScience 5, 2019 describes it; "square-of-mean":
    NEST 3.10. deviation: the mean of shards is not the batch, for weights change within the presentation.
    """

    # Spikes are many in few steps, where the published amplitudes would fill every weight at once.
    default_settings = {
        "net": "{input}-{output}",
        "incoming_norm": 4.0,
        "rule_option": {"teacher": 4.0, "a_ltp": 0.003, "a_ltd": 0.0003},
    }

    places: Mapping[str, Place] = {"x": "pre", "u_plus": "post", "u_minus": "post"}

    def __init__(
        self,
        a_ltp: float = 8e-5 * UNIT**2,
        a_ltd: float = 14e-5 * UNIT,
        theta_plus: float = (70.6 - 45.3) / UNIT,
        theta_minus: float = 0.0,
        tau_x: float = 15e-3,
        tau_plus: float = 7e-3,
        tau_minus: float = 10e-3,
        *,
        spike: float | None = (70.6 + 33.0) / UNIT,
        filter_delay: int = 0,
        amplitude: Amplitude = "constant",
        tau_mean: float = 1.0,
        u_ref: float = math.sqrt(60.0) / UNIT,
        v_rest: float = 0.0,
        low: float = 0.0,
        high: float = 1.0,
        dt: float = 1e-3,
        teacher: float = 0.0,
        in_turn: bool = False,
        dendritic_delay: int = 0,
        homeostasis: Homeostasis = NoHomeostasis(),
    ) -> None:
        super().__init__(
            low=low, high=high, dt=dt, teacher=teacher, dendritic_delay=dendritic_delay, homeostasis=homeostasis
        )
        check_not_negative("a_ltp", a_ltp)
        check_not_negative("a_ltd", a_ltd)
        potentials = {"theta_plus": theta_plus, "theta_minus": theta_minus, "v_rest": v_rest}
        for name, potential in (potentials | ({} if spike is None else {"spike": spike})).items():
            check_finite(name, potential)
        taus = {"tau_x": tau_x, "tau_plus": tau_plus, "tau_minus": tau_minus, "tau_mean": tau_mean}
        for name, tau in taus.items():
            check_positive(name, tau, "s")
        check_positive("u_ref", u_ref)
        check_count("filter_delay", filter_delay, least=0)
        check_choice("amplitude", amplitude, get_args(Amplitude))
        check_flag("in_turn", in_turn)
        self.a_ltp, self.a_ltd, self.theta_plus, self.theta_minus = a_ltp, a_ltd, theta_plus, theta_minus
        self.spike, self.filter_delay, self.v_rest, self.u_ref = spike, filter_delay, v_rest, u_ref
        self.amplitude, self.in_turn, self.tau_x = amplitude, in_turn, tau_x
        self.decays = {name: math.exp(-dt / tau) for name, tau in taus.items()}
        self.from_minus = _share_of_first(tau_minus, tau_mean, dt)

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        if not traces:
            self._start(seen, traces)
        u = seen.v if self.spike is None else torch.where(seen.post != 0, self.spike, seen.v)
        x, _ = followed(traces.get("x"), seen.pre, self.decays["tau_x"])
        traces["x"] = x + seen.pre / self.tau_x
        plus, minus = (self._late(name, traces) for name in ("u_plus", "u_minus"))
        above = (u - self.theta_plus).relu() * (plus - self.theta_minus).relu()
        up = mean_product(above, x).mul_(self.a_ltp * self.dt)
        down = mean_product((minus - self.theta_minus).relu() * self._amplitude(traces), seen.pre)
        self._enter(u, traces)
        parts = Additive().parts(seen.weight, up, down, low=self.low, high=self.high, in_turn=self.in_turn)
        return dict(zip(("potentiation", "depression"), parts, strict=True))

    def _start(self, seen: Seen, traces: Traces) -> None:
        """Let the filters stand where the potential of the neuron starts."""
        start = getattr(seen.neuron.initial_state(seen.v), "v", torch.full_like(seen.v, self.v_rest))
        height = start - self.v_rest
        traces["u_plus"] = traces["u_minus"] = start
        traces["u_mean"] = height.square() if self.amplitude == "mean-square" else height
        if self.filter_delay:
            traces["u_plus_late"] = traces["u_minus_late"] = start.expand(self.filter_delay, *start.shape)

    def _late(self, name: str, traces: Traces) -> Tensor:
        """A filtered potential as it is used at this step; ``traces`` keep those of the steps between, oldest first."""
        if not self.filter_delay:
            return traces[name]
        kept = traces[f"{name}_late"]
        traces[f"{name}_late"] = torch.cat([kept[1:], traces[name].unsqueeze(0)])
        return kept[0]

    def _amplitude(self, traces: Traces) -> Tensor | float:
        """$A_{LTD}$, of every sample and neuron where it follows the potential."""
        if self.amplitude == "constant":
            return self.a_ltd
        mean = traces["u_mean"]
        return self.a_ltd / self.u_ref**2 * (mean if self.amplitude == "mean-square" else mean.square())

    def _enter(self, u: Tensor, traces: Traces) -> None:
        """Let the potential u [B, out] of a step enter the filters."""
        minus, decay = traces["u_minus"], self.decays["tau_mean"]
        if self.amplitude == "mean-square":
            power = (u - self.v_rest).square()
            traces["u_mean"] = power + (traces["u_mean"] - power) * decay
        elif self.amplitude == "square-of-mean":
            height = u - self.v_rest
            traces["u_mean"] = height + (traces["u_mean"] - height) * decay + (minus - u) * self.from_minus
        traces["u_plus"] = u + (traces["u_plus"] - u) * self.decays["tau_plus"]
        traces["u_minus"] = u + (minus - u) * self.decays["tau_minus"]


def _share_of_first(first: float, second: float, dt: float) -> float:
    """Of what is left in the first of two low-pass filters in line, the share that the second has after ``dt``."""
    if first == second:
        return dt / first * math.exp(-dt / first)
    return first / (first - second) * (math.exp(-dt / first) - math.exp(-dt / second))
