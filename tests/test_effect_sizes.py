"""Sizes of differences, and what sharing seeds saves. Rates are compared with exact binomial bounds (false-alarm rate
1e-6 a check, as in test_statistics); each has a wrong procedure that the same check rejects.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from test_statistics import covered, rate_fits, rate_is_at_most

from ecosystem.runs.effect_sizes import saving, sizes, standardised
from ecosystem.runs.statistics import benjamini_hochberg, holm, paired
from ecosystem.runs.sweep_cells import measured
from ecosystem.scenario import Scenario

TRIALS = 4000


def pairs(n: int, luck: float, own: tuple[float, float], apart: float, seed: int = 0):
    """(TRIALS, n) twice: what seeds have in common, what each arm has of its own, and a difference."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, luck, (TRIALS, n))
    return tuple(common + rng.normal(mean, sd, (TRIALS, n)) for mean, sd in zip((apart, 0.0), own, strict=True))


def test_intervals_of_the_standardised_difference_cover_as_often_as_they_say():
    first, second = pairs(8, 3.0, (0.6, 0.8), 1.5)
    effects = [paired(a, b).effect for a, b in zip(first, second, strict=True)]
    assert rate_fits(covered((standardised(e, 8) for e in effects), 1.5), TRIALS, 0.95)
    error = 1 / math.sqrt(8)  # as if only the mean varied, and not the standard deviation it is divided by
    assert not rate_fits(sum(abs(e - 1.5) < 1.96 * error for e in effects), TRIALS, 0.95)


def test_intervals_of_what_shared_seeds_save_cover_as_often_as_they_say():
    first, second = pairs(10, 3.0, (0.5, 1.5), 1.0)
    truth = (9 + 0.25 + 9 + 2.25) / 2.5
    assert rate_fits(covered(map(saving, first, second), truth), TRIALS, 0.95)
    spread = (first.var(axis=1, ddof=1) + second.var(axis=1, ddof=1)) / (first - second).var(axis=1, ddof=1)
    bounds = stats.f.ppf([0.025, 0.975], 18, 18)  # as if there were as many differences as runs
    hits = ((spread / bounds[1] <= truth) & (truth <= spread / bounds[0])).sum()
    assert not rate_fits(int(hits), TRIALS, 0.95)


def test_where_nothing_is_shared_nothing_is_saved():
    found = [saving(a, b) for a, b in zip(*pairs(10, 0.0, (1.0, 1.0), 1.0), strict=True)]
    assert rate_fits(covered(found, 1.0), TRIALS, 0.95)
    assert np.median([f.estimate for f in found]) == pytest.approx(1, abs=0.05)


def test_sizes_by_hand():
    first, second = np.array([2.0, 4.0, 6.0, 5.0]), np.array([1.0, 4.0, 3.0, 3.0])
    found = sizes(first, second, paired(first, second))
    assert found.within.estimate == pytest.approx(1.5 / np.std([1, 0, 3, 2], ddof=1))
    assert found.between == pytest.approx(1.5 / math.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / 2))
    assert found.higher == 3.5 / 4
    assert found.saving.estimate == pytest.approx(
        (np.var(first, ddof=1) + np.var(second, ddof=1)) / np.var(first - second, ddof=1)
    )
    low, high = found.within.low * 2, found.within.high * 2
    assert stats.nct.sf(found.within.estimate * 2, 3, low) == pytest.approx(0.025, abs=1e-6)
    assert stats.nct.cdf(found.within.estimate * 2, 3, high) == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 8, 64])
def test_the_interval_of_a_very_large_effect_goes_on_from_that_of_a_large_one(n):
    below, above = (standardised(t / math.sqrt(n), n) for t in (999.9, 1000.1))
    assert (above.low, above.high) == pytest.approx((below.low, below.high), rel=3e-3)
    huge = standardised(-1e12, n)
    assert huge.low < -1e12 < huge.high < 0
    assert standardised(2.0, n).low == -standardised(-2.0, n).high


