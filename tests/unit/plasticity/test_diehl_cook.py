"""The rule diehl-cook: repeated presentations, thresholds that are kept, its preset."""

import pytest
import torch
from torch import nn

from spikelearn import Batch, Block, Network, build
from spikelearn.network import INITIALISERS
from spikelearn.network.readouts import LabelAssignment
from spikelearn.neurons import LIF, DiehlCookLIF, Poisson
from spikelearn.plasticity import DiehlCook
from spikelearn.runs.presets import read_preset
from spikelearn.runs.run import train
from spikelearn.runs.settings import Settings
from spikelearn.runs.start import prepare
from spikelearn.training import IncomingNorm, Training, learn
from spikelearn.training.fit import fit
from spikelearn.training.folder import RunFolder
from tests.helpers import only_update


def memoryless(weight=1.0):
    """One neuron that fires at every step in which its input times ``weight`` is above 1."""
    linear = nn.Linear(1, 1, bias=False)
    nn.init.constant_(linear.weight, weight)
    return Network({"fc": Block(linear, LIF.per_step(0.0))}, readout=LabelAssignment(1, 2))


@pytest.mark.parametrize(("strength", "expected"), [(0.4, 4), (0.34, 4), (0.6, 2), (1.1, 0), (0.01, 6)])
def test_a_presentation_is_repeated_until_the_neurons_fire(strength, expected):
    """With half of the strength more at every repeat, 0.4 (1 + 4/2) is the first above 1; the sixth is the last."""
    rule = DiehlCook(rest=2e-3, least_spikes=5, repeats=6, dt=1e-3, parameters=DiehlCook().parameters)
    shown = Batch(torch.full((8, 1, 1), strength), torch.tensor([0]))
    update = only_update(rule, memoryless(), shown)
    assert update.metrics["repeats"] == expected
    assert update.rates["fc"] == (0.0 if strength == 0.01 else 1.0)


def test_only_silent_samples_are_repeated():
    rule = DiehlCook(rest=0.0, least_spikes=1, repeats=9, dt=1e-3)
    strengths = torch.tensor([1.1, 0.6, 0.4]).view(1, 3, 1).expand(8, 3, 1)
    update = only_update(rule, memoryless(), Batch(strengths, torch.tensor([0, 1, 0])))
    assert update.metrics["repeats"] == 2.0
    assert update.rates["fc"] == 1.0


def test_spikes_too_few_by_one_are_too_few():
    shown = Batch(torch.full((8, 1, 1), 1.1), torch.tensor([0]))
    repeats = [
        only_update(DiehlCook(rest=0.0, least_spikes=least, repeats=3, dt=1e-3), memoryless(), shown).metrics["repeats"]
        for least in (0, 8, 9)
    ]
    assert repeats == [0.0, 0.0, 3.0]


def population(**options):
    return build(
        "30-30=-5-10",
        lambda: Poisson(200.0, dt=0.5e-3),
        output=lambda: DiehlCookLIF(10e-3, **options),
        readout="label-assignment",
        bias=False,
        init=INITIALISERS.make("unit-norm:length=4,positive=true"),
        generator=torch.Generator().manual_seed(0),
    )


def shown(number, samples=2):
    image = torch.rand(samples, 30, generator=torch.Generator().manual_seed(number))
    return Batch(image.expand(60, samples, 30), torch.zeros(samples, dtype=torch.int64))


def training(network):
    rule = DiehlCook(rest=5e-3, least_spikes=2, repeats=2)
    return Training.start(network, rule, constraints=[IncomingNorm(15.0)])


def theta(network):
    return network.blocks["fc2"].neuron.theta.clone()


@pytest.mark.parametrize("summed", [True, False])
def test_thresholds_are_kept_from_one_presentation_to_the_next(summed):
    """They rise by a step for every spike, and fall by what the time of the presentation and its rest makes of them."""
    network = population(theta_plus=0.02, tau_theta=5.0, summed=summed)
    state, before = training(network), torch.full((5,), 20.0 / 13.0)
    for number in range(3):
        update = learn(state, shown(number))
        after = theta(network)
        least, passed = float(update.rates["fc2"]) * 60 * 5 * 2, 35e-3 * (2 if summed else 1)
        risen = (after - before * torch.exp(torch.tensor(-passed / 5.0))) / 0.02 * (1 if summed else 2)
        assert update.metrics["repeats"] == 0.0
        torch.testing.assert_close(risen, risen.round(), rtol=0, atol=1e-3)
        assert int(risen.sum().round()) >= least > 0, "spikes of the rest count too"
        before = after
    network.eval()
    with torch.no_grad():
        network.run(shown(9).inputs)
    assert theta(network).equal(before)


