import copy
import math

import pytest
import torch
from torch import nn

from spikelearn.plasticity import OptimizerChoice
from spikelearn.training import OPTIMIZERS, make_optimizer
from spikelearn.training.optimizers import HebbianSteps, IntegerSGD, RMaxProp, ScheduleFreeAdamW, UnitRMS

F64 = torch.float64


def stepped(optimizer, parameter, grad):
    parameter.grad = torch.full_like(parameter, grad)
    optimizer.step()


def test_unit_rms_by_hand():
    parameter = nn.Parameter(torch.zeros(1, dtype=F64))
    optimizer = UnitRMS([parameter], lr=0.1)
    stepped(optimizer, parameter, 2.0)
    square = 0.9 + 0.1 * 4.0
    first = -0.1 * 2.0 / math.sqrt(square + 1e-8)
    assert parameter.item() == pytest.approx(first, rel=1e-14)
    stepped(optimizer, parameter, -1.0)
    square = 0.9 * square + 0.1
    assert optimizer.state[parameter]["square"].item() == pytest.approx(square, rel=1e-14)
    assert parameter.item() == pytest.approx(first + 0.1 / math.sqrt(square + 1e-8), rel=1e-14)


def test_small_steps_grow_to_lr():
    parameter = nn.Parameter(torch.zeros(1, dtype=F64))
    optimizer = UnitRMS([parameter], lr=0.1)
    stepped(optimizer, parameter, 1e-2)
    assert -parameter.item() == pytest.approx(1e-3, rel=0.1)
    for _ in range(150):
        before = parameter.item()
        stepped(optimizer, parameter, 1e-2)
    assert before - parameter.item() == pytest.approx(0.1, rel=0.05)


def test_rmaxprop_by_hand():
    parameter = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer, largest, wanted = RMaxProp([parameter], lr=0.1, decay=0.5), torch.zeros(2).double(), parameter.detach()
    for grad in ([4.0, 0.0], [1.0, 2.0], [-3.0, 0.5]):
        parameter.grad = torch.tensor(grad, dtype=torch.float64)
        largest = torch.maximum(0.5 * largest, parameter.grad**2)
        wanted = wanted - 0.1 * parameter.grad / (largest.sqrt() + 1e-12)
        optimizer.step()
        torch.testing.assert_close(parameter.detach(), wanted)


@pytest.mark.parametrize("kind", [UnitRMS, RMaxProp, IntegerSGD, ScheduleFreeAdamW])
def test_a_resumed_run_goes_on_alike(kind):
    torch.manual_seed(0)
    grads = 0.4 * torch.randn(6, 5, dtype=torch.float32)

    def run(optimizer, parameter, some):
        for grad in some:
            parameter.grad = grad.clone()
            optimizer.step()

    whole, part = nn.Parameter(torch.ones(5)), nn.Parameter(torch.ones(5))
    run(kind([whole], lr=0.5), whole, grads)
    first = kind([part], lr=0.5)
    run(first, part, grads[:3])
    second = kind([part], lr=0.5)
    second.load_state_dict(first.state_dict())
    run(second, part, grads[3:])
    assert part.equal(whole)


@pytest.mark.parametrize("kind", [UnitRMS, RMaxProp, IntegerSGD, ScheduleFreeAdamW])
def test_parameters_without_a_gradient_stay(kind):
    parameter = nn.Parameter(torch.ones(2))
    optimizer = kind([parameter])
    assert optimizer.step(lambda: 3.0) == 3.0
    assert parameter.equal(torch.ones(2))


def test_integer_steps_are_right_on_average():
    parameter = nn.Parameter(torch.zeros(20000))
    optimizer = IntegerSGD([parameter])
    stepped(optimizer, parameter, -0.3)
    assert set(parameter.detach().unique().tolist()) == {0.0, 1.0}
    assert parameter.mean().item() == pytest.approx(0.3, abs=0.02)
    before = parameter.detach().clone()
    stepped(optimizer, parameter, 2.0)
    assert parameter.equal(before - 2.0), "whole steps are exact"


