"""Who keeps the web alive: Shapley values of human communities as sources.

    from ecosystem.value.shapley import shapley
    print(shapley(Scenario.from_file("minority_fund"), "tail_coverage", seeds=16).table)

Players are the communities; a coalition reaches what the metric is when only its communities go on writing and all
others fall silent from a step on. Before that step all are as they were: models are pretrained alike, and what counts
as rare does not depend on who goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecosystem.errors import InputError
from ecosystem.runs.statistics import Interval, t_interval
from ecosystem.value import games
from ecosystem.value.measured import measured

if TYPE_CHECKING:
    from ecosystem.scenario import Community, Scenario

FEW = 8  # communities up to which every coalition is run: 256 of them
BATCH = 8  # pairs of orders between two looks at how precise the values are
MOST = 64  # pairs of orders
PRECISION = 0.1


@dataclass(frozen=True)
class Shapley:
    """Values of communities for a metric at a step, where those left out are silent from step `since` on.

    `table`, a row a community, highest value first: `community`; `documents` that it writes from then on; `value` with
    `low` and `high` (95%, over seeds, and over orders where these are sampled); `share` of `total`; `alone` (what it
    adds where nobody else writes) and `last` (what goes when it alone stops), each with `_low` and `_high`. Where
    `last` is less than `alone`, others write what it writes.
    `total`: what all reach less what nobody does. `gap`: largest difference in any seed between it and the sum of the
    values; 0 but for rounding. `pairs` of orders that were sampled (0: all coalitions), `precise`: as was asked.
    """

    metric: str
    step: int
    since: int
    table: pd.DataFrame
    total: Interval
    gap: float
    coalitions: int
    pairs: int
    precise: bool


def shapley(
    spec: Scenario,
    metric: str,
    seeds: int | Iterable[int] = 8,
    at: int | str = "end",
    since: int = 1,
    sampled: bool = False,
    precision: float = PRECISION,
    most: int = MOST,
    **how: Any,
) -> Shapley:
    """Shapley values of the communities of a scenario; InputError where the input is wrong.

    Up to eight communities are valued exactly, from all coalitions; more (or `sampled`) over orders drawn in pairs.
    Sampling stops when 95% intervals over orders alone are no wider than +- `precision` times the largest value, looked
    at after every eight pairs, or at the `most` pairs; more seeds help against what is left. All runs are cells of
    sweeps with the same seeds: asked again, only what is missing is run. `how` as of `measured`.
    """
    step = _checked(spec, at, since, precision, most)
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    game = _Game(spec, metric, numbers, step, since, how)
    n = len(spec.humans)
    drawn = sampled or n > FEW
    if drawn:
        added_PnS, precise = _sampled(game, n, precision, most)
        value_nS, values = added_PnS.mean(axis=0), [games.over_both(added_PnS[:, i]) for i in range(n)]
    else:
        game.run(range(2**n))
        value_nS, precise = games.exact(np.array([game.reached[c] for c in range(2**n)])), True
        values = [t_interval(value_S) for value_S in value_nS]
    total_S = game.reached[2**n - 1] - game.reached[0]
    off_S = np.abs(value_nS.sum(axis=0) - total_S)
    gap = float(np.nanmax(off_S)) if np.isfinite(off_S).any() else math.nan
    total, pairs = t_interval(total_S), len(added_PnS) if drawn else 0
    table = _table(game, values, total)
    return Shapley(metric, step, since, table, total, gap, len(game.reached), pairs, precise)


class _Game:
    """What coalitions reach, run as they are asked for: `reached[coalition]` (S,), one value a seed."""

    def __init__(self, spec: Scenario, metric: str, seeds: tuple[int, ...], step: int, since: int, how: dict[str, Any]):
        self.spec, self.metric, self.seeds, self.step, self.since, self.how = spec, metric, seeds, step, since, how
        self.reached: dict[int, np.ndarray] = {}

    def run(self, coalitions: Iterable[int]) -> None:
        """Runs those that were not run before, as one sweep."""
        new = [c for c in dict.fromkeys(coalitions) if c not in self.reached]
        if not new:
            return
        points = [self.point(coalition) for coalition in new]
        found = measured(self.spec, points, self.metric, self.seeds, [self.step], **self.how)
        by_point = found.pivot(index="point", columns="seed", values="value")[list(self.seeds)]
        self.reached |= {c: by_point.loc[place].to_numpy(float) for place, c in enumerate(new)}

    def point(self, coalition: int) -> dict[str, Any]:
        """The scenario in which only these communities go on writing."""
        humans = enumerate(self.spec.humans)
        return {f"humans.{c.name}.rate": _rate(c, None if coalition >> i & 1 else self.since) for i, c in humans}


def _rate(community: Community, silent: int | None) -> Any:
    """A community's rate, or that with nothing from a step on."""
    own = community.rate
    periods = [[0, own]] if isinstance(own, int) else [list(period) for period in own]
    if silent is None:
        return own if isinstance(own, int) else periods
    return [period for period in periods if period[0] < silent] + [[silent, 0]]


