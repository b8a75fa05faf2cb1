"""A state from elsewhere: everything in it is checked before anything is used."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikelearn.datasets import Digits
from spikelearn.hardware import Device
from spikelearn.loading import Loader
from spikelearn.network import build
from spikelearn.plasticity import DFA, Batch, OptimizerChoice
from spikelearn.sparsity import PRUNINGS
from spikelearn.training import (
    NonFiniteUpdate,
    Position,
    RunFolder,
    Training,
    fit,
    learn,
    load_checkpoint,
    make_schedule,
    save_checkpoint,
)


def training():
    """One with all that a training can carry."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build("6-8-3")
    made = Training.start(network, DFA(), hardware=Device(d2d=0.1))
    made.schedule = make_schedule("one-cycle", made.optimizer, 20)
    made.pruning = PRUNINGS.make("global:sparsity=0.5,start=0.1,end=0.5,gradual=true")
    made.pruning.begin(network, 20)
    return made


def batch():
    return Batch((torch.rand(5, 4, 6) < 0.5).float(), torch.arange(4) % 3)


def advanced():
    made = training()
    for _ in range(5):
        learn(made, batch())
        made.schedule.step()
    return made


STATE = copy.deepcopy(advanced().state_dict())


def places(value, path=()):
    """Paths to everything in a state; of long lists, the first parts."""
    parts = (
        value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list | tuple) else ()
    )
    return [path] * bool(path) + [place for key, part in parts for place in places(part, (*path, key))]


def changed(value, path, change):
    if not path:
        return change(value)
    whole = list(value) if isinstance(value, list | tuple) else dict(value)
    if change is None and len(path) == 1:
        del whole[path[0]]
    else:
        whole[path[0]] = changed(whole[path[0]], path[1:], change)
    return tuple(whole) if isinstance(value, tuple) else whole


ELSE = [None, "x", True, 7, -3, 2.5, float("nan"), float("inf"), 10**30, [1], {"a": 1}, torch.zeros(3), torch.zeros(0)]
CHANGES = {f"becomes {value!r}": lambda _, value=value: value for value in ELSE} | {
    "is gone": None,
    "is wider": lambda x: torch.cat([x, x]) if isinstance(x, torch.Tensor) and x.ndim else [x, x],
    "is transposed": lambda x: x.t() if isinstance(x, torch.Tensor) and x.ndim == 2 else (x,),
    "lies otherwise": lambda x: x.t().contiguous().t() if isinstance(x, torch.Tensor) and x.ndim == 2 else (x,),
    "is one value": lambda x: x.new_zeros(()).expand(x.shape) if isinstance(x, torch.Tensor) else 0,
    "is NaN": lambda x: x * float("nan") if isinstance(x, torch.Tensor) else "nan",
    "is double": lambda x: x.double() if isinstance(x, torch.Tensor) else {"x": x},
    "is sparse": lambda x: x.to_sparse() if isinstance(x, torch.Tensor) and x.ndim else [],
    "is full of -1": lambda x: torch.full_like(x, -1) if isinstance(x, torch.Tensor) and x.dtype != torch.bool else -1,
}


@settings(deadline=None)
@given(st.sampled_from(places(STATE)), st.sampled_from(sorted(CHANGES)))
def test_a_changed_state_is_refused_and_nothing_written_or_it_is_one_to_go_on_from(path, kind):
    made, state = training(), changed(STATE, path, CHANGES[kind])
    before = copy.deepcopy(made.state_dict()["network"])
    try:
        made.load_state_dict(state)
    except ValueError:
        assert all(value.equal(before[name]) for name, value in made.network.state_dict().items())
        return
    try:
        learn(made, batch())
        made.schedule.step()
    except NonFiniteUpdate:
        assert kind == "is full of -1"  # a mean of squares that is negative


def test_the_state_as_it_is_goes_on_as_the_training_that_left_it():
    left, made, seen = advanced(), training(), batch()
    made.load_state_dict(copy.deepcopy(left.state_dict()))
    learn(left, seen)
    learn(made, seen)
    expected = left.network.state_dict()
    for name, value in made.network.state_dict().items():
        assert value.equal(expected[name]), name
        assert not value.is_floating_point() or not value.equal(STATE["network"][name]), "one more batch was learned"


@pytest.mark.parametrize("shape", [(3,), (8, 7), (0,), (8, 6, 1)])
def test_an_optimizer_s_state_of_another_shape_is_refused(shape):
    state = copy.deepcopy(STATE)
    state["optimizer"]["state"][0]["exp_avg"] = torch.zeros(shape)
    with pytest.raises(ValueError, match=r"optimizer.state\[0\].exp_avg has shape .*of another network"):
        training().load_state_dict(state)


