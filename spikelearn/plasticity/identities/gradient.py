"""Identities of the rules that descend a loss through time."""

import math
from collections.abc import Iterable

import torch

from spikelearn.neurons import TSSL, CubaLIF
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.gradient.readout_only import ReadoutOnly
from spikelearn.plasticity.identities.base import changes, compare, dense, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import unrolled


@identity("bptt")
def bptt() -> None:
    """The gradient is that of autograd through a loop over the steps, written out."""
    network, batch = dense(6, 8, 4), spikes_for(6, 4)
    compare("bptt", changes(BPTT(), network, batch), unrolled(network, batch))


@identity("readout-only")
def readout_only() -> None:
    """The last block's part of the gradient of ``bptt``, and nothing else."""
    network, batch = dense(6, 8, 4), spikes_for(6, 4)
    whole = unrolled(network, batch)
    expected = {name: grad for name, grad in whole.items() if name.startswith("blocks.b1.")}
    compare("readout-only", changes(ReadoutOnly(), network, batch), expected)


@identity("tssl-bp")
def tssl_bp() -> None:
    """The error of every current is the recursion over spike times, element by element."""
    model = CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler")
    generator = torch.Generator().manual_seed(0)
    current = 2.0 * torch.randn(12, 7, generator=generator, dtype=torch.float64) + 0.6
    given = torch.randn(12, 7, generator=generator, dtype=torch.float64)
    learned = current.clone().requires_grad_()
    spikes, _, _ = TSSL().sequence(model, model.initial_state(learned[0]), learned)
    error = torch.autograd.grad(spikes, learned, given)[0]
    columns = [_tssl_errors(model, current[:, n].tolist(), given[:, n].tolist()) for n in range(7)]
    compare("tssl-bp", {"current": error}, {"current": torch.tensor(columns, dtype=torch.float64).T})


def _tssl_errors(model: CubaLIF, current: Iterable[float], given: list[float]) -> list[float]:
    """dL/dI of one neuron, from dL/dz, by the published recursion over its spikes."""
    names = ("decay_mem", "decay_syn", "gain_syn", "v_threshold")
    lam, alpha, gain, threshold = (one_number(model, name, "this proof") for name in names)
    i = v = a = 0.0
    u, c, z, trace = [], [], [], []
    for now in current:
        i = alpha * i + gain * now
        u.append(lam * v + i)
        z.append(float(u[-1] > threshold))
        c.append(min(1.0 / (u[-1] - v), 8.0) if z[-1] else 0.0)
        v = 0.0 if z[-1] else u[-1]
        a = alpha * a + gain * z[-1]
        trace.append(a)
    steps = range(len(u))
    h, error = [0.0] * len(u), 0.0
    for t in reversed(steps):
        error = c[t] * given[t] + error * ((1.0 - lam) * u[t] * c[t] if z[t] else lam)
        slope = 1.0 / (1.0 + math.exp(-min(max((u[t] - threshold) / 0.2, -8.0), 8.0)))
        h[t] = given[t] * slope * (1.0 - slope) / 0.2 if trace[t] < gain / 4.0 else error
    return [gain * sum(alpha ** (k - t) * h[k] for k in steps if k >= t) for t in steps]
