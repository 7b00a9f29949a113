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
    return values(sweep(spec, listed(points), seeds, at, **how), metric, seeds)


def values(found: Sweep, metric: str, seeds: int | Iterable[int]) -> pd.DataFrame:
    """The same of a sweep that was made before: of these seeds, should it hold more."""
    wanted = set(range(seeds) if isinstance(seeds, int) else seeds)
    for point, seed, reason in found.failed:
        if seed in wanted:
            raise RunFailed("base", seed, f"{json.dumps(found.points[point])}: {reason}")
    table = found.table[found.table["seed"].isin(wanted)]
    kept = table[["point", *found.keys, "seed", "step", metric]].rename(columns={metric: "value"})
    return kept.astype({"step": int}).reset_index(drop=True)


def check_metric(spec: Scenario, metric: str) -> None:
    """InputError where a scenario does not measure it."""
    known = [metrics.column(name) for name in spec.metrics]
    if metric not in known:
        raise InputError(
            f"metric: {spec.name} does not measure '{metric}'.{suggestion(metric, known)} It measures "
            f"{', '.join(known)}."
        )
