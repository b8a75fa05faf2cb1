"""One line for each registered component; a new component adds its line here."""

from dataclasses import dataclass

from torch import nn

from spikelearn.datasets import MNIST, NMNIST, Digits, DigitsEvents, FashionMNIST
from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator
from spikelearn.plasticity import BPTT, STDP, MSECount, ReadoutOnly

NEURONS = {
    "lif": [
        lambda: LIF(10e-3, r=12.0),
        lambda: LIF(10e-3, r=12.0, reset="subtract", v_leak=0.1),
        lambda: LIF(10e-3, r=12.0, discretisation="euler", v_reset=-0.2, inclusive=True),
        lambda: LIF.per_step(0.8, reset="subtract"),
    ],
    "if": [lambda: IF(1.0), lambda: IF(1.5, reset="subtract", r=2.0), lambda: IF(inclusive=True)],
    "cuba-lif": [lambda: CubaLIF.per_step(0.9, 0.7), lambda: CubaLIF(10e-3, 5e-3, r=20.0, reset="subtract")],
    "leaky-integrator": [lambda: LeakyIntegrator.per_step(0.9), lambda: LeakyIntegrator(10e-3, v_leak=0.2)],
}


@dataclass(frozen=True)
class RuleCase:
    """How a rule is made, the settings under which it learns two patterns, and what it must cover."""

    make: object
    lr: float
    covers: str = "all"  # "all" parameters, "weights" only, or "last" block only
    feedback: bool = True  # whether it trains networks with feedback edges
    deep: bool = True  # whether it learns the patterns through a hidden block
    bounds: tuple[float, float] | None = None


RULES = {
    "bptt": [
        RuleCase(lambda: BPTT(), 0.1),
        RuleCase(lambda: BPTT(MSECount()), 0.1),
    ],
    "readout-only": [RuleCase(lambda: ReadoutOnly(), 0.1, covers="last")],
    "stdp": [RuleCase(lambda: STDP(0.02, 0.01, teacher=2.0), 1.0, covers="weights", deep=False, bounds=(0, 1))],
}

DATASETS = {
    "digits": Digits,
    "digits-events": DigitsEvents,
    "mnist": MNIST,
    "fashion-mnist": FashionMNIST,
    "nmnist": NMNIST,
}


def small_network(feedback=False, neuron=lambda: LIF.per_step(0.8), deep=True):
    """Six inputs, eight hidden (if deep), two output neurons."""
    if not deep:
        return Network({"out": Block(nn.Linear(6, 2), neuron())})
    blocks = {"hidden": Block(nn.Linear(6, 8), neuron()), "out": Block(nn.Linear(8, 2), neuron())}
    edges = {"loop": Feedback("out", "hidden", nn.Linear(2, 8, bias=False))} if feedback else {}
    return Network(blocks, edges)
