"""Exact gradients of spike times, by an adjoint that jumps at spikes."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_instance, check_not_negative
from spikelearn.network import Activity, Network
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.equilibrium.energies.constrained import refuse_left_out
from spikelearn.plasticity.factors import ALL
from spikelearn.plasticity.gradient.event_adjoint import CarriedBack, carry_back
from spikelearn.plasticity.gradient.event_times import Fired, Solution, Spikes, fire, in_order, input_times
from spikelearn.plasticity.losses import TimeToFirstSpike, TimingLoss
from spikelearn.plasticity.requires import (
    Chain,
    Encoding,
    LossFits,
    Need,
    NoFeedback,
    NoTrainableBias,
    Passes,
    SomethingToLearn,
)
from spikelearn.synapses import as_linear

#: Share of samples with a silent label above which a user is told.
SILENT = 0.2

#: Spikes of an input that fires, in a presentation, above which a user is told what they cost.
OFTEN = 2.0


class LayerRun(NamedTuple):
    """What happened in one layer.

    Args:
        solution: of its neurons.
        weight: [n, sources], float64.
        factor: of the current of each neuron, [B, n]; None: 1.
        spikes: that arrived.
        places: of each of these among all the spikes of the layer below, [B, K].
        fired: its own spikes.
    """

    solution: Solution
    weight: Tensor
    factor: Tensor | None
    spikes: Spikes
    places: Tensor
    fired: Fired


@RULES.register("eventprop")
class EventProp(Rule):
    r"""EventProp: the exact gradient of a loss on spike times, computed at spikes alone.

    Between events current-based LIF neurons are solved in closed form, not stepped,

    $$\tau_m \dot V = -V + I, \qquad \tau_s \dot I = -I, \qquad I \leftarrow I + g\,w \text{ at a spike that arrives},
      \qquad V \leftarrow 0 \text{ at } V = \vartheta,$$

    and each spike's time is that of the crossing. From the end back, with $e_k = \partial L / \partial t_k$,

    $$\tau_m \lambda_V' = -\lambda_V, \qquad \tau_s \lambda_I' = -\lambda_I + \lambda_V, \qquad \lambda_V \leftarrow
      \frac{I}{I - \vartheta} \lambda_V + \frac{e_k}{I - \vartheta} \text{ at the neuron's spikes},$$
    $$\frac{\partial L}{\partial w_{ij}} = -\tau_s\, g \sum_{t_j} \lambda_{I,i}(t_j), \qquad
      e_j = g \sum_i w_{ij}\, (\lambda_{V,i} - \lambda_{I,i})(t_j) .$$

    There is no surrogate: a spike that appears or vanishes has no derivative, so that a silent neuron learns nothing;
    begin with weights under which all layers fire. An input of 1 at step t is a spike at t dt, one between 0 and 1 a
    spike within its step, at (t + 1 - x) dt (``encoder latency`` with ``exact``). The network's own ``run`` steps the
    same neurons on the grid of dt; predictions are by exact times. Metric: ``silent_labels``, share of the samples
    whose label neuron stayed silent.

    Args:
        loss: on the times of first spikes; default ``TimeToFirstSpike``.
        tail: seconds after the last step of the inputs in which spikes still count.
        wake: added to the weight of every spike that arrived at a label's neuron which stayed silent, mean of the
            samples, unit of weight; 0: nothing, the exact gradient.

    Shapes: inputs [T, B, ...], 0 to 1, targets [B]; gradients shaped like the weights. Times are in double precision.

    Raises:
        ValueError: another loss; a negative ``tail``; neurons that are no current-based LIF with exact decays, a reset
            to 0 and a rest at 0, or whose constants differ; synapses that are not dense, biases, a graph; inputs
            outside [0, 1].

    Source: Wunderlich & Pehle, Scientific Reports 11, 2021, and the authors' program; ``wake`` as in Goeltz et al.,
    Nature Machine Intelligence 3, 2021, who raise the weights of silent neurons. deviation: the program's search for
    spikes loses some after a neuron's own spike, where $\tau_m \neq 2 \tau_s$; here none is lost.
    """

    stepped = (
        "the run predicts by exact spike times, and whoever reads this file steps the neurons on a grid: spikes fall "
        "on steps, and predictions may differ"
    )
    default_optimizer = OptimizerChoice("adam", 1e-2)
    default_schedule = "cosine"
    factors = ALL
    default_settings = {
        "neuron_option": {"tau_mem": 20e-3, "tau_syn": 5e-3, "r": 5.5},
        "init": "normal",
        "init_option": {"mean": 20.0, "std": 5.0},
        "steps": 20,
        "batch": 32,
        "rule_option": {"wake": 5.0},
    }
    loss: TimingLoss

    def __init__(self, loss: TimingLoss = TimeToFirstSpike(), *, tail: float = 20e-3, wake: float = 0.0) -> None:
        check_instance("loss", loss, TimingLoss, "for example TimeToFirstSpike(), or loss=time-to-first-spike")
        check_not_negative("tail", tail)
        check_not_negative("wake", wake)
        self.loss, self.tail, self.wake = loss, tail, wake

    @property
    def requires(self) -> tuple[Need, ...]:
        why = "carries errors from spike to spike, layer by layer"
        return (
            LossFits(self.loss),
            SomethingToLearn(),
            Chain(why, "train with bptt"),
            NoFeedback(why, "train with bptt"),
            NoTrainableBias("gives weights to spikes alone"),
            Passes("dense layers", _check_dense),
            Passes("current-based LIF neurons with exact decays", _check_neurons, {"neuron": "cuba-lif"}),
            Encoding("latency", exact=True),
        )

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        with network.presentation() as buffers:
            runs = self.present(network, batch.inputs, batch.masks)
            scores = self.scores_of(network, runs, batch.masks)
            value, errors = self.errors(batch, scores, runs[network.outputs[0]].fired)
            changes = {name: back.weight for name, back in self.carried_back(runs, errors).items()}
            (last,) = network.outputs
            changes[last] = changes[last] - self.wake * silenced(
                runs[last].spikes, changes[last], scores, batch.targets
            )
            grads = {
                f"blocks.{name}.synapse.{key}": change.to(weight)
                for name, change in changes.items()
                for key, weight in network.blocks[name].synapse.named_parameters()
                if weight.requires_grad
            }
        labels = scores.gather(1, batch.targets.unsqueeze(1))
        steps = len(batch.inputs) + self.tail / network.blocks[last].neuron.dt
        rates = {name: float(run.fired.counts.double().mean()) / steps for name, run in runs.items()}
        metrics = {"silent_labels": float(labels.isinf().double().mean())}
        kind = next(iter(grads.values())).dtype
        yield Update(grads, scores.to(kind), value.to(kind), buffers=buffers, rates=rates, metrics=metrics)

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """Minus the exact times of first spikes, seconds [B, classes]; minus infinity for a silent neuron."""
        refuse_left_out(self.name, valid)
        with torch.no_grad():
            return self.scores_of(network, self.present(network, inputs, {}), {})

    def remarks(self, batch: Batch) -> list[str]:
        counts = (batch.inputs != 0).sum(0)
        each = float(counts.sum() / (counts > 0).sum().clamp(min=1))
        if each <= OFTEN:
            return []
        return [
            f"inputs that fire send {each:.1f} spikes each, {float(counts.sum()) / counts.shape[0]:.0f} a sample: "
            f"{self.name} goes from spike to spike, and takes longer by as much; let each fire once (--encoder latency "
            "--encoder-option exact=true), or take fewer steps"
        ]

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        silent = metrics.get("silent_labels", 0.0)
        if silent <= SILENT:
            return []
        return [
            f"the label's neuron stayed silent for {100 * silent:.0f} % of the samples, which then teach nothing: wake "
            "it (--rule-option wake=5), or begin with larger weights (--init normal --init-option mean=40)"
        ]

    def present(self, network: Network, inputs: Tensor, masks: Mapping[str, Tensor]) -> dict[str, LayerRun]:
        """Run the network by events: {block: what happened there}.

        Args:
            network: that passes ``check``.
            inputs: [T, B, ...].
            masks: {place: factor [B, ...]}, as in ``Network.run``.
        """
        network.check_run(inputs, masks=masks)
        found: dict[str, LayerRun] = {}
        dt = next(iter(network.blocks.values())).neuron.dt
        end, mask = len(inputs) * dt + self.tail, _flat(masks.get("inputs"))
        times: Tensor | None = None
        for name, block in network.blocks.items():
            neuron, linear = block.neuron, as_linear(block.synapse)
            assert isinstance(neuron, CubaLIF)
            assert linear is not None
            solution = Solution.of(neuron, f"block {name!r}: {self.name}")
            weight, factor = linear.weight.detach().to(torch.float64, copy=True), _flat(masks.get(f"{name}.synapse"))
            if times is None:
                times = input_times(inputs.flatten(2), dt)
            spikes, places = in_order(times + block.delay * dt, end, mask)
            fired = fire(solution, spikes, weight, end, factor)
            found[name] = LayerRun(solution, weight, factor, spikes, places, fired)
            times, mask = fired.times, _flat(masks.get(name))
        return found

    def scores_of(self, network: Network, runs: Mapping[str, LayerRun], masks: Mapping[str, Tensor]) -> Tensor:
        """Minus the times of the output's first spikes, seconds [B, n] in float64; masked neurons are silent."""
        (last,) = network.outputs
        first, mask = runs[last].fired.first, _flat(masks.get(last))
        return -(first if mask is None else first.where(mask != 0, torch.inf))

    def errors(self, batch: Batch, scores: Tensor, fired: Fired) -> tuple[Tensor, Tensor]:
        """The loss, and its derivative in the time of every spike of the output, per second [B, n, R]."""
        with torch.enable_grad():
            leaf = scores.detach().requires_grad_()
            # A timing loss looks at the scores alone.
            value = self.loss.of(batch, Activity(*3 * (scores.unsqueeze(0),)), leaf)
            (slope,) = torch.autograd.grad(value, leaf)
        errors = torch.zeros_like(fired.times)
        if errors.shape[2]:
            errors[:, :, 0] = -slope.where(scores.isfinite(), 0.0)
        return value.detach(), errors

    def carried_back(self, runs: Mapping[str, LayerRun], errors: Tensor) -> dict[str, CarriedBack]:
        """{block: what the errors of its spikes come to}, from the last block on, by errors of the output's spikes."""
        found: dict[str, CarriedBack] = {}
        names = list(runs)
        for place in reversed(range(len(names))):
            run = runs[names[place]]
            back = carry_back(run.solution, run.spikes, run.fired, errors, run.weight, run.factor)
            found[names[place]] = back
            if place:
                below = torch.zeros_like(runs[names[place - 1]].fired.times)
                errors = below.flatten(1).scatter_add_(1, run.places, back.errors).view_as(below)
        return found


def silenced(spikes: Spikes, like: Tensor, scores: Tensor, targets: Tensor) -> Tensor:
    """Spikes that arrived at each weight of a silent label's neuron, mean of the samples, shaped ``like`` [n, sources].

    Args:
        spikes: that arrived.
        like: the weights.
        scores: minus the times of first spikes, [B, n].
        targets: labels, [B].
    """
    arrived = like.new_zeros(len(targets), like.shape[1]).scatter_add_(1, spikes.sources, spikes.sizes)
    silent = scores.gather(1, targets.unsqueeze(1)).isinf()
    return torch.zeros_like(like).index_add_(0, targets, arrived * silent / len(targets))


def _flat(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask.flatten(1)


def _check_dense(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if as_linear(block.synapse) is None:
            made = " ".join(repr(block.synapse).split())
            raise ValueError(
                f"{rule} gives every spike one weight a neuron, but the synapse of block {name!r} is {made}: take a "
                "network of dense layers such as 784-350-10, with nothing beside their weights"
            )


def _check_neurons(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        neuron = block.neuron
        if not isinstance(neuron, CubaLIF):
            raise ValueError(
                f"{rule} solves the equations of current-based LIF neurons, but block {name!r} is a "
                f"{type(neuron).__name__}: use CubaLIF(tau_mem, tau_syn) (--neuron cuba-lif --neuron-option "
                "tau_mem=0.02)"
            )
        Solution.of(neuron, f"block {name!r}: {rule}")
        wanted = {"reset": "to_value", "v_reset": 0.0, "v_leak": 0.0, "discretisation": "exact"}
        others = {key: getattr(neuron, key) for key, value in wanted.items() if getattr(neuron, key) != value}
        if others:
            raise ValueError(
                f"{rule} resets potentials to 0, at which they rest, and knows time constants, but the neurons of "
                f"block {name!r} have {', '.join(f'{key}={value}' for key, value in others.items())}: use "
                "CubaLIF(tau_mem, tau_syn) (--neuron-option tau_mem=0.02)"
            )
