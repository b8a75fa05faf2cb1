"""``learn`` and ``Training``: the one place that writes."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, STDP, Batch, OptimizerChoice, Rule, Update
from spikelearn.training import Bounds, IncomingNorm, NonFiniteUpdate, Training, learn, make_optimizer, make_schedule


def batch(features=4):
    return Batch((torch.rand(5, 6, features) < 0.5).float(), torch.arange(6) % 3)


class Scripted(Rule):
    """Yields what it is given."""

    default_optimizer = OptimizerChoice("sgd", 1.0)

    def __init__(self, *updates, memory=None):
        self.script, self.memory = updates, memory or {}

    def init(self, network, generator):
        return dict(self.memory)

    def updates(self, network, batch, memory, generator):
        yield from (make(network, memory) for make in self.script)


def grads(network, value):
    return {name: torch.full_like(p, value) for name, p in network.named_parameters()}


def scores():
    return torch.zeros(6, 3)


def test_every_update_is_applied_before_the_next():
    network = build("4-3")
    seen = []

    def step(network, memory):
        seen.append(network.get_parameter("blocks.fc1.synapse.1.weight").detach().clone())
        return Update(grads(network, 0.5), scores())

    training = Training.start(network, Scripted(step, step, step))
    learn(training, batch())
    torch.testing.assert_close(seen[0] - seen[2], torch.ones_like(seen[0]))


def test_the_convention_is_minus_the_desired_change():
    network = build("4-3")
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    learn(Training.start(network, Scripted(lambda n, m: Update(grads(n, 0.25), scores()))), batch())
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] - 0.25)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_changes_that_are_views_are_applied_entry_by_entry(optimizer):
    """A slice, a transpose and an expanded row lie otherwise in memory than the weights that they change."""
    torch.manual_seed(0)
    wide = torch.randn(3, 5)
    views = [wide[:, :-1], torch.randn(4, 3).t(), torch.randn(3, 1).expand(3, 4)]
    for view in views:
        found = []
        for grad in (view, view.contiguous()):
            network = build("4-3", generator=torch.Generator().manual_seed(1))
            name = "blocks.fc1.synapse.1.weight"
            memory = {"b": torch.zeros(3, 4)}
            rule = Scripted(lambda n, m, g=grad: Update({name: g}, scores(), own={"b": g}), memory=memory)  # noqa: B023
            rule.default_own_optimizer = OptimizerChoice(optimizer, 0.1)
            training = Training.start(network, rule, optimizer=OptimizerChoice(optimizer, 0.1))
            learn(training, batch())
            found.append((network.get_parameter(name).detach(), training.memory["b"]))
        assert all(one.equal(other) for one, other in zip(*found, strict=True))


def test_own_tensors_buffers_and_memory():
    class Own(Scripted):
        default_own_optimizer = OptimizerChoice("sgd", 0.1)

    network = Network({"a": Block(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), LIF())})
    memory = {"feedback": torch.ones(2), "mean": torch.zeros(1)}

    def step(network, memory):
        return Update(
            {}, scores(), own={"feedback": torch.full((2,), 3.0)}, memory={"mean": torch.tensor([7.0])},
            buffers={"blocks.a.synapse.1.running_mean": torch.full((3,), 9.0)},
        )  # fmt: skip

    training = Training.start(network, Own(step, memory=memory))
    learn(training, batch())
    torch.testing.assert_close(training.memory["feedback"], torch.full((2,), 0.7))
    assert training.memory["mean"].item() == 7.0
    assert network.blocks["a"].synapse[1].running_mean.tolist() == [9.0] * 3


def test_reduce_sees_every_dict_and_constraints_come_last():
    network, order = build("4-3"), []
    training = Training.start(network, Scripted(lambda n, m: Update(grads(n, 1.0), scores())), constraints=[lambda n, names: order.append("constraint")])  # fmt: skip
    training.reduce = lambda tensors: {name: value / 2 for name, value in tensors.items()}
    training.before_step = lambda n: order.append(n.get_parameter("blocks.fc1.synapse.1.bias").grad.tolist())
    learn(training, batch())
    assert order == [[0.5, 0.5, 0.5], "constraint"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda n, m: Update(grads(n, 1.0), scores(), torch.tensor(float("nan"))), NonFiniteUpdate, "the loss is nan"),
        (lambda n, m: Update(grads(n, float("inf")), scores()), NonFiniteUpdate, "is not finite"),
        (lambda n, m: Update({"blocks.x": torch.ones(1)}, scores()), ValueError, "the parameter 'blocks.x', which does not exist"),
        (lambda n, m: Update({"blocks.fc1.synapse.1.bias": torch.ones(4)}, scores()), ValueError, r"has shape \[4\], expected \[3\]"),
        (lambda n, m: Update({}, scores(), own={"w": torch.ones(1)}), ValueError, "no own_optimizer"),
        (lambda n, m: Update({}, scores(), memory={"w": torch.ones(1)}), ValueError, "the memory 'w', which does not exist"),
    ],
)  # fmt: skip
def test_a_bad_update_is_refused_and_nothing_written(make, error, message):
    network = build("4-3")
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    with pytest.raises(error, match=message):
        learn(Training.start(network, Scripted(make)), batch())
    assert all(p.equal(before[n]) for n, p in network.named_parameters())


def test_a_rule_that_yields_nothing_is_refused():
    with pytest.raises(ValueError, match="yielded no update"):
        learn(Training.start(build("4-3"), Scripted()), batch())


def test_each_rule_declares_its_optimizer():
    assert isinstance(Training.start(build("4-3"), BPTT()).optimizer, torch.optim.Adam)
    assert isinstance(Training.start(build("4-3"), STDP()).optimizer, torch.optim.SGD)
    chosen = Training.start(build("4-3"), BPTT(), optimizer=OptimizerChoice("sgd", 0.3, {"momentum": 0.9}))
    assert chosen.optimizer.param_groups[0]["momentum"] == 0.9


def test_optimizers_and_schedules_are_checked():
    parameters = [torch.ones(1, requires_grad=True)]
    with pytest.raises(ValueError, match="unknown optimizer 'adm'.*did you mean"):
        make_optimizer(OptimizerChoice("adm", 0.1), parameters)
    with pytest.raises(ValueError, match="lr is 0"):
        make_optimizer(OptimizerChoice("adam", 0), parameters)
    with pytest.raises(ValueError, match="has no option 'momentum'"):
        make_optimizer(OptimizerChoice("adam", 0.1, {"momentum": 1}), parameters)
    optimizer = make_optimizer(OptimizerChoice("sgd", 0.1), parameters)
    with pytest.raises(ValueError, match="unknown schedule 'steps'"):
        make_schedule("steps", optimizer, 10)
    assert make_schedule("constant", optimizer, 10) is None
    cosine = make_schedule("cosine", optimizer, 10)
    for _ in range(10):
        optimizer.step()
        cosine.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-12)


def test_bounds_and_norms():
    network = build("4-3")
    bias = network.get_parameter("blocks.fc1.synapse.1.bias")
    with torch.no_grad():
        for p in network.parameters():
            p.fill_(5.0)
    names = [name for name, _ in network.named_parameters()]
    Bounds(-1.0, 0.5)(network, [])
    assert network.get_parameter("blocks.fc1.synapse.1.weight").max() == 5.0
    Bounds(-1.0, 0.5)(network, names)
    assert network.get_parameter("blocks.fc1.synapse.1.weight").max() == 0.5
    assert bias.max() == 5.0
    IncomingNorm(8.0)(network, names)
    assert network.get_parameter("blocks.fc1.synapse.1.weight").abs().sum(1).tolist() == [8.0] * 3
    with pytest.raises(ValueError, match="low < high"):
        Bounds(1.0, 0.0)
    with pytest.raises(ValueError, match="total is 0"):
        IncomingNorm(0)


def test_state_of_another_network_or_rule_is_refused():
    training = Training.start(build("4-3"), BPTT())
    other = Training.start(build("4-5-3"), BPTT())
    with pytest.raises(ValueError, match="the weights are of another network: blocks.fc1.synapse.1.bias has shape"):
        training.load_state_dict(other.state_dict())
    remembering = Training.start(build("4-3"), Scripted(memory={"m": torch.ones(1)}))
    with pytest.raises(ValueError, match="of a training with rule Scripted, this one has BPTT"):
        training.load_state_dict(remembering.state_dict())


def test_constraints_touch_only_what_the_step_changed():
    network = build("4-5-3")
    network.get_parameter("blocks.fc2.synapse.1.weight").requires_grad_(False)
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    learn(Training.start(network, BPTT(), constraints=[Bounds(-0.01, 0.01)]), batch())
    assert network.get_parameter("blocks.fc1.synapse.1.weight").abs().max() <= 0.01
    assert network.get_parameter("blocks.fc2.synapse.1.weight").equal(before["blocks.fc2.synapse.1.weight"])


def test_constraints_refuse_reparametrised_weights():
    network = Network({"a": Block(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), LIF.per_step(0.5))})
    with pytest.raises(ValueError, match="which a constraint cannot set"):
        learn(Training.start(network, BPTT(), constraints=[IncomingNorm(2.0)]), batch())


def test_a_target_without_an_output_is_named():
    data = Batch(torch.rand(5, 6, 4), torch.arange(6))
    with pytest.raises(ValueError, match="targets go from 0 to 5, but the network has 3 outputs"):
        learn(Training.start(build("4-3"), BPTT()), data)


def test_stdp_trains_reparametrised_synapses():
    network = Network({"a": Block(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), LIF.per_step(0.5))})
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    learn(Training.start(network, STDP(0.1, 0.05, teacher=3.0)), batch())
    assert not network.get_parameter("blocks.a.synapse.parametrizations.weight.original").equal(
        before["blocks.a.synapse.parametrizations.weight.original"]
    )


def test_one_cycle_leaves_momentum_alone():
    optimizer = make_optimizer(OptimizerChoice("sgd", 0.1), [torch.ones(1, requires_grad=True)])
    make_schedule("one-cycle", optimizer, 10)
    assert optimizer.param_groups[0]["momentum"] == 0