def _sampled(game: _Game, n: int, precision: float, most: int) -> tuple[np.ndarray, bool]:
    """(P, n, S) what communities add in pairs of orders, and whether these were enough."""
    everybody, one = 2**n - 1, [1 << i for i in range(n)]
    game.run([0, everybody, *one, *(everybody ^ each for each in one)])  # in many orders, and told beside the values
    found: list[np.ndarray] = []
    while len(found) < most:
        orders = [games.order(n, pair) for pair in range(len(found), min(len(found) + BATCH, most))]
        game.run(c for order in orders for both in (order, order[::-1]) for c in games.arrivals(both))
        found += [games.added(order, game.reached) for order in orders]
        if _precise(np.array(found), precision):
            return np.array(found), True
    return np.array(found), False


def _precise(added_PnS: np.ndarray, precision: float) -> bool:
    """Are intervals over orders no wider than +- precision times the largest value?"""
    kept_PnS = added_PnS[..., ~np.isnan(added_PnS).any(axis=(0, 1))]
    if not kept_PnS.shape[-1]:
        return False
    largest = np.abs(kept_PnS.mean(axis=(0, 2))).max()
    return all(games.over_orders(kept_PnS[:, i]) <= precision * largest for i in range(kept_PnS.shape[1]))


def _table(game: _Game, values: list[Interval], total: Interval) -> pd.DataFrame:
    everybody = 2 ** len(values) - 1
    rows = []
    for i, (community, value) in enumerate(zip(game.spec.humans, values, strict=True)):
        alone = t_interval(game.reached[1 << i] - game.reached[0])
        last = t_interval(game.reached[everybody] - game.reached[everybody ^ 1 << i])
        rows.append({
            "community": community.name,
            "documents": sum(community.rate_at(t) for t in range(game.since, game.step + 1)),
            "value": value.estimate, "low": value.low, "high": value.high,
            "share": value.estimate / total.estimate if total.estimate else math.nan,
            "alone": alone.estimate, "alone_low": alone.low, "alone_high": alone.high,
            "last": last.estimate, "last_low": last.low, "last_high": last.high,
        })  # fmt: skip
    return pd.DataFrame(rows).sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _checked(spec: Scenario, at: int | str, since: int, precision: float, most: int) -> int:
    """The step at which is measured; InputError where something of what is asked cannot be."""
    if not spec.steps:
        raise InputError(f"steps: {spec.name} must run for at least 1 step, in which people write; got 0")
    if not any(community.rate_at(t) for community in spec.humans for t in range(1, spec.steps + 1)):
        raise InputError(f"humans: {spec.name} has no community that writes after step 0, so none has a value")
    if at != "end" and not (isinstance(at, int) and 1 <= at <= spec.steps):
        raise InputError(f"at: must be 'end' or a step from 1 to {spec.steps}; got {at}")
    step = spec.steps if isinstance(at, str) else at
    if not 1 <= since <= step:
        raise InputError(f"since: must be a step from 1 to {step}, when those left out fall silent; got {since}")
    if not precision > 0:
        raise InputError(f"precision: must be above 0 (a share of the largest value); got {precision}")
    if most < 2:
        raise InputError(f"most: at least 2 pairs of orders have an interval; got {most}")
    return step
