"""IDE: batches, memory, dropout and frozen parameters."""

import gc

import pytest
import torch
from torch import nn

from spikelearn.network import Network
from spikelearn.plasticity import IDE
from tests.unit.plasticity.ide.networks import (
    F64,
    NETWORKS,
    NEURONS,
    TARGETS,
    AtEquilibrium,
    bounded,
    convolutional,
    equilibrium,
    loss_at,
    mapped,
    one_block,
    still,
    two_blocks,
    two_sources,
    update_of,
)


@pytest.mark.parametrize("make", [one_block, two_sources])
@pytest.mark.parametrize("neuron", NEURONS)
def test_a_batch_is_the_mean_of_its_samples(make, neuron):
    network, x = make(neuron), torch.rand(4, 6, dtype=F64)
    rule = IDE(dropout=0.0, solver="dense")
    whole = update_of(rule, network, still(x, 9))
    alone = [update_of(rule, network, still(x[n : n + 1], 9, TARGETS[n : n + 1])) for n in range(4)]
    for name, grad in whole.grads.items():
        mean = torch.stack([update.grads[name] for update in alone]).mean(0)
        torch.testing.assert_close(grad, mean, rtol=1e-11, atol=1e-14, msg=name)
    torch.testing.assert_close(whole.scores, torch.cat([update.scores for update in alone]))


def live_bytes():
    """Bytes of all tensors that Python can reach; what a compiler has left over holds none."""
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        if type(thing) in (torch.Tensor, nn.Parameter) and thing.layout is torch.strided:
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


@pytest.mark.parametrize("make", [one_block, two_sources])
def test_the_simulation_keeps_no_history(make):
    """The tensors that are alive at the last step take as many bytes after 5 steps as after 100."""
    network, x = make("lif"), torch.rand(50, 6, dtype=F64)
    seen = {}

    class Watched(Network):
        def stream(self, inputs, state=None, *, masks):
            for step, item in enumerate(super().stream(inputs, state, masks=masks), start=1):
                if step == len(inputs):
                    seen[step] = live_bytes()
                yield item

    network.__class__ = Watched
    for steps in (5, 100):
        IDE().simulate(network, x.expand(steps, *x.shape), {})
    assert set(seen) == {5, 100}
    assert abs(seen[100] - seen[5]) < 8 * 50 * 8, "a block's record of one step more"


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_dropout_draws_one_mask_for_the_current_of_every_synapse(make):
    network = make()
    shape = (1, 6, 6) if make is convolutional else (6,)
    x = torch.rand(300, *shape, dtype=F64)
    masks = IDE(dropout=0.2).draws(network, still(x, targets=torch.zeros(300, dtype=torch.int64)), torch.Generator())
    shapes = network.shapes(x)
    expected = {f"{name}.synapse": shapes[name] for name in network.blocks}
    expected |= {f"feedback.{name}": shapes[edge.target] for name, edge in network.feedback.items()}
    assert {place: tuple(mask.shape[1:]) for place, mask in masks.items()} == expected
    for place, mask in masks.items():
        assert mask.shape[0] == 300
        assert mask.dtype == F64
        assert mask.unique().tolist() == [0.0, 1.25], place
        # Variance of one entry 0.25: four standard errors.
        assert abs(float(mask.mean()) - 1.0) < 4 * (0.25 / mask.numel()) ** 0.5, place
    drawn = list(masks.values())
    if len(drawn) > 1 and drawn[0].shape == drawn[1].shape:
        assert not drawn[0].equal(drawn[1])


def test_the_same_generator_gives_the_same_update(case):
    network, x = case
    rule = IDE(dropout=0.3)
    one, two, other = (update_of(rule, network, still(x, 9), seed) for seed in (1, 1, 2))
    for name, grad in one.grads.items():
        assert grad.equal(two.grads[name]), name
    assert any(not grad.equal(other.grads[name]) for name, grad in one.grads.items())


def test_drawn_masks_act_as_masks_of_the_batch_do(case):
    """In the simulation, the rate map and the solve alike."""
    network, x = case
    batch = still(x, 9)
    masks = IDE(dropout=0.3).draws(network, batch, torch.Generator().manual_seed(5))
    drawn = update_of(IDE(dropout=0.3), network, batch, seed=5)
    given = update_of(IDE(dropout=0.0), network, still(x, 9, masks=masks))
    for name, grad in drawn.grads.items():
        assert grad.equal(given.grads[name]), name
    assert drawn.scores.equal(given.scores)


def test_masked_gradients_are_those_of_the_masked_rate_map(case):
    network, x = case
    masks = IDE(dropout=0.3).draws(network, still(x), torch.Generator().manual_seed(5))
    update = update_of(AtEquilibrium(dropout=0.0, iterations=200), network, still(x, masks=masks))
    rates = {name: rate.detach() for name, rate in equilibrium(network, x, masks).items()}
    for _ in range(50):
        rates = mapped(network, rates, x, masks)
    expected = torch.autograd.grad(loss_at(network, rates), list(network.parameters()))
    for (name, grad), wanted in zip(update.grads.items(), expected, strict=True):
        torch.testing.assert_close(grad, wanted, rtol=1e-9, atol=1e-12, msg=name)


def test_places_that_the_batch_masks_are_left_to_it():
    network, x = two_blocks(), torch.rand(4, 6, dtype=F64)
    own = {"a.synapse": torch.ones(4, 8, dtype=F64), "inputs": torch.ones(4, 6, dtype=F64)}
    masks = IDE(dropout=0.5).draws(network, still(x, masks=own), torch.Generator())
    assert set(masks) == {"b.synapse", "feedback.back"}
    assert IDE(dropout=0.0).draws(network, still(x, masks=own), torch.Generator()) == {}


def test_metrics_tell_of_the_solve_and_the_gains():
    network, x = bounded(), torch.rand(4, 6, dtype=F64)
    update = update_of(IDE(dropout=0.0), network, still(x, 9))
    assert set(update.metrics) == {"residual", "iterations", "gain_loop"}
    assert update.metrics["gain_loop"] == pytest.approx(0.4)
    assert update.metrics["residual"] <= 1e-12
    loose = update_of(IDE(dropout=0.0, tolerance=1e-2), network, still(x, 9))
    assert 1e-6 < loose.metrics["residual"] <= 1e-2
    assert loose.metrics["iterations"] < update.metrics["iterations"]
    assert update_of(IDE(dropout=0.0, iterations=2), network, still(x, 9)).metrics["iterations"] == 2.0


def test_frozen_parameters_get_no_gradient():
    network, x = two_blocks(), torch.rand(4, 6, dtype=F64)
    whole = update_of(IDE(dropout=0.0), network, still(x, 9))
    network.blocks["a"].requires_grad_(False)
    part = update_of(IDE(dropout=0.0), network, still(x, 9))
    assert set(whole.grads) - set(part.grads) == {"blocks.a.synapse.weight", "blocks.a.synapse.bias"}
    for name, grad in part.grads.items():
        torch.testing.assert_close(grad, whole.grads[name])