def test_a_resumed_training_goes_on_with_weights_and_thresholds():
    whole, first = training(population()), training(population())
    for number in range(4):
        learn(whole, shown(number))
    for number in range(2):
        learn(first, shown(number))
    second = training(population())
    second.load_state_dict(first.state_dict())
    for number in range(2, 4):
        learn(second, shown(number))
    for (name, found), known in zip(
        second.network.state_dict().items(), whole.network.state_dict().values(), strict=True
    ):
        assert found.equal(known), name
    assert not theta(whole.network).equal(theta(population()))


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("online", [True, False])
def test_changes_that_are_added_are_those_of_the_mean_times_the_samples(online, samples):
    """By the compiled loop and step by step; one sample changes what it changes without."""
    found = []
    for summed, scale in ((True, 1.0), (False, float(samples))):
        rule = DiehlCook(scale=scale, rest=5e-3, least_spikes=2, repeats=2, summed=summed, online=online)
        update = only_update(rule, population(), shown(1, samples))
        with population().presentation():
            stepped = rule.by_steps(population(), shown(1, samples), learns=True).grads
        torch.testing.assert_close(update.grads, stepped, rtol=0, atol=1e-6)
        found += update.grads.values()
    assert float(found[0].abs().max()) > 1e-3
    if samples == 1:
        assert found[0].equal(found[1])
    torch.testing.assert_close(*found, rtol=0, atol=1e-7)


def test_of_a_batch_the_silent_images_alone_are_shown_again():
    rule = DiehlCook(rest=5e-3, least_spikes=2, repeats=3, summed=True)
    images = torch.cat([shown(1, 1).inputs, 0.02 * shown(2, 1).inputs], 1)
    with torch.no_grad(), population().presentation():
        repeats = rule.presented(population(), Batch(images, torch.zeros(2, dtype=torch.int64)), learns=True).repeats
    assert repeats.tolist() == [0, 3]


def test_the_batched_preset_with_one_image_a_batch_is_the_other():
    """Weights, thresholds and labels are the same to the last bit."""
    small = {"data": "digits", "net": "64-64=-5-10", "steps": 80, "epochs": 1, "data_fraction": 0.02, "batch": 1}
    small |= {"neuron_option": {"rate": 500.0, "dt": 0.5e-3}, "incoming_norm": 20.0}
    states = []
    for name in ("mnist", "mnist-batched"):
        settings = Settings(**{**read_preset(f"diehl-cook/{name}").values, **small})
        training, loaders = prepare(settings)
        start = training.network.get_parameter("blocks.fc2.synapse.1.weight").detach().clone()
        fit(training, loaders["train"], epochs=1)
        states.append(training.network.state_dict())
    assert not states[0]["blocks.fc2.synapse.1.weight"].equal(start)
    assert all(states[0][name].equal(value) for name, value in states[1].items())


@pytest.mark.parametrize("preset", ["mnist", "mnist-batched"])
def test_the_preset_trains(tmp_path, preset):
    """On the images of scikit-learn in place of MNIST's, a few neurons and samples; thresholds are those of the run."""
    values = read_preset(f"diehl-cook/{preset}").values
    assert values["batch"] == (1 if preset == "mnist" else 16)
    small = {"data": "digits", "net": "64-64=-5-10", "steps": 80, "epochs": 1, "data_fraction": 0.02, "batch": 8}
    settings = Settings(**{**values, **small, "neuron_option": {"rate": 500.0, "dt": 0.5e-3}, "incoming_norm": 20.0})
    result = train(settings, RunFolder(tmp_path / "run"))
    assert 0.0 <= result["test_accuracy"] <= 1.0
    assert result["rates"]["fc2"] > 0.0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rest": -1.0}, "rest is -1.0"),
        ({"least_spikes": -1}, "least_spikes is -1"),
        ({"raised_by": -0.5}, "raised_by is -0.5"),
        ({"repeats": 1.5}, "repeats is 1.5"),
        ({"summed": 1}, "summed is 1"),
    ],
)
def test_wrong_options_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        DiehlCook(**options)


def test_a_readout_of_more_than_counts_is_refused():
    network = build("6-4-2", LIF.per_step, readout="membrane")
    with pytest.raises(ValueError, match="diehl-cook counts the spikes of one population, but the readout"):
        DiehlCook(dt=1e-3).check(network)


def test_neurons_one_to_one_are_as_many_as_what_arrives():
    with pytest.raises(ValueError, match=r"30= takes what arrives one to one, but that are 20: write 20="):
        build("20-30=-10")


def test_a_population_stands_behind_a_dense_layer():
    with pytest.raises(ValueError, match=r"expected \[B, n\]: its neurons are one population"):
        build("4C3-10", DiehlCookLIF, input_shape=(1, 6, 6)).run(torch.zeros(2, 1, 1, 6, 6))


@pytest.mark.parametrize("compiled", [True, False])
def test_neurons_that_all_fire_at_once_are_silenced(compiled):
    """400 answers open 400 times 17 conductances: an Euler step that went on from there would make all fire again."""
    linear = nn.Linear(1, 400, bias=False)
    nn.init.constant_(linear.weight, 30.0)
    network = Network({"fc": Block(linear, DiehlCookLIF())}, readout=LabelAssignment(400, 2))
    inputs = torch.zeros(200, 1, 1)
    inputs[:2] = 1.0
    with torch.no_grad():
        if compiled:
            spikes = network.run(inputs)[0].output.spikes
        else:
            steps = DiehlCook(rest=0.0, least_spikes=0, high=100.0).walk(network, Batch(inputs, torch.tensor([0])))
            spikes = torch.cat([moment.record["fc"].spikes.clone() for moment in steps])
    assert spikes.sum(0).tolist() == [[1.0] * 400]
