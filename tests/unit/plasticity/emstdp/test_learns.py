"""EMSTDP: prototypes are learned, by each form of the rule."""

import math

import numpy as np
import pytest
import torch

from spikelearn.network import build
from spikelearn.plasticity import Batch
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.plasticity.two_phase.emstdp_loihi import EMSTDPLoihi
from spikelearn.training import Bounds, Training, learn
from spikelearn.training.optimizers import IntegerSGD, UnitRMS
from tests.unit.plasticity.emstdp.networks import alignment, counting, initialised


def task():
    """Ten noisy prototypes: 1000 samples to learn from, 500 to test with."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((10, 64))
    parts = []
    for count in (1000, 500):
        targets = rng.integers(0, 10, count)
        pixels = np.clip(prototypes[targets] + rng.normal(0, 0.35, (count, 64)), 0, 1)
        parts += [torch.from_numpy(pixels).float(), torch.from_numpy(targets)]
    return parts


def encoded(pixels, generator, steps=63):
    """One random threshold a step, common to all pixels and samples."""
    return (torch.rand(steps, 1, 1, generator=generator) < pixels).float()


def trained(rule, network, make_optimizer, epochs, seed, bounds=(-1.0, 1.0), steps=63):
    """Test accuracy after every epoch."""
    train_x, train_y, test_x, test_y = task()
    generator = torch.Generator().manual_seed(seed)
    memory = rule.init(network, generator)
    training = Training(network, rule, memory, make_optimizer(network.parameters()), constraints=(Bounds(*bounds),))
    accuracies = []
    for _ in range(epochs):
        for some in torch.randperm(1000, generator=generator).split(10):
            learn(training, Batch(encoded(train_x[some], generator, steps), train_y[some]))
        scores = network(encoded(test_x, generator, steps))
        accuracies.append(float((scores.argmax(1) == test_y).float().mean()))
    return accuracies


def rms(parameters):
    return UnitRMS(parameters, lr=1e-3)


@pytest.mark.slow
def test_learns_prototypes():
    network = initialised("64-100-10").float()
    assert trained(EMSTDP(), network, rms, 2, seed=0)[-1] > 0.65


@pytest.mark.slow
@pytest.mark.parametrize(
    ("feedback", "epochs", "least"), [("symmetric", 5, 0.95), ("alignment", 10, 0.85), ("direct", 10, 0.8)]
)
def test_learns_prototypes_well(feedback, epochs, least):
    network = initialised("64-100-10", seed=1).float()
    assert trained(EMSTDP(feedback), network, rms, epochs, seed=1)[-1] > least


@pytest.mark.slow
def test_whole_numbered_weights_learn_prototypes():
    network = build("64-100-10", counting, delay=1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for block, ratio in zip(network.blocks.values(), (0.5, 0.3), strict=True):
            linear, inputs = block.synapse[-1], block.synapse[-1].in_features
            drawn = 255 * math.sqrt(3 / inputs) * torch.randn(linear.weight.shape, generator=generator)
            linear.weight.copy_(drawn.round().clamp(-128, 127))
            block.neuron.v_threshold = float(int(ratio * 255 * math.sqrt(3 * inputs) / 2))
            linear.bias.fill_(block.neuron.v_threshold / 10).requires_grad_(False)
    accuracy = trained(EMSTDPLoihi(), network, IntegerSGD, 3, 0, (-128.0, 127.0), steps=129)
    assert accuracy[-1] > 0.85
    for parameter in network.parameters():
        if parameter.requires_grad:
            assert parameter.equal(parameter.round())
            assert parameter.min() >= -128
            assert parameter.max() <= 127


@pytest.mark.slow
def test_weights_turn_towards_fixed_feedback():
    """With feedback alignment the change comes closer to the gradient as the weights above learn."""
    train_x, train_y, *_ = task()
    train_x = train_x.double()
    network, rule = initialised("64-100-10", seed=1), EMSTDP("alignment")
    generator = torch.Generator().manual_seed(1)
    memory = rule.init(network, generator)
    # Constant inputs: measured with random codes, noise of the windows hides the direction.
    batches = [Batch(train_x[some].expand(127, 20, 64), train_y[some]) for some in torch.arange(100).split(20)]
    name = "blocks.fc1.synapse.1.weight"
    before = alignment(rule, network, memory, batches)[name]
    training = Training(network, rule, memory, rms(network.parameters()), constraints=(Bounds(-1, 1),))
    for _ in range(2):
        for some in torch.randperm(1000, generator=generator).split(10):
            learn(training, Batch(encoded(train_x[some], generator).double(), train_y[some]))
    after = alignment(rule, network, memory, batches)[name]
    assert after > before + 0.1, (before, after)
