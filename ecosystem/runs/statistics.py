"""Intervals and tests over seeds: what may be said from a handful of replicates.

A sample is one number a seed. Seeds are independent; arms of an experiment share them (common random numbers), so arms
are compared by differences within a seed. NaN stands for 'not measured' and is left out; n counts what is left. A
sample whose values are all equal (a deterministic outcome) has an interval of zero width, not an error.

Every function names the assumption it rests on. Letters: n seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; low and high are NaN where n does not allow one."""

    estimate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Paired:
    """First minus second within each seed.

    effect: mean difference over the standard deviation of differences (Cohen's d_z); p: two-sided paired t test;
    independent: seeds for each arm that would have given the same interval width without pairing.
    """

    difference: Interval
    effect: float
    p: float
    independent: float


def measured(sample) -> np.ndarray:
    """The values that are not NaN, float64."""
    values = np.asarray(sample, float).ravel()
    return values[~np.isnan(values)]


def t_quantile(n, level: float = LEVEL):
    """Half-width of a t interval in standard errors; NaN for n < 2."""
    n = np.asarray(n, float)
    return stats.t.ppf((1 + level) / 2, np.where(n > 1, n - 1, np.nan))


def t_interval(sample, level: float = LEVEL) -> Interval:
    """Mean and Student's t interval. Assumes that the mean of the seeds' values is close to normal.

    Where some values are infinite and others are not there is no interval: low and high are NaN.
    """
    values = measured(sample)
    mean, deviation = _moments(values)
    half = float(t_quantile(values.size, level)) * deviation / math.sqrt(max(values.size, 1))
    return Interval(mean, mean - half, mean + half, values.size)


def paired(first, second, level: float = LEVEL) -> Paired:
    """First minus second, seed by seed. Assumes that the mean difference is close to normal; not that the arms are.

    first, second: (n,) values in the same order of seeds; seeds where either is NaN are left out.
    """
    first, second = _both(first, second)
    with np.errstate(invalid="ignore"):  # infinite in both arms: no difference can be told, and none is
        apart = first - second
    difference = t_interval(apart, level)
    _, deviation = _moments(apart)
    if difference.n < 2 or math.isnan(difference.low):
        return Paired(difference, math.nan, math.nan, math.nan)
    effect = _ratio(difference.estimate, deviation)
    t = effect * math.sqrt(difference.n)
    p = 1.0 if difference.estimate == 0 else float(2 * stats.t.sf(abs(t), difference.n - 1))
    unpaired = np.var(first, ddof=1) + np.var(second, ddof=1)
    return Paired(difference, effect, p, difference.n * _ratio(float(unpaired), deviation**2, nothing=1.0))


def paired_ratio(first, second, level: float = LEVEL) -> Interval:
    """Mean of first over mean of second, with Fieller's interval (1954, doi:10.1111/j.2517-6161.1954.tb00159.x).

    The ratios r for which the paired t test of `first - r second = 0` does not reject. Unlike the mean of log ratios it
    stays defined where an arm has lost everything (0). Assumes that means of the pairs are close to normal. Where the
    mean of second cannot be told from 0 the interval is the whole line.
    """
    first, second = _both(first, second)
    n = first.size
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    (a, _), (b, _) = _moments(first), _moments(second)
    estimate = _ratio(a, b)
    if n < 2 or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return Interval(estimate, math.nan, math.nan, n)
    covariance = np.cov(first, second) * float(t_quantile(n, level)) ** 2 / n
    # roots of (a - r b)^2 = t^2 Var(a - r b) / n, a quadratic in r
    leading, middle = b * b - covariance[1, 1], a * b - covariance[0, 1]
    constant = a * a - covariance[0, 0]
    if not leading > 0:
        return Interval(estimate, -math.inf, math.inf, n)
    root = math.sqrt(max(middle * middle - leading * constant, 0.0))
    return Interval(estimate, (middle - root) / leading, (middle + root) / leading, n)


def least_ratio(first, second, level: float = LEVEL) -> float:
    """First is at least so many times second: up to there the paired t test of `first - r second = 0` rejects every r.

    Says something where `paired_ratio` cannot, when second may be nothing at all. From 0 (first itself cannot be told
    from 0) to infinite; NaN for n < 2. Assumes that means of the pairs are close to normal.
    """
    first, second = _both(first, second)
    n = first.size
    if n < 2:
        return math.nan
    (a, _), (b, _) = _moments(first), _moments(second)
    covariance = np.cov(first, second) * float(t_quantile(n, level)) ** 2 / n
    # (a - r b)^2 - t^2 Var(a - r b) / n is above 0 where the test rejects
    polynomial = [b * b - covariance[1, 1], -2 * (a * b - covariance[0, 1]), a * a - covariance[0, 0]]
    if not polynomial[-1] > 0:
        return 0.0
    roots = np.roots(polynomial)
    met = roots.real[(abs(roots.imag) < 1e-12 * (1 + abs(roots.real))) & (roots.real > 0)]
    return float(met.min(initial=math.inf))


def rank_correlation(first, second) -> float:
    """Spearman's correlation of two samples in the same order, equal values sharing their rank.

    NaN where either is the same throughout, or a value is NaN: nothing can be said of an order then.
    """
    both = [np.asarray(sample, float) for sample in (first, second)]
    if any(np.isnan(sample).any() or (sample == sample[0]).all() for sample in both):
        return math.nan
    return float(stats.spearmanr(*both).statistic)


def holm(p) -> np.ndarray:
    """p values of a family, adjusted so that the chance of any false alarm stays below the level one tests at.

    Holm (1979): no assumption about how the tests depend on each other. NaN (not tested) stays NaN and is not counted.
    """
    p = np.asarray(p, float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    raised = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1.0) if len(order) else raised
    return adjusted


def benjamini_hochberg(p) -> np.ndarray:
    """p values of a family, adjusted so that of what is found at most the level, in expectation, are false alarms.

    Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x: independent tests, or such as rise together. NaN
    (not tested) stays NaN and is not counted.
    """
    p = np.asarray(p, float)
    adjusted = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    adjusted[tested] = stats.false_discovery_control(p[tested]) if tested.any() else p[tested]
    return adjusted


def _both(first, second) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first, float).ravel(), np.asarray(second, float).ravel()
    if first.size != second.size:
        raise ValueError(f"Paired samples must have one value a seed each. Got {first.size} and {second.size}.")
    kept = ~(np.isnan(first) | np.isnan(second))
    return first[kept], second[kept]


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation; equal values give exactly themselves and 0, without rounding."""
    if values.size and (values == values[0]).all():
        return float(values[0]), 0.0
    if values.size < 2 or not np.isfinite(values).all():
        return _mean(values), math.nan
    return float(values.mean()), float(values.std(ddof=1))


def _mean(values: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):  # inf - inf: NaN says it
        return float(values.mean()) if values.size else math.nan


def _ratio(a: float, b: float, nothing: float = 0.0) -> float:
    """a / b, with a / 0 = +-inf and 0 / 0 = nothing."""
    if b != 0:
        return a / b
    return nothing if a == 0 else math.copysign(math.inf, a)
