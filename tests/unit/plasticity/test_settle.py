"""The solver of fixed points against solutions that are known."""

import math

import pytest
import torch

from spikelearn.plasticity.equilibrium.dynamics.settle import Settled, settle

F64 = torch.float64


def contraction(size, norm, seed=0):
    """A matrix of this spectral norm."""
    drawn = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=F64)
    return norm * drawn / torch.linalg.matrix_norm(drawn, ord=2)


def linear_case(size=12, samples=5, norm=0.9):
    """x = M x + g, row by row, and its solution."""
    matrix, given = contraction(size, norm), torch.randn(samples, size, dtype=F64)
    solution = torch.linalg.solve(torch.eye(size, dtype=F64) - matrix, given.T).T
    return lambda x: x @ matrix.T + given, solution


class Counted:
    """f, and everything it was called with."""

    def __init__(self, f):
        self.f, self.seen = f, []

    def __call__(self, x):
        self.seen.append(x.clone())
        return self.f(x)


@pytest.mark.parametrize("norm", [0.3, 0.9, 0.99])
def test_a_linear_fixed_point_is_that_of_a_direct_solve(norm):
    f, solution = linear_case(norm=norm)
    found = settle(f, torch.zeros_like(solution), iterations=200)
    torch.testing.assert_close(found.x, solution, rtol=1e-9, atol=1e-9)
    assert found.residual <= 1e-12
    assert found.iterations < 200


def test_images_are_solved_as_vectors():
    kernel = 0.1 * torch.randn(2, 2, 3, 3, dtype=F64)
    given = torch.randn(3, 2, 5, 5, dtype=F64)

    def back(x):
        return torch.nn.functional.conv2d(x, kernel, padding=1)

    found = settle(lambda x: back(x) + given, given, iterations=100)
    columns = torch.stack([back(unit.view(1, 2, 5, 5)).flatten() for unit in torch.eye(50, dtype=F64)], dim=1)
    expected = torch.linalg.solve(torch.eye(50, dtype=F64) - columns, given.flatten(1).T).T
    assert found.x.shape == given.shape
    torch.testing.assert_close(found.x.flatten(1), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("f", "start", "expected"),
    [
        (torch.cos, 1.0, 0.7390851332151607),
        (lambda x: 0.5 * (x + 2 / x), 1.0, math.sqrt(2)),
        (lambda x: torch.exp(-x), 0.5, 0.5671432904097838),
        (lambda x: (0.5 * x + 0.3).clamp(0, 1), 0.0, 0.6),
        (lambda x: (0.5 * x + 3.0).clamp(0, 1), 0.0, 1.0),
    ],
    ids=["cos", "root of two", "omega", "inside the clamp", "clamped"],
)
def test_nonlinear_fixed_points_in_closed_form(f, start, expected):
    found = settle(f, torch.full((3, 4), start, dtype=F64), iterations=60)
    torch.testing.assert_close(found.x, torch.full((3, 4), expected, dtype=F64), rtol=1e-11, atol=1e-11)


def test_a_nonlinear_system():
    """x = tanh(M x + g): the plain iteration, run long enough, has the same limit."""
    matrix, given = contraction(8, 0.8), torch.randn(4, 8, dtype=F64)

    def f(x):
        return torch.tanh(x @ matrix.T + given)

    limit = torch.zeros(4, 8, dtype=F64)
    for _ in range(500):
        limit = f(limit)
    torch.testing.assert_close(settle(f, torch.zeros_like(limit), iterations=60).x, limit, rtol=1e-10, atol=1e-10)


def test_it_is_faster_than_the_plain_iteration():
    factors, given = torch.linspace(0.5, 0.99, 12, dtype=F64), torch.randn(5, 12, dtype=F64)
    mixed, plain = (settle(lambda x: factors * x + given, given, iterations=60, history=n) for n in (5, 0))
    assert mixed.residual < 1e-4 * plain.residual
    torch.testing.assert_close(mixed.x, given / (1 - factors), rtol=1e-4, atol=1e-4)


def test_enough_history_solves_a_linear_system_as_gmres_does():
    """n unknowns: n + 2 evaluations."""
    f, solution = linear_case(size=6, norm=3.0)
    found = settle(f, torch.zeros_like(solution), iterations=8, history=6)
    torch.testing.assert_close(found.x, solution, rtol=1e-6, atol=1e-6)


