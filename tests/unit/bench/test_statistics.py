"""Every number against a hand computation, or a program that computes it another way."""

import math

import numpy as np
import pytest
import scipy

from spikelearn.bench.analyse.power import pairs_needed
from spikelearn.bench.analyse.statistics import Mean, differences, means

RNG = np.random.default_rng(7)
BPTT = {seed: 97 + value for seed, value in enumerate(RNG.normal(0, 0.3, 8))}


def _shifted(by, noise, seeds=range(8), start=0):
    generator = np.random.default_rng(start)
    return {seed: BPTT[seed] + by + noise * generator.normal() for seed in seeds}


def test_mean_sd_and_t_interval():
    values = [96.8, 97.1, 97.3, 96.9, 97.4]
    (found,) = means([values])
    assert (found.n, found.mean) == (5, pytest.approx(np.mean(values)))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.interval == pytest.approx(tuple(scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)))
    assert found.interval[0] < found.bootstrap[0] < found.mean < found.bootstrap[1] < found.interval[1]


def _bca(values, level, draws):
    """Efron & Tibshirani, An Introduction to the Bootstrap, 1993, equations 14.10 to 14.15, with all n^n draws."""
    drawn = np.sort(draws.mean(1))
    below = (drawn < values.mean()).mean() + (drawn == values.mean()).mean() / 2
    left_out = np.array([np.delete(values, i).mean() for i in range(len(values))])
    off = left_out.mean() - left_out
    a = (off**3).sum() / (6 * (off**2).sum() ** 1.5)
    z0 = scipy.stats.norm.ppf(below)
    z = z0 + scipy.stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
    return np.quantile(drawn, scipy.stats.norm.cdf(z0 + z / (1 - a * z)))


def test_bootstrap_is_bca_over_all_draws():
    values = np.array([95.0, 96.5, 97.0, 97.2, 97.3])
    grid = np.stack(np.meshgrid(*[values] * 5), -1).reshape(-1, 5)
    (found,) = means([values])
    assert found.bootstrap == pytest.approx(_bca(values, 0.95, grid), abs=0.1)
    assert sum(found.bootstrap) / 2 < found.mean  # skewed as the values are


def test_an_interval_does_not_depend_on_its_neighbours():
    values, other = [96.8, 97.1, 97.3, 96.9], [90.0, 91.0, 95.0, 92.0]
    assert means([values])[0] == means([other, [1.0, 2.0], values])[2]


@pytest.mark.parametrize(
    ("values", "interval", "note"),
    [([], None, "no seed"), ([97.0], None, "one seed"), ([97.0] * 3, (97.0, 97.0), "all 3 values are equal")],
)
def test_few_or_equal_values_are_said(values, interval, note):
    (found,) = means([values])
    assert (found.interval, found.bootstrap) == (interval, None)
    assert found.note.startswith(note)


def test_two_values_have_the_wide_interval_of_t():
    (found,) = means([[96.0, 98.0]])
    assert found.interval == pytest.approx((97 - 12.7062, 97 + 12.7062), abs=1e-4)
    assert found.bootstrap is None
    assert found.note.startswith("two seeds")


def test_paired_t_test_and_wilcoxon():
    arm = _shifted(-0.5, 0.2)
    found = differences({"bptt": BPTT, "dfa": arm}, "bptt")["dfa"]
    a, b = [np.array([values[seed] for seed in range(8)]) for values in (arm, BPTT)]
    assert found.p == pytest.approx(scipy.stats.ttest_rel(a, b).pvalue)
    assert found.wilcoxon == pytest.approx(scipy.stats.wilcoxon(a, b).pvalue)
    assert found.mean.mean == pytest.approx((a - b).mean())
    assert (found.seeds, found.dropped) == (tuple(range(8)), ())


