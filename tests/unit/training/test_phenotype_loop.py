"""Hyper-learning of a phenotype, and streams of tasks."""

from statistics import fmean

import pytest
import torch

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.measure import forgotten_errors
from spikelearn.network import build
from spikelearn.neurons import DeepArtificialNeuron, Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import BPTT, DAN, MSE, STDP, OptimizerChoice
from spikelearn.tasks import TASKS
from spikelearn.training.outer import ClassStreams, PhenotypeLoop, SineMixtures, one_after_the_other

SMALL = {"samples": 2, "seen": 3, "asked": 4, "hyper_steps": 2}


def network(**options):
    return build(
        "1-4-1",
        lambda: DeepArtificialNeuron(2, 3, **options),
        output=lambda: DeepArtificialNeuron(2, 3, gain=2.0, **options),
        generator=torch.Generator().manual_seed(0),
    )


def loop(population=2, **options):
    return PhenotypeLoop(DAN(MSE()), [network() for _ in range(population)], **options)


def test_weights_begin_anew_and_the_phenotype_goes_on():
    made, streams = loop(), SineMixtures(tasks=2, **SMALL)
    weights = [{k: v.clone() for k, v in net.state_dict().items()} for net in made.networks]
    before = {name: tensor.clone() for name, tensor in made.phenotype.tensors.items()}
    made.episode(streams.moments(0, 2))
    assert not any(
        net.state_dict()[k].equal(v) for net, kept in zip(made.networks, weights, strict=True) for k, v in kept.items()
    )
    assert not any(tensor.equal(before[name]) for name, tensor in made.phenotype.tensors.items())
    after = {name: tensor.clone() for name, tensor in made.phenotype.tensors.items()}
    made.begin()
    assert all(
        net.state_dict()[k].equal(v) for net, kept in zip(made.networks, weights, strict=True) for k, v in kept.items()
    )
    assert all(tensor.equal(after[name]) for name, tensor in made.phenotype.tensors.items())
    assert {id(block.neuron.phenotype) for net in made.networks for block in net.blocks.values()} == {
        id(made.phenotype)
    }


def test_the_phenotype_steps_by_the_mean_over_the_population():
    made, streams = loop(lr=0.1), SineMixtures(tasks=2, **SMALL)
    (moments, *_) = streams.moments(0, 2)
    asked = [moment.asked[0] for moment in moments]
    updates = made.step(asked)
    for name, tensor in made.phenotype.tensors.items():
        mean = (updates[0].own[name] + updates[1].own[name]) / 2
        torch.testing.assert_close(made.optimizer.state[tensor]["exp_avg"], 0.1 * mean)


def test_no_weight_learns_at_rest():
    made, streams = loop(resting=1), SineMixtures(tasks=2, **SMALL)
    first, second, *_ = streams.moments(0, 2)
    before = made.networks[0].blocks["fc1"].synapse[-1].weight.clone()
    made.moment(first)
    assert made.networks[0].blocks["fc1"].synapse[-1].weight.equal(before)
    made.moment(second)
    assert not made.networks[0].blocks["fc1"].synapse[-1].weight.equal(before)


def test_steps_of_the_phenotype_lower_the_error():
    made, streams = loop(lr=0.03), SineMixtures(tasks=2, **{**SMALL, "asked": 20})
    asked = [moment.asked[0] for moment in next(iter(streams.moments(0, 2)))]
    losses = [fmean(float(update.loss) for update in made.step(asked)) for _ in range(60)]
    assert losses[-1] < 0.6 * losses[0]


def test_sines_are_seen_slice_after_slice():
    streams = SineMixtures(tasks=2, points=10, **SMALL)
    mixture, moments = streams.mixture(3), [moment for (moment,) in streams.moments(3)]
    assert len(moments) == 4
    for task, moment in enumerate(moments[::2]):
        half = mixture.x[5 * task : 5 * task + 5]
        assert torch.isin(moment.seen.inputs[0], half).all()
        assert torch.isin(moment.asked[0].inputs[0], mixture.x).all()
    quiet = [moment for (moment,) in streams.moments(3, ask=False)]
    assert all(a.seen.inputs.equal(b.seen.inputs) for a, b in zip(moments, quiet, strict=True))
    assert not quiet[0].asked
    assert [len(batch.targets) for batch in streams.tests(3)] == [5, 5]


def test_classes_are_seen_one_after_the_other():
    loader = Loader(Digits("test"), n_steps=1, batch=8, task=TASKS.make("autoencode"))
    streams = ClassStreams(loader, classes=3, tested=4, **SMALL)
    classes = {
        image.numpy().tobytes(): int(t)
        for image, t in zip(loader.load(loader.indices).targets, loader.dataset.targets, strict=True)
    }
    order = [{classes[image.numpy().tobytes()] for image in batch.targets} for batch in streams.tests(0)]
    assert sorted(map(len, order)) == [1, 1, 1]
    seen = [{classes[image.numpy().tobytes()] for image in moment.seen.targets} for (moment,) in streams.moments(0)]
    assert seen == [order[0], order[0], order[1], order[1], order[2], order[2]]
    asked = {classes[image.numpy().tobytes()] for (moment,) in streams.moments(0) for image in moment.asked[0].targets}
    assert asked <= set.union(*order)
    with pytest.raises(ValueError, match="a stream takes 11 classes, but there are 10"):
        ClassStreams(loader, classes=11)
    with pytest.raises(ValueError, match="lower tested"):
        ClassStreams(loader, tested=40)


def test_a_copy_learns_task_after_task():
    net = build(
        "1-20-1", lambda: Rate(Tanh()), output=lambda: Rate(Linear()), generator=torch.Generator().manual_seed(0)
    )
    streams = SineMixtures(tasks=2, samples=60, seen=8, asked=1, hyper_steps=1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    rows = one_after_the_other(net, BPTT(MSE()), streams, 0, optimizer=OptimizerChoice("adam", 0.03))
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    assert [len(row) for row in rows] == [2, 2]
    found = forgotten_errors(rows)
    assert found.forgetting == rows[1][0] - rows[0][0] > 0.0
    with pytest.raises(ValueError, match="stdp descends no loss"):
        one_after_the_other(net, STDP(), streams, 0)


def test_phenotypes_that_are_not_shared_are_refused():
    other = build("1-4-1", lambda: DeepArtificialNeuron(2, 3), output=lambda: DeepArtificialNeuron(2, 3, drawn=1))
    with pytest.raises(ValueError, match="the network has 2 phenotypes, expected one"):
        PhenotypeLoop(DAN(MSE()), [other])
