"""Predictive coding: values of hidden blocks settle between input and target before the weights learn."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_fraction, check_instance, check_positive
from spikelearn.network import Network
from spikelearn.neurons import IF, LIF, Adjoint, ATan, Neuron, Rate, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.equilibrium.dynamics.descent import descend, last
from spikelearn.plasticity.equilibrium.energies.energy import Values, settling
from spikelearn.plasticity.equilibrium.energies.predictive import PredictiveEnergy, PredictiveSlopes
from spikelearn.plasticity.equilibrium.energies.rate_maps import RateMaps
from spikelearn.plasticity.equilibrium.predictive_rule import PredictiveRule
from spikelearn.plasticity.losses import CrossEntropy, Loss

Form = Literal["strict", "fixed-pred", "exact", "z-il"]
Presynaptic = Literal["same", "moved"]

#: Forms whose predictions stay as a run made them, so that neurons may fire.
FIXED = ("fixed-pred", "exact")

#: The surrogate of neurons that fire, where no other is named.
SURROGATE = Surrogate(ATan())

#: Step size and iterations of strict inference where nothing is said.
ETA, ITERATIONS = 0.1, 20


@RULES.register("pc")
class PredictiveCoding(PredictiveRule):
    r"""Predictive coding: values of hidden blocks settle between input and target before the weights learn.

    $$E = \lambda L(f_L(v_{L-1})) + \sum_{l<L} \tfrac12 |\epsilon_l|^2, \qquad \epsilon_l = v_l - f_l(v_{l-1}),
      \quad v_0 = x$$

    Values begin at what the network makes of the inputs, $\hat v$. In every iteration all errors are looked at, and
    then, except in the last one, all values move, $v_l \leftarrow v_l - \eta\,\partial E / \partial v_l$. Weights learn
    from the errors of the last look,

    $$\Delta W_l \propto -\frac{1}{\lambda B} \frac{\partial E}{\partial W_l}
      = \frac{1}{\lambda B} \sum_b \Big(\frac{\partial f_l(v_{l-1})}{\partial W_l}\Big)^\top \epsilon_l .$$

    Forms: "strict" is this; with a momentum m values move by $u \leftarrow m u + \partial E / \partial v$ instead of
    the slope, which takes far fewer looks where $\eta$ must be small. "fixed-pred" keeps predictions $f_l$ and their
    derivatives as they are at $\hat v$: with $\eta$ = 1 the errors of backpropagation arrive one block an iteration, so
    that as many iterations as there are blocks give its gradient, and one less leaves the first block at 0. "exact"
    takes these errors at once, $v = \hat v - \partial L / \partial\hat v$. "z-il" is strict with $\eta$ = 1, in which
    each block learns at the look at which its error has just arrived: backpropagation again, in as many looks.

    In the forms "fixed-pred" and "exact" neurons may fire. Values are then mean rates of the presentation, and the
    derivative of $f_l$ is $\mathrm{diag}(\bar\psi_l) W_l$ with the surrogate's mean over the steps: "fixed-pred" with
    $\eta$ = 1 gives the gradient of backpropagation through rates.

    Metrics: ``energy`` of the last look without L, mean of the samples; ``residual``: the slope at the block that is
    farthest from its equilibrium, relative to the larger of the two forces on it, mean of the samples; ``settled``:
    share of the samples of which this is at most 0.1.

    Args:
        loss: L, mean of the samples.
        form: as above.
        eta: $\eta$, unit of value per unit of slope; None: 0.1, of fixed predictions 1. Large weights
            need a small one: where $\eta$ times the largest curvature of E, about $1 + |W|^2$ by the largest spectral
            norm of weights between hidden blocks, exceeds 2 + 2 m, values swing instead of settling.
        iterations: looks; None: 20, of fixed predictions the number of blocks.
        nudging: $\lambda$; 1 over the number of samples is a program's that descends their mean. Errors are differences
            of values: of small ones float32 keeps few digits. Under large ones weights near the output grow most.
        presynaptic: whether the values that meet the weights' errors are the "same" or have "moved" once more, as in
            the authors' program; of the strict form alone.
        momentum: m, of strict inference, dimensionless.
        adjoint: the surrogate $\psi$ of neurons that fire, per unit of potential; None: ATan with $\alpha$ = 2.

    Shapes: inputs [T, B, ...], of rate neurons every step a presentation of its own; targets [B]; gradients shaped like
    their parameters.

    Raises:
        ValueError: a graph of blocks, feedback edges, delays, neurons that are no rate neurons (with fixed predictions:
            nor LIF or IF), batch norm, a readout other than the plain rate; eta, iterations or momentum of a form
            without; a nudging of 0; an adjoint without effect.

    Source: Whittington & Bogacz, Neural Computation 29, 2017; Rosenbaum, PLoS ONE 17, 2022, algorithms 1 to 3 and the
    author's program Torch2PC; "z-il": Song, Lukasiewicz, Xu & Bogacz, NeurIPS 2020. deviation: the strict form's errors
    meet the values of the same look, which makes the change a derivative of E; "moved" is the program's.
    """

    cure = PredictiveRule.cure + ", use momentum=0.4, or form=fixed-pred"
    loss: Loss

    def __init__(
        self,
        loss: Loss = CrossEntropy(),
        form: Form = "strict",
        *,
        eta: float | None = None,
        iterations: int | None = None,
        nudging: float = 1.0,
        presynaptic: Presynaptic = "same",
        momentum: float = 0.0,
        adjoint: Adjoint | None = None,
    ) -> None:
        super().__init__(loss, nudging)
        check_fraction("momentum", momentum, below_one=True)
        check_choice("form", form, get_args(Form))
        check_choice("presynaptic", presynaptic, get_args(Presynaptic))
        if form in ("exact", "z-il"):
            for name, value in (("eta", eta), ("iterations", iterations)):
                if value is not None:
                    raise ValueError(f"form {form!r} has no {name}, but it is {value}: drop it, or use form=strict")
        if eta is not None:
            check_positive("eta", eta)
        if iterations is not None:
            check_count("iterations", iterations)
        if presynaptic == "moved" and form != "strict":
            raise ValueError(f"presynaptic is 'moved', but form is {form!r}, expected 'strict': drop one of them")
        if momentum and (form, presynaptic) != ("strict", "same"):
            raise ValueError(
                f"momentum is {momentum}, but form is {form!r} and presynaptic {presynaptic!r}, expected 'strict' and "
                "'same': drop the momentum"
            )
        if adjoint is not None:
            check_instance("adjoint", adjoint, Surrogate, "for example adjoint=Surrogate(ATan())")
            assert isinstance(adjoint, Surrogate)
            if form not in FIXED or adjoint.spike_function.derivative is None:
                raise ValueError(
                    f"adjoint is {adjoint!r} without effect, for form is {form!r} and it must have a derivative: use "
                    f"form={' or '.join(FIXED)} with neurons that fire, or drop it"
                )
            self.adjoint: Surrogate | None = adjoint
        self.form, self.presynaptic, self.momentum = form, presynaptic, momentum
        fixed = form == "fixed-pred"
        self.eta = eta or (1.0 if fixed else ETA)
        self.iterations = iterations or (None if fixed else ITERATIONS)

    @property
    def kinds(self) -> tuple[type[Neuron], ...]:
        return (Rate, LIF, IF) if self.form in FIXED else (Rate,)

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        with network.presentation() as buffers:
            fixed = self.form == "fixed-pred"
            maps = None
            if any(block.neuron.fires for block in network.blocks.values()):
                maps = RateMaps(network, batch.inputs, batch.masks, self.adjoint or SURROGATE)
            energy = PredictiveEnergy(network, batch, self.loss, strength=self.nudging, fixed=fixed, maps=maps)
            start = energy.start()
            loss, scores = energy.predicted()
            grads, metrics = self._changes(energy, start, batch.size)
        rates = {} if maps is None else maps.rates
        yield Update(grads, scores, loss, buffers=buffers, rates=rates, metrics=metrics)

    def _changes(
        self, energy: PredictiveEnergy, start: Values, samples: int
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        if self.form == "exact":
            return self.changes(energy, start, energy.backpropagated(), samples), {}
        if self.form == "z-il":
            return self._as_errors_arrive(energy, start, samples), {}
        iterations = self.iterations or len(energy.maps.names)
        look = last(descend(energy, iterations, self.eta, momentum=self.momentum, start=start))
        metrics, slopes, values = settling(energy, look.values, look.slopes), look.slopes, look.values
        assert isinstance(slopes, PredictiveSlopes)
        if self.presynaptic == "moved":
            values = {name: value - self.eta * slopes.values[name] for name, value in values.items()}
            slopes = replace(slopes, predictions=energy.predictions(values))
        return self.changes(energy, values, slopes, samples), metrics

    def _as_errors_arrive(self, energy: PredictiveEnergy, start: Values, samples: int) -> dict[str, Tensor]:
        """Changes of each block at the look at which its error has arrived, from the last block to the first."""
        found: dict[str, Tensor] = {}
        names = energy.maps.names[::-1]
        for name, look in zip(names, descend(energy, len(names), 1.0, start=start), strict=True):
            changes = self.changes(energy, look.values, look.slopes, samples)
            found |= {key: value for key, value in changes.items() if key.startswith(f"blocks.{name}.")}
        return {key: found[key] for key in changes}
