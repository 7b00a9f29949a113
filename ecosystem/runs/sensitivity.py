"""Which keys matter: Sobol's and Morris' indices of a finished sweep, with intervals.

Of the mean over seeds, which are the same at every point. Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018 (first
and total order); Campolongo et al. 2007, doi:10.1016/j.envsoft.2006.10.004 (mu*). Both by SALib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem.errors import InputError, suggestion
from ecosystem.runs import sweep_design
from ecosystem.runs.sweep import Sweep
from ecosystem.streams import Streams

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 500  # of the bootstrap over points behind the intervals
LEVEL = 0.95


def indices(found: Sweep, metric: str, step: int | None = None) -> pd.DataFrame:
    """A row a key, what matters most first, with 95% intervals (low, high) by bootstrap over points.

    Of a Sobol design: `first` (share of the metric's variance that the key explains alone) and `total` (with all it
    interacts with). Of a Morris design: `mu_star` (mean size of the change when the key goes through two thirds of its
    range, in the metric's unit), `mu` (with its sign) and `sigma` (how much it depends on where). NaN where the
    metric is the same at all points. `step`: which of the steps that were kept (default: the last).
    """
    import pandas as pd

    if found.told["kind"] not in ("sobol", "morris"):
        raise InputError(f"Indices need a sobol or morris design; {found.folder} is a {found.told['kind']} design.")
    values_P, share_PK = _values(found, metric, step), _shares(found)
    problem = {"num_vars": len(found.keys), "names": found.keys, "bounds": [[0.0, 1.0]] * len(found.keys)}
    if np.ptp(values_P) == 0:
        columns = _of_nothing(found)
    else:
        columns = (_sobol if found.told["kind"] == "sobol" else _morris)(problem, share_PK, values_P)
    table = pd.DataFrame({"key": found.keys, "metric": metric, **columns})
    return table.sort_values(list(columns)[-3], ascending=False, kind="stable", ignore_index=True)


def _sobol(problem: dict[str, Any], share_PK: np.ndarray, values_P: np.ndarray) -> dict[str, np.ndarray]:
    from SALib.analyze import sobol

    got = sobol.analyze(
        problem, values_P, calc_second_order=False, num_resamples=RESAMPLES, conf_level=LEVEL, seed=_seed()
    )
    return {**_interval("first", got["S1"], got["S1_conf"]), **_interval("total", got["ST"], got["ST_conf"])}


def _morris(problem: dict[str, Any], share_PK: np.ndarray, values_P: np.ndarray) -> dict[str, np.ndarray]:
    from SALib.analyze import morris

    got = morris.analyze(
        problem, share_PK, values_P, num_levels=sweep_design.LEVELS, num_resamples=RESAMPLES, conf_level=LEVEL,
        seed=_seed(),
    )  # fmt: skip
    # SALib's effects are per unit of the range; a step of the trajectory is two thirds of it
    step = sweep_design.LEVELS / (2 * (sweep_design.LEVELS - 1))
    given = {name: step * np.asarray(got[name], float) for name in ("mu", "sigma", "mu_star", "mu_star_conf")}
    return {
        "mu": given["mu"],
        "sigma": given["sigma"],
        **_interval("mu_star", given["mu_star"], given["mu_star_conf"]),
    }


def _interval(name: str, estimate: Any, half: Any) -> dict[str, np.ndarray]:
    estimate, half = np.asarray(estimate, float), np.asarray(half, float)
    return {name: estimate, f"{name}_low": estimate - half, f"{name}_high": estimate + half}


def _of_nothing(found: Sweep) -> dict[str, np.ndarray]:
    """Columns of a metric that is the same at all points."""
    nothing = np.full(len(found.keys), np.nan)
    if found.told["kind"] == "sobol":
        return {**_interval("first", nothing, nothing), **_interval("total", nothing, nothing)}
    return {"mu": nothing, "sigma": nothing, **_interval("mu_star", nothing, nothing)}


def _values(found: Sweep, metric: str, step: int | None) -> np.ndarray:
    """(P,) mean over seeds at every point of the design; InputError where cells are missing, failed or NaN."""
    if metric not in found.metrics:
        hint = suggestion(metric, found.metrics)
        raise InputError(f"Unknown metric '{metric}' of the sweep.{hint} Measured: {', '.join(found.metrics)}.")
    table = found.table
    if (table["status"] == "failed").any():
        first = table[table["status"] == "failed"].iloc[0]
        raise InputError(
            f"Indices need every cell; point {first['point']} with seed {first['seed']} failed: {first['reason']}"
        )
    chosen = table["step"].max() if step is None else step
    if found.told["at"] == "end" and step is None:
        kept = table
    else:
        kept = table[table["step"] == chosen]
    values = kept.groupby("point")[metric].mean()
    size = len(found.points)
    if len(values) != size or values.isna().any():
        lacks = int(size - values.notna().sum())
        raise InputError(f"Indices need {metric} at every point; {lacks} of {size} points have none at that step.")
    return values.sort_index().to_numpy()


def _shares(found: Sweep) -> np.ndarray:
    """(P, K) where in each range the points lie; InputError where another SALib now samples otherwise."""
    design = sweep_design.again(found.told["kind"], found.told["design"])
    if list(design.points()) != found.points:
        raise InputError(f"{found.folder} was sampled by another version of SALib; run the sweep anew.")
    assert design.share_PK is not None
    return design.share_PK


def _seed() -> int:
    return Streams(0).key("sensitivity") % 2**32
