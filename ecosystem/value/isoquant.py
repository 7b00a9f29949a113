"""Where two inputs give one outcome: iso-outcome curves of a table, the rate of substitution, and its elasticity.

Inputs are human documents a step, x, and a level of verification, y. Along a curve of one outcome the marginal rate of
technical substitution is -dx/dy, the documents a step that one more unit of y replaces, and the elasticity of
substitution is sigma = d ln(x/y) / d ln(-dx/dy) (Hicks 1932; Arrow, Chenery, Minhas and Solow 1961,
doi:10.2307/1927286): large where one easily replaces the other (infinite: always at the same rate), 0 where both are
needed in fixed proportions. It depends on the curve alone, not on the scale of the outcome, but on what y is: twice y
gives the same, y squared does not.

Letters: S seeds, R human rates, V levels of verification, K points of a curve, J exponents, m numbers. Outcomes are
such that more is better.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import PchipInterpolator

from ecosystem.runs.statistics import Interval, t_interval

STEEPEST = 20.0  # 1/sigma that is looked for, to either side: sigma from 0.05
ZOOMS = (33, 33, 33, 33)  # values of r tried around the best so far, each time between its neighbours
SMALL = 1e-9  # exponents that are 0
FEWEST = 3  # points of a curve that bend


def least_rates(rate_R: np.ndarray, outcome_RV: np.ndarray, wanted: float) -> np.ndarray:
    """(V,) the least rate that gives the outcome at each level: the first where that is enough, NaN where none is.

    Between rates the outcome is interpolated in ln(1 + rate) without overshooting (Fritsch and Carlson 1980,
    doi:10.1137/0717021).
    """
    return np.array([_least(rate_R, outcome_R, wanted) for outcome_R in outcome_RV.T])


def _least(rate_R: np.ndarray, outcome_R: np.ndarray, wanted: float) -> float:
    reached = np.flatnonzero(outcome_R >= wanted)
    if not reached.size or np.isnan(outcome_R).any():
        return np.nan
    first = int(reached[0])
    if first == 0:
        return float(rate_R[0])
    roots = PchipInterpolator(np.log1p(rate_R), outcome_R).solve(wanted, extrapolate=False)
    within = roots[(roots >= np.log1p(rate_R[first - 1])) & (roots <= np.log1p(rate_R[first]))]
    return float(np.expm1(within[0])) if within.size else float(rate_R[first])


def replaced(rate_K: np.ndarray, level_K: np.ndarray) -> np.ndarray:
    """(K - 1,) documents a step that a unit of verification replaces, between neighbouring points of a curve."""
    return -np.diff(rate_K) / np.diff(level_K)


def complementarity(rate_K: np.ndarray, level_K: np.ndarray) -> float:
    """1/sigma of the curve of constant elasticity through the points (least squares in ln x); NaN of fewer than three.

    1/sigma rather than sigma: it passes from substitutes (below 1) through 0 (always the same rate) without a jump.
    Curves are x^r = A - B y^r with r = 1 - 1/sigma (and x = A y^-B at r = 0). Inputs must be above 0.
    """
    if len(rate_K) < FEWEST or np.isnan(rate_K).any():
        return np.nan
    x_K, y_K = (np.log(values) - np.log(values).mean() for values in (rate_K, level_K))  # scales make no difference
    best, width = 1.0, STEEPEST
    for looks in (161, *ZOOMS):
        r_J = np.linspace(best - width, best + width, looks)
        errors_J = _misfit(x_K, y_K, r_J)
        if not np.isfinite(errors_J).any():
            return np.nan
        best, width = float(r_J[np.argmin(errors_J)]), 2 * width / (looks - 1)
    return 1 - best


def _misfit(x_K: np.ndarray, y_K: np.ndarray, r_J: np.ndarray) -> np.ndarray:
    """(J,) sum of squares in ln x of the best curve with each exponent, of ln x and ln y; infinite where none falls.

    Linear in Box and Cox' transform (x^r - 1) / r, whose derivative in ln x is x^r: weighed by 1 / x^r.
    """
    r_J1 = r_J[:, None]
    bent_x, bent_y = _bent(x_K, r_J1), _bent(y_K, r_J1)
    weight_JK = np.exp(-2 * r_J1 * (x_K - x_K.max() * (r_J1 < 0) - x_K.min() * (r_J1 >= 0)))  # at most 1
    weight_JK /= weight_JK.sum(axis=1, keepdims=True)
    mean_x, mean_y = ((weight_JK * bent).sum(axis=1, keepdims=True) for bent in (bent_x, bent_y))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slope_J1 = (weight_JK * (bent_x - mean_x) * (bent_y - mean_y)).sum(axis=1, keepdims=True)
        slope_J1 = slope_J1 / (weight_JK * (bent_y - mean_y) ** 2).sum(axis=1, keepdims=True)
        expected_JK = mean_x + slope_J1 * (bent_y - mean_y)
        inside_JK = 1 + r_J1 * expected_JK
        expected_JK = np.where(np.abs(r_J1) < SMALL, expected_JK, np.log(inside_JK) / r_J1)
        error_J = ((x_K - expected_JK) ** 2).sum(axis=1)
    falls_J = (slope_J1[:, 0] < 0) & (inside_JK > 0).all(axis=1) & np.isfinite(error_J)
    return np.where(falls_J, error_J, np.inf)


def _bent(log_z: np.ndarray, r_J1: np.ndarray) -> np.ndarray:
    """Box and Cox' transform of z, of ln z; ln z at r = 0."""
    small = np.abs(r_J1) < SMALL
    return np.where(small, log_z, np.expm1(r_J1 * log_z) / np.where(small, 1.0, r_J1))


