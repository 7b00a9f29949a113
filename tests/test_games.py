"""Shapley values of games: by hand, by their axioms, and with intervals that cover as often as they say."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from ecosystem.runs.statistics import Interval, t_interval
from ecosystem.value import games

FALSE_ALARM = 1e-6


def members(coalition: int, n: int) -> list[int]:
    return [i for i in range(n) if coalition >> i & 1]


def game(reach, n: int) -> np.ndarray:
    """(2^n, 1) what every coalition reaches."""
    return np.array([[reach(members(c, n))] for c in range(2**n)], float)


def gloves(who: list[int]) -> float:
    """A pair of gloves is worth 1; player 0 has a left one, 1 and 2 have a right one each."""
    return float(0 in who and (1 in who or 2 in who))


def test_the_glove_game_by_hand():
    """Shapley's own kind of example: whoever has the rare glove gets two thirds."""
    assert games.exact(game(gloves, 3))[:, 0] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_an_airport_by_hand():
    """A runway costs what the largest aeroplane needs, and each stretch is shared by those who need it (Littlechild and
    Owen 1973)."""
    cost = games.exact(game(lambda who: max((10 * (i + 1) for i in who), default=0), 3))
    assert cost[:, 0] == pytest.approx([10 / 3, 10 / 3 + 5, 10 / 3 + 5 + 10])


def test_in_an_additive_game_everyone_gets_what_they_bring():
    brings = np.array([3.0, -1.0, 0.0, 2.0])
    assert games.exact(game(lambda who: brings[who].sum(), 4))[:, 0] == pytest.approx(brings)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_exact_values_are_means_over_all_orders(n):
    """The definition as a loop: what each adds, mean over the n! orders. And they add up to what all reach."""
    reached_CS = np.random.default_rng(n).normal(size=(2**n, 3))
    slow = np.zeros((n, 3))
    for who in permutations(range(n)):
        there = 0
        for i in who:
            slow[i] += (reached_CS[there | 1 << i] - reached_CS[there]) / math.factorial(n)
            there |= 1 << i
    found = games.exact(reached_CS)
    assert found == pytest.approx(slow)
    assert found.sum(axis=0) == pytest.approx(reached_CS[-1] - reached_CS[0])


def test_a_coalition_that_lacks_is_refused():
    with pytest.raises(ValueError, match="every coalition"):
        games.exact(np.zeros((7, 1)))


def test_an_order_and_its_reverse_even_out_what_depends_on_place_alone():
    """In a game of the number of players each adds by place; a pair gives exactly the value to the middle one."""
    reached = {c: np.array([float(c.bit_count() ** 2)]) for c in range(2**5)}
    for pair in range(4):
        assert games.added(games.order(5, pair), reached)[:, 0] == pytest.approx([5.0] * 5)  # 25 / 5


def test_orders_are_drawn_alike():
    """Each of 6 players is first in a sixth of 6,000 orders (chi square, false alarm 1e-6); a shuffle that leaves the
    first one in place more often is rejected."""
    first = np.bincount([games.order(6, pair)[0] for pair in range(6000)], minlength=6)
    assert stats.chisquare(first).pvalue > FALSE_ALARM
    assert stats.chisquare(first + np.array([300, -60, -60, -60, -60, -60])).pvalue < FALSE_ALARM


def crossed(rng, trials: int, pairs: int, seeds: int) -> np.ndarray:
    """(trials, P, S) of a mean of 1: orders differ by 1, seeds by 1, what both make by 1 (standard deviations)."""
    orders, luck = rng.normal(size=(trials, pairs, 1)), rng.normal(size=(trials, 1, seeds))
    return 1 + orders + luck + rng.normal(size=(trials, pairs, seeds))


def misses(found: list[Interval], truth: float) -> int:
    return sum(not i.low <= truth <= i.high for i in found)


def most_misses(trials: int) -> float:
    """So many of so many 95% intervals miss with probability FALSE_ALARM at most."""
    return float(stats.binom.ppf(1 - FALSE_ALARM, trials, 0.05))


def test_intervals_over_orders_and_seeds_cover_at_least_as_often_as_they_say():
    samples = crossed(np.random.default_rng(0), 2000, 16, 8)
    assert misses([games.over_both(x) for x in samples], 1.0) <= most_misses(2000)


def test_intervals_that_forget_orders_or_seeds_are_rejected_by_the_same_check():
    samples = crossed(np.random.default_rng(0), 2000, 16, 8)
    assert misses([t_interval(x.mean(axis=0)) for x in samples], 1.0) > most_misses(2000)
    assert misses([t_interval(x.mean(axis=1)) for x in samples], 1.0) > most_misses(2000)


def test_sampled_values_of_a_known_game_converge_with_the_coverage_stated():
    """200 samples of 16 pairs of orders of a game of six players (each order drawn anew), one game a seed around a mean
    game whose exact values are known: 95% intervals miss at most as often as they may (false alarm 1e-6, of each
    player alone), and do not when the values of another game are held against them."""
    rng, n, seeds = np.random.default_rng(1), 6, 8
    mean_C = np.array([math.sqrt(sum((i + 1) ** 2 for i in members(c, n))) for c in range(2**n)])
    truth_n = games.exact(mean_C[:, None])[:, 0]
    intervals: list[list[Interval]] = [[] for _ in range(n)]
    for trial in range(200):
        reached_CS = mean_C[:, None] + 0.2 * rng.normal(size=(2**n, seeds))
        reached = dict(enumerate(reached_CS))
        added_PnS = np.array([games.added(games.order(n, 1000 * trial + p), reached) for p in range(16)])
        for i in range(n):
            intervals[i].append(games.over_both(added_PnS[:, i]))
        total_S = reached_CS[-1] - reached_CS[0]
        assert added_PnS.mean(axis=0).sum(axis=0) == pytest.approx(total_S)  # efficiency, in each seed
    assert all(misses(found, truth) <= most_misses(200) for found, truth in zip(intervals, truth_n, strict=True))
    assert misses(intervals[0], truth_n[0] + 0.2) > most_misses(200)


def test_seeds_without_a_value_are_left_out_and_one_seed_has_no_interval():
    added_PS = np.array([[1.0, 3.0, math.nan], [2.0, 4.0, 1.0]])
    found = games.over_both(added_PS)
    assert (found.estimate, found.n) == (2.5, 2)
    assert found == games.over_both(added_PS[:, :2])
    assert math.isnan(games.over_both(added_PS[:, :1]).low)
    assert games.over_both(added_PS[:, 2:]).n == 0
    same = games.over_both(np.full((4, 3), 0.25))
    assert (same.low, same.high) == (0.25, 0.25)
