"""Plasticity of inhibitory synapses that holds a neuron at a target rate."""

import math
from collections.abc import Mapping

from torch import Tensor

from spikelearn.checks import check_not_negative, check_positive
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.spike_timing.followed import Place, followed, mean_product
from spikelearn.plasticity.spike_timing.listed_events import move_listed, takes_events
from spikelearn.plasticity.spike_timing.stepwise import Seen, StepwiseRule, Traces


@RULES.register("vogels")
class Vogels(StepwiseRule):
    r"""Inhibition grows with pairs of spikes in either order and fades with every presynaptic spike.

    $$\Delta w_{ji} = -\frac{\eta}{B} \sum_b z_j\, x_i + s_i\,(y_j - \alpha), \qquad \alpha = 2\,\rho_0\,\tau$$

    At every step the traces decay, $x \leftarrow \lambda\,x$, $y \leftarrow \lambda\,y$, $\lambda = e^{-dt/\tau}$; the
    weights change by them; then the presynaptic spikes s enter x, the postsynaptic ones z enter y. So spikes of one
    step do not see each other. Inhibitory weights are negative here: the published weight is -w, and "grows" means away
    from 0. Those that open a ``conductance`` are positive, as published, and the change has the other sign.

    Where both sides fire independently, the mean change is 0 at one postsynaptic rate alone,

    $$\rho = \rho_0\,\frac{\tau}{dt}\,(e^{dt/\tau} - 1),$$

    which is $\rho_0$ for short steps (traces are empty as a presentation begins: in one of few $\tau$ it is higher, by
    what they lack on average); a neuron above it gets more inhibition, one below it less. The rule balances
    excitation that it does not know: freeze the excitatory edges (``requires_grad_(False)``, ``--freeze``), and every
    other weight of ``nn.Linear`` learns, forward and feedback edges alike; biases do not. Classes are learned where a
    negative ``teacher`` silences the neuron of the true class: inhibition of the others grows.

    Weights change at every step, as in ``stdp-online``: the network steps with them as they stand, the B samples share
    them, bounds cut them, and the update is the change over the whole presentation.

    Args:
        learning_rate: $\eta$, weight per pair of spikes.
        target_rate: $\rho_0$, spikes per second.
        tau: $\tau$, time constant of both traces, seconds.
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        teacher: current injected at every step into the last block, +teacher at the true class and -teacher at the
            others, unit of current; 0: none. Scores are then those of a run without it, with the weights before.
        dendritic_delay: steps by which synapses see late that their target fired; NEST's delay is all of this kind.
        conductance: whether the weights that learn open an inhibitory conductance, as of ``conductance-lif``, with low
            at least 0.

    Shapes: inputs [T, B, in...]; synapses are ``nn.Linear``, ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: a negative target rate, a time constant or learning rate that is not positive, low not below high
            or, of conductances, below 0, neurons with another dt or that never fire, nothing to learn or something else
            than ``nn.Linear``, a teacher on an image-shaped output.

    Source: Vogels, Sprekeler, Zenke, Clopath & Gerstner, Science 334, 2011. deviation: weights are negative, those of
    conductances excepted; the two changes of a step are added before the bounds cut them; the mean of shards is not the
    batch, for weights change within the presentation.
    """

    # Weights of both signs, for a network of inhibition alone is silent; presentations of few steps ask for high rates.
    default_settings = {
        "net": "{input}-{output}",
        "incoming_norm": 2.0,
        "rule_option": {"teacher": -1.0, "high": 1.0, "target_rate": 300.0},
    }

    knows_lists = True
    places: Mapping[str, Place] = {"pre": "pre", "post": "post"}

    def __init__(
        self,
        learning_rate: float = 1e-3,
        target_rate: float = 3.0,
        tau: float = 20e-3,
        *,
        low: float = -1.0,
        high: float = 0.0,
        dt: float = 1e-3,
        teacher: float = 0.0,
        dendritic_delay: int = 0,
        conductance: bool = False,
    ) -> None:
        super().__init__(low=low, high=high, dt=dt, teacher=teacher, dendritic_delay=dendritic_delay)
        if conductance and low < 0:
            raise ValueError(f"low is {low}, but conductances are not negative: give low=0.0 and a high above it")
        check_positive("learning_rate", learning_rate)
        check_not_negative("target_rate", target_rate)
        check_positive("tau", tau, "s")
        self.learning_rate, self.alpha = learning_rate, 2.0 * target_rate * tau
        self.conductance, self.growth = conductance, learning_rate if conductance else -learning_rate
        self.decay = math.exp(-dt / tau)

    def moved_by_events(self, seen: Seen, traces: Traces) -> bool:
        if type(self).terms is not Vogels.terms or not takes_events(seen):
            return False
        x, traces["pre"] = followed(traces.get("pre"), seen.pre, self.decay)
        y, traces["post"] = followed(traces.get("post"), seen.post, self.decay)
        up, down = self.growth * seen.post, self.growth * (y - self.alpha)
        move_listed(seen, x, up, down, bounds=(self.low, self.high))
        return True

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        x, traces["pre"] = followed(traces.get("pre"), seen.pre, self.decay)
        y, traces["post"] = followed(traces.get("post"), seen.post, self.decay)
        return {
            "at a postsynaptic spike": mean_product(self.growth * seen.post, x, seen.pairs),
            "at a presynaptic spike": mean_product(self.growth * (y - self.alpha), seen.pre, seen.pairs),
        }
