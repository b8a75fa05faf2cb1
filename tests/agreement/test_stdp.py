"""STDP is the sum over spike pairs, and what snnTorch computes step by step."""

import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import STDP, Batch

F64 = torch.float64


def change(rule, network, inputs):
    data = Batch(inputs, torch.zeros(inputs.shape[1], dtype=torch.int64))
    (update,) = rule.updates(network, data, {}, torch.Generator())
    return {name: -grad for name, grad in update.grads.items()}


def firing(synapse):
    with torch.no_grad():
        synapse.weight.mul_(4)
    return Network({"a": Block(synapse, LIF.per_step(0.8))}).to(F64)


def pair_sum(pre, post, rule, tau_pre, tau_post, weight_of_ties):
    """Explicit sum over all pairs of spikes; pre [T, B, n], post [T, B, m]."""
    total = torch.zeros(post.shape[2], pre.shape[2], dtype=F64)
    for b in range(pre.shape[1]):
        for t_pre, i in pre[:, b].nonzero().tolist():
            for t_post, j in post[:, b].nonzero().tolist():
                lag = (t_post - t_pre) * 1e-3
                if lag > 0:
                    total[j, i] += rule.a_plus * math.exp(-lag / tau_pre)
                elif lag < 0:
                    total[j, i] -= rule.a_minus * math.exp(lag / tau_post)
                else:
                    total[j, i] += weight_of_ties
    return total / pre.shape[1]


@pytest.mark.parametrize("coincident", [False, True])
def test_stdp_is_the_sum_over_pairs(coincident):
    network = firing(nn.Linear(7, 5))
    inputs = (torch.rand(25, 3, 7) < 0.3).to(F64)
    rule = STDP(0.3, 0.2, 5e-3, 12e-3, coincident=coincident)
    found = change(rule, network, inputs)["blocks.a.synapse.weight"]
    post = network.run(inputs)[0]["a"].spikes
    assert post.sum() > 20
    expected = pair_sum(inputs, post, rule, 5e-3, 12e-3, 0.1 if coincident else 0.0)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_feedback_edges_learn_from_what_met_their_weights():
    network = Network(
        {"a": Block(nn.Linear(7, 5), LIF.per_step(0.8))}, {"loop": Feedback("a", "a", nn.Linear(5, 5, bias=False))}
    ).to(F64)
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").mul_(4)
    inputs = (torch.rand(25, 3, 7) < 0.3).to(F64)
    rule = STDP(0.3, 0.2, 5e-3, 12e-3)
    found = change(rule, network, inputs)["feedback.loop.synapse.weight"]
    post = network.run(inputs)[0]["a"].spikes
    late = torch.cat([torch.zeros_like(post[:1]), post[:-1]])
    torch.testing.assert_close(found, pair_sum(late, post, rule, 5e-3, 12e-3, 0.0), rtol=1e-12, atol=1e-14)


def snntorch_sum(step, synapse, pre, post, tau_pre, tau_post):
    trace_pre = trace_post = None
    total = torch.zeros_like(synapse.weight)
    for s, z in zip(pre, post, strict=True):
        trace_pre, trace_post, delta = step(
            synapse, s, z, trace_pre, trace_post, tau_pre, tau_post, lambda w: 1.0, lambda w: 1.0
        )
        total += delta
    return total / pre.shape[1]


def seconds(tau_steps):
    """The time constant whose exponential decay per step is snnTorch's 1 - 1/tau."""
    return -1e-3 / math.log(1 - 1 / tau_steps)


@pytest.mark.parametrize(
    ("make", "shape", "name"),
    [
        (lambda: nn.Linear(7, 5, bias=False), (7,), "stdp_linear_single_step"),
        (lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False), (2, 6, 6), "stdp_conv2d_single_step"),
        (lambda: nn.Conv2d(2, 3, 2, bias=False), (2, 5, 5), "stdp_conv2d_single_step"),
    ],
)
def test_stdp_is_snntorch(make, shape, name):
    learner = pytest.importorskip("snntorch.functional.stdp_learner")
    synapse = make()
    network = firing(synapse)
    inputs = (torch.rand(25, 3, *shape) < 0.3).to(F64)
    rule = STDP(1.0, 1.0, seconds(5.0), seconds(8.0), coincident=True)
    found = change(rule, network, inputs)["blocks.a.synapse.weight"]
    post = network.run(inputs)[0]["a"].spikes
    assert post.sum() > 20
    expected = snntorch_sum(getattr(learner, name), synapse, inputs, post, 5.0, 8.0)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-13)
