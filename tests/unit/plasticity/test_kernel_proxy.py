"""Kernel layer-wise learning: batches without pairs, silent samples, kernels of spikes' times, and blocks in turn."""

import pytest
import torch

from spikelearn import build
from spikelearn.plasticity import KERNELS, Batch, KernelProxy
from spikelearn.plasticity.pairwise.proxies import PROXIES, Pairs, value_of
from spikelearn.training import Training, learn
from tests.helpers import batch_for


@pytest.mark.parametrize("negatives_only", [False, True])
@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("targets", [[0], [0, 1], [1, 1, 1]], ids=["one", "no-positive", "no-negative"])
def test_a_batch_without_the_pairs_teaches_nothing_or_something_finite(proxy, targets, negatives_only):
    sent = torch.rand(4, len(targets), 3, dtype=torch.float64, requires_grad=True)
    pairs = Pairs.of(KERNELS.make("cosine")(sent), torch.tensor(targets), -1.0)
    value = value_of(proxy, pairs, negatives_only=negatives_only)
    (grad,) = torch.autograd.grad(value, sent)
    assert value.isfinite()
    assert grad.isfinite().all()
    if negatives_only and len(set(targets)) == 1:
        assert (float(value.detach()), grad.any()) == (0.0, False)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_silent_sample_has_a_finite_kernel_and_derivative(kernel):
    sent = torch.ones(4, 3, 5, dtype=torch.float64)
    sent[:, 0] = 0.0
    sent.requires_grad_()
    found = KERNELS.make(kernel)(sent)
    (grad,) = torch.autograd.grad(found.sum(), sent)
    assert grad.isfinite().all()
    assert float(found[1, 2].detach()) == pytest.approx(1.0)


def test_filtered_spikes_tell_times_apart_where_counts_do_not():
    sent = torch.zeros(6, 2, 3)
    sent[0, 0], sent[5, 1] = 1.0, 1.0
    assert float(KERNELS.make("cosine")(sent)[0, 1]) == pytest.approx(1.0)
    assert float(KERNELS.make("filtered:decay=0")(sent)[0, 1]) == 0.0
    # The traces 1, 1/2, ..., 1/32 and 0, ..., 0, 1 share one step.
    expected = 0.5**5 / (sum(0.25**t for t in range(6))) ** 0.5
    assert float(KERNELS.make("filtered:decay=0.5")(sent)[0, 1]) == pytest.approx(expected)


def test_blocks_learn_in_turn_and_a_frozen_one_keeps_its_turn():
    network = build("6-5-4-3", generator=torch.Generator().manual_seed(0))
    network.blocks["fc2"].requires_grad_(False)
    training = Training.start(network, KernelProxy(module_batches=2))
    learned = [set(learn(training, batch_for(network)).grads) for _ in range(5)]
    own = {name: {f"blocks.{name}.synapse.1.{key}" for key in ("weight", "bias")} for name in network.blocks}
    assert learned == [own["fc1"]] * 2 + [set()] * 2 + [own["fc3"]]


def test_what_cannot_be_aligned_is_refused():
    rule = KernelProxy(negatives_only=True)
    with pytest.raises(ValueError, match="least value, but that of block 'fc1' is 0"):
        rule.check(build("6-5-2"))
    KernelProxy(proxy="raw", negatives_only=True).check(build("6-5-2"))


def test_hidden_blocks_see_no_class_but_pairs():
    """Classes that change places leave hidden changes as they are, and move those of the output."""
    network, rule = build("6-5-2").double(), KernelProxy()
    generator = torch.Generator().manual_seed(1)
    inputs = (torch.rand(8, 6, 6, generator=generator) < 0.6).double()
    targets = torch.tensor([0, 1, 1, 0, 1, 0])
    one, other = (
        next(iter(rule.updates(network, Batch(inputs, given), {}, generator))).grads for given in (targets, 1 - targets)
    )
    assert one["blocks.fc1.synapse.1.weight"].equal(other["blocks.fc1.synapse.1.weight"])
    assert not one["blocks.fc2.synapse.1.weight"].equal(other["blocks.fc2.synapse.1.weight"])
