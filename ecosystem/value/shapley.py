"""Who keeps the web alive: Shapley values of human communities as sources.

    from ecosystem.value.shapley import shapley_values
    found = shapley_values(Scenario.from_file("minority_fund"), "within_diversity", seeds=16)
    found.table, found.findings, found.save()

Players are the communities; a coalition reaches what the metric is when only its communities go on writing and all
others fall silent from a step on. Before that step all are as they were: models are pretrained alike, and what counts
as rare does not depend on who goes on.

Letters: n communities, P pairs of orders, S seeds.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecosystem.errors import InputError
from ecosystem.runs.statistics import Interval, t_interval
from ecosystem.value import games
from ecosystem.value.law import expected
from ecosystem.value.measured import check_metric, swept, values

if TYPE_CHECKING:
    from ecosystem.scenario import Community, Scenario

FEW = 8  # communities up to which every coalition is run: 256 of them
BATCH = 16  # pairs of orders between two looks at how precise the values are; of fewer their means are not normal yet
MOST = 64  # pairs of orders
PRECISION = 0.1


@dataclass(frozen=True)
class Shapley:
    """Values of the communities of `spec` for a metric at a step, where those left out are silent from `since` on.

    `table`, a row a community, highest value first: `community`; `documents` that it writes from then on; `value` with
    `low` and `high` (95%, over seeds, and over orders where these are sampled); `share` of `total`; `alone` (what it
    adds where nobody else writes), `last` (what goes when it alone stops) and `overlap`, the first less the second,
    each with `_low` and `_high`. Where there is overlap others do some of what it does; below 0, it does more beside
    them.
    `value_nS`: the values in each seed, communities as in `spec`. `total`: what all reach less what nobody does. `gap`:
    largest difference in any seed between it and the sum of the values; 0 but for rounding. `pairs` of orders that were
    sampled (0: all coalitions), `precise`: as was asked. `sweep`: folder of the (last) runs. Column `law` of the table:
    values of the game of exact expectations; NaN where there is none, for the reason `lawless`.
    """

    spec: Scenario
    metric: str
    step: int
    since: int
    seeds: tuple[int, ...]
    table: pd.DataFrame
    value_nS: np.ndarray = field(repr=False)
    total: Interval
    gap: float
    coalitions: int
    pairs: int
    precise: bool
    lawless: str
    sweep: Path
    command: str = ""

    @property
    def folder(self) -> Path:
        """OUT/<scenario>/value-shapley-<digest of what was asked>, beside the sweeps that hold the runs."""
        told = json.dumps([self.spec.digest, self.metric, self.step, self.since, bool(self.pairs)])
        return self.sweep.parent / f"value-shapley-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def by_seed(self) -> pd.DataFrame:
        """What intervals over seeds are made from: community, seed, value."""
        named = zip(self.spec.humans, self.value_nS, strict=True)
        rows = [(c.name, seed, v) for c, value_S in named for seed, v in zip(self.seeds, value_S, strict=True)]
        return pd.DataFrame(rows, columns=["community", "seed", "value"])

    @cached_property
    def findings(self) -> list[str]:
        """In plain words, the main finding first."""
        from ecosystem.value import shapley_told

        return shapley_told.findings(self)

    def save(self) -> Path:
        """Writes value.csv, seeds.csv and brief.html, and gives the folder."""
        from ecosystem.value import shapley_told

        return shapley_told.save(self)


def shapley_values(
    spec: Scenario,
    metric: str,
    seeds: int | Iterable[int] = 8,
    at: int | None = None,
    since: int = 1,
    sampled: bool = False,
    precision: float = PRECISION,
    pairs: int = MOST,
    **how: Any,
) -> Shapley:
    """Shapley values of the communities of a scenario; InputError where the input is wrong.

    Up to eight communities are valued exactly, from all coalitions; more (or `sampled`) over orders drawn in pairs.
    Sampling stops when 95% intervals over orders alone are no wider than +- `precision` times the largest value, looked
    at after every sixteen pairs, or at so many `pairs`; more seeds help against what is left. `at`: by default the last
    step. All runs are cells of sweeps with the same seeds: asked again, only what is missing is run. `how` as of
    `measured`.
    """
    check_metric(spec, metric)
    spec, step = spec.arm("base"), _checked(spec, at, since, precision, pairs)
    numbers = tuple(range(seeds) if isinstance(seeds, int) else dict.fromkeys(seeds))
    game = _Game(spec, metric, numbers, step, since, how)
    n = len(spec.humans)
    drawn = sampled or n > FEW
    if drawn:
        added_PnS, precise = _sampled(game, n, precision, pairs)
        value_nS, found = added_PnS.mean(axis=0), [games.over_both(added_PnS[:, i]) for i in range(n)]
        law_n, lawless = np.full(n, np.nan), "it would have to be known of every coalition"
    else:
        game.run(range(2**n))
        value_nS, precise = games.exact(np.array([game.reached[c] for c in range(2**n)])), True
        found = [t_interval(value_S) for value_S in value_nS]
        law_CT, lawless = expected(spec, [game.point(c) for c in range(2**n)], metric, numbers, [step])
        law_n = games.exact(law_CT)[:, 0]
    total_S = game.reached[2**n - 1] - game.reached[0]
    off_S = np.abs(value_nS.sum(axis=0) - total_S)
    gap = float(np.nanmax(off_S)) if np.isfinite(off_S).any() else math.nan
    total = t_interval(total_S)
    return Shapley(
        spec, metric, step, since, numbers, _table(game, found, total, law_n), value_nS, total, gap,
        len(game.reached), len(added_PnS) if drawn else 0, precise, lawless, game.folder, how.get("command", ""),
    )  # fmt: skip


class _Game:
    """What coalitions reach, run as they are asked for: `reached[coalition]` (S,), one value a seed."""

    def __init__(self, spec: Scenario, metric: str, seeds: tuple[int, ...], step: int, since: int, how: dict[str, Any]):
        self.spec, self.metric, self.seeds, self.step, self.since, self.how = spec, metric, seeds, step, since, how
        self.reached: dict[int, np.ndarray] = {}
        self.folder = Path()

    def run(self, coalitions: Iterable[int]) -> None:
        """Runs those that were not run before, as one sweep."""
        new = [c for c in dict.fromkeys(coalitions) if c not in self.reached]
        if not new:
            return
        made = swept(self.spec, [self.point(c) for c in new], self.seeds, [self.step], **self.how)
        self.folder, found = made.folder, values(made, self.metric, self.seeds)
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


def _table(game: _Game, values: list[Interval], total: Interval, law_n: np.ndarray) -> pd.DataFrame:
    everybody = 2 ** len(values) - 1
    rows = []
    for i, (community, value) in enumerate(zip(game.spec.humans, values, strict=True)):
        alone_S = game.reached[1 << i] - game.reached[0]
        last_S = game.reached[everybody] - game.reached[everybody ^ 1 << i]
        rows.append({
            "community": community.name,
            "documents": sum(community.rate_at(t) for t in range(game.since, game.step + 1)),
            "value": value.estimate, "low": value.low, "high": value.high,
            "law": float(law_n[i]), "share": value.estimate / total.estimate if total.estimate else math.nan,
            **_spread("alone", alone_S), **_spread("last", last_S), **_spread("overlap", alone_S - last_S),
        })  # fmt: skip
    return pd.DataFrame(rows).sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _spread(name: str, sample_S: np.ndarray) -> dict[str, float]:
    found = t_interval(sample_S)
    return {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}


def _checked(spec: Scenario, at: int | None, since: int, precision: float, pairs: int) -> int:
    """The step at which is measured; InputError where something of what is asked cannot be."""
    if not spec.steps:
        raise InputError(f"steps: {spec.name} must run for at least 1 step, in which people write; got 0")
    if not any(community.rate_at(t) for community in spec.humans for t in range(1, spec.steps + 1)):
        raise InputError(f"humans: {spec.name} has no community that writes after step 0, so none has a value")
    step = spec.steps if at is None else at
    if not 1 <= step <= spec.steps:
        raise InputError(f"at: must be a step from 1 to {spec.steps}, the last of the run; got {step}")
    if not 1 <= since <= step:
        raise InputError(f"since: must be a step from 1 to {step}, when those left out fall silent; got {since}")
    if not precision > 0:
        raise InputError(f"precision: must be above 0 (a share of the largest value); got {precision}")
    if pairs < 2:
        raise InputError(f"pairs: of orders, must be at least 2 to have an interval; got {pairs}")
    return step
