"""One line for each registered component; a new component adds its line here."""

from dataclasses import dataclass

import torch
from torch import nn

from spikelearn.datasets import CIFAR10, MNIST, NMNIST, Digits, DigitsEvents, FashionMNIST
from spikelearn.network import Block, Feedback, Network, RateReadout, TraceReadout
from spikelearn.neurons import IF, LIF, AdaptiveLIF, CubaLIF, LeakyIntegrator, SilentLeakLIF
from spikelearn.plasticity import (
    BPTT,
    DFA,
    EMSTDP,
    FA,
    IDE,
    STDP,
    TSSLBP,
    Desire,
    EMSTDPLoihi,
    MSECount,
    OnlineSTDP,
    ReadoutOnly,
)

NEURONS = {
    "lif": [
        lambda: LIF(10e-3, r=12.0),
        lambda: LIF(10e-3, r=12.0, reset="subtract", v_leak=0.1),
        lambda: LIF(10e-3, r=12.0, discretisation="euler", v_reset=-0.2, inclusive=True),
        lambda: LIF.per_step(0.8, reset="subtract"),
    ],
    "if": [lambda: IF(1.0), lambda: IF(1.5, reset="subtract", r=2.0), lambda: IF(inclusive=True)],
    "cuba-lif": [lambda: CubaLIF.per_step(0.9, 0.7), lambda: CubaLIF(10e-3, 5e-3, r=20.0, reset="subtract")],
    "adaptive-lif": [
        lambda: AdaptiveLIF(10e-3, 50e-3, r=12.0),
        lambda: AdaptiveLIF.per_step(0.8, 0.9, beta=0.1, reset="subtract"),
    ],
    "silent-leak-lif": [lambda: SilentLeakLIF(), lambda: SilentLeakLIF(0.5, v_threshold=0.8)],
    "leaky-integrator": [lambda: LeakyIntegrator.per_step(0.9), lambda: LeakyIntegrator(10e-3, v_leak=0.2)],
}


def small_network(feedback=False, neuron=lambda: LIF.per_step(0.8), deep=True, readout=None):
    """Six inputs, eight hidden (if deep), two output neurons."""
    if not deep:
        return Network({"out": Block(nn.Linear(6, 2), neuron())}, readout=readout)
    blocks = {"hidden": Block(nn.Linear(6, 8), neuron()), "out": Block(nn.Linear(8, 2), neuron())}
    edges = {"loop": Feedback("out", "hidden", nn.Linear(2, 8, bias=False))} if feedback else {}
    return Network(blocks, edges, readout)


def filtered_network(feedback=False, deep=True):
    """Current-based neurons, read through their own filter."""
    return small_network(
        neuron=lambda: CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler"), readout=TraceReadout(tau_syn=3e-3)
    )


def equilibrium_network(feedback=False, deep=True):
    """Feedback always, a reset by subtraction, a linear readout of the weighted rate."""
    readout = RateReadout(nn.Linear(2, 2), decay=0.95)
    return small_network(True, lambda: LIF.per_step(0.95, reset="subtract", inclusive=True), readout=readout)


def counting_network(feedback=False, deep=True):
    """Integrate-and-fire neurons without biases, a step from block to block."""
    if not deep:
        return Network({"out": Block(nn.Linear(6, 2, bias=False), IF(inclusive=True))})
    return Network(
        {
            "hidden": Block(nn.Linear(6, 8, bias=False), IF(inclusive=True)),
            "out": Block(nn.Linear(8, 2, bias=False), IF(inclusive=True), delay=1),
        }
    )


def chip_network(feedback=False, deep=True):
    """The same in the unit of a chip's weights."""
    network = counting_network(deep=deep)
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.weight.mul_(40.0)
            block.neuron.v_threshold = 40.0
    return network


def desire_network(feedback=False, deep=True):
    """No biases, a step from block to block; weights lifted, for an output that never fires never learns."""
    blocks = {
        name: Block(
            nn.Linear(*size, bias=False), LIF.per_step(0.75, reset="subtract", inclusive=True), delay=int(name == "out")
        )
        for name, size in {"hidden": (6, 8), "out": (8, 2)}.items()
    }
    with torch.no_grad():
        for block in blocks.values():
            block.synapse.weight.add_(0.2)
    return Network(blocks)


@dataclass(frozen=True)
class RuleCase:
    """How a rule is made, the settings under which it learns two patterns, and what it must cover."""

    make: object
    lr: float
    covers: str = "all"  # "all" parameters, "weights" only, or "last" block only
    feedback: bool = True  # whether it trains networks with feedback edges
    deep: bool = True  # whether it learns the patterns through a hidden block
    bounds: tuple[float, float] | None = None
    shards: bool = True  # whether the mean of shards is the batch: not where weights change within a presentation
    network: object = small_network


RULES = {
    "bptt": [
        RuleCase(lambda: BPTT(), 0.1),
        RuleCase(lambda: BPTT(MSECount()), 0.1),
    ],
    "readout-only": [RuleCase(lambda: ReadoutOnly(), 0.1, covers="last")],
    "fa": [
        RuleCase(lambda: FA(), 0.1),
        RuleCase(lambda: FA(feedback="sign-symmetric"), 0.1),
    ],
    "dfa": [
        RuleCase(lambda: DFA(), 0.1),
        RuleCase(lambda: DFA(sign=True), 0.1),
    ],
    "tssl-bp": [RuleCase(lambda: TSSLBP(), 0.05, feedback=False, network=filtered_network)],
    "desire": [RuleCase(lambda: Desire(margin=2), 1e-3, feedback=False, network=desire_network)],
    "emstdp": [
        RuleCase(lambda: EMSTDP(epsilon=1.0), 0.1, feedback=False, network=counting_network),
        RuleCase(lambda: EMSTDP("alignment", epsilon=1.0), 0.1, feedback=False, deep=False, network=counting_network),
        RuleCase(lambda: EMSTDP("direct", epsilon=1.0), 0.1, feedback=False, deep=False, network=counting_network),
    ],
    "emstdp-loihi": [RuleCase(lambda: EMSTDPLoihi(), 4.0, feedback=False, deep=False, network=chip_network)],
    "ide": [RuleCase(lambda: IDE(dropout=0.0), 0.5, network=equilibrium_network)],
    "stdp": [
        RuleCase(lambda: STDP(0.02, 0.01, teacher=2.0), 1.0, covers="weights", deep=False, bounds=(0, 1)),
        RuleCase(lambda: STDP(0.02, 0.01, teacher=2.0, chunk=3), 1.0, covers="weights", deep=False, bounds=(0, 1)),
    ],
    "stdp-online": [
        RuleCase(
            lambda: OnlineSTDP(0.02, 0.01, low=-5.0, high=5.0, teacher=2.0), 1.0, "weights", deep=False, shards=False
        )
    ],
}

DATASETS = {
    "digits": Digits,
    "digits-events": DigitsEvents,
    "mnist": MNIST,
    "fashion-mnist": FashionMNIST,
    "nmnist": NMNIST,
    "cifar10": CIFAR10,
}