def test_every_parameter_and_step_is_rounded_anew():
    one, two = nn.Parameter(torch.zeros(100)), nn.Parameter(torch.zeros(100))
    optimizer = IntegerSGD([one, two])
    one.grad = two.grad = torch.full((100,), -0.5)
    optimizer.step()
    first = one.detach().clone()
    assert not one.equal(two)
    optimizer.step()
    assert not (one - first).equal(first)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: UnitRMS(p, lr=0.0), "lr is 0.0, expected a positive number"),
        (lambda p: UnitRMS(p, decay=1.0), r"decay is 1.0, expected a number in \[0, 1\)"),
        (lambda p: UnitRMS(p, eps=-1.0), "eps is -1.0"),
        (lambda p: IntegerSGD(p, lr=-1.0), "lr is -1.0"),
        (lambda p: ScheduleFreeAdamW(p, betas=(0.0, 0.9)), "the first of betas is 0.0"),
        (lambda p: ScheduleFreeAdamW(p, betas=(0.9, 1.0)), "the second of betas is 1.0"),
        (lambda p: ScheduleFreeAdamW(p, betas=0.9), "betas is 0.9, expected two numbers"),
        (lambda p: ScheduleFreeAdamW(p, betas="0.9/0.999"), "betas is '0.9/0.999', expected two numbers"),
        (lambda p: ScheduleFreeAdamW(p, weight_decay=-1.0), "weight_decay is -1.0"),
        (lambda p: IntegerSGD(p, seed=-1), "seed is -1, expected a whole number of at least 0"),
    ],
)
def test_wrong_values_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make([nn.Parameter(torch.zeros(1))])


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("adam", torch.optim.Adam, {}),
        ("adam", torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True}),
        ("adamw", torch.optim.AdamW, {}),
        ("adamw", torch.optim.AdamW, {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True}),
        ("adamax", torch.optim.Adamax, {}),
        ("adamax", torch.optim.Adamax, {"betas": (0.0, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
        ("sgd", torch.optim.SGD, {}),
        ("sgd", torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True}),
        ("sgd", torch.optim.SGD, {"momentum": 0.9, "dampening": 0.5}),
        ("rms", UnitRMS, {"decay": 0.5, "eps": 0.1}),
        ("rmaxprop", RMaxProp, {"decay": 0.5, "eps": 0.1}),
        ("integer-sgd", IntegerSGD, {"seed": 3}),
        ("schedule-free-adamw", ScheduleFreeAdamW, {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
        ("hebbian", HebbianSteps, {"power": 0.5, "scaled": False, "bias_factor": 2.0}),
    ],
)
def test_a_named_optimizer_is_the_class_with_the_same_options(name, kind, options):
    def run(make):
        parameter = nn.Parameter(torch.linspace(-3, 3, 7).round())
        optimizer = make([parameter])
        for grad in (0.5, -1.0, 2.0):
            stepped(optimizer, parameter, grad)
        return parameter.detach(), optimizer

    fused = {"fused": True} if kind in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD) else {}
    expected, theirs = run(lambda parameters: kind(parameters, lr=0.1, **options, **fused))
    found, ours = run(lambda parameters: make_optimizer(OptimizerChoice(name, 0.1, options), parameters))
    assert found.equal(expected)
    assert type(ours) is kind
    assert ours.state_dict()["param_groups"] == theirs.state_dict()["param_groups"]


def test_a_usual_rate_is_that_of_steps_that_do_not_follow_the_size_of_the_gradient():
    assert {name: OPTIMIZERS.get(name).usual_lr for name in OPTIMIZERS} == {
        **{"adam": 1e-3, "adamw": 1e-3, "adamax": 2e-3, "rms": 1e-3, "rmaxprop": 1e-3, "schedule-free-adamw": 2.5e-3},
        **{"sgd": None, "integer-sgd": None, "hebbian": None},
    }


def test_an_average_is_the_weighted_mean_of_the_steps():
    """By hand: z goes its own way, x is the mean of all z, and the parameter lies between them."""
    torch.manual_seed(0)
    start, grads = torch.randn(4, dtype=F64), torch.randn(6, 4, dtype=F64)
    parameter = nn.Parameter(start.clone())
    optimizer = ScheduleFreeAdamW([parameter], lr=0.1, betas=(0.8, 0.9), weight_decay=0.05)
    z, x, square, total = start.clone(), start.clone(), torch.zeros(4, dtype=F64), 0.0
    for k, grad in enumerate(grads, start=1):
        y = 0.2 * z + 0.8 * x
        square = 0.9 * square + 0.1 * grad**2
        rate = 0.1 * math.sqrt(1 - 0.9**k)
        total += rate**2
        z = z - rate * (grad / (square.sqrt() + 1e-8) + 0.05 * y)
        x = x + rate**2 / total * (z - x)
        parameter.grad = grad
        optimizer.step()
        torch.testing.assert_close(parameter.detach(), 0.2 * z + 0.8 * x, rtol=1e-12, atol=1e-14)
    learned = parameter.detach().clone()
    optimizer.average()
    assert optimizer.averaged
    torch.testing.assert_close(parameter.detach(), x, rtol=1e-12, atol=1e-14)
    optimizer.average()
    torch.testing.assert_close(parameter.detach(), x, rtol=1e-12, atol=1e-14)
    copied = copy.deepcopy(optimizer)
    for each in (optimizer, copied):
        each.resume()
        assert each.param_groups[0]["params"][0].equal(learned)
        assert not each.averaged


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_copy_steps_as_the_original(name):
    """Checkpoints are read into copies, which hold whatever an optimizer was made with."""
    options = {"hebbian": {"power": 0.5, "layer_factors": "1/0.5"}, "sgd": {"layer_factors": "1/0.5"}}.get(name, {})
    ends = []
    for copied in (False, True):
        torch.manual_seed(0)
        parameters = [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(3)), nn.Parameter(torch.randn(2, 3))]
        optimizer = make_optimizer(OptimizerChoice(name, 0.1, options), parameters)
        for number in range(4):
            if copied and number == 2:
                optimizer, parameters = copy.deepcopy((optimizer, parameters))
            for parameter in parameters:
                parameter.grad = torch.randn(parameter.shape)
            optimizer.step()
        ends.append([parameter.detach() for parameter in parameters])
    assert all(one.equal(two) for one, two in zip(*ends, strict=True))


