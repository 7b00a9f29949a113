"""Curves of one outcome on a grid of human rates and levels of verification, and what each point of them costs.

Letters: S seeds, R human rates, V levels of verification.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ecosystem.runs.statistics import Interval, t_interval
from ecosystem.value import isoquant

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
class Grid:
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
