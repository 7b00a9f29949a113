"""Shapley values of a game from what its coalitions reach: exact, or over sampled orders of arrival.

The value of a player is what it adds on average when players join one by one, every order being as likely (Shapley
1953, doi:10.1515/9781400881970-018). It is the only division in which all shares add up to what all reach together
(efficiency), equals get the same, who adds nothing gets nothing, and the values of two games add up.

Letters: n players, C coalitions, P pairs of orders, S seeds. A coalition is a whole number whose bit i says whether
player i is in it: 0 is nobody, 2^n - 1 everybody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import stats

from ecosystem.runs.statistics import LEVEL, Interval, t_quantile
from ecosystem.streams import Streams


def exact(reached_CS: np.ndarray) -> np.ndarray:
    """(n, S) values from what every coalition reaches, (2^n, S): one game a seed.

    Sums of differences, so that a player who adds nothing is worth exactly nothing.
    """
    n = len(reached_CS).bit_length() - 1
    if len(reached_CS) != 2**n:
        raise ValueError(f"Exact values need every coalition, 2^n of them. Got {len(reached_CS)}.")
    coalition_C = np.arange(2**n)
    found_nS = np.empty((n, reached_CS.shape[1]))
    for i in range(n):
        without_C = coalition_C[coalition_C >> i & 1 == 0]
        chance_C = np.array(
            [1 / (n * math.comb(n - 1, int(c).bit_count())) for c in without_C]
        )  # of being there before
        found_nS[i] = chance_C @ (reached_CS[without_C | 1 << i] - reached_CS[without_C])
    return found_nS


def order(n: int, pair: int) -> np.ndarray:
    """(n,) players in the order in which they join, of a numbered pair; the other order of the pair is its reverse.

    A player who comes early in one comes late in the other, which evens out what who comes when adds by itself
    (antithetic sampling; Mitchell et al. 2022, arXiv:2104.12199).
    """
    return Streams(0).get("shapley", pair).permutation(n)


def arrivals(order_n: np.ndarray) -> list[int]:
    """n + 1 coalitions, from nobody to everybody, as players join."""
    found = [0]
    for player in order_n:
        found.append(found[-1] | 1 << int(player))
    return found


def added(order_n: np.ndarray, reached: Mapping[int, np.ndarray]) -> np.ndarray:
    """(n, S) what each player adds on joining, mean over an order and its reverse."""
    found = np.zeros((len(order_n), len(reached[0])))
    for one in (order_n, order_n[::-1]):
        reached_CS = np.array([reached[coalition] for coalition in arrivals(one)])
        found[one] += np.diff(reached_CS, axis=0) / 2
    return found


def over_orders(added_PS: np.ndarray, level: float = LEVEL) -> float:
    """Half-width of an interval over pairs of orders alone, for these very seeds; NaN for one pair."""
    mean_P = added_PS.mean(axis=1)
    return float(t_quantile(mean_P.size, level) * _error(mean_P))


def over_both(added_PS: np.ndarray, level: float = LEVEL) -> Interval:
    """Mean over pairs of orders and seeds, with an interval that holds for other orders and other seeds.

    All pairs are seen with all seeds (crossed): the variances of the means over pairs and over seeds are added, so what
    they share counts twice and the interval is a little wide. Degrees of freedom by Satterthwaite (1946,
    doi:10.2307/3002019). Assumes that both kinds of means are close to normal. Seeds with NaN are left out.
    """
    kept_PS = added_PS[:, ~np.isnan(added_PS).any(axis=0)]
    pairs, seeds = kept_PS.shape
    if not seeds:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(kept_PS.mean())
    if pairs < 2 or seeds < 2:
        return Interval(mean, math.nan, math.nan, seeds)
    of_orders, of_seeds = _error(kept_PS.mean(axis=1)) ** 2, _error(kept_PS.mean(axis=0)) ** 2
    both = of_orders + of_seeds
    if both == 0:
        return Interval(mean, mean, mean, seeds)
    freedom = both**2 / (of_orders**2 / (pairs - 1) + of_seeds**2 / (seeds - 1))
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * math.sqrt(both)
    return Interval(mean, mean - half, mean + half, seeds)


def _error(values: np.ndarray) -> float:
    """Standard error of a mean; exactly 0 where all values are alike."""
    if values.size < 2:
        return math.nan
    return 0.0 if (values == values[0]).all() else float(values.std(ddof=1)) / math.sqrt(values.size)
