"""Every need of every rule: a network that lacks it is refused in the need's own sentence, by the rule's name."""

import copy
import inspect

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Feedforward, MembraneReadout, Network, RateReadout
from spikelearn.network.readouts import RidgeReadout
from spikelearn.neurons import LIF, CubaLIF, LeakyIntegrator
from spikelearn.plasticity import Unmet, requires
from spikelearn.plasticity.requires import Need, Neurons
from tests.conformance.cases import RULES


class Forgetful(LIF):
    """A firing neuron that says nothing of its decay."""

    def __init__(self):
        super().__init__()
        del self.decay_mem


def dense(inputs, outputs, bias=True):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs, bias=bias))


def sizes(network):
    return [6, *(shape[0] for shape in network.shapes(torch.zeros(1, 6)).values())]


def ends(network):
    names = list(network.blocks)
    return names[0], names[-1]


def rebuilt(network, *, synapse=None, neuron=None, later=0, feedback=None, feedforward=None, readout=None):
    """``network`` with other parts; ``synapse`` takes the numbers of inputs and outputs."""
    numbers = sizes(network)
    blocks = {
        name: Block(
            block.synapse if synapse is None else synapse(*numbers[place : place + 2]),
            block.neuron if neuron is None else neuron(),
            delay=block.delay + later,
        )
        for place, (name, block) in enumerate(network.blocks.items())
    }
    back = dict(network.feedback) if feedback is None else feedback
    return Network(blocks, back, readout or network.readout, feedforward=feedforward)


def with_skip(network, need):
    last = ends(network)[1]
    return rebuilt(network, feedforward={"skip": Feedforward("inputs", last, dense(6, sizes(network)[-1]))})


def with_feedback(network, need):
    first, last = ends(network)
    numbers = sizes(network)
    return rebuilt(network, feedback={"back": Feedback(last, first, dense(numbers[-1], numbers[1], bias=False))})


def with_feedback_of_the_first(network, need):
    first, _ = ends(network)
    return rebuilt(network, feedback={"loop": Feedback(first, first, dense(sizes(network)[1], sizes(network)[1]))})


def with_two_layers(inputs, outputs):
    return nn.Sequential(dense(inputs, 7), nn.ReLU(), nn.Linear(7, outputs))


def with_an_array(network, need):
    found = copy.deepcopy(network)
    for block, size in zip(found.blocks.values(), sizes(network)[1:], strict=True):
        block.neuron.set_constant(need.constant, torch.linspace(0.5, 0.9, size))
    return found


def with_head(network, need):
    return rebuilt(network, readout=RateReadout(nn.Linear(sizes(network)[-1], 2)))


def neurons(make):
    return lambda network, need: rebuilt(network, neuron=make)


def readout(make):
    return lambda network, need: rebuilt(network, readout=make())


