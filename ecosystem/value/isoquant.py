"""Where two inputs give one outcome: iso-outcome curves of a table, the rate of substitution, and its elasticity.

Inputs are human documents a step, x, and a level of verification, y. Along a curve of one outcome the marginal rate of
technical substitution is -dx/dy, the documents a step that one more unit of y replaces, and the elasticity of
substitution is sigma = d ln(x/y) / d ln(-dx/dy) (Hicks 1932; Arrow, Chenery, Minhas and Solow 1961,
doi:10.2307/1927286): large where one easily replaces the other (infinite: always at the same rate), 0 where both are
needed in fixed proportions. It depends on the curve alone, not on the scale of the outcome, but on what y is: twice y is
the same, y squared is not.

Letters: S seeds, R human rates, V levels of verification, K points of a curve, m numbers. Outcomes are such that more is
better.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import minimize_scalar

from ecosystem.runs.statistics import Interval, t_interval

STEEPEST = 20.0  # 1/sigma that is looked for, to either side: sigma from 0.05
FEWEST = 3  # points of a curve that bend


def least_rates(rate_R: np.ndarray, outcome_RV: np.ndarray, wanted: float) -> np.ndarray:
    """(V,) the least rate that gives the outcome at each level; NaN where no rate does, the first one where it is enough.

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
    x_K, y_K = (values / np.exp(np.log(values).mean()) for values in (rate_K, level_K))  # scales make no difference

    def misfit(r: float) -> float:
        return _misfit(x_K, y_K, r)

    tried = np.linspace(-STEEPEST, STEEPEST, 161) + 1
    errors = np.array([misfit(r) for r in tried])
    best = int(np.argmin(errors))
    if not np.isfinite(errors[best]):
        return np.nan
    around = (tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)])
    return 1 - float(minimize_scalar(misfit, bounds=around, method="bounded", options={"xatol": 1e-6}).x)


def _misfit(x_K: np.ndarray, y_K: np.ndarray, r: float) -> float:
    """Sum of squares in ln x of the best curve with an exponent; infinite where that has no such points, or falls not.

    Linear in Box and Cox' transform (z^r - 1) / r, whose derivative in ln z is z^r: weighed by 1 / x^r.
    """
    bent_x, bent_y = _bent(x_K, r), _bent(y_K, r)
    weight_K = x_K**-r
    design_K2 = np.column_stack([np.ones_like(y_K), -bent_y])
    fitted, *_ = np.linalg.lstsq(design_K2 * weight_K[:, None], bent_x * weight_K, rcond=None)
    inside_K = 1 + r * (design_K2 @ fitted)
    if fitted[1] <= 0 or (inside_K <= 0).any():
        return np.inf
    expected_K = design_K2 @ fitted if abs(r) < 1e-9 else np.log(inside_K) / r
    return float(((np.log(x_K) - expected_K) ** 2).sum())


def _bent(z: np.ndarray, r: float) -> np.ndarray:
    return np.log(z) if abs(r) < 1e-9 else np.expm1(r * np.log(z)) / r


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
