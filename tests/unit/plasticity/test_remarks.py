"""What rules say of the first batch."""

import torch

from spikelearn.plasticity import RULES, Batch
from spikelearn.plasticity.gradient.eventprop import EventProp


def batch(inputs):
    return Batch(inputs, torch.arange(inputs.shape[1]) % 10)


def test_inputs_that_fire_often_are_named_with_the_cure():
    often = torch.zeros(20, 3, 5)
    often[::2, :, :2] = 1.0
    (told,) = EventProp().remarks(batch(often))
    assert told.startswith("inputs that fire send 10.0 spikes each, 20 a sample: eventprop goes from spike to spike")
    assert "--encoder latency" in told


def test_inputs_that_fire_once_or_never_are_no_matter():
    once = torch.zeros(20, 3, 5)
    once[4] = 1.0
    assert EventProp().remarks(batch(once)) == EventProp().remarks(batch(torch.zeros(20, 3, 5))) == []
    assert RULES.make("bptt").remarks(batch(torch.ones(20, 3, 5))) == []
