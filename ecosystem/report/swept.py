"""What the page of a sweep reads: metrics at the last step kept, by point, with intervals over seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ecosystem.runs.statistics import Interval, t_interval
from ecosystem.runs.sweep import Sweep

MOST_METRICS = 12  # figures on a page


@dataclass(frozen=True)
class Swept:
    """The complete cells of a sweep at the last step that it keeps."""

    found: Sweep

    @cached_property
    def cells(self) -> pd.DataFrame:
        """A row a complete cell: point, the keys, seed, ..., metrics."""
        table = self.found.table
        table = table[table["status"] == "complete"]
        return table[table["step"] == table.groupby(["point", "seed"])["step"].transform("max")]

    @property
    def keys(self) -> list[str]:
        return self.found.keys

    @cached_property
    def metrics(self) -> list[str]:
        """Those with a finite value."""
        known = [m for m in self.found.metrics if np.isfinite(self.cells[m].to_numpy(float)).any()]
        return known[:MOST_METRICS]

    @cached_property
    def points(self) -> list[dict[str, Any]]:
        """The keys of the points that have a complete cell, by number."""
        there = set(self.cells["point"])
        return [point for number, point in enumerate(self.found.points) if number in there]

    @cached_property
    def numbers(self) -> list[int]:
        """The numbers of those points."""
        return sorted(set(self.cells["point"]))

    @property
    def seeds(self) -> list[int]:
        """How many seeds each of those points has."""
        return self.cells.groupby("point")["seed"].nunique().tolist()

    @property
    def failed(self) -> list[tuple[int, int, str]]:
        return self.found.failed

    @property
    def several_keys(self) -> list[str]:
        """The keys that have more than one value, those with most values first."""
        varied = [key for key in self.keys if len(self.values(key)) > 1]
        return sorted(varied, key=lambda key: -len(self.values(key)))

    def values(self, key: str) -> list[Any]:
        """The values of a key, numbers rising, others in the order in which they come."""
        found = list({str(point[key]): point[key] for point in self.points}.values())
        return sorted(found) if all(map(is_number, found)) else found

    def numeric(self, key: str) -> bool:
        return all(is_number(value) for value in self.values(key))

    def each(self, metric: str) -> list[Interval]:
        """A metric over seeds at every point, in their order."""
        return [t_interval(values) for values in self._by_seed(metric)[self.numbers].to_numpy(float).T]

    def where(self, metric: str, chosen: dict[str, Any]) -> Interval:
        """A metric over seeds at the points where keys have these values: within a seed the mean over these points.

        A seed counts where it has all of them.
        """
        found = set(self.numbers).intersection(*(self._holding[key][str(value)] for key, value in chosen.items()))
        table = self._by_seed(metric)[sorted(found)]
        return t_interval(table.dropna().mean(axis=1))

    def _by_seed(self, metric: str) -> pd.DataFrame:
        """A metric by seed (rows) and point (columns)."""
        return self._tables.setdefault(metric, self.cells.pivot(index="seed", columns="point", values=metric))

    @cached_property
    def _holding(self) -> dict[str, dict[str, set[int]]]:
        """For each key and value the points that have it."""
        found: dict[str, dict[str, set[int]]] = {key: defaultdict(set) for key in self.keys}
        for number, point in zip(self.numbers, self.points, strict=True):
            for key, value in point.items():
                found[key][str(value)].add(number)
        return found

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return {}


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def named(value: Any) -> str:
    """A value of a key as a label."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {named(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(named, value))
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if is_number(value) else str(value)


def logarithmic(values: Sequence[float]) -> bool:
    """Do numbers spread over so many sizes that only a logarithmic axis shows them apart?"""
    low, high = min(values), max(values)
    return low > 0 and high / low > 20