#: {kind of need: [(network that lacks it, of one that does not; what its sentence says)]}.
BROKEN = {
    "Chain": [(with_skip, r"a graph with feedforward edge 'skip': take a chain")],
    "Delay": [(lambda network, need: rebuilt(network, later=2), r"has delay \d, expected \d.*--delay")],
    "FeedbackFromHidden": [(with_feedback, r"but the feedback edges \['back'\] come from blocks that are read: leave them")],
    "FeedbackFromLast": [
        (lambda network, need: rebuilt(network, feedback={}), "but the network has feedback from no block: add an edge"),
        (with_feedback_of_the_first, r"but the network has feedback from \['fc1'\]: add an edge"),
    ],
    "Fires": [(neurons(lambda: LeakyIntegrator.per_step(0.9)), "is a LeakyIntegrator, which never fires.*--neuron lif")],
    "HasDecay": [(neurons(Forgetful), "the Forgetful of block 'fc1' has no decay per step")],
    "DenseLast": [
        (
            lambda network, need: rebuilt(
                network, synapse=lambda inputs, outputs: nn.Sequential(dense(inputs, outputs, False), nn.BatchNorm1d(outputs))
            ),
            "a dense layer must stand last in a synapse, but block 'fc1' is Sequential",
        )
    ],
    "LossFits": [(lambda network, need: rebuilt(network, readout=RidgeReadout(sizes(network)[-1], 2)), "is fitted to records")],
    "MatchingDt": [(neurons(lambda: LIF(dt=2e-3)), "of block 'fc1' have 0.002 s, expected the same: set dt in both")],
    "Neurons": [
        (neurons(lambda: CubaLIF(reset="subtract")), "but block 'fc1' is CubaLIF: use .*--neuron (if|lif|rate|dan|two-compartment)"),
        (neurons(LeakyIntegrator), "but block 'fc1' is LeakyIntegrator: use"),
        (lambda network, need: rebuilt(network, neuron=need.kinds[0]), "block 'fc1' is (IF with inclusive=False|L?IF with reset)"),
    ],
    "NoFeedback": [(with_feedback, r"but the network has feedback edges \['back'\]: leave them out")],
    "NoTrainableBias": [
        (lambda network, need: rebuilt(network, synapse=dense), r"a trainable bias of shape \[\d\].*--no-bias.*or freeze it")
    ],
    "OneNumber": [(with_an_array, "block 'fc1': .* takes one (decay_mem|decay_syn|r) for all neurons")],
    "PlainRate": [
        (readout(MembraneReadout), r"the readout is MembraneReadout.*: use a plain RateReadout\(\)"),
        (readout(lambda: RateReadout(decay=0.9)), r"the readout is RateReadout.*: use a plain RateReadout\(\)"),
        (with_head, r"the readout is RateReadout.*: use a plain RateReadout\(\)"),
    ],
    "PlainSynapses": [
        (lambda network, need: rebuilt(network, synapse=with_two_layers), "synapse of 'fc1' is a network of 2 layers")
    ],
    "SomethingToLearn": [
        (lambda network, need: copy.deepcopy(network).requires_grad_(False), r"finds no trainable .*: set requires_grad_\(True\)")
    ],
    "SpikeReadout": [
        (readout(MembraneReadout), "the readout predicts from potentials: use RateReadout"),
        (with_head, "would never change the readout's 'head.weight'.*without a head"),
    ],
}  # fmt: skip

#: Of networks nothing is known in which an encoder takes part; the others are tested beside what they belong to.
OTHERS = {"Encoding", "OneChannel", "Passes", "StaticEdges"}


def needs_of(cases):
    """(number of the case, case, place, need) of what the cases of a rule need, each need once."""
    seen = set()
    for number, case in enumerate(cases):
        for place, need in enumerate(case.make().requires):
            if (key := (type(need).__name__, str(need))) not in seen:
                seen.add(key)
                yield number, case, place, need


REFUSALS = [
    pytest.param(case, place, way, id=f"{name}-{n}-{type(need).__name__}-{number}")
    for name, cases in RULES.items()
    for n, case, place, need in needs_of(cases)
    for number, way in enumerate(BROKEN.get(type(need).__name__, []))
    if not (isinstance(need, Neurons) and not need.values and number == 2)  # no attribute of theirs can be wrong
]


def test_every_kind_of_need_is_broken_in_some_way():
    kinds = {kind for kind in vars(requires).values() if inspect.isclass(kind) and issubclass(kind, Need)}
    assert {kind.__name__ for kind in kinds} == {*BROKEN, *OTHERS, "Need"}
    tried = {type(param.values[0].make().requires[param.values[1]]).__name__ for param in REFUSALS}
    assert tried == set(BROKEN), "a kind of need that no rule has"


@pytest.mark.parametrize(("case", "place", "way"), REFUSALS)
def test_a_network_that_lacks_it_is_refused(case, place, way):
    rule, network = case.make(), case.network(feedback=case.feedback)
    rule.check(network)
    need, (lacking, sentence) = rule.requires[place], way
    odd = lacking(network, need)
    with pytest.raises(ValueError, match=sentence) as alone:
        need.check(odd, rule.name)
    assert rule.name in str(alone.value)
    with pytest.raises(Unmet) as whole:
        rule.init(odd, torch.Generator())
    assert str(alone.value) in str(whole.value)
