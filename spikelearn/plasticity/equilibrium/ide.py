"""Implicit differentiation on the equilibrium of a feedback network (IDE)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.checks import check_choice, check_count, check_fraction, check_positive
from spikelearn.network import Network, RateReadout, copied_buffers
from spikelearn.neurons import IF, LIF
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.base import (
    RULES,
    Batch,
    Memory,
    OptimizerChoice,
    Rule,
    Update,
)
from spikelearn.plasticity.equilibrium.dynamics.settle import Settled, settle
from spikelearn.plasticity.equilibrium.ide_norms import decay_of, is_still, mean_input, norms_for_simulation
from spikelearn.plasticity.factors import ALL, Factors
from spikelearn.plasticity.requires import (
    Chain,
    FeedbackFromLast,
    Neurons,
    OneNumber,
    Passes,
    SomethingToLearn,
    sources,
    trainable_names,
)
from spikelearn.synapses import SpectralGain, float_type
from spikelearn.tasks import check_targets
from spikelearn.traces import geometric_sum

Solver = Literal["anderson", "dense", "ide_iter_compat"]
Tensors = Mapping[str, Tensor]

#: Residual of the solve, relative to its right-hand side, above which it is said to have failed.
UNSETTLED = 0.1

#: Unknowns above which the dense solver refuses: its matrix would take more than half a GiB.
LARGEST_DENSE = 8192


class Simulated(NamedTuple):
    """rates: {feedback source: weighted rate [B, ...]}; fired: {block: plain mean rate, spikes per step}."""

    rates: dict[str, Tensor]
    fired: dict[str, float]


def _check_decays(network: Network, rule: str) -> None:
    decays = _decays(network)
    if len(decays) > 1:
        raise ValueError(f"{rule} weighs all rates alike, but the neurons decay by {sorted(decays)}: use one decay")


def _check_readout(network: Network, rule: str) -> None:
    readout, decays = network.readout, _decays(network)
    if not isinstance(readout, RateReadout) or (decays and readout.decay not in decays):
        wanted = f", weighted by its neurons' decay {decays.pop()}" if decays else ""
        raise ValueError(
            f"{rule} needs scores from the last block's rate{wanted}, but the readout is {type(readout).__name__} with "
            f"decay {getattr(readout, 'decay', 'none')}: use RateReadout(nn.Linear(...), decay=...) (--readout linear)"
        )
    if isinstance(readout.head, nn.Identity):
        raise ValueError(
            f"{rule} takes the readout's scores as logits, but these are bare firing rates in [0, 1]: use a readout "
            "with weights, RateReadout(nn.Linear(...)) (--readout linear)"
        )


def _decays(network: Network) -> set[float]:
    neurons = [block.neuron for block in network.blocks.values()]
    return {one_number(neuron, "decay_mem", "ide") for neuron in neurons if isinstance(neuron, IF | LIF)}


@RULES.register("ide")
class IDE(Rule):
    r"""Gradient at the firing-rate equilibrium of a feedback network, without differentiating the simulation.

    The network is simulated, keeping only the sources' rates $a = \sum_t \lambda^{T-1-t} z[t] / \sum_t \lambda^t$
    ($\lambda$ the neurons' decay, 1 for IF). They approach a fixed point a = f(a) of the network's rate map, for which

    $$\frac{\partial L}{\partial\theta} = x^\top \frac{\partial f(a, \theta)}{\partial\theta}, \qquad
      (I - J^\top)\,x = \frac{\partial L}{\partial a}, \qquad J = \frac{\partial f}{\partial a}$$

    with the costate x found by ``settle``. L is the cross-entropy of the readout's scores at the simulated rate.
    For an image that is shown constantly memory does not grow with T; of recordings the first synapse's current is held
    for all steps.

    Args:
        dropout: probability with which each element of the current of each synapse is left out, the same for the whole
            presentation and in the solve; kept ones are scaled by 1/(1 - dropout). Places that the batch masks itself
            are left to it.
        iterations: most applications of $J^\top$ in the solve; 0: x is the loss's derivative.
        tolerance: residual, relative to the loss's derivative, at which the solve stops; 0: its default, 1e-6, or 1e-12
            in float64.
        solver: "anderson"; "dense", exact, for small networks; "ide_iter_compat", the iteration of the authors' program
            for N-MNIST, whose limit is $(2I - J^\top)^{-1}$ times the loss's derivative, half the right answer.
        jacobian_at: where J is taken: "rate", "map" (at f(a), one application more) or "auto", as the authors' programs
            do: the rate where there is one block, the map where there are more.
        input_norm_updates: updates of the first batch norm's running statistics per batch: 1, or 2 as in the authors'
            program (a momentum of 0.19 where 0.1 is set). Static images only.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: no feedback from the last block; neurons that are no IF or LIF with a reset by subtraction, or of
            different decays; a readout of another rate; a network too large for the dense solver.

    Source: Xiao, Meng, Zhang, Wang & Lin, NeurIPS 2021 (arXiv 2109.14247), and the authors' program, whose optimizer is
    the default. deviation: Anderson acceleration in place of Broyden's method; the mean input of event data as the
    paper intends it. With batch norm the samples of a batch are coupled.
    """

    default_optimizer = OptimizerChoice("sgd", 0.05, {"momentum": 0.9, "weight_decay": 5e-4})
    default_schedule = "step"
    requires = (
        Chain("solves for rates block by block", "train with bptt"),
        FeedbackFromLast("differentiates at the equilibrium of", "train with bptt or tssl-bp"),
        Neurons(LIF, IF, why="needs neurons whose rate follows from their current", reset="subtract", v_leak=0.0),
        OneNumber("decay_mem"),
        Passes("one decay of all neurons", _check_decays),
        Passes("a linear readout of the last block's rate", _check_readout, {"readout": "linear"}),
        SomethingToLearn(),
    )
    # Contraction asks for bounded feedback and unit weights.
    default_settings = {
        "batch_norm": True,
        "spectral_feedback": True,
        "init": "unit-norm",
        "neuron_option": {"decay": 0.95, "v_threshold": 2.0, "inclusive": True},
    }

    def __init__(
        self,
        dropout: float = 0.2,
        *,
        iterations: int = 30,
        tolerance: float = 0.0,
        solver: Solver = "anderson",
        jacobian_at: Literal["auto", "rate", "map"] = "auto",
        input_norm_updates: int = 1,
    ) -> None:
        check_fraction("dropout", dropout, below_one=True)
        check_count("iterations", iterations, least=0)
        if tolerance != 0.0:
            check_positive("tolerance", tolerance)
        check_choice("solver", solver, ("anderson", "dense", "ide_iter_compat"))
        check_choice("jacobian_at", jacobian_at, ("auto", "rate", "map"))
        if input_norm_updates not in (1, 2) or isinstance(input_norm_updates, bool):
            raise ValueError(f"input_norm_updates is {input_norm_updates!r}, expected 1, or 2 (the authors' program)")
        self.dropout, self.iterations, self.tolerance = dropout, iterations, tolerance
        self.solver, self.jacobian_at, self.input_norm_updates = solver, jacobian_at, input_norm_updates

    @property
    def factors(self) -> Factors:
        return ALL

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        masks = {**self.drawn(network, batch, generator), **batch.masks}
        last = list(network.blocks)[-1]
        head = network.readout
        assert isinstance(head, RateReadout)
        with network.presentation() as buffers:
            simulated = self.simulate(network, batch.inputs, masks)
            rates = {name: rate.requires_grad_() for name, rate in simulated.rates.items()}
            names = trainable_names(network)
            parameters = [network.get_parameter(name) for name in names]
            with torch.enable_grad():
                scores = head.of_rate(rates[last])
                check_targets(batch.targets, scores.shape[1])
                loss = F.cross_entropy(scores, batch.targets)
                error, *direct = torch.autograd.grad(loss, [rates[last], *parameters], allow_unused=True)
                mapped = network.rate_map(rates, mean_input(network, batch.inputs), masks)
            costate, settled = self.costate(network, rates, mapped, error, batch.inputs, masks)
            targets = [mapped[name] for name in rates]
            through = torch.autograd.grad(targets, parameters, costate, allow_unused=True)
        grads = {
            name: _sum(a, b, parameter)
            for name, a, b, parameter in zip(names, direct, through, parameters, strict=True)
        }
        metrics = {"residual": settled.residual, "iterations": float(settled.iterations), **_gains(network)}
        yield Update(grads, scores.detach(), loss.detach(), buffers=buffers, rates=simulated.fired, metrics=metrics)

    @torch.no_grad()
    def simulate(self, network: Network, inputs: Tensor, masks: Tensors) -> Simulated:
        """Weighted rates of the feedback sources after all steps, holding one step at a time."""
        totals: dict[str, Tensor] = {}
        fired = dict.fromkeys(network.blocks, torch.zeros(()))
        still = is_still(inputs)
        with norms_for_simulation(network, inputs, masks, keep=still and self.input_norm_updates == 2):
            for record, _ in network.stream(inputs, masks=masks):
                for name in sources(network):
                    spikes, total = record[name].spikes, totals.get(name)
                    totals[name] = spikes.clone() if total is None else total.mul_(decay_of(network)).add_(spikes)
                for name, seen in record.items():
                    fired[name] = fired[name] + seen.spikes.mean()
        whole = geometric_sum(decay_of(network), len(inputs))
        rates = {name: total / whole for name, total in totals.items()}
        return Simulated(rates, {name: float(total) / len(inputs) for name, total in fired.items()})

    def costate(
        self,
        network: Network,
        rates: dict[str, Tensor],
        mapped: dict[str, Tensor],
        error: Tensor,
        inputs: Tensor,
        masks: Tensors,
    ) -> tuple[list[Tensor], Settled]:
        """x for every feedback source, and how well it settled."""
        points, values = rates, mapped
        if self.jacobian_at == "map" or (self.jacobian_at == "auto" and len(network.blocks) > 1):
            points = {name: mapped[name].detach().requires_grad_() for name in rates}
            with torch.enable_grad(), copied_buffers(network):
                values = network.rate_map(points, mean_input(network, inputs), masks)
        outputs = [values[name] for name in rates]
        sizes = [point[0].numel() for point in points.values()]
        last = list(network.blocks)[-1]
        given = torch.cat(
            [(error if name == last else torch.zeros_like(rate)).flatten(1) for name, rate in rates.items()], dim=1
        )

        def pulled_back(x: Tensor) -> Tensor:
            parts = [part.view_as(out).to(out) for part, out in zip(x.split(sizes, dim=1), outputs, strict=True)]
            back = torch.autograd.grad(outputs, list(points.values()), parts, retain_graph=True)
            return torch.cat([grad.flatten(1) for grad in back], dim=1)

        settled = self._solved(pulled_back, given)
        split = settled.x.split(sizes, dim=1)
        return [part.view_as(rate) for part, rate in zip(split, rates.values(), strict=True)], settled

    def _solved(self, back: Callable[[Tensor], Tensor], given: Tensor) -> Settled:
        if self.solver == "dense":
            return _dense(back, given)
        if self.solver == "ide_iter_compat":
            x = given
            for _ in range(self.iterations):
                x = (back(x) + given) / 2.0
            gap = (back(x) + given - x).norm() / given.norm().clamp_min(torch.finfo(given.dtype).tiny)
            return Settled(x, float(gap), self.iterations)
        return settle(
            lambda x: given + back(x),
            given,
            iterations=self.iterations,
            tolerance=self.tolerance or None,
            scale=float(given.norm()),
        )

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        if metrics.get("residual", 0.0) <= UNSETTLED:
            return []
        return [
            "the equilibrium's costate has not settled: raise iterations, or bound the feedback (--spectral-feedback)"
        ]

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Dropout for every synapse that the batch leaves unmasked."""
        masks: dict[str, Tensor] = {}
        if self.dropout == 0.0:
            return masks
        shapes = network.shapes(batch.inputs[0, :1])
        places = {f"{name}.synapse": shape for name, shape in shapes.items()}
        places |= {f"feedback.{name}": shapes[edge.target] for name, edge in network.feedback.items()}
        for place, shape in places.items():
            if place not in batch.masks:
                drawn = torch.rand(len(batch.targets), *shape, generator=generator)
                kept = (drawn >= self.dropout) / (1.0 - self.dropout)
                masks[place] = kept.to(batch.inputs.device, float_type(network))
        return masks


def _dense(back: Callable[[Tensor], Tensor], given: Tensor) -> Settled:
    unknowns = given.numel()
    if unknowns > LARGEST_DENSE:
        raise ValueError(
            f"solver 'dense' would need a matrix of {unknowns} x {unknowns}, expected at most {LARGEST_DENSE} unknowns "
            "(batch x neurons): use solver='anderson'"
        )
    eye = torch.eye(unknowns, dtype=given.dtype, device=given.device)
    columns = torch.stack([back(unit.view_as(given)).flatten() for unit in eye], dim=1)
    x = torch.linalg.solve(eye - columns, given.flatten()).view_as(given)
    gap = (back(x) + given - x).norm() / given.norm().clamp_min(torch.finfo(given.dtype).tiny)
    return Settled(x, float(gap), unknowns)


def _sum(a: Tensor | None, b: Tensor | None, parameter: Tensor) -> Tensor:
    if a is None or b is None:
        total = b if a is None else a
        return torch.zeros_like(parameter) if total is None else total
    return a + b


def _gains(network: Network) -> dict[str, float]:
    return {
        f"gain_{name}": float(part.gain.detach())
        for name, edge in network.feedback.items()
        for part in edge.synapse.modules()
        if isinstance(part, SpectralGain)
    }
