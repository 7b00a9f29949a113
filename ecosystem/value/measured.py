"""A metric at each point of an experiment, with the same luck at every point: a resumable sweep, read as one table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecosystem import metrics
from ecosystem.errors import InputError, suggestion
from ecosystem.runs.runner import RunFailed
from ecosystem.runs.sweep import sweep
from ecosystem.runs.sweep_design import listed
from ecosystem.runs.sweep_opened import Sweep

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario


def measured(
    spec: Scenario,
    points: Sequence[Mapping[str, Any]],
    metric: str,
    seeds: int | Iterable[int],
    at: Sequence[int] | str = "end",
    **how: Any,
) -> pd.DataFrame:
    """A row a point, seed and step: `point` (its place in the list), the keys of points, `seed`, `step`, `value`.

    Points are mappings of the same addresses of the scenario, all run with the same seeds (common random numbers):
    `found.pivot(index="seed", columns="point", values="value")` has pairs in its rows. `how`: jobs, out, progress, ...
    as of `sweep`; the cells lie in its folder, so that another metric of the same points costs nothing. InputError
    where the input is wrong, RunFailed where a cell failed.
    """
    check_metric(spec, metric)
    numbers = tuple(range(seeds) if isinstance(seeds, int) else dict.fromkeys(seeds))
    return values(swept(spec, points, numbers, at, **how), metric, numbers)


def swept(
    spec: Scenario, points: Sequence[Mapping[str, Any]], seeds: Sequence[int], at: Sequence[int] | str, **how: Any
) -> Sweep:
    """The sweep of these points; RunFailed where one of these seeds failed."""
    found = sweep(spec, listed(points), seeds, at, **how)
    for point, seed, reason in found.failed:
        if seed in seeds:
            raise RunFailed("base", seed, f"{json.dumps(found.points[point])}: {reason}")
    return found


def values(found: Sweep, metric: str, seeds: Sequence[int]) -> pd.DataFrame:
    """What `measured` gives, of a sweep that is there: of these seeds, should it hold more."""
    table = found.table
    kept = table.loc[table["seed"].isin(seeds), ["point", *found.keys, "seed", "step", metric]]
    return kept.rename(columns={metric: "value"}).astype({"step": int}).reset_index(drop=True)


def check_metric(spec: Scenario, metric: str) -> None:
    """InputError where a scenario does not measure it."""
    known = [metrics.column(name) for name in spec.metrics]
    if metric not in known:
        raise InputError(
            f"metric: {spec.name} does not measure '{metric}'.{suggestion(metric, known)} It measures "
            f"{', '.join(known)}."
        )