def test_two_steps_by_hand():
    """f(x) = x / 2 + 1 in one dimension: the first difference gives the fixed point 2 exactly."""
    f = Counted(lambda x: 0.5 * x + 1.0)
    found = settle(f, torch.zeros(1, 1, dtype=F64), iterations=3)
    assert [x.item() for x in f.seen] == pytest.approx([0.0, 1.0, 2.0], abs=1e-12)
    assert found.x.item() == pytest.approx(2.0, abs=1e-12)
    assert found.iterations == 3


@pytest.mark.parametrize("iterations", [1, 2, 7])
def test_without_history_it_is_the_plain_iteration(iterations):
    matrix, given = contraction(5, 0.7), torch.randn(3, 5, dtype=F64)
    f = Counted(lambda x: x @ matrix.T + given)
    found = settle(f, given, iterations=iterations, history=0, tolerance=0.0)
    x = given
    for seen in f.seen:
        assert seen.equal(x)
        last, x = x, x @ matrix.T + given
    assert len(f.seen) == found.iterations == iterations
    assert found.x.equal(last)


@pytest.mark.parametrize("history", [0, 1, 3])
def test_a_sample_does_not_depend_on_the_others(history):
    """All samples take the same number of steps where nothing stops them; apart from that each goes its own way."""
    matrix, given = contraction(7, 0.8), torch.randn(6, 7, dtype=F64)
    given[1] *= 1e6
    given[4] *= 1e-6

    def solved(part):
        own = given[part]
        return settle(lambda x: torch.tanh(x @ matrix.T) + own, own, iterations=6, history=history, tolerance=0.0).x

    whole = solved(slice(None))
    for sample in range(6):
        torch.testing.assert_close(whole[sample : sample + 1], solved(slice(sample, sample + 1)), rtol=1e-9, atol=0.0)


def test_the_order_of_samples_does_not_matter():
    matrix, given = contraction(7, 0.8), torch.randn(6, 7, dtype=F64)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    found, permuted = (settle(lambda x, g=g: x @ matrix.T + g, g) for g in (given, given[order]))
    torch.testing.assert_close(found.x[order], permuted.x, rtol=1e-10, atol=1e-12)
    assert found.iterations == permuted.iterations


def test_samples_that_are_there_already_and_zero_ones_stay_numbers():
    matrix, given = contraction(5, 0.9), torch.randn(4, 5, dtype=F64)
    given[0] = 0.0
    solution = torch.linalg.solve(torch.eye(5, dtype=F64) - matrix, given.T).T
    start = torch.randn(4, 5, dtype=F64)
    start[0], start[2] = 0.0, solution[2]
    found = settle(lambda x: x @ matrix.T + given, start, iterations=100, tolerance=1e-14)
    assert torch.isfinite(found.x).all()
    assert found.x[0].abs().max() == 0
    torch.testing.assert_close(found.x, solution, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_iterating_on_long_after_convergence_does_no_harm(dtype):
    matrix, given = contraction(5, 0.5).to(dtype), torch.randn(4, 5, dtype=dtype)
    found = settle(lambda x: x @ matrix.T + given, given, iterations=300, tolerance=0.0)
    expected = torch.linalg.solve(torch.eye(5, dtype=dtype) - matrix, given.T).T
    assert found.iterations <= 300
    torch.testing.assert_close(found.x, expected, rtol=1e-4 if dtype == torch.float32 else 1e-11, atol=1e-6)


def test_a_start_that_is_the_answer_takes_one_evaluation():
    found = settle(lambda x: x, torch.randn(3, 4))
    assert (found.residual, found.iterations) == (0.0, 1)
    zero = settle(lambda x: 0.5 * x, torch.zeros(3, 4))
    assert zero.x.abs().max() == 0
    assert zero.residual == 0.0


def test_the_best_iterate_is_returned_not_the_last():
    """Residuals 4, 1, 9, 16 at the iterates 0, 4, 5, 14."""
    moves = iter([4.0, 1.0, 9.0, 16.0])
    f = Counted(lambda x: x + next(moves))
    found = settle(f, torch.zeros(1, 1, dtype=F64), iterations=4, history=0)
    assert [x.item() for x in f.seen] == [0.0, 4.0, 5.0, 14.0]
    assert found == Settled(found.x, 0.25, 4)
    assert found.x.item() == 4.0


def test_the_residual_is_that_of_the_answer_over_the_batch():
    f, solution = linear_case(norm=0.95)
    start = torch.randn_like(solution)
    found = settle(f, start, iterations=9)
    expected = (f(found.x) - found.x).norm() / (f(start) - start).norm()
    assert found.residual == pytest.approx(expected.item(), rel=1e-12)


def test_no_iterations_give_the_start():
    start = torch.randn(3, 4)
    found = settle(lambda _: pytest.fail("f was called"), start, iterations=0)
    assert found.x is start
    assert (found.residual, found.iterations) == (1.0, 0)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6, 1e-10])
