import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.datasets import Digits
from spikelearn.export import NIR, Safetensors
from spikelearn.loading import Loader
from spikelearn.measure import correct, correct_unique, evaluate
from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF
from spikelearn.tasks import confused

SCORES = torch.tensor([[3.0, 1, 2], [3, 3, 1], [0, 0, 0], [1, 3, 3], [0, 1, 2]])


def test_a_tie_and_silence_are_errors_where_the_maximum_must_be_unique():
    targets = torch.tensor([0, 0, 0, 2, 1])
    assert correct(SCORES, targets) == 3
    assert correct_unique(SCORES, targets) == 1
    assert correct_unique(SCORES, torch.tensor([0, 1, 2, 1, 2])) == 2


def silent(weight):
    network = build("64-10", lambda: LIF.per_step(0.5), bias=False)
    with torch.no_grad():
        network.get_parameter("blocks.fc1.synapse.1.weight").fill_(weight)
    return network


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_both_accuracies(weight):
    """All outputs alike: class 0 wins by its number, and no one wins alone."""
    found = evaluate(silent(weight), Loader(Digits("test"), 3, 100))
    assert found.accuracy == pytest.approx((Digits("test").targets == 0).double().mean().item())
    assert found.unique_accuracy == 0.0
    assert found.samples == len(Digits("test"))
    assert set(found.rates) == {"fc1"}


def test_they_agree_where_nothing_ties():
    torch.manual_seed(0)
    network = Network({"a": Block(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), LIF.per_step(0.9))})
    network.readout = MembraneMean()
    found = evaluate(network, Loader(Digits("test"), 5, 100))
    assert found.unique_accuracy == found.accuracy


def test_the_confusion_counts_every_sample_once_and_holds_the_accuracy():
    torch.manual_seed(0)
    network = Network({"a": Block(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), LIF.per_step(0.9))})
    network.readout = MembraneMean()
    data, loader = Digits("test"), Loader(Digits("test"), 5, 100)
    found = evaluate(network, loader)
    confusion = torch.tensor(found.confusion)
    assert confusion.sum(1).tolist() == data.targets.bincount(minlength=10).tolist()
    assert int(confusion.trace()) / found.samples == found.accuracy
    with torch.no_grad():
        taken = torch.cat([network.scores(network.run(inputs)[0]).argmax(1) for inputs, _ in loader.epoch()])
    pairs = list(zip(data.targets.tolist(), taken.tolist(), strict=True))
    assert confusion.tolist() == [[pairs.count((c, k)) for k in range(10)] for c in range(10)]


def test_a_tie_is_counted_for_the_lowest_class():
    assert confused(torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), torch.tensor([1, 2])).tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
    ]


class MembraneMean(nn.Module):
    def forward(self, output):
        return output.v.mean(0)


class Counted(nn.Module):
    """A reparametrisation that counts how often it is computed, and moves a buffer each time."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.register_buffer("moved", torch.zeros(()))

    def forward(self, weight):
        self.calls += 1
        self.moved += 1
        return weight


def test_reparametrised_weights_are_computed_once_a_batch_and_buffers_stay():
    network = build("64-10", lambda: LIF.per_step(0.5))
    counted = Counted()
    parametrize.register_parametrization(network.blocks["fc1"].synapse[1], "weight", counted)
    counted.calls = 0
    before = counted.moved.clone()
    evaluate(network, Loader(Digits("test"), 3, 100))
    assert counted.calls == 4, "360 samples in batches of 100"
    assert counted.moved.equal(before)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["blocks.fc1.synapse.1.weight", "blocks.fc2.synapse.1.bias"])
def test_weights_that_are_not_finite_are_named_and_neither_evaluated_nor_exported(bad, name, tmp_path):
    network = build("64-8-10", input_shape=(1, 8, 8))
    with torch.no_grad():
        network.get_parameter(name).view(-1)[3] = bad
    loader = Loader(Digits("test"), 3, 100)
    refused = [
        lambda: evaluate(network, loader),
        lambda: Safetensors().write(network, tmp_path / "w.safetensors", (1, 8, 8), {}),
        lambda: NIR().write(network, tmp_path / "w.nir", (1, 8, 8), {}),
    ]
    for call in refused:
        with pytest.raises(ValueError, match=f"{name} is (nan|inf) at"):
            call()
    assert not list(tmp_path.iterdir())


def test_buffers_and_states_that_are_not_finite_are_named():
    network = build("64-8-10", input_shape=(1, 8, 8), batch_norm=True).eval()
    buffer = next(name for name, _ in network.named_buffers() if name.endswith("running_var"))
    network.get_buffer(buffer)[0] = float("nan")
    with pytest.raises(ValueError, match=f"{buffer} is nan"):
        evaluate(network, Loader(Digits("test"), 3, 100))
    network = build("64-8-10", input_shape=(1, 8, 8))
    x = torch.zeros(3, 2, 1, 8, 8)
    _, state = network.run(x)
    state.neurons["fc2"].v[1, 2] = float("inf")
    with pytest.raises(ValueError, match=r"neurons.fc2.0 is inf at \[1, 2\]"):
        network.run(x, state)
    x[1, 0, 0, 2, 2] = float("nan")
    with pytest.raises(ValueError, match=r"inputs is nan at \[1, 0, 0, 2, 2\]"):
        network.run(x)


def test_targets_without_an_output_are_refused():
    with pytest.raises(ValueError, match="targets"):
        evaluate(build("64-8", input_shape=(1, 8, 8)), Loader(Digits("test"), 3, 360))


def test_counts_of_many_classes_do_not_fill_the_screen():
    network = build("64-5-10", input_shape=(1, 8, 8))
    found = evaluate(network, Loader(Digits("test"), 2, 360))
    assert repr(found).endswith("samples=360, confusion=<10 classes>)")
    assert repr(found).startswith(f"Evaluation(accuracy={found.accuracy}, unique_accuracy=")
