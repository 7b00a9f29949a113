"""How large a paired difference is, and what sharing seeds has saved: estimates with intervals, from the same runs.

All assume that the pairs (first, second), one a seed, are close to normal in two dimensions. A difference that is the
same in every seed has no standard deviation: its effect is infinite, its interval NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from ecosystem.runs.statistics import LEVEL, Interval, Paired

ROUNDING = 1e-13  # of the values themselves
LARGE = 1000.0  # t values from which on the noncentral t distribution is a scaled chi


@dataclass(frozen=True)
class Sizes:
    """Sizes of a paired difference.

    within: mean difference over the standard deviation of differences (d_z), how sure a single pair of runs would be.
    between: over the root of the arms' mean variance (d_av), how far apart the arms are whatever their seeds share.
    higher: share of seeds in which first is above second, ties halved.
    saving: how many times as many runs independent seeds would need for an interval as narrow.
    """

    within: Interval
    between: float
    higher: float
    saving: Interval


def sizes(first: np.ndarray, second: np.ndarray, found: Paired, level: float = LEVEL) -> Sizes:
    """Of values (n,) in the same order of seeds, none NaN, and of what `paired` found of them.

    d_av: Lakens 2013, doi:10.3389/fpsyg.2013.00863, eq. 10.
    """
    n = len(first)
    if n < 2 or not (np.isfinite(first).all() and np.isfinite(second).all()):
        nothing = Interval(math.nan, math.nan, math.nan, n)
        return Sizes(nothing, math.nan, _share_higher(first, second), nothing)
    spread = math.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / 2)
    difference = found.difference.estimate
    between = difference / spread if spread > 0 else 0.0 if difference == 0 else math.copysign(math.inf, difference)
    within = standardised(found.effect, n, level)
    if _alike(first, second):  # equal differences say nothing of how much they would vary
        within = Interval(math.copysign(math.inf, difference) if difference else 0.0, math.nan, math.nan, n)
    return Sizes(within, between, _share_higher(first, second), saving(first, second, level))


def standardised(effect: float, n: int, level: float = LEVEL) -> Interval:
    """d_z of n pairs with its exact interval, by the noncentral t distribution.

    d_z sqrt(n) is noncentral t with noncentrality (true d_z) sqrt(n): Cumming & Finch 2001,
    doi:10.1177/0013164401614002.
    """
    if n < 2 or not math.isfinite(effect):
        return Interval(effect, math.nan, math.nan, n)
    root, tails, sign = math.sqrt(n), ((1 + level) / 2, (1 - level) / 2), math.copysign(1.0, effect)
    if abs(effect) * root > LARGE:  # only the standard deviation's error counts, and scipy's search does not end
        low, high = (abs(effect) * math.sqrt(stats.chi2.isf(tail, n - 1) / (n - 1)) for tail in tails)
    else:
        low, high = (float(special.nctdtrinc(n - 1, tail, abs(effect) * root)) / root for tail in tails)
    least, most = sorted((sign * low, sign * high))
    return Interval(effect, least, most, n)


def saving(first: np.ndarray, second: np.ndarray, level: float = LEVEL) -> Interval:
    """(Var first + Var second) / Var(first - second), with its exact interval; 1 where nothing is shared.

    As Var first + Var second = (Var sum + Var difference) / 2, it is (1 + ratio) / 2 of the variances of sum and
    difference, which are correlated: their ratio has Pitman's interval (1939, doi:10.1093/biomet/31.1-2.9).
    """
    n = len(first)
    if n < 3:
        return Interval(math.nan, math.nan, math.nan, n)
    total, apart = first + second, first - second
    if _alike(first, second):
        same = np.ptp(total) == 0
        return Interval(1.0 if same else math.inf, math.nan, math.nan, n)
    variance, other = np.var(total, ddof=1), np.var(apart, ddof=1)
    correlation = np.cov(total, apart)[0, 1] / math.sqrt(variance * other) if variance > 0 else 0.0
    ratio = variance / other
    wide = 1 + 2 * (1 - min(correlation**2, 1.0)) * stats.t.ppf((1 + level) / 2, n - 2) ** 2 / (n - 2)
    root = math.sqrt(wide * wide - 1)
    # (wide - root)(wide + root) = 1
    estimate, low, high = ((1 + ratio * scale) / 2 for scale in (1.0, 1 / (wide + root), wide + root))
    return Interval(estimate, low, high, n)


def _alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Are the differences the same in every seed, but for rounding?"""
    return bool(np.ptp(first - second) <= ROUNDING * max(np.abs(first).max(), np.abs(second).max()))


def _share_higher(first: np.ndarray, second: np.ndarray) -> float:
    return float(((first > second) + 0.5 * (first == second)).mean()) if len(first) else math.nan
