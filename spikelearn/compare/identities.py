"""An identity of every rule that has one: its update on a small network against an answer found another way."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Feedback, Network, RateReadout
from spikelearn.neurons import IF, LIF, TSSL, CubaLIF
from spikelearn.plasticity import (
    BPTT,
    DFA,
    EMSTDP,
    FA,
    IDE,
    STDP,
    Batch,
    Desire,
    EMSTDPLoihi,
    OnlineSTDP,
    ReadoutOnly,
    Rule,
)
from spikelearn.plasticity.ide import Simulated

#: Largest difference, relative to the expected change, in double precision.
TOLERANCE = 1e-9

DECAY = 0.8
STEPS, SAMPLES = 7, 3


def bptt() -> None:
    """The gradient is that of autograd through a loop over the steps, written out."""
    network, batch = _network(6, 8, 4), _batch(6, 4)
    _compare("bptt", _changes(BPTT(), network, batch), _unrolled(network, batch))


def readout_only() -> None:
    """The last block's part of the gradient of ``bptt``, and nothing else."""
    network, batch = _network(6, 8, 4), _batch(6, 4)
    whole = _unrolled(network, batch)
    expected = {name: grad for name, grad in whole.items() if name.startswith("blocks.b1.")}
    _compare("readout-only", _changes(ReadoutOnly(), network, batch), expected)


def fa() -> None:
    """With the weights themselves on the way back it is ``bptt``."""
    network, batch, rule = _network(6, 8, 7, 4), _batch(6, 4), FA()
    memory = {}
    for name, drawn in rule.init(network, torch.Generator().manual_seed(0)).items():
        path = name.removeprefix("feedback.")
        memory[name] = network.get_parameter(f"{path}.weight").detach().clone().view_as(drawn)
    _compare("fa", _changes(rule, network, batch, memory), _unrolled(network, batch))


def dfa() -> None:
    """With one hidden block, and the output's weights on the way back, it is ``bptt``."""
    network, batch, rule = _network(6, 8, 4), _batch(6, 4), DFA()
    memory = {"feedback.b0": network.get_parameter("blocks.b1.synapse.weight").detach().clone()}
    _compare("dfa", _changes(rule, network, batch, memory), _unrolled(network, batch))


def stdp() -> None:
    """The change is the sum over all pairs of spikes."""
    network, batch = _network(6, 5), _batch(6, 5)
    rule = STDP(0.3, 0.2, 5e-3, 12e-3)
    post = network.run(batch.inputs)[0].output.spikes
    total = torch.zeros(5, 6, dtype=torch.float64)
    for sample in range(SAMPLES):
        for t_pre, i in batch.inputs[:, sample].nonzero().tolist():
            for t_post, j in post[:, sample].nonzero().tolist():
                lag = (t_post - t_pre) * 1e-3
                if lag > 0:
                    total[j, i] += 0.3 * math.exp(-lag / 5e-3)
                elif lag < 0:
                    total[j, i] -= 0.2 * math.exp(lag / 12e-3)
    _compare("stdp", _changes(rule, network, batch), {"blocks.b0.synapse.weight": -total / SAMPLES})


def stdp_online() -> None:
    """The weights end where a loop over steps and samples leaves them."""
    network, batch = _network(6, 5), _batch(6, 5)
    rule = OnlineSTDP(0.1, 0.06, 5e-3, 12e-3, low=-5.0, high=5.0)
    start, bias = (p.detach().clone() for p in network.parameters())
    weight = start.clone()
    v = y = torch.zeros(SAMPLES, 5, dtype=torch.float64)
    x = torch.zeros(SAMPLES, 6, dtype=torch.float64)
    for spikes in batch.inputs:
        v = DECAY * v + spikes @ weight.T + bias
        fired = (v > 1.0).to(v.dtype)
        v = v - fired
        x, y = math.exp(-1 / 5) * x, math.exp(-1 / 12) * y
        weight = (weight + (0.1 * fired.T @ x - 0.06 * y.T @ spikes) / SAMPLES).clamp(-5.0, 5.0)
        x, y = x + spikes, y + fired
    _compare("stdp-online", _changes(rule, network, batch), {"blocks.b0.synapse.weight": start - weight})


def tssl_bp() -> None:
    """The error of every current is the recursion over spike times, element by element."""
    model = CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler")
    generator = torch.Generator().manual_seed(0)
    current = 2.0 * torch.randn(12, 7, generator=generator, dtype=torch.float64) + 0.6
    given = torch.randn(12, 7, generator=generator, dtype=torch.float64)
    learned = current.clone().requires_grad_()
    spikes, _, _ = TSSL().sequence(model, model.initial_state(learned[0]), learned)
    found = torch.autograd.grad(spikes, learned, given)[0]
    columns = [_tssl_errors(model, current[:, n].tolist(), given[:, n].tolist()) for n in range(7)]
    _compare("tssl-bp", {"current": found}, {"current": torch.tensor(columns, dtype=torch.float64).T})


