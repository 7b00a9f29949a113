"""Intervals and tests over seeds. Every simulated rate is compared with its exact binomial bounds.

`FALSE_ALARM` is the probability that a check of a rate fails though the code is right; each has a negative control, a
wrong procedure that the same check must reject.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ecosystem.runs.statistics import (
    holm,
    least_ratio,
    paired,
    paired_ratio,
    t_interval,
    t_quantile,
)

FALSE_ALARM = 1e-6


def rate_fits(hits: int, trials: int, rate: float) -> bool:
    """False with probability FALSE_ALARM at most where hits ~ Binomial(trials, rate)."""
    low, high = stats.binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], trials, rate)
    return low <= hits <= high


def rate_is_at_most(hits: int, trials: int, rate: float) -> bool:
    """False with probability FALSE_ALARM at most where the true rate is `rate` or less."""
    return hits <= stats.binom.ppf(1 - FALSE_ALARM, trials, rate)


def covered(intervals, truth: float) -> int:
    return sum(i.low <= truth <= i.high for i in intervals)


def test_t_intervals_of_few_seeds_cover_the_mean_as_often_as_they_say():
    samples = np.random.default_rng(0).normal(3.0, 2.0, (4000, 5))
    assert rate_fits(covered(map(t_interval, samples), 3.0), 4000, 0.95)


def test_normal_intervals_of_few_seeds_are_rejected_by_the_same_check():
    samples = np.random.default_rng(0).normal(3.0, 2.0, (4000, 5))
    error = samples.std(axis=1, ddof=1) / math.sqrt(5)
    hits = (abs(samples.mean(axis=1) - 3.0) <= 1.96 * error).sum()
    assert not rate_fits(hits, 4000, 0.95)


def test_t_interval_equals_scipy():
    sample = [1.0, 2.5, 3.0, 7.0]
    expected = stats.t.interval(0.95, 3, np.mean(sample), stats.sem(sample))
    found = t_interval(sample)
    assert (found.low, found.high) == pytest.approx(expected)


def test_a_deterministic_outcome_has_an_interval_of_no_width():
    found = t_interval([0.1] * 7)
    assert (found.estimate, found.low, found.high, found.n) == (0.1, 0.1, 0.1, 7)


def test_one_seed_has_no_interval():
    found = t_interval([0.3])
    assert found.estimate == 0.3
    assert math.isnan(found.low)
    assert math.isnan(t_quantile(1))


def test_seeds_without_a_value_do_not_count():
    assert t_interval([1.0, math.nan, 3.0]) == t_interval([1.0, 3.0])
    assert t_interval([math.nan]).n == 0


def test_a_value_that_is_infinite_in_some_seeds_has_no_interval():
    found = t_interval([1.0, math.inf, 2.0])
    assert found.estimate == math.inf
    assert math.isnan(found.low)
    assert t_interval([math.inf, math.inf]).low == math.inf


def test_paired_differences_cover_and_reject_as_often_as_they_say():
    rng = np.random.default_rng(1)
    luck = rng.normal(0, 5, (4000, 6))  # what seeds have in common
    first, second = luck + rng.normal(1, 1, (4000, 6)), luck + rng.normal(1, 1, (4000, 6))
    found = [paired(a, b) for a, b in zip(first, second, strict=True)]
    assert rate_fits(covered((f.difference for f in found), 0.0), 4000, 0.95)
    assert rate_fits(sum(f.p < 0.05 for f in found), 4000, 0.05)


def test_ignoring_the_pairs_is_rejected_by_the_same_check():
    rng = np.random.default_rng(1)
    luck = rng.normal(0, 5, (4000, 6))
    first, second = luck + rng.normal(1, 1, (4000, 6)), luck + rng.normal(1, 1, (4000, 6))
    p = stats.ttest_ind(first, second, axis=1).pvalue
    assert not rate_fits(int((p < 0.05).sum()), 4000, 0.05)


def test_independent_seeds_follow_from_the_variance_that_pairing_takes_away():
    rng = np.random.default_rng(2)
    luck = rng.normal(0, 3, 20_000)
    found = paired(luck + rng.normal(0, 1, 20_000), luck + rng.normal(0, 1, 20_000))
    # Var(a) + Var(b) = 2 (9 + 1), Var(a - b) = 2: ten times the seeds; four standard errors of a ratio of variances
    assert found.independent / 20_000 == pytest.approx(10, abs=4 * 10 * math.sqrt(4 / 20_000))


def test_equal_arms_do_not_differ_and_constant_differences_are_certain():
    same = paired([1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    assert (same.difference.low, same.difference.high, same.p, same.effect) == (0.0, 0.0, 1.0, 0.0)
    apart = paired([2.0, 3.0, 5.0], [1.0, 2.0, 4.0])
    assert (apart.difference.low, apart.p, apart.effect) == (1.0, 0.0, math.inf)
    assert apart.independent == math.inf


def test_paired_samples_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one value a seed"):
        paired([1.0, 2.0], [1.0])


def test_fieller_intervals_cover_the_ratio_of_means():
    rng = np.random.default_rng(3)
    luck = rng.normal(0, 1, (4000, 8))
    first, second = 4 + luck + rng.normal(0, 1, (4000, 8)), 8 + luck + rng.normal(0, 1, (4000, 8))
    hits = covered((paired_ratio(a, b) for a, b in zip(first, second, strict=True)), 0.5)
    assert rate_fits(hits, 4000, 0.95)


def test_ratio_intervals_that_forget_the_denominators_error_are_rejected_by_the_same_check():
    rng = np.random.default_rng(3)
    luck = rng.normal(0, 1, (4000, 8))
    first, second = 4 + luck + rng.normal(0, 1, (4000, 8)), 8 + luck + rng.normal(0, 1, (4000, 8))
    scaled = [t_interval(a / b.mean()) for a, b in zip(first, second, strict=True)]
    assert not rate_fits(covered(scaled, 0.5), 4000, 0.95)


def test_a_ratio_to_nothing_has_no_bounds():
    found = paired_ratio([1.0, 2.0, 3.0], [-1.0, 0.1, 1.0])
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert paired_ratio([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]).estimate == 0.0


@pytest.mark.parametrize("second", [0.0, 0.3, 2.0])
def test_a_ratio_is_as_large_as_the_least_ratio_says(second):
    """It says too much in at most 5% of samples; without the error of the second it is rejected by the same check."""
    rng = np.random.default_rng(4)
    luck = rng.normal(0, 1, (4000, 8))
    first, other = 3 + luck + rng.normal(0, 1, (4000, 8)), second + 2 * luck + rng.normal(0, 1, (4000, 8))
    least = np.array([least_ratio(a, b) for a, b in zip(first, other, strict=True)])
    truth = 3 / second if second else math.inf
    assert rate_is_at_most(int((least > truth).sum()), 4000, 0.05)
    assert (least > 0.5).mean() > 0.5  # and it does say something
    careless = np.array([t_interval(a).low / abs(b.mean()) for a, b in zip(first, other, strict=True)])
    assert second == 0.0 or not rate_is_at_most(int((careless > truth).sum()), 4000, 0.05)


def test_the_least_ratio_by_hand():
    first, second = np.array([4.0, 5.0, 6.0, 5.5]), np.array([1.0, 0.8, 1.3, 1.1])
    least = least_ratio(first, second)
    assert t_interval(first - (least - 1e-6) * second).low > 0
    assert t_interval(first - (least + 1e-6) * second).low < 0
    assert least == pytest.approx(paired_ratio(first, second).low)
    assert least_ratio([1.0, -1.0, 0.5], [1.0, 2.0, 3.0]) == 0.0
    assert least_ratio([2.0, 2.1, 1.9], [-5.0, -5.1, -4.8]) == math.inf
    assert math.isnan(least_ratio([1.0], [1.0]))


def test_holm_keeps_the_chance_of_any_false_alarm_below_the_level():
    rng = np.random.default_rng(6)
    families = stats.norm.sf(rng.normal(size=(3000, 1)) * 0.7 + rng.normal(size=(3000, 6)) * math.sqrt(0.51))
    assert rate_is_at_most(sum((holm(p) < 0.05).any() for p in families), 3000, 0.05)
    assert not rate_is_at_most(int((families < 0.05).any(axis=1).sum()), 3000, 0.05)  # without it


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, math.nan]).tolist()[:3] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(holm([0.01, math.nan])[1])
    assert holm([]).size == 0