def jackknife(estimate: Callable[[np.ndarray], np.ndarray], outcome_SRV: np.ndarray) -> list[Interval]:
    """Of each of the m numbers that come of a table (the mean over seeds goes in), a 95% interval over seeds.

    What leaving out each seed changes, as Student's t of pseudo-values (Tukey 1958; Miller 1974,
    doi:10.1093/biomet/61.1.1): for smooth functions of means. Where the number is not there without some seed, there is
    no interval.
    """
    seeds = len(outcome_SRV)
    whole_m = np.asarray(estimate(outcome_SRV.mean(axis=0)), float)
    if seeds < 2:
        return [Interval(float(value), np.nan, np.nan, seeds) for value in whole_m]
    without_Sm = np.array([estimate(np.delete(outcome_SRV, s, axis=0).mean(axis=0)) for s in range(seeds)], float)
    pseudo_Sm = seeds * whole_m - (seeds - 1) * without_Sm
    return [_around(float(value), pseudo_S) for value, pseudo_S in zip(whole_m, pseudo_Sm.T, strict=True)]


def _around(value: float, pseudo_S: np.ndarray) -> Interval:
    if np.isnan(pseudo_S).any():
        return Interval(value, np.nan, np.nan, len(pseudo_S))
    spread = t_interval(pseudo_S)
    half = (spread.high - spread.low) / 2
    return Interval(value, value - half, value + half, len(pseudo_S))


def elasticity(complement: Interval) -> Interval:
    """Sigma from an interval of 1/sigma: without an upper bound where that reaches 0, NaN where it lies below.

    Below 0 the curve bends the other way: mixtures are worse than either alone, and no sigma says so.
    """
    low, high = complement.low, complement.high
    if np.isnan(complement.estimate) or complement.high < 0:
        return Interval(np.nan, np.nan, np.nan, complement.n)
    estimate = 1 / complement.estimate if complement.estimate > 0 else np.inf
    if np.isnan(low):
        return Interval(estimate, np.nan, np.nan, complement.n)
    return Interval(estimate, 1 / high if high > 0 else np.inf, 1 / low if low > 0 else np.inf, complement.n)
