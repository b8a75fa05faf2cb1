"""A random neuron: its statistics in closed form, and spikes that follow from the seed of the sample alone."""

import math

import pytest
import torch

from spikelearn import runs
from spikelearn.datasets import Digits
from spikelearn.fused import scan
from spikelearn.loading import Loader
from spikelearn.measure import evaluate
from spikelearn.network import build
from spikelearn.neurons import HARD, EscapeNoiseLIF, Rectangle, SpikeFunction, Surrogate
from spikelearn.neurons.parts.streams import streams, uniform
from spikelearn.plasticity import BPTT, DFA, STDP, Batch
from spikelearn.runs import Settings, open_run, train, trained_network
from spikelearn.seeding import generator_for
from spikelearn.training import RunFolder, Training, learn

F64 = torch.float64
NOISY = lambda: EscapeNoiseLIF.per_step(0.8, width=0.2)  # noqa: E731


def run(neuron, current, function=HARD):
    return scan(Surrogate(function), neuron, neuron.initial_state(current[0]), current)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_streams_are_uniform_and_independent(dtype):
    stream = streams(torch.arange(40), "a", torch.zeros(40, 50))
    drawn = []
    for _ in range(100):
        u, stream = uniform(stream, dtype)
        drawn.append(u)
    u = torch.stack(drawn).double()
    assert u.min() > 0
    assert u.max() < 1
    count = u.numel()
    assert abs(float(u.mean()) - 0.5) < 5 / math.sqrt(12 * count)
    cells = torch.histc(u, 20, 0, 1)
    assert float(((cells - count / 20) ** 2 / (count / 20)).sum()) < 60, "chi square of 19 degrees of freedom"
    for one, other in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1]), (u[:, :, 1:], u[:, :, :-1])):
        correlation = float(((one - 0.5) * (other - 0.5)).mean() * 12)
        assert abs(correlation) < 5 / math.sqrt(one.numel())


def test_streams_are_those_of_splitmix64():
    """The first numbers of the published generator from seed 0, here as a counter that stands before the first step."""
    stream, found = torch.zeros(1, dtype=torch.int64), []
    for _ in range(2):
        u, stream = uniform(stream, F64)
        found.append(int(u.item() * 2**52))
    assert found == [0xE220A8397B1DCDAF >> 12, 0x6E789E6AA1B965F4 >> 12]


def test_a_seed_and_a_place_say_all():
    like = torch.zeros(3, 4)
    whole = streams(torch.tensor([5, 6, 7]), "a", like)
    assert streams(torch.tensor([7, 5]), "a", like[:2]).equal(whole[[2, 0]])
    assert not streams(torch.tensor([5, 6, 7]), "b", like).eq(whole).any()
    with pytest.raises(ValueError, match=r"seeds has shape \[2\], expected \[3\]"):
        streams(torch.tensor([5, 6]), "a", like)


@pytest.mark.parametrize("current", [0.7, 0.95, 1.1])
def test_the_rate_is_the_escape_probability_and_intervals_are_geometric(current):
    """Without memory every step fires by itself with P = 1 - exp(-rho dt)."""
    neuron = EscapeNoiseLIF.per_step(0.0, width=0.1, rate=500.0)
    expected = 1.0 - math.exp(-0.5 * math.exp((current - 1.0) / 0.1))
    spikes, _, _ = run(neuron, torch.full((400, 20, 25), current, dtype=F64))
    count = spikes.numel()
    assert float(spikes.mean()) == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / count))
    pairs = float((spikes[1:] * spikes[:-1]).mean())
    assert pairs == pytest.approx(expected**2, abs=6 * expected / math.sqrt(count))


def test_a_subthreshold_membrane_fires_at_the_rate_of_its_potential():
    """The first spike of a charging membrane: P(silent up to T) = exp(-sum rho(v[t]) dt)."""
    neuron = EscapeNoiseLIF.per_step(0.9, width=0.15, rate=800.0)
    spikes, _, _ = run(neuron, torch.full((12, 200, 100), 0.08, dtype=F64))
    v = [0.08 * sum(0.9**k for k in range(t + 1)) for t in range(12)]
    silent = math.exp(-sum(0.8 * math.exp((u - 1.0) / 0.15) for u in v))
    found = float((spikes.sum(0) == 0).double().mean())
    assert found == pytest.approx(silent, abs=5 * math.sqrt(silent * (1 - silent) / 20000))


def test_the_mean_of_a_narrow_surrogate_is_the_slope_of_the_probability():
    neuron = EscapeNoiseLIF.per_step(0.0, width=0.3, rate=1000.0)
    current = torch.full((1, 400, 1000), 0.9, dtype=F64, requires_grad=True)
    spikes, _, _ = run(neuron, current, SpikeFunction(Rectangle(0.05, 10.0)))
    (slope,) = torch.autograd.grad(spikes.sum(), current)
    hazard = math.exp((0.9 - 1.0) / 0.3)
    assert float(slope.mean()) == pytest.approx(hazard / 0.3 * math.exp(-hazard), rel=0.02)


def test_a_narrow_width_is_a_lif():
    current = torch.rand(20, 3, 5, dtype=F64)
    quiet = EscapeNoiseLIF.per_step(0.8, width=1e-9)
    exact = super(EscapeNoiseLIF, quiet)
    spikes, _, _ = run(quiet, current)
    state, expected = quiet.initial_state(current[0]), []
    for now in current:
        z, _, after = exact.step(state, now, HARD)
        expected.append(z)
        state = state._replace(v=after.v)
    assert spikes.equal(torch.stack(expected))