def test_holm_by_hand(monkeypatch):
    """p = 0.01, 0.04, 0.03: sorted times 3, 2, 1 is 0.03, 0.06, 0.04, and no later one may be smaller: 0.06."""
    given = iter([0.01, 0.04, 0.03])
    monkeypatch.setattr("spikelearn.bench.analyse.statistics._p", lambda *_: next(given))
    arms = {name: _shifted(-1, 0.1, start=at) for at, name in enumerate("abc")}
    found = differences({"bptt": BPTT, **arms}, "bptt")
    assert [found[name].p_holm for name in "abc"] == pytest.approx([0.03, 0.06, 0.06])
    assert [found[name].verdict for name in "abc"] == ["worse", "no difference shown", "no difference shown"]


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    arms = {f"arm{at}": _shifted(-0.1 * at, 0.3, start=at) for at in range(9)}
    found = list(differences({"bptt": BPTT, **arms}, "bptt").values())
    expected = multipletests([item.p for item in found], method="holm")[1]
    assert [item.p_holm for item in found] == pytest.approx(expected)


def test_correction_can_take_a_verdict_away():
    """Alone the arm is shown to be worse; beside nine that differ by nothing it is not, and that is said."""
    weak = {seed: BPTT[seed] - value for seed, value in enumerate([0.2, 0.9, 0.5, 0.6, 0.1])}
    alone = differences({"bptt": BPTT, "weak": weak}, "bptt")["weak"]
    assert alone.verdict == "worse"
    others = {f"other{at}": _shifted(0, 0.5, range(5), start=at) for at in range(9)}
    beside = differences({"bptt": BPTT, "weak": weak, **others}, "bptt")["weak"]
    assert beside.p == alone.p < 0.05 < beside.p_holm
    assert beside.verdict == "no difference shown"
    assert "not after the correction" in beside.note


def test_effect_size_against_quadrature():
    """Hedges' J by its gamma functions, and the interval by integrating the noncentral t distribution."""
    pairs = np.array([-0.4, -0.9, -0.2, -0.7, -0.5])
    arm = {seed: BPTT[seed] + pair for seed, pair in enumerate(pairs)}
    found = differences({"bptt": BPTT, "dfa": arm}, "bptt")["dfa"]
    d = pairs.mean() / pairs.std(ddof=1)
    assert found.effect == pytest.approx(d * math.gamma(2) / (math.sqrt(2) * math.gamma(1.5)))
    t = d * math.sqrt(5)
    grid = np.linspace(0, 60, 6001)
    density = scipy.stats.chi2.pdf(grid, 4)

    def below(shift):  # P(T <= t) = E[Phi(t sqrt(V / 4) - shift)], V chi-squared with 4 degrees of freedom
        return scipy.integrate.trapezoid(scipy.stats.norm.cdf(t * np.sqrt(grid / 4) - shift) * density, grid)

    ends = [scipy.optimize.brentq(lambda s, p=p: below(s) - p, -30, 10) / math.sqrt(5) for p in (0.975, 0.025)]
    assert found.effect_interval == pytest.approx(ends, rel=1e-4)


def test_effects_that_are_no_numbers_are_said_in_words():
    plain = dict.fromkeys(range(5), 90.0)
    found = differences({"a": plain, "same": plain, "above": dict.fromkeys(range(5), 91.0)}, "a")
    assert found["same"].no_effect.startswith("undefined")
    assert found["above"].no_effect.startswith("infinite")
    assert found["same"].effect is found["above"].effect is None
    huge = {seed: 1e4 + seed * 1e-3 for seed in range(5)}
    assert "no interval" in differences({"a": dict.fromkeys(range(5), 0.0), "b": huge}, "a")["b"].no_effect


def test_equal_arms_are_equivalent_and_an_equal_shift_is_tested_by_signs():
    same = differences({"a": BPTT, "b": dict(BPTT)}, "a")["b"]
    assert (same.verdict, same.p, same.note) == ("equivalent", 1.0, "equal in every seed")
    plain = dict.fromkeys(range(6), 90.0)
    five = differences({"a": plain, "b": dict.fromkeys(range(5), 91.0)}, "a")["b"]
    assert (five.p, five.verdict) == (2 / 2**5, "no difference shown")
    six = differences({"a": plain, "b": dict.fromkeys(range(6), 91.0)}, "a")["b"]
    assert (six.p, six.verdict) == (2 / 2**6, "better")
    assert "exact test of signs" in six.note


