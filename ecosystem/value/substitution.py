"""What one takes the place of the other: human writing and verification, for the same outcome.

    from ecosystem.value.substitution import substitution
    found = substitution(Scenario.from_file("buy_or_verify"), "within_diversity", "verifiers.guards.placement.share",
                         levels=[0, 0.25, 0.5, 0.75, 1], rates=[20, 50, 100, 200, 400, 800])
    print(found.curves[0].table, found.curves[0].sigma)

A grid of human rates and levels of verification, all with the same seeds; on it curves of one outcome (`isoquant`), and
what each point of them costs. Human rates hold from step 1 on: models are pretrained alike at every point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecosystem.errors import InputError
from ecosystem.metrics import titles
from ecosystem.runs.statistics import Interval, t_interval
from ecosystem.value import isoquant
from ecosystem.value.amounts import at_rate, numbers_of
from ecosystem.value.measured import check_metric, measured

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

COST, JUDGED = "verification_cost", "judged_documents"
SHARES = (0.25, 0.5, 0.75)  # of what every level reaches: the outcomes looked at where none is asked for


@dataclass(frozen=True)
class Curve:
    """Where one outcome is had. `table`, a row a level of verification from the lowest:

    `level` (the key's value); `rate`, the least human documents a step that give the outcome, with `low` and `high`;
    `replaced`, the documents that a unit more of the level replaces up to the next row, likewise; `human_cost`,
    `verification_cost` and `cost` a step, likewise; `beyond`, its cost beyond that of the cheapest row, likewise;
    `note`: not reached, or reached at the least rate tried. Intervals are 95% over seeds (see `isoquant.jackknife`).
    `sigma`: elasticity of substitution, and `complement` 1/sigma, of the curve of constant elasticity through the
    `points` rows that lie between rates tried. `cheapest`: the row, -1 where the outcome is not reached at all.
    """

    wanted: float
    table: pd.DataFrame
    sigma: Interval
    complement: Interval
    points: int
    cheapest: int


@dataclass(frozen=True)
class Substitution:
    """Outcomes of a grid (`outcomes`: rate, level, value, low, high) and curves of one outcome each.

    `more`: is more of the metric better? `error`: the key is a verifier's error rate, its level of verification 1 less
    that.
    """

    metric: str
    key: str
    step: int
    more: bool
    error: bool
    outcomes: pd.DataFrame
    curves: list[Curve]


def substitution(
    spec: Scenario,
    metric: str,
    key: str,
    levels: Sequence[float],
    rates: Sequence[float],
    wanted: Sequence[float] | None = None,
    community: str | None = None,
    price: float = 1.0,
    judgement: float | None = None,
    seeds: int | Iterable[int] = 8,
    at: int | str = "end",
    **how: Any,
) -> Substitution:
    """Curves of the `wanted` outcomes over human `rates` and the `levels` of a key; InputError where input is wrong.

    `rates`: human documents a step, of a community or of all in the shares they have. `wanted`: by default a quarter,
    half and three quarters of the range that all levels reach. `price` of a human document; of a judgement `judgement`,
    by default what the verifiers' own prices make it. `how` as of `measured`.
    """
    spec, step = _checked(spec, metric, key, at, price, judgement)
    error = key.rpartition(".")[2].startswith("false_")
    asked_V = numbers_of(levels, f"{key}: levels of verification", least=2)
    asked_V = asked_V[::-1] if error else asked_V
    rate_R = numbers_of(rates, "rates: human documents a step", least=2, low=0, whole=True)
    sought = None if wanted is None else numbers_of(wanted, "wanted: outcomes", least=1)
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    points = [at_rate(spec, int(rate), community) | {key: _plain(level)} for rate, level in product(rate_R, asked_V)]

    def table(name: str) -> np.ndarray:
        found = measured(spec, points, name, numbers, [step], **how)
        by_seed = found.pivot(index="seed", columns="point", values="value").loc[list(numbers)]
        return by_seed.to_numpy(float).reshape(-1, len(rate_R), len(asked_V))

    outcome_SRV = table(metric)
    cost_SRV = table(COST) if judgement is None else judgement * table(JUDGED)
    known = ~np.isnan(outcome_SRV).any(axis=(1, 2))
    if not known.any():
        raise InputError(f"metric: '{metric}' is not there at every rate and level in any seed, so nothing is equal")
    outcome_SRV, cost_SRV = outcome_SRV[known], np.nan_to_num(cost_SRV[known])
    more = _more_is_better(metric, outcome_SRV)
    grid = _Grid(rate_R, 1 - asked_V if error else asked_V, asked_V, np.stack([outcome_SRV, cost_SRV], 1), price, more)
    curves = [grid.curve(float(value)) for value in (grid.within_reach() if sought is None else sought)]
    return Substitution(metric, key, step, more, error, grid.outcomes(), curves)


@dataclass(frozen=True)
class _Grid:
    """rate_R; level_V, rising; asked_V, the key's values; sample_S2RV: outcomes and costs of verification."""

    rate_R: np.ndarray
    level_V: np.ndarray
    asked_V: np.ndarray
    sample_S2RV: np.ndarray
    price: float
    more: bool

    @property
    def sign(self) -> int:
        return 1 if self.more else -1

    def outcomes(self) -> pd.DataFrame:
        rows = []
        for (r, rate), (v, level) in product(enumerate(self.rate_R), enumerate(self.asked_V)):
            found = t_interval(self.sample_S2RV[:, 0, r, v])
            rows.append([float(rate), float(level), found.estimate, found.low, found.high])
        return pd.DataFrame(rows, columns=["rate", "level", "value", "low", "high"])

    def within_reach(self) -> list[float]:
        """Outcomes that every level reaches at some rate; the median of all where there is no such range."""
        mean_RV = self.sample_S2RV[:, 0].mean(axis=0)
        low, high = mean_RV.min(axis=0).max(), mean_RV.max(axis=0).min()
        return [float(low + share * (high - low)) for share in SHARES] if low < high else [float(np.median(mean_RV))]

    def curve(self, wanted: float) -> Curve:
        rate_V = self._rates(self.sample_S2RV.mean(axis=0), wanted)
        within_V = rate_V > self.rate_R[0]  # at the least rate tried: perhaps less would do
        bent_V = within_V & (rate_V > 0) & (self.level_V > 0)
        cost_V = self._costs(self.sample_S2RV.mean(axis=0), rate_V)[2]
        cheapest = int(np.nanargmin(cost_V)) if np.isfinite(cost_V).any() else -1
        told = isoquant.jackknife(partial(self._told, wanted, within_V, bent_V, cheapest), self.sample_S2RV)
        complement = told.pop()
        names = ("rate", "replaced", "human_cost", "verification_cost", "cost", "beyond")
        n = len(self.level_V)
        columns: dict[str, Any] = {"level": self.asked_V.astype(float)}
        for place, name in enumerate(names):
            mine = told[place * n : (place + 1) * n]
            ends = ("low", "high") if name == "rate" else (f"{name}_low", f"{name}_high")
            columns |= {
                name: [i.estimate for i in mine],
                ends[0]: [i.low for i in mine],
                ends[1]: [i.high for i in mine],
            }
        columns["note"] = [
            "not reached" if np.isnan(rate) else "reached at the least rate tried" if not within else ""
            for rate, within in zip(rate_V, within_V, strict=True)
        ]
        sigma = isoquant.elasticity(complement)
        return Curve(wanted, pd.DataFrame(columns), sigma, complement, int(bent_V.sum()), cheapest)

    def _told(self, wanted: float, within_V, bent_V, cheapest: int, mean_2RV: np.ndarray) -> np.ndarray:
        """All numbers of a curve in a row, those of the rows first; 1/sigma last."""
        rate_V = self._rates(mean_2RV, wanted)
        replaced_V = np.full(len(rate_V), np.nan)
        both_V = within_V[:-1] & within_V[1:]
        replaced_V[:-1][both_V] = isoquant.replaced(rate_V, self.level_V)[both_V]
        human_V, verified_V, cost_V = self._costs(mean_2RV, rate_V)
        beyond_V = cost_V - cost_V[cheapest] if cheapest >= 0 else cost_V
        complement = isoquant.complementarity(rate_V[bent_V], self.level_V[bent_V])
        return np.concatenate([rate_V, replaced_V, human_V, verified_V, cost_V, beyond_V, [complement]])

    def _rates(self, mean_2RV: np.ndarray, wanted: float) -> np.ndarray:
        return isoquant.least_rates(self.rate_R, self.sign * mean_2RV[0], self.sign * wanted)

    def _costs(self, mean_2RV: np.ndarray, rate_V: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(V,) a step of human documents, of verification (between rates in ln(1 + rate)), and of both."""
        places = np.log1p(self.rate_R)
        verified_V = np.array(
            [np.interp(np.log1p(rate), places, cost_R) for rate, cost_R in zip(rate_V, mean_2RV[1].T, strict=True)]
        )
        human_V = self.price * rate_V
        return human_V, verified_V, human_V + verified_V


def _more_is_better(metric: str, outcome_SRV: np.ndarray) -> bool:
    """As the metric's title has it; of others, what more human writing makes more of is better."""
    worse = titles.title(metric).worse
    mean_R = outcome_SRV.mean(axis=(0, 2))
    return bool(mean_R[-1] >= mean_R[0]) if worse is None else worse == "lower"


def _checked(
    spec: Scenario, metric: str, key: str, at: int | str, price: float, judgement: float | None
) -> tuple[Scenario, int]:
    """The scenario with what costs are made of measured too, and the step; InputError where what is asked cannot be."""
    check_metric(spec, metric)
    if not spec.verifiers:
        raise InputError(f"verifiers: {spec.name} has none, so nothing can take the place of human writing")
    if key.partition(".")[0] == "humans":
        raise InputError(
            f"{key}: must be a key of verification, such as verifiers.{spec.verifiers[0].name}.placement.share"
        )
    for name, given in (("human", price), ("judgement", judgement)):
        if given is not None and not 0 <= given < float("inf"):
            raise InputError(f"price of a {name}: must be 0 or more; got {given}")
    if not spec.steps:
        raise InputError(f"steps: {spec.name} must run for at least 1 step, in which people write; got 0")
    if at != "end" and not (isinstance(at, int) and 1 <= at <= spec.steps):
        raise InputError(f"at: must be 'end' or a step from 1 to {spec.steps}; got {at}")
    base = spec.arm("base")
    more = [name for name in (COST, JUDGED) if name not in base.metrics]
    return base.with_(metrics=[*base.metrics, *more]), spec.steps if isinstance(at, str) else at


def _plain(level: float) -> float | int:
    return int(level) if float(level).is_integer() else float(level)