def test_it_stops_at_the_tolerance(tolerance):
    f, solution = linear_case(norm=0.9)
    start = torch.zeros_like(solution)
    first = f(start).norm()
    seen = Counted(f)
    found = settle(seen, start, iterations=200, tolerance=tolerance)
    residuals = [float((f(x) - x).norm() / first) for x in seen.seen]
    assert residuals[-1] <= tolerance
    assert all(residual > tolerance for residual in residuals[:-1])
    assert found.residual == pytest.approx(residuals[-1], rel=1e-9)
    assert found.iterations == len(residuals)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (F64, 1e-12)])
def test_the_default_tolerance_follows_the_type(dtype, tolerance):
    given = torch.full((1, 1), 1.0, dtype=dtype)
    found = settle(lambda x: 0.5 * x + given, torch.zeros_like(given), iterations=200, history=0)
    # The residual halves at every step, in exact arithmetic.
    assert found.iterations == 1 + math.ceil(-math.log2(tolerance))
    assert found.residual == 2.0 ** -(found.iterations - 1)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 3.0 * x + 1.0,
        lambda x: x.square() + 1.0,
        lambda x: 1e200 * x + 1.0,
        lambda x: torch.exp(x) * 1e3,
        lambda x: x + 1.0,
        lambda x: -x + torch.rand_like(x),
        lambda x: x / 0.0,
        lambda x: torch.full_like(x, torch.nan),
    ],
    ids=["expanding", "no fixed point", "overflow", "explosion", "shift", "noise", "infinite", "nan"],
)
@pytest.mark.parametrize("history", [0, 5])
def test_what_does_not_contract_ends_with_a_number(f, history):
    start = torch.ones(3, 4, dtype=F64)
    found = settle(f, start, iterations=40, history=history)
    assert found.x.shape == start.shape
    assert torch.isfinite(found.x).all()
    assert 1 <= found.iterations <= 40


def test_an_expanding_linear_map_is_solved_all_the_same():
    found = settle(lambda x: 3.0 * x + 1.0, torch.zeros(2, 3, dtype=F64), iterations=10)
    torch.testing.assert_close(found.x, torch.full((2, 3), -0.5, dtype=F64))


def test_one_bad_sample_does_not_spoil_the_others():
    """A sample that runs away makes the batch's residual grow, but its numbers stay its own."""
    factors = torch.tensor([[0.5], [0.5], [0.5]], dtype=F64)

    def f(x):
        value = factors * x + 1.0
        value[1] = x[1].square() + 1.0
        return value

    seen = Counted(f)
    settle(seen, torch.zeros(3, 1, dtype=F64), iterations=20)
    last = seen.seen[-1]
    torch.testing.assert_close(last[[0, 2]], torch.full((2, 1), 2.0, dtype=F64))


def test_more_history_than_iterations_or_unknowns():
    f, solution = linear_case(size=2, norm=0.9)
    found = settle(f, torch.zeros_like(solution), iterations=40, history=30)
    torch.testing.assert_close(found.x, solution, rtol=1e-9, atol=1e-9)


def test_nothing_is_kept_for_the_gradient():
    start = torch.randn(2, 3, requires_grad=True)
    found = settle(lambda x: 0.5 * x + start, start)
    assert not found.x.requires_grad


def test_the_start_is_not_written_to():
    start = torch.randn(3, 4)
    kept = start.clone()
    settle(lambda x: 0.5 * x + 1, start)
    assert start.equal(kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": -1}, "iterations is -1, expected a whole number of at least 0"),
        ({"iterations": 2.0}, "iterations is 2.0"),
        ({"history": -1}, "history is -1, expected a whole number of at least 0"),
    ],
)
def test_counts_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        settle(lambda x: x, torch.zeros(1, 1), **options)
