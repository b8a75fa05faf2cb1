"""Counts of the ordinary network beside desire backpropagation against closed forms."""

import torch
from torch import nn

from benchmarks.desire_operations import DESIRE, ORDINARY, counted, ordinary_products, trained

SIZES, NET = (64, 20, 12, 10), "64-20-12-10"


def test_all_products_of_the_published_network_are_those_of_the_closed_form():
    forward = 784 * 1600 + 1600 * 800 + 800 * 10
    assert ordinary_products((784, 1600, 800, 10)) == {"forward": forward, "learning": 2 * forward - 784 * 1600}


def test_the_ordinary_network_is_counted_as_backpropagation_by_hand():
    training, batch = trained(ORDINARY, NET, "digits", 16, 8)
    count = counted(training, batch)
    products = ordinary_products(SIZES)
    assert {part: own.dense for part, own in count.items()} == products

    sent, own = [batch.inputs[0].flatten(1)], []
    for place, weight in enumerate(training.network.parameters(), 1):
        own.append(sent[-1] @ weight.t())
        own[-1].retain_grad()
        sent.append(torch.relu(own[-1]) if place < 3 else own[-1])
    nn.functional.cross_entropy(sent[-1], batch.targets).backward()
    met = [(x != 0).sum(1).double() for x in sent[:-1]]
    wrong = [(current.grad != 0).sum(1).double() for current in own]
    forward = sum(float((x * n).mean()) for x, n in zip(met, SIZES[1:], strict=True))
    gradients = sum(float((x * e).mean()) for x, e in zip(met, wrong, strict=True))
    errors = sum(float((e * n).mean()) for e, n in zip(wrong[1:], SIZES[1:3], strict=True))
    assert count["forward"].macs + count["forward"].acs == forward
    assert count["learning"].macs + count["learning"].acs == gradients + errors


def test_desire_backpropagation_multiplies_less_and_adds_more():
    few = {**DESIRE, "steps": 8}
    ours, theirs = (counted(*trained(values, NET, "digits", 16, 8)) for values in (few, ORDINARY))
    assert ours["forward"].acs > 0
    assert sum(part.macs for part in ours.values()) < sum(part.macs for part in theirs.values())
