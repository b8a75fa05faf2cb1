"""Meta-plasticity: a few coefficients, shared by all synapses and themselves learned, weigh a pool of local terms."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.checks import check_choice, check_finite, check_flag, check_instance, check_positive
from spikelearn.network import Network, Record, copied_buffers
from spikelearn.neurons import IF, LIF, Adjoint, ATan, Rate, Surrogate
from spikelearn.neurons.activations import Elementwise
from spikelearn.plasticity.back_weights import PREFIX
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.last_weights import parts_of, weight_name
from spikelearn.plasticity.meta.coefficients import TERMS, coefficients_of, written
from spikelearn.plasticity.meta.terms import Sides, input_slope, local_errors, minus_the_change
from spikelearn.plasticity.requires import (
    Chain,
    DenseLast,
    Need,
    Neurons,
    NoFeedback,
    NoTrainableBias,
    Passes,
    PlainRate,
    SomethingToLearn,
    Values,
)
from spikelearn.synapses import as_float, drive
from spikelearn.tasks import check_targets

Feedback = Literal["fixed", "symmetric"]

#: Name of the coefficients in the rule's memory.
COEFFICIENTS = "coefficients"


@RULES.register("meta-plasticity")
class MetaPlasticity(Rule):
    r"""A pool of local terms, weighed by coefficients that all synapses share and that are learned by an outer loop.

    With $h_l$ what block l sends, mean of the steps, $h_0$ the input, $a_l$ the current and

    $$e_L = (p - y)\,\phi'(a_L), \quad p = \mathrm{softmax}(k\,s), \qquad e_{l-1} = (e_l B_l)\,\phi'(a_{l-1}),$$

    sent down by fixed random weights B, every synapse changes by

    $$\Delta W_l = -\theta_0\, e_l^\top h_{l-1} - \theta_1\, e_l^\top e_{l-1} +
      \theta_2\, (h_l^\top h_{l-1} - h_l^\top h_l W_l),$$

    the pseudo-gradient of feedback alignment, a Hebbian term of errors ("ehebb") and Oja's rule, mean over the batch;
    of the output $h_L = p$. $\theta$ = (lr, 0, 0) is feedback alignment. ``spikelearn meta`` learns $\theta$ by the
    loss behind many short trainings and leaves a file for ``coefficients``. $\phi'$ is the slope of rate neurons, the
    surrogate's mean over the steps of those that fire, and $1 - e^{-\beta h_0}$ of inputs.

    Args:
        adjoint: the surrogate $\psi$ of neurons that fire; default ATan with $\alpha$ = 2 (per unit of potential).
        coefficients: name of the file of learned coefficients, which a run's settings then hold themselves, or
            $\theta$ as text such as 0.01/0/-0.002; None: the next three.
        pseudo_gradient: $\theta_0$, weight per unit of error and of activity.
        ehebb: $\theta_1$, weight per squared unit of error.
        oja: $\theta_2$, weight per squared unit of activity.
        feedback: "fixed": B is drawn once, from $U(-b, b)$, $b = \sqrt{6/(n + m)}$; "symmetric": B = W as it is.
        gain: k, logits per unit of score.
        sharpness: $\beta$ of the inputs, per unit of input.
        second_order: whether changes keep their graph, so that a step can be differentiated through (``applied``) in
            the coefficients, which then require a gradient in the memory; for rate neurons.
        through_feedback: whether symmetric feedback is differentiated then, too.

    Shapes: inputs [T, B, ...], targets [B]; W and B [n, m], h and e [B, n]; $\theta$ [3].

    Raises:
        ValueError: an option without effect; a graph of blocks, feedback edges, layers that are not dense or have a
            bias, other neurons than ``Rate`` with an elementwise activation, ``LIF`` and ``IF`` (with ``second_order``
            than ``Rate``), a readout other than the plain rate, an adjoint that is no surrogate; a file that is none.

    Source: Shervani-Tabar & Rosenbaum, Nature Communications 14, 2023 (arXiv 2210.16414), and the authors' program
    (online, one sample a step, on softplus units). deviation: on spikes, as said; means of larger batches.
    """

    default_optimizer = OptimizerChoice("sgd", 1.0)
    default_settings: ClassVar[Mapping[str, Any]] = {
        "neuron_option": {"activation": "softplus:beta=10"},
        "output": "rate",
        "output_option": {"activation": "linear"},
        "steps": 1,
        "batch": 1,
    }

    def __init__(
        self,
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        coefficients: str | None = None,
        pseudo_gradient: float = 0.01,
        ehebb: float = 0.0,
        oja: float = 0.0,
        feedback: Feedback = "fixed",
        gain: float = 1.0,
        sharpness: float = 10.0,
        second_order: bool = False,
        through_feedback: bool = True,
    ) -> None:
        check_instance("adjoint", adjoint, Surrogate, "for example adjoint=Surrogate(ATan())")
        assert isinstance(adjoint, Surrogate)
        if adjoint.spike_function.derivative is None:
            raise ValueError("adjoint has no derivative, by which the errors of neurons that fire go down: give it one")
        given = dict(zip(TERMS, (pseudo_gradient, ehebb, oja), strict=True))
        for term, value in given.items():
            check_finite(term.replace("-", "_"), value)
        check_choice("feedback", feedback, get_args(Feedback))
        check_positive("gain", gain)
        check_positive("sharpness", sharpness)
        check_flag("second_order", second_order)
        check_flag("through_feedback", through_feedback)
        if not through_feedback and (feedback, second_order) != ("symmetric", True):
            raise ValueError(
                f"through_feedback is False without effect, for feedback is {feedback!r} and second_order "
                f"{second_order}: set feedback='symmetric' and second_order=True, or drop it"
            )
        self.adjoint: Surrogate = adjoint
        self.coefficients = given if coefficients is None else coefficients_of(coefficients)
        self.feedback, self.gain, self.sharpness = feedback, gain, sharpness
        self.second_order, self.through_feedback = second_order, through_feedback

    @classmethod
    def resolved(cls, options: Values) -> Values:
        text = options.get("coefficients")
        return {**options, "coefficients": written(coefficients_of(text))} if isinstance(text, str) else options

    @property
    def factors(self) -> Factors:
        told: Factors = SUPERVISED | {"record"}
        return told | {"weights"} if self.feedback == "symmetric" else told

    @property
    def requires(self) -> tuple[Need, ...]:
        why, slopes = "sends errors down layer by layer", "takes the slope of every neuron"
        if self.second_order:
            slopes = "differentiates its own steps exactly, which --derivative evolution does not"
        return (
            Chain(why, "train with fa"),
            NoFeedback(why, "train with fa"),
            Neurons(*((Rate,) if self.second_order else (Rate, LIF, IF)), why=slopes),
            NoTrainableBias("changes matrices of weights alone"),
            DenseLast("multiplies what meets the weights by what they make of it"),
            PlainRate("compares the softmax of the output's rates with the target"),
            Passes("activations of single neurons", _check_elementwise),
            SomethingToLearn("weight"),
        )

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """``coefficients`` [3], and {``back_weights.<block>``: B [n, m]} of every block where feedback is fixed."""
        self.check(network)
        weights = _weights(network)
        like = next(iter(weights.values()))
        coefficients = torch.tensor([self.coefficients[term] for term in TERMS], dtype=torch.float64)
        memory = {COEFFICIENTS: coefficients.to(like)}
        if self.feedback == "fixed":
            for name, weight in weights.items():
                drawn = torch.empty(weight.shape, dtype=torch.float64, device=generator.device)
                memory[PREFIX + name] = nn.init.xavier_uniform_(drawn, generator=generator).to(like)
        return memory

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        weights = _weights(network)
        with network.presentation() as buffers, torch.set_grad_enabled(self.second_order):
            met, record = self.look(network, batch)
            scores = network.scores(record)
            check_targets(batch.targets, scores.shape[1])
            sides = self.sides(network, batch, memory, met, record, scores)
            changes = {name: minus_the_change(memory[COEFFICIENTS], each) for name, each in sides.items()}
        grads = {weight_name(network, name): change for name, change in changes.items() if weights[name].requires_grad}
        loss = F.cross_entropy(self.gain * scores.detach(), batch.targets)
        yield Update(grads, scores.detach(), loss, buffers=buffers, rates=firing_rates(network, record))

    def look(self, network: Network, batch: Batch) -> tuple[dict[str, Tensor], Record]:
        """What met the weights of every block, mean of the steps, [B, m], and the record of a run."""
        record, _ = network.run(batch.inputs, masks=batch.masks)
        met = {}
        for name in network.blocks:
            front, _ = parts_of(network, name)
            with copied_buffers(front):
                met[name] = as_float(drive(front, record[name].pre), network).mean(0)
        return met, record

    def sides(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        met: Mapping[str, Tensor],
        record: Record,
        scores: Tensor,
    ) -> dict[str, Sides]:
        """{block: both sides of its synapses} of a run that gave ``met``, ``record`` and ``scores``."""
        weights, names = _weights(network), list(network.blocks)
        output = (self.gain * scores).softmax(1)
        post = {name: record[name].spikes.mean(0) for name in names} | {names[-1]: output}
        slopes = {name: self.slope(network, batch, name, record[name].v) for name in names}
        top = (output - F.one_hot(batch.targets, output.shape[1])) * slopes.pop(names[-1])
        below = [input_slope(met[names[0]], self.sharpness), *slopes.values()]
        errors = local_errors(top, self.back(weights, memory), below)
        return {
            name: Sides(met[name], post[name], errors[n], errors[n + 1], weights[name]) for n, name in enumerate(names)
        }

    def back(self, weights: Mapping[str, Tensor], memory: Memory) -> dict[str, Tensor]:
        """{block: weights on the way back [n, m]}."""
        if self.feedback == "fixed":
            return {name: memory[PREFIX + name] for name in weights}
        held = not (self.second_order and self.through_feedback)
        return {name: weight.detach() if held else weight for name, weight in weights.items()}

    def slope(self, network: Network, batch: Batch, name: str, v: Tensor) -> Tensor:
        """Mean slope of a block over the steps, [B, n], at potentials or currents v [T, B, n]; 0 where it is masked."""
        neuron, derivative = network.blocks[name].neuron, self.adjoint.spike_function.derivative
        if isinstance(neuron, Rate):
            assert isinstance(neuron.activation, Elementwise)
            found = neuron.activation.derivative(v).mean(0)
        else:
            assert derivative is not None
            found = derivative(v - neuron.v_threshold).mean(0)
        for place in (name, f"{name}.synapse"):
            found = found * batch.masks[place] if place in batch.masks else found
        return found


def _weights(network: Network) -> dict[str, Tensor]:
    """{block: W [n, m]}."""
    known = dict(network.named_parameters())
    return {name: known[weight_name(network, name)] for name in network.blocks}


def _check_elementwise(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if isinstance(block.neuron, Rate) and not isinstance(block.neuron.activation, Elementwise):
            raise ValueError(
                f"{rule} takes the slope of every neuron by itself, but those of block {name!r} have "
                f"{block.neuron.activation}, in which neurons meet: use softplus, relu, tanh or another function of "
                "one current (--neuron-option activation=softplus)"
            )
