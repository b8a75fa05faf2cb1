"""Learning by the dendritic prediction of somatic spiking."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network import Network
from spikelearn.neurons import TwoCompartment
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.base import RULES, Batch
from spikelearn.plasticity.requires import Need, Neurons, OneNumber
from spikelearn.plasticity.spike_timing.followed import Place, followed, mean_product
from spikelearn.plasticity.spike_timing.stepwise import Seen, StepwiseRule, Traces


@RULES.register("urbanczik-senn")
class UrbanczikSenn(StepwiseRule):
    r"""A dendrite learns to predict when its soma fires: spikes that it did not foresee potentiate.

    $$\dot w_{ji} = \eta\,\Delta_{ji}, \qquad \tau_\Delta\,\dot\Delta_{ji} = -\Delta_{ji} + PI_{ji}, \qquad
      PI_{ji} = \big(S_j - \phi(V_j^*)\big)\,h(V_j^*)\,P_i$$

    $$P_i(t) = r\,\frac{e^{-t/\tau_{mem}} - e^{-t/\tau_{syn}}}{\tau_{mem} - \tau_{syn}} * S_i, \qquad
      h = \frac{\mathrm{d} \ln \phi}{\mathrm{d} V}$$

    with the neuron ``two-compartment``: $V^*$ is what the dendrite predicts of the soma, $\phi$ the rate at which the
    soma fires, $P_i$ what a presynaptic spike of weight 1 adds to the dendrite's potential. Where nothing else drives
    the soma, it fires as predicted and the mean change is 0. Conductances that pull the soma elsewhere, ``excitatory``
    and ``inhibitory``, teach: the mean change is then the gradient of the likelihood of the spikes. They come from
    other synapses that are frozen, or from ``teacher``.

    What is computed: at every step the filters of P decay; $PI = (z - \phi(V^*)\,dt)\,h(V^*)\,P$, mean over the
    samples, enters $\Delta \leftarrow e^{-dt/\tau_\Delta} \Delta + PI$; the weights change by
    $\eta\,(1 - e^{-dt/\tau_\Delta})\,\Delta$, exactly what it brings up to the next step, which meets the new weights;
    then the presynaptic spikes enter the filters.

    Weights change at every step, as in ``stdp-online``: the network steps with them as they stand, the B samples share
    them, bounds cut them, and the update is the change over the whole presentation. Every weight of ``nn.Linear`` that
    is not frozen learns, so that only those into dendrites should be left free; biases do not.

    Args:
        learning_rate: $\eta$, squared unit of weight: a step of one unit of potential.
        tau_filter: $\tau_\Delta$, time constant by which changes are filtered, seconds.
        low, high: bounds of the weights that learn; infinite: none.
        dt: time step, seconds; must be that of the neurons.
        teacher: conductance of the soma at every step of a presentation, in units of the leak's: excitatory at the
            output neuron of the true class, inhibitory at the others; 0: none. Scores are then those of a run without
            it, with the weights before.
        dendritic_delay: steps by which synapses see late what their target did; NEST's delay is all of this kind.

    Shapes: inputs [T, B, in...]; P [B, in], unit of potential; $\Delta$ [out, in]; synapses are ``nn.Linear``,
    ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: a time constant or learning rate not positive, low not below high, other neurons than
            ``two-compartment`` or with another dt, nothing to learn or something else than ``nn.Linear``, a teacher on
            an image-shaped output.

    Source: Urbanczik & Senn, Neuron 81, 2014, equations 1 to 7; NEST's ``urbanczik_synapse`` has the same equations.
    deviation: the mean of shards is not the batch, for weights change within the presentation.
    """

    default_settings = {"net": "{input}-{output}", "rule_option": {"teacher": 30.0, "learning_rate": 0.05}}

    places: Mapping[str, Place] = {"slow": "pre", "fast": "pre", "filtered": "synapse"}

    def __init__(
        self,
        learning_rate: float = 1e-2,
        tau_filter: float = 100e-3,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        dt: float = 1e-3,
        teacher: float = 0.0,
        dendritic_delay: int = 0,
    ) -> None:
        super().__init__(low=low, high=high, dt=dt, teacher=teacher, dendritic_delay=dendritic_delay)
        check_positive("learning_rate", learning_rate)
        check_positive("tau_filter", tau_filter, "s")
        self.learning_rate = learning_rate
        self.decay_filter, self.passed = math.exp(-dt / tau_filter), -math.expm1(-dt / tau_filter)

    @property
    def requires(self) -> tuple[Need, ...]:
        predicts = Neurons(TwoCompartment, why="compares the soma with what its dendrite predicts")
        return *super().requires, predicts, OneNumber("decay_mem"), OneNumber("decay_syn"), OneNumber("r")

    def teaching(self, network: Network, batch: Batch) -> dict[str, Tensor]:
        """{conductance of the block that is read: that of the teacher, constant in time, [T, B, n]}; {} without one."""
        taught = super().teaching(network, batch)
        signs = {"excitatory": 1.0, "inhibitory": -1.0}
        return {f"{name}.{kind}": (sign * of).relu() for name, of in taught.items() for kind, sign in signs.items()}

    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        neuron = seen.neuron
        assert isinstance(neuron, TwoCompartment)
        decay_mem, decay_syn = one_number(neuron, "decay_mem", self.name), one_number(neuron, "decay_syn", self.name)
        slow, traces["slow"] = followed(traces.get("slow"), seen.pre, decay_mem)
        fast, traces["fast"] = followed(traces.get("fast"), seen.pre, decay_syn)
        potential = (slow - fast) * (neuron.r / (neuron.tau_mem - neuron.tau_syn))
        predicted = neuron.predicted(seen.state.dendrite)
        error = (seen.post - self.dt * neuron.firing_rate(predicted)) * neuron.log_slope(predicted)
        entering = mean_product(error, potential)
        filtered = traces.get("filtered", torch.zeros_like(entering))
        traces["filtered"] = self.decay_filter * filtered + entering
        return {"filtered error": self.learning_rate * self.passed * traces["filtered"]}
