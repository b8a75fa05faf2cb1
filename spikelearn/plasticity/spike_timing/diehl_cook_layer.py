"""Presentations to a competing population by a compiled loop: which networks it knows, and what it is given."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.kernels import diehl_cook as loop
from spikelearn.kernels.calling import array
from spikelearn.network import FittedReadout, Network, keep_states
from spikelearn.neurons import DiehlCookLIF, Poisson
from spikelearn.neurons.diehl_cook_lif import constants_of, rows_of, state_of
from spikelearn.neurons.parts.streams import BITS, streams
from spikelearn.plasticity.spike_timing.dependences import Additive
from spikelearn.plasticity.spike_timing.presented import Presented, Repeats
from spikelearn.plasticity.spike_timing.stepwise import weight_name
from spikelearn.plasticity.spike_timing.triplet_stdp import TripletSTDP
from spikelearn.synapses import as_linear

#: Age of a presynaptic spike, steps, behind which its trace is that of this age.
OLDEST = 4096


class Population(NamedTuple):
    """Poisson inputs by the name of their block, the population that they drive, and the weights between them."""

    source: str
    name: str
    inputs: Poisson
    neuron: DiehlCookLIF
    linear: nn.Linear
    weight: str


class Lit(NamedTuple):
    """The inputs of a batch that are not dark, one sample after the other.

    Args:
        columns: number of each input among those that are lit in any sample, int32 [E].
        starts: where each sample begins, int64 [B + 1].
        samples, places: sample and place of each, int64 [E].
        active: places of all that are lit, in order, int64 [A].
    """

    columns: Any
    starts: Any
    samples: Tensor
    places: Tensor
    active: Tensor


def known_population(rule: TripletSTDP, network: Network, inputs: Tensor) -> Population | None:
    """The population of a network that the compiled loop can present ``inputs`` to; None where it cannot."""
    if len(network.blocks) != 2 or network.feedback or network.feedforward:
        return None
    (source, first), (name, second) = network.blocks.items()
    linear, neuron, poisson = as_linear(second.synapse), second.neuron, first.neuron
    if type(poisson) is not Poisson or type(neuron) is not DiehlCookLIF or linear is None:
        return None
    if linear._parameters["bias"] is not None:
        return None
    plain = not (poisson.per_neuron or neuron.per_neuron or poisson.inclusive or neuron.inclusive)
    passes = all(type(module) in (nn.Identity, nn.Flatten, nn.Sequential) for module in first.synapse.modules())
    alone = not (first.delay or second.delay) and network.outputs == (name,)
    changing = [] if isinstance(network.readout, FittedReadout) else list(network.readout.buffers())
    weight, parameters = linear.weight, rule.parameters
    # A view of one image for all steps, whose sizes the network takes.
    constant = len(inputs) == 1 or inputs.stride(0) == 0
    types = inputs.dtype == weight.dtype and inputs.dtype in (torch.float32, torch.float64)
    fits = inputs.flatten(2).shape[2] == linear.in_features
    simple = parameters.pairing == "nearest-spike" and not parameters.fit.a3_minus and not rule.teacher
    known = plain and passes and alone and not changing and constant and types and fits and simple
    here = inputs.device.type == weight.device.type == "cpu" and weight.requires_grad
    if not (known and here and type(rule.dependence) is Additive):
        return None
    prefix = f"blocks.{name}.synapse."
    return Population(source, name, poisson, neuron, linear, weight_name(prefix, second.synapse))


def present_population(
    rule: TripletSTDP, how: Repeats, population: Population, network: Network, inputs: Tensor, learns: bool
) -> Presented:
    """The presentations of a batch by the compiled loop, repeated as ``how`` says."""
    linear, image = population.linear, inputs[0].flatten(1)
    weight, batch = linear.weight.detach(), len(image)
    kind, size = weight.numpy().dtype, len(weight)
    lit = _lit(image)
    within = weight[:, lit.active].clamp(rule.low, rule.high)
    rows = within.t().contiguous()
    change = torch.zeros_like(rows) if learns and not rule.online else rows.new_empty(0, size)
    state = rows_of(population.neuron.initial_state(image.new_empty(batch, size)))
    seeds = torch.arange(batch) if network.seeds is None else network.seeds[:batch]
    stream = array(streams(seeds, population.source, image)[lit.samples, lit.places])
    last, clock = np.full(len(stream), -1, np.int64), np.zeros(batch, np.int64)
    counts, repeats = image.new_zeros(batch, size), torch.zeros(batch, dtype=torch.int64)
    met = torch.zeros_like(repeats)
    chosen, lights = torch.arange(batch), image[lit.samples, lit.places]
    numbers = [np.array(part, kind) for part in (*constants_of(population.neuron), *_amounts(rule, batch))]
    for attempt in range(how.most + 1):
        shown = lights if attempt == 0 else (1.0 + attempt * how.raised_by) * lights
        spikes, arrived = np.zeros((batch, size), np.int64), np.zeros(batch, np.int64)
        loop.present(  # type: ignore[call-arg]
            lit.columns,
            lit.starts,
            array(population.inputs.spikes_below(shown)),
            stream,
            last,
            clock,
            array(chosen),
            array(rows),
            array(change),
            array(state),
            spikes,
            arrived,
            len(inputs),
            how.pause,
            64 - BITS[image.dtype],
            *numbers,
            learns,
        )
        fired = torch.from_numpy(spikes)[chosen]
        counts[chosen], met[chosen] = fired.to(counts), torch.from_numpy(arrived)[chosen]
        chosen = chosen[fired.sum(1) < how.least_spikes]
        if attempt == how.most or not len(chosen):
            break
        repeats[chosen] += 1
    age = torch.from_numpy(clock).to(state).unsqueeze(1).expand_as(state[0])
    keep_states(network.blocks, {population.source: None, population.name: state_of(state, age)})
    steps = len(inputs)
    rates = {
        population.source: float(met.sum()) / (steps * image.numel()),
        population.name: float(counts.double().sum()) / (steps * counts.numel()),
    }
    if not learns:
        return Presented(counts, repeats, {}, rates)
    after = rows if rule.online else (rows + change).clamp_(rule.low, rule.high)
    return Presented(counts, repeats, {population.weight: _minus_change(rule, weight, lit.active, after)}, rates)


def _minus_change(rule: TripletSTDP, weight: Tensor, active: Tensor, after: Tensor) -> Tensor:
    """Minus the change of the weights [n, inputs], of which those of the ``active`` inputs became ``after`` [A, n]."""
    grad = weight - weight.clamp(rule.low, rule.high)
    grad[:, active] = weight[:, active] - after.t()
    return grad


def _lit(image: Tensor) -> Lit:
    """The inputs of an image [B, n] that are above 0."""
    samples, places = (image > 0).nonzero(as_tuple=True)
    active, columns = torch.unique(places, return_inverse=True)
    starts = torch.zeros(len(image) + 1, dtype=torch.int64)
    starts[1:] = torch.bincount(samples, minlength=len(image)).cumsum(0)
    return Lit(array(columns.to(torch.int32)), array(starts), samples, places, active)


def _amounts(rule: TripletSTDP, batch: int) -> tuple[Any, ...]:
    """The numbers of the rule and its traces, as the loop takes them."""
    fit, scale = rule.parameters.fit, rule.scale / rule.averaged_over(batch)
    decay_pre, _, *fading = rule.decays
    amounts = [scale * fit.a2_plus, scale * fit.a3_plus, scale * fit.a2_minus, rule.low, rule.high]
    return amounts, decay_pre ** np.arange(OLDEST), fading