def ide() -> None:
    """At the equilibrium, the gradient is that through a rate map iterated for long."""
    synapse = nn.Linear(6, 5)
    neuron = LIF.per_step(0.95, reset="subtract", inclusive=True)
    blocks, edges = {"a": Block(synapse, neuron)}, {"loop": Feedback("a", "a", nn.Linear(5, 5, bias=False))}
    network = Network(blocks, edges, RateReadout(nn.Linear(5, 3), decay=0.95))
    _draw(network, 0.15)
    with torch.no_grad():
        synapse.bias.fill_(0.5)
    inputs = torch.rand(4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    targets = torch.arange(4) % 3

    def settled(rate: Tensor, iterations: int) -> Tensor:
        for _ in range(iterations):
            rate = network.rate_map({"a": rate}, inputs, {})["a"]
        return rate

    readout = network.readout
    assert isinstance(readout, RateReadout)

    with torch.no_grad():
        rate = settled(torch.full((4, 5), 0.5, dtype=torch.float64), 200)
    loss = F.cross_entropy(readout.of_rate(settled(rate, 60)), targets)
    names, parameters = zip(*network.named_parameters(), strict=True)
    expected = dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))
    _compare("ide", _changes(_AtRate(rate), network, Batch(inputs.expand(3, 4, 6), targets)), expected)