@pytest.mark.parametrize(
    "value", [torch.zeros(6, 8).t(), torch.zeros(()).expand(8, 6), torch.zeros(100)[:96].as_strided((8, 6), (12, 2))]
)
def test_an_optimizer_s_state_that_lies_otherwise_is_refused(value):
    state = copy.deepcopy(STATE)
    state["optimizer"]["state"][0]["exp_avg"] = value
    with pytest.raises(ValueError, match=r"optimizer.state\[0\].exp_avg lies in memory with strides"):
        training().load_state_dict(state)


def test_a_generator_s_position_beyond_its_words_is_refused():
    state = copy.deepcopy(STATE)
    state["random"]["numpy"][2] = 10**6
    with pytest.raises(ValueError, match="no state of numpy's generator"):
        training().load_state_dict(state)


POSITION = {
    "epoch": 1, "batch": 0, "seen": 0, "hits": 0, "loss": 0.0, "has_loss": False, "rates": {}, "metrics": {},
    "seconds": 0.0, "best_accuracy": -1.0, "best_epoch": 0, "stopped": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{name: value} for name in POSITION for value in (None, "x", float("nan"), torch.zeros(2), [1])]
    + [{name: -2} for name in ("epoch", "batch", "seen", "hits", "seconds", "best_epoch")]
    + [{"more": 1}, {"batch": 99}, {"seen": 5}, {"hits": 5}, {"epoch": 10**30}, {"batch": 1, "seen": 512, "hits": 513}],
)
def test_a_checkpoint_that_stands_nowhere_is_refused(tmp_path, change):
    with pytest.raises(ValueError, match=r"position|cannot be|lacks epochs"):
        stand(tmp_path, POSITION | change)


def stand(path, position):
    folder = RunFolder(path)
    made = Training.start(build("64-10", input_shape=(1, 8, 8)), DFA())
    folder.append_metrics({"epoch": 1, "accuracy": 0.5, "samples_per_second": 9.0, "rates": {}})
    state = {"training": made.state_dict(), "position": position, "about": {}, "metrics": folder.metrics_digest(1)}
    save_checkpoint(folder.checkpoint, state)
    fit(made, Loader(Digits("train"), 2, 512), epochs=1, folder=folder, resume=True)


def test_the_position_as_it_is_goes_on(tmp_path):
    stand(tmp_path, POSITION)
    assert Position.of(POSITION) == Position(**POSITION)


@pytest.mark.parametrize("state", [{}, {"training": 3}, {"training": {}, "position": [], "about": {}}])
def test_a_checkpoint_without_its_parts_is_refused(tmp_path, state):
    folder = RunFolder(tmp_path)
    save_checkpoint(folder.checkpoint, state)
    made = Training.start(build("64-10", input_shape=(1, 8, 8)), DFA())
    with pytest.raises(ValueError, match=r"checkpoint.pt is of another version"):
        fit(made, Loader(Digits("train"), 2, 512), epochs=1, folder=folder, resume=True)


def lost(epochs, folder=None):
    """A training whose optimizer makes NaN of a finite gradient: Adam without its epsilon."""
    network = build("64-8-10", input_shape=(1, 8, 8))
    choice = OptimizerChoice("adam", 1e-3, {"eps": 0.0})
    fit(
        Training.start(network, DFA(), optimizer=choice),
        Loader(Digits("train"), 3, 2000),
        epochs=epochs,
        validation=Loader(Digits("test"), 3, 360),
        folder=folder,
    )


def test_weights_that_the_last_step_made_nan_are_found():
    with pytest.raises(NonFiniteUpdate, match=r"epoch 1, behind batch 1: blocks.fc1.synapse.1.weight is not finite"):
        lost(1)


def test_nothing_that_is_not_finite_is_saved(tmp_path):
    """The optimizer's square overflows while the weights stay finite: they are divided by infinity."""
    folder = RunFolder(tmp_path)
    made = Training.start(build("64-10", input_shape=(1, 8, 8)), DFA())
    loader = Loader(Digits("train"), 3, 2000)

    def overflow(network):
        for parameter in network.parameters():
            parameter.grad.mul_(1e30)

    made.before_step = overflow
    with pytest.raises(NonFiniteUpdate, match=r"epoch 1, behind batch 1: the optimizer's state of parameter 0"):
        fit(made, loader, epochs=1, folder=folder)
    assert all(bool(value.isfinite().all()) for value in made.network.state_dict().values())
    assert not folder.read_metrics()
    kept = load_checkpoint(folder.checkpoint)
    assert kept["position"]["batch"] == kept["position"]["epoch"] == 0
    fit(Training.start(build("64-10", input_shape=(1, 8, 8)), DFA()), loader, epochs=1, folder=folder, resume=True)
    assert len(folder.read_metrics()) == 1