def noisy_network(sizes="6-8-3"):
    return build(sizes, NOISY, generator=generator_for(0, "weights"))


def test_the_same_seeds_give_the_same_spikes_in_any_batch():
    network, x = noisy_network(), torch.rand(10, 4, 6)
    seeds = torch.tensor([3, 1, 4, 1])
    with network.drawing(seeds):
        whole = network.run(x)[0].output.v
        assert network.run(x)[0].output.v.equal(whole)
    with network.drawing(seeds[[2, 0]]):
        torch.testing.assert_close(network.run(x[:, [2, 0]])[0].output.v, whole[:, [2, 0]])
    with network.drawing(seeds + 1):
        assert not network.run(x)[0].output.v.isclose(whole).all()
    assert network.run(x)[0].output.v.equal(network.run(x)[0].output.v), "outside, the place in the batch is the seed"


def test_a_state_carries_the_random_numbers_on():
    network, x = noisy_network(), torch.rand(10, 4, 6)
    with network.drawing(torch.arange(4) + 9):
        whole = network.run(x)[0].output.v
        _, state = network.run(x[:4])
    torch.testing.assert_close(network.run(x[4:], state)[0].output.v, whole[4:])


def test_blocks_draw_different_numbers():
    network = build("5-5-5", lambda: EscapeNoiseLIF.per_step(0.0))
    record, _ = network.run(torch.zeros(1, 3, 5))
    assert not record["fc1"].v.isclose(record["fc2"].v).any()


@pytest.mark.parametrize("seeds", [torch.tensor([1.0]), torch.tensor([[1]]), [1]])
def test_seeds_of_another_form_are_refused(seeds):
    with pytest.raises(ValueError, match="seeds"), noisy_network().drawing(seeds):
        pass


def test_chunks_draw_what_the_whole_sequence_draws():
    """Run twice, forward and chunk by chunk backward: the gradient of the whole."""
    network = noisy_network().double()
    batch = Batch(torch.rand(12, 40, 6, dtype=F64), torch.arange(40) % 3)
    grads = []
    for rule in (BPTT(), BPTT(memory_budget=0.15)):
        with network.drawing(torch.arange(40) + 100):
            update = next(rule.updates(network, batch, {}, None))
        grads.append(update.grads)
    assert update.metrics["chunk"] < 12
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad)


@pytest.mark.parametrize("make", [BPTT, DFA, lambda: STDP(1e-4, 1e-4)], ids=["bptt", "dfa", "stdp"])
def test_resume_is_the_uninterrupted_run(make):
    batches = [Batch(torch.rand(6, 5, 6, generator=generator_for(n)), torch.arange(5) % 3) for n in range(4)]
    whole = Training.start(noisy_network(), make(), seed=1)
    for batch in batches:
        learn(whole, batch)
    part = Training.start(noisy_network(), make(), seed=1)
    for batch in batches[:2]:
        learn(part, batch)
    resumed = Training.start(noisy_network(), make(), seed=2)
    resumed.load_state_dict(part.state_dict())
    for batch in batches[2:]:
        learn(resumed, batch)
    for one, other in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert one.equal(other)
    another = Training.start(noisy_network(), make(), seed=3)
    for batch in batches:
        learn(another, batch)
    assert not all(a.equal(b) for a, b in zip(whole.network.parameters(), another.network.parameters(), strict=True)), (
        "the seed says what is drawn"
    )


def test_evaluation_does_not_depend_on_the_batches_nor_on_how_they_are_shared():
    network = noisy_network("64-12-10")
    data = Digits("test")
    indices = torch.arange(50)
    whole = evaluate(network, Loader(data, 5, 50, indices=indices))
    assert evaluate(network, Loader(data, 5, 13, indices=indices)).rates == pytest.approx(whole.rates, rel=1e-6)
    loader = Loader(data, 5, 13, indices=indices)
    parts = [evaluate(network, loader.shared_out(rank, 3)) for rank in range(3)]
    for name, rate in whole.rates.items():
        assert sum(part.rates[name] * part.samples for part in parts) / 50 == pytest.approx(rate, rel=1e-6)
    assert sum(part.accuracy * part.samples for part in parts) == pytest.approx(whole.accuracy * 50)


def test_train_and_evaluate(tmp_path):
    settings = Settings(
        net="64-16-10", neuron="escape-noise-lif", neuron_option={"width": 0.2}, steps=5, epochs=1, data_fraction=0.2
    )
    folder = RunFolder(tmp_path / "run")
    result = train(settings, folder)
    tested = evaluate(trained_network(folder, open_run(folder)), runs.test_loader(settings))
    assert tested.accuracy == result["test_accuracy"]
    assert tested.rates == result["rates"]


def test_options_are_checked():
    with pytest.raises(ValueError, match="width is 0"):
        EscapeNoiseLIF(width=0)
    with pytest.raises(ValueError, match="rate is -1"):
        EscapeNoiseLIF.per_step(rate=-1)
    with pytest.raises(ValueError, match="has no rate map"):
        NOISY().steady_rate(torch.ones(1, 2))
