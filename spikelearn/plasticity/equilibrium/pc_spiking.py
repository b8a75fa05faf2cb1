"""Predictive coding by a circuit of neurons that fire: traces, predictions from below, and error neurons that drive."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_finite, check_fraction, check_instance, check_positive
from spikelearn.network import Network
from spikelearn.neurons import IF, LIF, Rate
from spikelearn.plasticity.back_weights import BackWeights, LayeredKind
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.equilibrium.energies.constrained import (
    ConstrainedCoding,
    mean_of,
    refuse_left_out,
    scores_of,
    squares,
)
from spikelearn.plasticity.equilibrium.energies.firing_circuit import FiringCircuit, Predicted, Seen
from spikelearn.plasticity.equilibrium.energies.layer_maps import Prediction
from spikelearn.plasticity.equilibrium.energies.output_loss import OutputLoss
from spikelearn.plasticity.losses import Loss, SquaredError
from spikelearn.plasticity.requires import LossFits, Need, Neurons, Passes

#: Spikes by which two halves of a settled presentation differ at most.
WHOLE_SPIKES = 3.0


@RULES.register("pc-spiking")
class PCSpiking(ConstrainedCoding):
    r"""Predictive coding by a circuit of neurons that fire.

    $$z_l[t] = \alpha\,z_l[t{-}1] + (1 - \alpha)\,s_l[t], \qquad \mu_l[t] = \phi_l(W_l z_{l-1}[t] + b_l), \qquad
      \epsilon_l[t] = z_l[t] - \mu_l[t],$$
    $$I_l[t] = W_l z_{l-1}[t] + b_l + c\,\big(B_{l+1}^\top \epsilon_{l+1}[t{-}1] - \epsilon_l[t{-}1]\big), \qquad
      \Delta W_l \propto \frac{1}{BK} \sum_{b,\,t} \epsilon_l[t] \otimes z_{l-1}[t]$$

    with $s_l$ the spikes of neurons that are driven by $I_l$, $z_0$ the trace of the inputs, and K the steps of the
    later part of a presentation. The output's error is that of its prediction, $\epsilon_L = -\lambda\,\partial L /
    \partial \mu_L$, with ``squared-error`` $\lambda\,(y - \mu_L)$. Two presentations follow each other: one without
    errors (c = 0), whose traces are the predictions, and one with them, which begins where the first ends.

    Neurons that answer to a current by itself come to the equilibrium of ``pc-prospective`` with precisions
    $\pi_l = (1 + 1/c)^{L-l}$, and to its weight changes over $\pi_l$; neurons that fire at a rate of $\phi(I)$ come
    close to it, as whole spikes leave rates open by 1 over the steps.

    Metrics: ``energy``, half the squared errors of the later part, mean of steps and samples; ``residual``, the largest
    change of a trace between the halves of that part, spikes.

    Args:
        loss: L of the output's prediction, mean of the samples.
        coupling: c, current per unit of error. Too large a one makes rates swing: below $(1+\alpha)/(1-\alpha)$ with
            small weights.
        nudging: $\lambda$.
        predicted: what a trace is compared with: the "rate" at which neurons answer to the current from below (the
            steady one, $\phi$), or that "current" itself, by which silent neurons are told to be less silent.
        feedback: where B comes from, as ``fa`` has it; "kolen-pollack": drawn, then changed as W is.
        decay: $\alpha$ per step.
        settling: share of a presentation at its beginning that does not count.
        scale: size of B as drawn, in units of that of W as torch draws it.

    Shapes: inputs [T, B, ...], targets [B]; traces and errors [B, n] a step; W and B [n, n below].

    Raises:
        ValueError: a value out of range; blocks that are not dense, other neurons than LIF, IF (both with a subtractive
            reset where rates are predicted) and rate neurons, feedback edges, delays, a readout other than the plain
            rate.

    Source: Ororbia, arXiv 1908.08655, 2019 (spiking neural coding), for the idea; equations as written, with the
    equilibrium of Whittington & Bogacz, Neural Computation 29, 2017. deviation: means over the steps and samples in
    place of a change at every step; traces of unit area; rates where the output is not compared by currents.
    """

    takes: ClassVar[frozenset[str] | None] = frozenset({"classify"})
    default_settings = {"steps": 20, "output": "rate", "output_option": {"activation": "linear"}}
    neurons: Need = Neurons(IF, LIF, Rate, why="drives neurons by errors")
    loss: Loss

    def __init__(
        self,
        loss: Loss = SquaredError(),
        *,
        coupling: float = 1.0,
        nudging: float = 1.0,
        predicted: Predicted = "rate",
        feedback: LayeredKind = "transpose",
        decay: float = 0.8,
        settling: float = 0.5,
        scale: float = 1.0,
    ) -> None:
        check_instance("loss", loss, Loss, "for example loss=SquaredError()")
        check_positive("coupling", coupling)
        check_finite("nudging", nudging)
        if nudging == 0:
            raise ValueError("nudging is 0, so that targets have no effect, expected another number: for example 1")
        check_choice("predicted", predicted, get_args(Predicted))
        check_choice("feedback", feedback, get_args(LayeredKind))
        check_fraction("decay", decay, below_one=True)
        check_fraction("settling", settling, below_one=True)
        check_positive("scale", scale)
        self.loss, self.coupling, self.nudging, self.predicted = loss, coupling, nudging, predicted
        self.feedback, self.decay, self.settling = feedback, decay, settling
        self.back = BackWeights(feedback, scale)
        self.own_as_network = feedback == "kolen-pollack"
        self.default_optimizer = OptimizerChoice("adam", 3e-3)

    @property
    def requires(self) -> tuple[Need, ...]:
        further = (Passes("a steady rate", _check_rates, {"neuron_option": {"reset": "subtract"}}),)
        return LossFits(self.loss), *super().requires, *(further if self.predicted == "rate" else ())

    def circuit(self, network: Network, inputs: Tensor, masks: Mapping[str, Tensor], **options: Any) -> FiringCircuit:
        """The circuit of a network, to be stepped within a presentation."""
        return FiringCircuit(
            network, inputs, masks, decay=self.decay, settling=self.settling, predicted=self.predicted, **options
        )

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        output = OutputLoss(network, batch, self.loss)
        with network.presentation() as buffers:
            circuit = self.circuit(network, batch.inputs, batch.masks, output=output, strength=self.nudging)
            free, end = circuit.present(circuit.at_rest(), 0.0)
            scores, loss = output.read(free[circuit.names[-1]].trace.mean(0, keepdim=True))
            circuit.weights_back = self.weights_back(network, memory)
            seen, _ = circuit.present(end, self.coupling)
            summed: dict[str, Tensor] = {}
            for name, block in seen.items():
                summed |= circuit.weights(name, Prediction(block.pre, block.error, block.error), block.error)
            steps = len(block.error)
            grads = mean_of(summed, network, batch.size * steps)
            own = self.own_changes(network, grads)
        metrics = {
            "energy": float(squares([block.error for block in seen.values()])) / steps,
            "residual": _moved(seen),
        }
        rates = {name: float(block.trace.mean()) for name, block in free.items() if network.blocks[name].neuron.fires}
        yield Update(grads, scores, loss, own=own, buffers=buffers, rates=rates, metrics=metrics)

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """What the output's traces say without errors, [B, classes]."""
        refuse_left_out(self.name, valid)
        with torch.no_grad():
            circuit = self.circuit(network, inputs, {})
            free, _ = circuit.present(circuit.at_rest(), 0.0)
            return scores_of(network, free[circuit.names[-1]].trace)

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        if metrics.get("residual", 0.0) <= WHOLE_SPIKES:
            return []
        return [
            f"traces still change by {metrics['residual']:.2g} spikes between the halves of what counts, so that "
            f"{self.name} learns on the way to its equilibrium: raise the steps (--steps), or let errors drive less "
            "(--rule-option coupling=...)"
        ]


def _moved(seen: Mapping[str, Seen]) -> float:
    """The largest change of a mean trace between the halves, in spikes of a half; 0 of one step."""
    steps = min(len(block.trace) for block in seen.values())
    if steps < 2:
        return 0.0
    half = steps // 2
    halves = [(block.trace[:half].mean(0), block.trace[half:].mean(0)) for block in seen.values()]
    return half * float(torch.stack([(one - other).abs().amax() for one, other in halves]).amax())


def _check_rates(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if isinstance(block.neuron, (IF, LIF)) and block.neuron.reset != "subtract":
            raise ValueError(
                f"{rule} compares traces with the steady rates of neurons, but those of block {name!r} are reset to a "
                "value, for which none is known: use a subtractive reset (--neuron-option reset=subtract), or compare "
                "with currents (--rule-option predicted=current)"
            )
