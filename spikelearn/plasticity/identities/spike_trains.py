"""Identity of SuperSpike: filters that go forward in time, of errors and of every weight's eligibility."""

import torch
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.identities.base import DECAY, changes, compare, draw, identity, spikes_for
from spikelearn.plasticity.losses import SpikeTrains
from spikelearn.plasticity.three_factor.superspike import SuperSpike

#: Decay of the synaptic current, the two of the kernel, slope of the derivative, steps between desired spikes.
FAST, RISE, FALL, SLOPE, PERIOD = 0.6, 0.5, 0.7, 10.0, 2


@identity("superspike")
def superspike() -> None:
    """Errors and eligibilities filtered step by step; a single layer has the gradient of ``bptt``."""
    loss, batch = SpikeTrains(RISE, FALL, period=PERIOD), spikes_for(6, 4)
    rule = SuperSpike(loss)
    network = _network(6, 8, 4)
    compare("superspike", changes(rule, network, batch), _online(network, batch))
    single = _network(6, 4)
    compare("superspike", changes(rule, single, batch), changes(BPTT(loss, rule.adjoint), single, batch))


def _network(*sizes: int) -> Network:
    """Dense layers without biases."""
    blocks = {
        f"b{n}": Block(nn.Linear(inputs, outputs, bias=False), CubaLIF.per_step(DECAY, FAST, reset="subtract"))
        for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False))
    }
    network = Network(blocks)
    draw(network, 0.7)
    return network


class _DoubleExponential:
    """Two low-passes in series, with gains, step by step."""

    def __init__(self, first: float, second: float, *, unit_area: bool) -> None:
        self.decays = first, second
        self.gains = (1.0 - first, 1.0 - second) if unit_area else (1.0, 1.0)
        self.values = [torch.zeros(()), torch.zeros(())]

    def __call__(self, now: Tensor) -> Tensor:
        for place, (decay, gain) in enumerate(zip(self.decays, self.gains, strict=True)):
            now = decay * self.values[place] + gain * now
            self.values[place] = now
        return now


def _online(network: Network, batch: Batch) -> dict[str, Tensor]:
    """Changes of two layers, summed over the steps as they come."""
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    hidden, output = weights.values()
    epsilon = [_DoubleExponential(FAST, DECAY, unit_area=False) for _ in range(2)]
    alpha = [_DoubleExponential(RISE, FALL, unit_area=True) for _ in range(3)]
    fired, resets = [torch.zeros(()), torch.zeros(())], [torch.zeros(()), torch.zeros(())]
    total = [torch.zeros_like(hidden), torch.zeros_like(output)]
    for t, x in enumerate(batch.inputs):
        eligible = []
        for n, weight in enumerate((hidden, output)):
            arrived = epsilon[n](x)
            resets[n] = DECAY * (resets[n] - fired[n])
            u = arrived @ weight.t() + resets[n]
            x = fired[n] = (u > 1.0).to(u)
            slope = 1.0 / (1.0 + SLOPE * (u - 1.0).abs()) ** 2
            eligible.append(alpha[n](slope.unsqueeze(2) * arrived.unsqueeze(1)))
        wanted = torch.zeros_like(x)
        wanted[torch.arange(batch.size), batch.targets] = float((t + 1) % PERIOD == 0)
        error = alpha[2](x - wanted)
        for n, e in enumerate((error @ output, error)):
            total[n] = total[n] + torch.einsum("bi,bij->ij", e, eligible[n]) / batch.size
    return dict(zip(weights, total, strict=True))
