"""Backpropagation through time with a surrogate gradient."""

from spikelearn.checks import check_flag
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.gradient.budgeted import BudgetedGradientRule, Precision
from spikelearn.plasticity.losses import CrossEntropyRate, Loss


@RULES.register("bptt")
class BPTT(BudgetedGradientRule):
    r"""Backpropagation through time: the gradient of a loss, with an adjoint in place of the spike's derivative.

    $$\Delta W \propto -\frac{\partial L}{\partial W}, \qquad
      \frac{\partial z}{\partial v} := \psi(v - v_{threshold})$$

    The whole sequence is kept, so memory grows with T, unless ``memory_budget`` bounds it: then a sequence that would
    need more is run twice, forward, and chunk by chunk backward from the states kept at the chunks' starts. The
    gradient is the same to rounding; time is about one more forward pass. The metric ``chunk`` is the number of steps
    differentiated at once, as many as fit. The reset is not differentiated unless the adjoint's spike function says so.
    With a surrogate of compact support (``Triangle``, ``Rectangle``) most errors may be zero: the metrics
    ``active_errors_<block>`` are the shares that need not be, where kernels count them, and without a memory budget.
    Every trainable parameter is learned: feedback edges, biases and the readout's too.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        memory_budget: most memory for what the backward pass keeps, MiB, inputs and weights not counted; None: no
            bound.
        precision: "float32" (that of the weights), or "bfloat16": dense products of spikes and weights, and their
            derivatives, with weights and errors rounded to 8 bits of mantissa; spikes are exact, membranes, sums over
            events and the weights themselves keep their precision. For processors that calculate in it.
        second_order: whether gradients keep their graph, so that a step can be differentiated through (``applied``);
            for neurons that are differentiated by torch itself, such as ``Rate``: compiled loops refuse.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: a second order with a memory budget, or through compiled loops; a loss that says nothing about the
            network, a parameter that the loss does not depend on; with a memory budget: one that is too small for any
            chunk, an adjoint that needs the whole sequence at once, a batch norm with batch statistics.

    Source: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36, 2019; the chunks: Chen, Xu, Zhang & Guestrin,
    arXiv 1604.06174, 2016.
    """

    takes_channels = True
    takes_dynamics = True

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        memory_budget: float | None = None,
        precision: Precision = "float32",
        second_order: bool = False,
    ) -> None:
        super().__init__(loss, adjoint, memory_budget=memory_budget, precision=precision)
        check_flag("second_order", second_order)
        if second_order and memory_budget is not None:
            raise ValueError(
                "second_order keeps the graph of the whole sequence, which a memory_budget does not: drop one of them"
            )
        self.second_order = second_order