def desire() -> None:
    """Two inputs and two outputs by hand: which outputs wish, in which direction, and what their inputs left."""
    neuron = LIF.per_step(0.0, reset="subtract", inclusive=True)
    network = Network({"b0": Block(nn.Linear(2, 2, bias=False), neuron)}).to(torch.float64)
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight").copy_(torch.eye(2))
    steps = [[1.0, 1.0], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0]]
    batch = Batch(torch.tensor(steps, dtype=torch.float64).unsqueeze(1), torch.tensor([1]))
    # Of four spikes at most the wrong class fires four, the right one one: errors 1 and 3/4, at each input's spikes.
    expected = {"blocks.b0.synapse.weight": torch.tensor([[4.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)}
    _compare("desire", _changes(Desire(margin=4, threshold_output=0.3), network, batch), expected)


def emstdp() -> None:
    """A relay neuron and an output by hand: the spike counts of the two phases that meet."""
    network = _relays(2)
    inputs = torch.zeros(11, 1, 1, dtype=torch.float64)
    # Phases of five steps. The relay fires with its input, the output a step later.
    inputs[[0, 1, 2, 6, 9]] = 1.0
    one = torch.ones(1, 1, dtype=torch.float64)
    expected = {"blocks.b0.synapse.weight": -2 * (2 - 2) / 5 * one, "blocks.b1.synapse.weight": -2 * (2 - 3) / 5 * one}
    _compare("emstdp", _changes(EMSTDP(epsilon=100.0), network, Batch(inputs, torch.tensor([0]))), expected)


def emstdp_loihi() -> None:
    """One input spike by hand: the output fires for it and for the error, x = 1/16, y = 1 + 1/16, tag 2."""
    rule = EMSTDPLoihi(tau_trace=1e-3 / math.log(2.0), hidden_exponent=4, output_exponent=5)
    inputs = torch.zeros(5, 1, 1, dtype=torch.float64)
    inputs[0] = 1.0
    change = (2**-5 * (17 / 16) - 2**-6 * 2) / 16
    expected = {"blocks.b0.synapse.weight": torch.full((1, 1), -change, dtype=torch.float64)}
    _compare("emstdp-loihi", _changes(rule, _relays(1), Batch(inputs, torch.tensor([0]))), expected)


#: {rule: its identity, which raises ValueError where it does not hold}.
IDENTITIES: Mapping[str, Callable[[], None]] = {
    "bptt": bptt,
    "readout-only": readout_only,
    "fa": fa,
    "dfa": dfa,
    "stdp": stdp,
    "stdp-online": stdp_online,
    "tssl-bp": tssl_bp,
    "ide": ide,
    "desire": desire,
    "emstdp": emstdp,
    "emstdp-loihi": emstdp_loihi,
}


class _AtRate(IDE):
    """IDE after infinitely many steps: what it simulates is a rate that is known."""

    def __init__(self, rate: Tensor) -> None:
        super().__init__(dropout=0.0, iterations=200)
        self.rate = rate

    def simulate(self, network: Network, inputs: Tensor, masks: Mapping[str, Tensor]) -> Simulated:
        return Simulated({"a": self.rate.clone()}, {})


def _compare(rule: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise ValueError where the changes differ in keys, or in values by more than rounding."""
    if found.keys() != expected.keys():
        raise ValueError(f"{rule} changes {sorted(found)}, expected {sorted(expected)} by its identity")
    for name, value in expected.items():
        largest = max(float(value.abs().max()), 1e-12)
        error = float((found[name] - value).abs().max()) / largest
        if not error <= TOLERANCE:
            raise ValueError(f"{rule} differs from its identity in {name} by {error:.1e} of the largest change")
    if not any(bool(value.any()) for value in expected.values()):
        raise ValueError(f"the identity of {rule} shows nothing: no change was expected")


def _changes(
    rule: Rule, network: Network, batch: Batch, memory: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """The changes of the rule's one update."""
    memory = rule.init(network, torch.Generator().manual_seed(0)) if memory is None else memory
    (update,) = rule.updates(network, batch, dict(memory), torch.Generator().manual_seed(0))
    return update.grads


def _network(*sizes: int) -> Network:
    """Dense layers of LIF neurons whose weights make them fire."""
    blocks = {
        f"b{n}": Block(nn.Linear(inputs, outputs), LIF.per_step(DECAY, reset="subtract"))
        for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False))
    }
    network = Network(blocks)
    _draw(network, 0.9)
    return network


def _relays(count: int) -> Network:
    """Single integrate-and-fire neurons in a row, that send on what they get, a step later each."""
    network = Network(
        {f"b{n}": Block(nn.Linear(1, 1, bias=False), IF(inclusive=True), delay=min(n, 1)) for n in range(count)}
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    return network.to(torch.float64)


def _draw(network: Network, size: float) -> None:
    network.to(torch.float64)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(size * (torch.rand(parameter.shape, generator=generator, dtype=torch.float64) - 0.4))


def _batch(inputs: int, classes: int) -> Batch:
    drawn = torch.rand(STEPS, SAMPLES, inputs, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return Batch((drawn < 0.6).to(torch.float64), torch.arange(SAMPLES) % classes)


class _Crossing(torch.autograd.Function):
    """A spike, whose derivative is that of an arc tangent, 1 / (1 + (pi x)^2)."""

    @staticmethod
    def forward(context: Any, over: Tensor) -> Tensor:
        context.save_for_backward(over)
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(context: Any, *errors: Tensor) -> Tensor:
        (over,) = context.saved_tensors
        return errors[0] / (1.0 + (math.pi * over) ** 2)


def _unrolled(network: Network, batch: Batch) -> dict[str, Tensor]:
    """Gradients of the cross-entropy of ten times the firing rate, through a plain loop over the steps."""
    synapses = [block.synapse for block in network.blocks.values()]
    v = [torch.zeros(())] * len(synapses)
    counts = torch.zeros(())
    for step in batch.inputs:
        z = step
        for n, synapse in enumerate(synapses):
            u = DECAY * v[n] + synapse(z)
            z = _Crossing.apply(u - 1.0)
            v[n] = u - z.detach()
        counts = counts + z
    loss = F.cross_entropy(10.0 * counts / len(batch.inputs), batch.targets)
    names, parameters = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


def _tssl_errors(model: CubaLIF, current: Iterable[float], given: list[float]) -> list[float]:
    """dL/dI of one neuron, from dL/dz, by the published recursion over its spikes."""
    lam, alpha, gain = model.decay_mem, model.decay_syn, model.gain_syn
    i = v = a = 0.0
    u, c, z, trace = [], [], [], []
    for now in current:
        i = alpha * i + gain * now
        u.append(lam * v + i)
        z.append(float(u[-1] > model.v_threshold))
        c.append(min(1.0 / (u[-1] - v), 8.0) if z[-1] else 0.0)
        v = 0.0 if z[-1] else u[-1]
        a = alpha * a + gain * z[-1]
        trace.append(a)
    steps = range(len(u))
    h, error = [0.0] * len(u), 0.0
    for t in reversed(steps):
        error = c[t] * given[t] + error * ((1.0 - lam) * u[t] * c[t] if z[t] else lam)
        slope = 1.0 / (1.0 + math.exp(-min(max((u[t] - model.v_threshold) / 0.2, -8.0), 8.0)))
        h[t] = given[t] * slope * (1.0 - slope) / 0.2 if trace[t] < gain / 4.0 else error
    return [gain * sum(alpha ** (k - t) * h[k] for k in steps if k >= t) for t in steps]
