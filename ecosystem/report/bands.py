"""From rows of a run's tables to what a curve draws: a line with an interval for each arm, a band over agents.

NaN is 'not measured' and is left out of a mean; an infinite value makes the mean infinite, and then nothing is drawn.

Letters: S seeds, T steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecosystem.metrics import titles
from ecosystem.runs.statistics import t_quantile

KEYS = {"arm", "seed", "step", "agent", "other", "group_name", "kind"}


@dataclass(frozen=True)
class Band:
    """One arm's metric over time. step_T; mean_T with low_T and high_T (NaN with fewer than two seeds); seeds_ST."""

    arm: str
    step_T: np.ndarray
    mean_T: np.ndarray
    low_T: np.ndarray
    high_T: np.ndarray
    seeds_ST: np.ndarray

    @property
    def last(self) -> int | None:
        """Position of the last step with a value; None where there is none."""
        known = np.flatnonzero(np.isfinite(self.mean_T))
        return int(known[-1]) if known.size else None


def metrics_in(frame: pd.DataFrame, order: tuple[str, ...] = ()) -> list[str]:
    """Columns of a table with a metric that has some finite value, in the scenario's order."""
    return [m for m in measured(frame, order) if np.isfinite(numbers(frame[m])).any()]


def measured(frame: pd.DataFrame, order: tuple[str, ...] = ()) -> list[str]:
    """Columns of a table with a metric that has some value, infinite ones included, in the scenario's order."""
    found = [c for c in frame.columns if c not in KEYS and not np.isnan(numbers(frame[c])).all()]
    rank = {name.rpartition(":")[2]: i for i, name in enumerate(order)}
    return sorted(found, key=lambda c: rank.get(c, len(rank)))


def numbers(values) -> np.ndarray:
    """Values as float64; what is no number is NaN."""
    return pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(float)


def finite(values) -> np.ndarray:
    """Values as float64; what is no finite number is NaN."""
    array = numbers(values)
    return np.where(np.isfinite(array), array, np.nan)


def interval(values_ST: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over seeds and its 95% interval (Student's t), each (T,); NaN where there is none or a value is infinite."""
    known_ST = ~np.isnan(values_ST)
    n_T = known_ST.sum(0)
    values_ST = np.where(np.isinf(values_ST).any(0), np.nan, np.where(known_ST, values_ST, 0.0))
    mean_T = np.divide(values_ST.sum(0), n_T, out=np.full(len(n_T), np.nan), where=n_T > 0)
    square_T = np.where(known_ST, (values_ST - mean_T) ** 2, 0.0).sum(0)
    half_T = t_quantile(n_T) * np.sqrt(square_T / np.maximum(n_T - 1, 1) / np.maximum(n_T, 1))
    return mean_T, mean_T - half_T, mean_T + half_T


def within(metric: str, low, high) -> tuple:
    """An interval cut to the values that the metric can take: a share is not below 0."""
    least, most = titles.title(metric).range or (None, None)
    return np.clip(low, least, most), np.clip(high, least, most)


def bands(steps: pd.DataFrame, metric: str, arms: list[str]) -> list[Band]:
    """A band for each arm that has a value of the metric."""
    made = []
    for arm in arms:
        rows = steps.loc[steps["arm"] == arm, ["seed", "step", metric]]
        table = rows.assign(**{metric: numbers(rows[metric])}).pivot(index="seed", columns="step", values=metric)
        table = table.loc[:, table.notna().any()]  # what is measured now and then is one line all the same
        if table.empty:
            continue
        values_ST = table.to_numpy(float)
        mean_T, low_T, high_T = interval(values_ST)
        low_T, high_T = within(metric, low_T, high_T)
        seeds_ST = np.where(np.isinf(values_ST), np.nan, values_ST)
        band = Band(arm, table.columns.to_numpy(), mean_T, low_T, high_T, seeds_ST)
        if band.last is not None:
            made.append(band)
    return made


def quantiles(agents: pd.DataFrame, metric: str, at: tuple[float, ...]) -> pd.DataFrame:
    """Quantiles over models and seeds: index step, a column for each of `at`; NaN where one is infinite.

    Steps at which nothing was measured are left out.
    """
    values = agents[["step"]].assign(value=numbers(agents[metric]))
    found = values.groupby("step")["value"].quantile(np.array(at), interpolation="nearest").unstack()
    found = found[found.notna().any(axis=1)]
    return found.where(np.isfinite(found))
