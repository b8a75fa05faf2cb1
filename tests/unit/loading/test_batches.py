import numpy as np
import pytest
import torch

from spikelearn import BPTT, ArrayDataset, Digits, Loader, Training, build, evaluate, fit
from spikelearn.loading import Sequences, collate
from spikelearn.training import Interrupted, Processes, RunFolder


def loader(**options):
    return Loader(Digits("train"), 5, 32, indices=torch.arange(96), **options)


def training():
    torch.manual_seed(0)
    return Training.start(build("64-16-10", input_shape=(1, 8, 8)), BPTT())


def weights(of):
    return {name: value.clone() for name, value in of.network.state_dict().items()}


class Anew:
    """What can be gone through again, and has no length."""

    def __iter__(self):
        return iter(loader().epoch())


class Exhausted:
    """What gives the same generator each time."""

    def __init__(self):
        self.given = loader().epoch()

    def __iter__(self):
        return self.given


def from_torch(workers=0):
    data = torch.utils.data.Subset(Sequences(Digits("train"), 5), range(96))
    return torch.utils.data.DataLoader(data, 32, collate_fn=collate, num_workers=workers)


SOURCES = {
    "a list": lambda: list(loader().epoch()),
    "a tuple of lists": lambda: tuple([inputs, targets] for inputs, targets in loader().epoch()),
    "arrays": lambda: [(inputs.double().numpy(), targets.int().numpy()) for inputs, targets in loader().epoch()],
    "no length": Anew,
    "torch's": from_torch,
    "torch's with workers": lambda: from_torch(2),
}


@pytest.mark.parametrize("name", SOURCES)
def test_any_iterable_trains_as_a_loader_does(name):
    ours, theirs = training(), training()
    expected = fit(ours, loader(), epochs=2, validation=loader())
    found = fit(theirs, SOURCES[name](), epochs=2, validation=SOURCES[name](), watched=SOURCES[name]())
    assert found == expected
    # An array is not known to be constant in time, so its currents are summed up step by step: another rounding.
    exact = {"rtol": 1e-4, "atol": 1e-5} if name == "arrays" else {"rtol": 0, "atol": 0}
    torch.testing.assert_close(weights(theirs), weights(ours), **exact)
    assert evaluate(ours.network, SOURCES[name]()) == evaluate(ours.network, loader())


def test_a_generator_gives_one_epoch():
    one = training()
    fit(one, loader().epoch(), epochs=1, validation=loader().epoch())
    with pytest.raises(ValueError, match="loader is a generator, which gives its batches once, not 2 times"):
        fit(training(), loader().epoch(), epochs=2)
    with pytest.raises(ValueError, match="validation is a generator"):
        fit(training(), loader(), epochs=2, validation=loader().epoch())
    with pytest.raises(ValueError, match=r"no batches in epoch 2: pass what can be gone through again"):
        fit(training(), Exhausted(), epochs=2)
    used = loader().epoch()
    list(used)
    with pytest.raises(ValueError, match="no batches"):
        evaluate(one.network, used)


X, Y = torch.rand(5, 4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)

BAD = {
    "a data set": (Digits("train"), r"a data set, expected batches of it: Loader\(Digits"),
    "own arrays": (ArrayDataset(np.zeros((4, 64)), [0] * 4), r"Loader\(ArrayDataset"),
    "a tensor": (X, "loader is a Tensor, expected a Loader"),
    "a number": (3, "loader is a int"),
    "a dict": ({"inputs": X}, "loader is a dict"),
    "batch first": ([(X.transpose(0, 1), Y)], r"batch 1: .* batch first"),
    "no time": ([(X[0, :, 0, 0], Y)], r"batch 1: .*expected \[T, B, ...\]"),
    "four parts": ([(X, Y, Y, Y)], "batch 1 is a tuple of 4, expected a pair"),
    "no lengths": ([(X, Y, Y)], "batch 1: lengths go from 0 to 0, expected 1 to 5"),
    "dicts": ([{"x": X, "y": Y}], "batch 1 is a dict, expected a pair"),
    "inputs alone": ([X], "batch 1 is a Tensor, expected a pair"),
    "labels of floats": ([(X, Y.float())], "batch 1: targets have"),
    "one-hot": ([(X, torch.eye(10)[:4])], "batch 1: targets have shape"),
    "text": ([(X, ["a", "b", "c", "d"])], "targets of batch 1 have type <U1"),
    "bytes as grey levels": ([((255 * X).byte(), Y)], "bytes up to"),
    "empty": ([], "no batches"),
    "a later one": ([(X, Y), (X, Y[:3])], "batch 2: "),
}


@pytest.mark.parametrize("case", BAD)
def test_what_gives_no_batches_is_said(case):
    source, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        fit(training(), source, epochs=1)
    with pytest.raises(ValueError, match=message):
        evaluate(training().network, source)


def test_a_target_without_an_output_is_said():
    with pytest.raises(ValueError, match="targets go from 0 to 12, but the network has 10 outputs"):
        evaluate(training().network, [(X, torch.tensor([0, 1, 2, 12]))])


def test_a_list_is_resumed_exactly_and_other_iterables_not_at_all(tmp_path):
    batches = list(loader().epoch())
    whole = training()
    fit(whole, batches, epochs=3)

    class Stopping(list):
        def __iter__(self):
            for number, batch in enumerate(list.__iter__(self)):
                yield batch
                if number == 1:
                    raise Interrupted("stopped")

    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Interrupted):
        fit(training(), Stopping(batches), epochs=3, folder=folder)
    part = training()
    fit(part, batches, epochs=3, folder=folder, resume=True)
    for key, value in weights(whole).items():
        assert value.equal(weights(part)[key])
    with pytest.raises(ValueError, match="a DataLoader cannot be resumed: its order of samples is not known"):
        fit(training(), from_torch(), epochs=3, folder=folder, resume=True)


def test_processes_share_out_loaders_alone():
    with pytest.raises(ValueError, match="2 processes share out the batches of a Loader, but a list was given"):
        fit(training(), list(loader().epoch()), epochs=1, processes=Processes(0, 2, 0))
    with pytest.raises(ValueError, match="but a list was given"):
        fit(training(), loader(), epochs=1, validation=list(loader().epoch()), processes=Processes(0, 2, 0))


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_inputs_take_the_network_s_type(kind):
    network = build("64-16-10", input_shape=(1, 8, 8)).to(kind)
    before = weights(begun := Training.start(network, BPTT()))
    fit(begun, loader(), epochs=1, validation=loader())
    after = weights(begun)
    assert {value.dtype for value in after.values()} == {kind}
    assert not any(value.equal(before[name]) for name, value in after.items())
    assert evaluate(network, [(X.double(), Y)]).samples == 4
