"""Synapses of one's own: right, or refused with the cure; `run`, `step` and a second `run` agree."""

import warnings

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import LIF


class Depressing(nn.Module):
    """Short-term depression: what is sent gets weaker with use."""

    def __init__(self):
        super().__init__()
        self.weights, self.left = nn.Linear(12, 4), None

    def forward(self, x):
        left = torch.ones_like(x) if self.left is None or self.left.shape != x.shape else self.left
        self.left = left + 0.1 * (1 - left) - 0.5 * left * x
        return self.weights(x * left)


class Filter(nn.Module):
    """A low pass of the current, in a buffer."""

    def __init__(self):
        super().__init__()
        self.weights = nn.Linear(12, 4)
        self.register_buffer("trace", torch.zeros(1, 4))

    def forward(self, x):
        self.trace = 0.5 * self.trace[:1] + self.weights(x)
        return self.trace


class InPlace(Filter):
    def forward(self, x):
        current = self.weights(x)
        self.trace.mul_(0.9).add_(current.mean(0, keepdim=True))
        return current + self.trace


class Membrane(nn.Module):
    """A peer's neuron in the synapse, with a threshold that the probe may never reach."""

    def __init__(self, threshold=1e6):
        super().__init__()
        self.weights, self.threshold, self.mem = nn.Linear(12, 4), threshold, torch.zeros(1)

    def forward(self, x):
        current = self.weights(x)
        mem = self.mem if self.mem.shape == current.shape else torch.zeros_like(current)
        self.mem = 0.9 * mem + current
        return (self.mem > self.threshold).to(x) + current


class Noisy(nn.Linear):
    def forward(self, x):
        return super().forward(x) + 0.1 * torch.randn(len(x), 4)


class Dropping(nn.Linear):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.5, self.training)


class OverSamples(nn.Linear):
    """Normalised over the samples of a call."""

    def forward(self, x):
        current = super().forward(x)
        return current - current.mean(0)


class Counting(nn.Linear):
    """Weaker with every call."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) / self.calls


class Plain(nn.Linear):
    def forward(self, x):
        return torch.relu(super().forward(x)) * 2


class Logging(nn.Linear):
    """Notes what went in, and counts; neither is used."""

    calls, last = 0, None

    def forward(self, x):
        self.calls, self.last = self.calls + 1, x
        return super().forward(x)


class Caching(nn.Linear):
    """Computes something once."""

    mask = None

    def forward(self, x):
        if self.mask is None:
            self.mask = torch.ones(4)
        return super().forward(x) * self.mask


class Attention(nn.MultiheadAttention):
    """Over the first axis, as torch's are unless they are told."""

    def __init__(self):
        super().__init__(4, 2)

    def forward(self, x):
        return super().forward(x, x, x)[0]


def of(synapse):
    return Network({"a": Block(synapse, LIF.per_step())})


X = (torch.rand(20, 4, 12, generator=torch.Generator().manual_seed(0)) < 0.3).float()

REFUSED = {
    "depression": Depressing,
    "filter": Filter,
    "in place": InPlace,
    "membrane": Membrane,
    "noise": lambda: Noisy(12, 4),
    "functional dropout": lambda: Dropping(12, 4),
    "over samples": lambda: OverSamples(12, 4),
    "counting": lambda: Counting(12, 4),
    "inside others": lambda: nn.Sequential(nn.Flatten(), Filter()),
    "torch's over samples": lambda: nn.Sequential(nn.Linear(12, 4), nn.Softmax(0)),
    "torch's attention over samples": lambda: nn.Sequential(nn.Linear(12, 4), Attention()),
    "flattened over samples": lambda: nn.Sequential(
        nn.Linear(12, 4), nn.Flatten(0), nn.Softmax(0), nn.Unflatten(0, (-1, 4))
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_depends_on_calls_samples_or_chance_is_refused(name):
    for call in (
        lambda network: network.run(X),
        lambda network: network.step(X[0]),
        lambda network: next(network.stream(X)),
        lambda network: network(X.to(torch.uint8)),
    ):
        network = of(REFUSED[name]())
        for _ in range(2):
            with pytest.raises(ValueError, match=r"^a: .* synapse \w+ .*belongs into a neuron's state"):
                call(network)


def test_feedback_synapses_are_looked_at_too():
    network = Network({"a": Block(nn.Linear(12, 4), LIF.per_step())}, {"loop": Feedback("a", "a", OverSamples(4, 4))})
    with pytest.raises(ValueError, match="^feedback.loop: "):
        network.run(X)


@pytest.mark.parametrize(
    "make",
    [
        *(Plain, Logging, Caching, Dropping),
        lambda *of: nn.Sequential(nn.Linear(*of), nn.Tanh()),
        lambda *of: nn.Sequential(nn.Linear(*of), nn.Softmax(1), nn.GELU()),
        lambda *of: nn.Sequential(nn.Unflatten(1, (2, 6)), nn.GroupNorm(1, 2), nn.Flatten(), nn.Linear(*of)),
        lambda *of: nn.utils.parametrizations.weight_norm(nn.Linear(*of)),
        lambda *of: nn.utils.parametrizations.spectral_norm(nn.Linear(*of)),
    ],
)
def test_what_maps_each_sample_by_itself_is_taken(make):
    torch.manual_seed(0)
    network = of(make(12, 4)).eval()
    seed = torch.get_rng_state()
    record, _ = network.run(X)
    assert torch.get_rng_state().equal(seed)
    assert getattr(network.blocks["a"].synapse, "calls", 1) <= 1, "it was called, not a copy"
    again, _ = network.run(X)
    state, stepped = None, []
    for x in X:
        one, state = network.step(x, state)
        stepped.append(one["a"].v)
    assert again["a"].v.equal(record["a"].v)
    torch.testing.assert_close(torch.stack(stepped), record["a"].v)
    assert record["a"].spikes.any()


def test_each_mode_is_looked_at():
    network = of(Dropping(12, 4)).eval()
    network.run(X)
    with pytest.raises(ValueError, match="dropout into masks"):
        network.train().run(X)


def test_known_synapses_are_not_called_for_it():
    synapse = nn.Linear(12, 4)
    calls = []
    synapse.register_forward_hook(lambda *_: calls.append(1))
    network = of(synapse)
    network.run(X)
    network.run(X)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.RNN(12, 4), "RNN at its root"),
        (lambda: nn.Sequential(nn.Linear(12, 4), nn.LSTM(4, 4)), "LSTM at 1"),
        (lambda: nn.GRUCell(12, 4), "GRUCell"),
        (lambda: nn.Sequential(nn.Linear(12, 4), nn.RReLU()), "RReLU at 1"),
        (lambda: nn.InstanceNorm2d(3, track_running_stats=True), "InstanceNorm2d"),
    ],
)
def test_modules_of_torch_that_keep_something_are_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        Block(make(), LIF.per_step())


def test_batch_norm_in_training_mode_is_said_where_step_differs():
    network = build("12-8-4", input_shape=(12,), batch_norm=True)
    with pytest.warns(UserWarning, match=r"call network.eval\(\) for the same ones"):
        network.step(X[0])
    network.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state, stepped = None, []
        for x in X:
            record, state = network.step(x, state)
            stepped.append(record.output.v)
        of(nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 4))).step(X[0])
    torch.testing.assert_close(torch.stack(stepped), network.run(X)[0].output.v)