@pytest.mark.parametrize(
    ("by", "noise", "verdict"),
    [
        (1.0, 0.1, "better"),
        (-1.0, 0.1, "worse"),
        (0.0, 0.05, "equivalent"),
        (0.2, 0.02, "equivalent"),
        (0.0, 1.5, "no difference shown"),
    ],
)
def test_verdicts(by, noise, verdict):
    assert differences({"a": BPTT, "b": _shifted(by, noise)}, "a")["b"].verdict == verdict


def test_a_small_difference_counts_only_with_a_smaller_threshold():
    values = {"a": BPTT, "b": _shifted(0.2, 0.02)}
    assert differences(values, "a")["b"].note == "a difference is shown, but one smaller than 0.3"
    assert differences(values, "a", threshold=0.1)["b"].verdict == "better"
    with pytest.raises(ValueError, match="threshold"):
        differences(values, "a", threshold=0)


def test_seeds_that_one_arm_lacks_are_dropped_in_pairs():
    arm = _shifted(-1, 0.1, (0, 2, 4))
    found = differences({"a": BPTT, "b": {**arm, 99: 10.0}}, "a")["b"]
    assert found.seeds == (0, 2, 4)
    assert found.dropped == (1, 3, 5, 6, 7, 99)
    assert found.mean.mean == pytest.approx(np.mean([arm[seed] - BPTT[seed] for seed in (0, 2, 4)]))


def test_wilcoxon_needs_six_unequal_pairs():
    five = differences({"a": BPTT, "b": _shifted(-1, 0.1, range(5))}, "a")["b"]
    assert five.wilcoxon is None
    assert five.no_wilcoxon.startswith("unequal pairs: 5;")
    assert differences({"a": BPTT, "b": _shifted(-1, 0.1, range(6))}, "a")["b"].wilcoxon == pytest.approx(2 / 2**6)


def test_nothing_to_compare():
    found = differences({"a": {0: 1.0}, "b": {0: 2.0}, "c": {1: 2.0}}, "a")
    assert found["b"].verdict == found["c"].verdict == "not compared"
    assert found["b"].note.startswith("one seed")
    assert found["c"].note == "no seed that both have"
    assert differences({"b": {0: 2.0}}, "a")["b"].mean == Mean(0, None, note="no seed")


def test_t_covers_and_bca_does_not_as_documented():
    drawn = np.random.default_rng(3).normal(0, 1, (600, 5))
    found = means(drawn.tolist())
    for name, low, high in (("interval", 0.92, 0.98), ("bootstrap", 0.78, 0.90)):
        assert low < np.mean([getattr(m, name)[0] < 0 < getattr(m, name)[1] for m in found]) < high


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10), (2.0, 5)])
def test_pairs_needed_are_those_of_the_tables(effect, pairs):
    """Two-sided at 5 % with power 0.8, as G*Power and pwr.t.test (type = "paired") give them."""
    assert pairs_needed(effect, 1.0) == pairs
    assert pairs_needed(-3 * effect, 3.0) == pairs


def test_small_and_exact_ways_to_the_pairs_meet():
    assert abs(pairs_needed(0.02, 1.0) - pairs_needed(0.02 - 1e-9, 1.0)) <= 2


def test_with_the_pairs_needed_the_difference_is_shown_four_times_in_five():
    from scipy import stats

    n = pairs_needed(0.3, 0.35)
    drawn = np.random.default_rng(0).normal(0.3, 0.35, (20_000, n))
    assert (stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.03)


def test_a_comparison_says_how_many_seeds_its_threshold_needs():
    values = {"a": BPTT, "b": _shifted(1.0, 0.3)}
    found = differences(values, "a", threshold=0.3)["b"]
    assert found.seeds_needed == pairs_needed(0.3, found.mean.sd)
    assert differences(values, "a", threshold=0.6)["b"].seeds_needed < found.seeds_needed
    assert differences({"a": BPTT, "b": dict(BPTT)}, "a")["b"].seeds_needed is None