def test_every_layer_of_weights_has_a_rate_that_follows_its_neurons_lengths():
    """By hand: shorter and longer than 1 alike, the second layer at half the rate, biases at a share of their own."""
    first, shift, second = (nn.Parameter(torch.tensor(v)) for v in ([[0.3, 0.4], [0.0, 3.0]], [1.0, 1.0], [[2.0]]))
    optimizer = HebbianSteps([first, shift, second], 0.1, 0.5, False, (1.0, 0.5), 0.2)
    for parameter in (first, shift, second):
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    rates = 0.1 * torch.tensor([[0.5**0.5], [2.0**0.5]])
    torch.testing.assert_close(first.detach(), torch.tensor([[0.3, 0.4], [0.0, 3.0]]) - rates, rtol=0, atol=1e-6)
    torch.testing.assert_close(shift.detach(), torch.full((2,), 1.0 - 0.02))
    torch.testing.assert_close(second.detach(), torch.tensor([[2.0 - 0.05]]), rtol=0, atol=1e-6)


def test_a_step_from_the_averages_is_one_from_the_steps():
    ends = []
    for averaged in (False, True):
        torch.manual_seed(0)
        parameter, idle = nn.Parameter(torch.randn(4)), nn.Parameter(torch.ones(2))
        optimizer = ScheduleFreeAdamW([parameter, idle], lr=0.1)
        for number in range(5):
            if averaged and number == 3:
                optimizer.average()
                assert idle.equal(torch.ones(2)), "what was never stepped is its own average"
            parameter.grad = torch.randn(4)
            optimizer.step()
        ends.append(parameter.detach())
    assert ends[0].equal(ends[1])


def test_plain_descent_has_a_rate_for_each_layer_of_weights():
    first, shift, second, last = (nn.Parameter(torch.ones(shape)) for shape in [(2, 3), (2,), (1, 2), (1, 1)])
    optimizer = make_optimizer(OptimizerChoice("sgd", 0.5, {"layer_factors": "1/0.5"}), [first, shift, second, last])
    for parameter in (first, shift, second, last):
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert [float(p.detach().max()) for p in (first, shift, second, last)] == [0.5, 0.5, 0.75, 0.75]
