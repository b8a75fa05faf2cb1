"""Identities of the rules whose neurons compete for their input."""

import torch
from torch import Tensor, nn

from spikelearn.network import ActivationReadout, Block, Network
from spikelearn.neurons import FirstSpikeIF, Rate
from spikelearn.neurons.activations import Abs, Linear, MeanTriangle
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.hebbian.activation_learning import ActivationLearning
from spikelearn.plasticity.hebbian.first_spike_stdp import FirstSpikeSTDP
from spikelearn.plasticity.hebbian.hebbian_conv import HebbianConv
from spikelearn.plasticity.hebbian.softhebb import SoftHebb
from spikelearn.plasticity.identities.base import SAMPLES, changes, compare, draw, identity


@identity("softhebb")
def softhebb() -> None:
    """Sample by sample and neuron by neuron; and a neuron's change lies along its weights as far as 1 - length^2."""
    network, batch = rates(6, 5), real_inputs(6)
    weight = network.get_parameter("blocks.b0.synapse.weight").detach()
    (x,) = batch.inputs
    change, along = torch.zeros_like(weight), torch.zeros(5, dtype=torch.float64)
    for sample in x:
        u = torch.stack([(row * sample).sum() for row in weight])
        y = (2.0 * u).exp() / (2.0 * u).exp().sum()
        s = torch.where(u == u.max(), y, -y)
        change += torch.stack([s[k] * (sample - u[k] * weight[k]) for k in range(5)])
        along += s * u * (1.0 - weight.square().sum(1))
    name = "blocks.b0.synapse.weight"
    changed = changes(SoftHebb(2.0, "opposed"), network, batch)
    compare("softhebb", changed, {name: -change / SAMPLES})
    compare("softhebb", {name: (changed[name] * weight).sum(1)}, {name: -along / SAMPLES})


@identity("hebbian-conv")
def hebbian_conv() -> None:
    """Place by place: who wins there learns the patch that it sees, and thresholds how often each wins."""
    conv = nn.Conv2d(2, 4, 3)
    network = Network({"b0": Block(conv, Rate(MeanTriangle()))})
    draw(network, 0.9)
    images = normal(1, SAMPLES, 2, 5, 5)
    weight, bias = (parameter.detach() for parameter in conv.parameters())
    change, wins = torch.zeros_like(weight), torch.zeros(4, dtype=torch.float64)
    places = [(row, column) for row in range(3) for column in range(3)]
    for image in images[0]:
        for row, column in places:
            patch = image[:, row : row + 3, column : column + 3]
            r = torch.stack([(own * patch).sum() for own in weight]) + bias
            for winner in r.argsort()[-2:]:
                if r[winner] > 0:
                    change[winner] += patch - weight[winner]
                    wins[winner] += 1
    changed = changes(HebbianConv(winners=2), network, Batch(images, torch.arange(SAMPLES) % 2))
    rise = wins / (SAMPLES * len(places)) - 2 / 4
    compare("hebbian-conv", changed, {"blocks.b0.synapse.weight": -change / SAMPLES, "blocks.b0.synapse.bias": rise})


@identity("first-spike-stdp")
def first_spike_stdp() -> None:
    """Image by image: the first and highest of all maps wins, then of those that it left, and kernels see its past."""
    conv = nn.Conv2d(1, 3, 2, bias=False)
    network = Network({"b0": Block(conv, FirstSpikeIF(0.8))})
    spikes = (torch.rand(4, SAMPLES, 1, 4, 4, generator=torch.Generator().manual_seed(4)) < 0.3).double()
    draw(network, 0.3)
    weight = conv.weight.data.abs_().add_(0.2)
    change = torch.zeros_like(weight)
    for image in spikes.transpose(0, 1):
        sums = torch.nn.functional.conv2d(image.cumsum(0), weight)
        fired = {
            (step, -float(sums[step, c, y, x]), c, y, x)
            for c, y, x in torch.cartesian_prod(*map(torch.arange, sums.shape[1:])).tolist()
            for step in (sums[:, c, y, x] > 0.8).nonzero().flatten().tolist()[:1]
        }
        # At each place the map that fires first is left.
        left = {min(own for own in fired if own[3:] == place) for place in {neuron[3:] for neuron in fired}}
        for _ in range(2):
            if left:
                step, _, c, y, x = min(left)
                before = image[: step + 1, :, y : y + 2, x : x + 2].amax(0)
                change[c] += weight[c] * (1.0 - weight[c]) * (0.2 * before - 0.1 * (1.0 - before))
                left = {own for own in left if own[2] != c and max(abs(own[3] - y), abs(own[4] - x)) > 1}
    changed = changes(FirstSpikeSTDP(0.2, 0.1, winners=2, radius=1), network, Batch(spikes, torch.arange(SAMPLES) % 2))
    compare("first-spike-stdp", changed, {"blocks.b0.synapse.weight": -change / SAMPLES})


@identity("activation-learning")
def activation_learning() -> None:
    """Two layers by hand, sample by sample: each neuron learns what all of its layer leave unexplained."""
    network = Network(
        {
            "b0": Block(nn.Linear(4, 5, bias=False), Rate(Abs())),
            "b1": Block(nn.Linear(5, 5, bias=False), Rate(Linear())),
        },
        readout=ActivationReadout(5, 2),
    )
    draw(network, 0.9)
    rule, batch = ActivationLearning(copies=3), real_inputs(4)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    first, second = (parameter.detach() for parameter in network.parameters())
    whole = torch.cat([first, memory["label_weights"]], 1)
    change, above = torch.zeros_like(whole), torch.zeros_like(second)
    for image, target in zip(batch.inputs[0], batch.targets, strict=True):
        label = torch.zeros(6, dtype=torch.float64)
        label[int(target) :: 2] = 3**-0.5
        x = torch.cat([image / image.norm(), label])
        y = whole @ x
        change += torch.outer(y, x - sum(y[k] * whole[k] for k in range(5)))
        sent = y.abs()
        top = second @ sent
        above += torch.outer(top, sent - sum(top[k] * second[k] for k in range(5)))
    expected = {"b0": -change[:, :4] / SAMPLES, "b1": -above / SAMPLES}
    changed = changes(rule, network, batch, memory)
    compare("activation-learning", changed, {f"blocks.{name}.synapse.weight": grad for name, grad in expected.items()})


def rates(inputs: int, outputs: int) -> Network:
    """One layer of linear rate neurons."""
    network = Network({"b0": Block(nn.Linear(inputs, outputs, bias=False), Rate(Linear()))})
    draw(network, 0.9)
    return network


def real_inputs(inputs: int) -> Batch:
    """Normal numbers at ``inputs`` places, in one step."""
    return Batch(normal(1, SAMPLES, inputs), torch.arange(SAMPLES) % 2)


def normal(*shape: int) -> Tensor:
    """Normal numbers in double precision, the same at every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
