"""Three energies, one limit: as the nudge goes to 0, a contrast of energies becomes the gradient of a loss.

Equilibrium propagation, predictive coding and contrastive Hebbian learning compare the derivative of an energy in the
weights, at values of the neurons that the target has moved and at values that it has not. This measures how far each
one's change is from the gradient, |g - g_exact| / |g_exact|, by the nudge: its slope is 1 where one side is nudged and
2 where both are. The exact gradients are those of torch:

- of equilibrium propagation through the recurrent network's steps to its fixed point, not of a feedforward network;
- of predictive coding (soft nudging) and of contrastive Hebbian learning (weak pull from above) of the feedforward one.

    python examples/nudging_limits.py [picture.png]
"""

import sys
from collections.abc import Sequence
from math import log10

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn import build
from spikelearn.draw.style import COLOURS, clean, save
from spikelearn.network import Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import CHL, Batch, EqProp, ProspectiveConfiguration, Rule

NUDGES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
STEPS = 200  # until nothing moves

Changes = dict[str, Tensor]


def main(path: str = "nudging_limits.png") -> None:
    network, batch = a_network(), a_batch()
    settled, forward = through_the_steps(network, batch), through_one_pass(network, batch)
    curves = {
        "equilibrium propagation, one-sided": (lambda nudge: eqprop(network, batch, nudge, "one-sided"), settled),
        "equilibrium propagation, symmetric": (lambda nudge: eqprop(network, batch, nudge, "symmetric"), settled),
        "predictive coding, one-sided": (lambda nudge: predictive(network, batch, nudge), forward),
        "predictive coding, symmetric": (lambda nudge: mean_of_both(network, batch, nudge), forward),
        "contrastive Hebbian, weak feedback": (lambda nudge: changes(CHL(gain=nudge, **MANY), network, batch), forward),
    }
    errors = {name: [distance(find(nudge), exact) for nudge in NUDGES] for name, (find, exact) in curves.items()}
    for name, values in errors.items():
        ends = ", ".join(f"{values[place]:.1e} at {NUDGES[place]:g}" for place in (0, -1))
        print(f"{name:36s} slope {slope(values):.2f}   error {ends}")
    print(f"picture {save(drawn(errors), path)}")


MANY = {"free_steps": STEPS, "clamped_steps": STEPS}


def eqprop(network: Network, batch: Batch, nudge: float, nudging: str) -> Changes:
    return changes(EqProp(beta=nudge, nudging=nudging, free_steps=STEPS, nudged_steps=STEPS), network, batch)


def predictive(network: Network, batch: Batch, nudge: float) -> Changes:
    rule = ProspectiveConfiguration(nudging=nudge, output="free", iterations=STEPS, eta=0.3)
    return changes(rule, network, batch)


def mean_of_both(network: Network, batch: Batch, nudge: float) -> Changes:
    """Predictive coding drawn towards the target, and away from it."""
    one, other = (predictive(network, batch, sign * nudge) for sign in (1.0, -1.0))
    return {name: (change + other[name]) / 2 for name, change in one.items()}


def changes(rule: Rule, network: Network, batch: Batch) -> Changes:
    (update,) = rule.updates(network, batch, {}, torch.Generator())
    return update.grads


def through_the_steps(network: Network, batch: Batch) -> Changes:
    """Backpropagation through the steps in which the coupled network settles."""
    first, second, third = (block.synapse[-1] for block in network.blocks.values())  # behind a Flatten
    x = batch.inputs[0]
    low, high, top = (x.new_zeros(len(x), layer.out_features) for layer in (first, second, third))
    for _ in range(STEPS):
        low, high, top = (
            torch.tanh(first(x) + high @ second.weight),
            torch.tanh(second(low) + top @ third.weight),
            third(high),
        )
    return gradients(network, batch, top)


def through_one_pass(network: Network, batch: Batch) -> Changes:
    """Backpropagation through the feedforward network of the same weights."""
    return gradients(network, batch, network.run(batch.inputs)[0].output.spikes[0])


def gradients(network: Network, batch: Batch, output: Tensor) -> Changes:
    loss = 0.5 * (output - F.one_hot(batch.targets, output.shape[1])).square().sum(1).mean()
    names, parameters = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


def distance(found: Changes, exact: Changes) -> float:
    """|g - g_exact| / |g_exact| over all parameters."""
    gaps = sum(float((found[name] - value).square().sum()) for name, value in exact.items())
    return float((gaps / sum(float(value.square().sum()) for value in exact.values())) ** 0.5)


def slope(errors: Sequence[float]) -> float:
    """By how many decades the error falls in a decade of the nudge, over the four smallest nudges."""
    return (log10(errors[2]) - log10(errors[-1])) / (log10(NUDGES[2]) - log10(NUDGES[-1]))


def drawn(errors: dict[str, list[float]]) -> Figure:
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(errors.items(), COLOURS, strict=False):
        style = "o--" if "symmetric" in name else "o-"
        axes.loglog(NUDGES, values, style, color=colour, markersize=4, label=f"{name}: slope {slope(values):.2f}")
    axes.set_xlabel("nudge: β of equilibrium propagation, λ of predictive coding, γ of contrastive Hebbian learning")
    axes.xaxis.label.set_size(8)
    axes.set_ylabel("|g − g_exact| / |g_exact|")
    axes.legend(frameon=False, fontsize=8)
    clean(axes)
    return figure


def a_network() -> Network:
    generator = torch.Generator().manual_seed(0)
    return build("12-20-10-5", lambda: Rate(Tanh()), output=lambda: Rate(Linear()), generator=generator).double()


def a_batch() -> Batch:
    drawn = torch.randn(1, 8, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Batch(drawn, torch.arange(8) % 5)


if __name__ == "__main__":
    main(*sys.argv[1:])