def test_what_does_not_vary_has_no_interval_and_is_no_error():
    steady = np.array([1.0, 1.0, 1.0])
    same = sizes(steady, steady, paired(steady, steady))
    assert (same.between, same.higher, same.saving.estimate) == (0.0, 0.5, 1.0)
    assert math.isnan(same.within.low)
    moved = np.array([1.0, 2.0, 4.0])
    apart = sizes(moved + 1, moved, paired(moved + 1, moved))
    assert (apart.within.estimate, apart.saving.estimate, apart.higher) == (math.inf, math.inf, 1.0)
    rounded = np.array([0.1, 0.2, 0.3])
    steps = sizes(rounded + 0.1, rounded, paired(rounded + 0.1, rounded))  # apart by 0.1, but for rounding
    assert (steps.within.estimate, steps.saving.estimate) == (math.inf, math.inf)
    one = sizes(moved[:1], moved[:1], paired(moved[:1], moved[:1]))
    assert math.isnan(one.saving.estimate)
    lost = np.array([1.0, math.inf, 4.0])
    assert math.isnan(sizes(lost, moved, paired(lost, moved)).saving.estimate)


def test_benjamini_hochberg_keeps_the_share_of_false_alarms_below_the_level():
    """Four of ten metrics differ; of those called different a twentieth at most, in expectation, do not."""
    rng = np.random.default_rng(3)
    p = 2 * stats.norm.sf(abs(rng.normal(size=(TRIALS, 10)) + np.array([3.0] * 4 + [0.0] * 6)))

    def false_share(found):
        return found[:, 4:].sum(axis=1) / np.maximum(found.sum(axis=1), 1)

    def at_most(share, level):  # a one-sided z test of a mean over families
        error = share.std(ddof=1) / math.sqrt(len(share))
        return (share.mean() - level) / error < stats.norm.isf(1e-6)

    adjusted = np.array([benjamini_hochberg(row) for row in p])
    assert at_most(false_share(adjusted < 0.05), 0.05)
    assert not at_most(false_share(p < 0.05), 0.05)  # without it
    strict = np.array([holm(row) for row in p])
    assert (adjusted < 0.05).sum() > (strict < 0.05).sum()  # it finds more than Holm
    assert rate_is_at_most(int((strict[:, 4:] < 0.05).any(axis=1).sum()), TRIALS, 0.05)


def test_benjamini_hochberg_leaves_out_what_was_not_tested():
    adjusted = benjamini_hochberg([0.01, math.nan, 0.04, 0.03])
    assert adjusted[[0, 2, 3]].tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert math.isnan(adjusted[1])
    assert benjamini_hochberg([math.nan]).size == 1


SEEDS = 32
READ = {"models.readers.read": 220}  # a tenth more than in the scenario


@pytest.fixture(scope="module")
def tails():
    """Tail coverage of `baseline` after 15 steps: as it stands, with a tenth more reading, and with other seeds."""
    spec = Scenario.from_file("baseline").with_({"steps": 15, "metrics": ["tail_coverage"], "claims": []})

    def of(changed, seeds):
        return np.array([measured(spec.with_(changed), seed)[0][1][0] for seed in seeds])

    return of({}, range(SEEDS)), of(READ, range(SEEDS)), of(READ, range(SEEDS, 2 * SEEDS))


def test_shared_seeds_need_at_least_three_times_fewer_runs_than_independent_ones(tails):
    """What is a tenth more reading worth? The whole 95% interval of the saving is above 3: chance says so of a saving
    of 3 in one experiment in forty at most; the seeds are fixed."""
    base, more, _ = tails
    assert saving(more, base).low > 3
    assert paired(more, base).p < 1e-6


def test_independent_seeds_save_nothing(tails):
    """The negative control: the same arms, other seeds; 1 lies within the 99.9999% interval, 3 is beyond the 95%."""
    base, _, other = tails
    assert saving(other, base).high < 3
    wide = saving(other, base, level=1 - 1e-6)
    assert wide.low < 1 < wide.high
