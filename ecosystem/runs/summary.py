"""summary.csv: what the seeds of every arm say at every step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ecosystem.runs import provenance
from ecosystem.runs.statistics import t_quantile

FILE = "summary.csv"


def table(steps: pd.DataFrame) -> pd.DataFrame:
    """A row an arm, step and metric: mean, median, standard_deviation, low, high (95% t interval), n.

    steps: columns arm, seed, step and the metrics. Seeds without a value (NaN) do not count; with fewer than two, or
    where a value is infinite, there is no interval.
    """
    order = list(dict.fromkeys(steps["arm"]))
    long = steps.melt(["arm", "seed", "step"], var_name="metric", value_name="value")
    grouped = long.groupby(["arm", "step", "metric"], sort=False)["value"]
    with np.errstate(invalid="ignore"):  # inf - inf is NaN: no interval
        found = grouped.agg(mean="mean", median="median", standard_deviation="std", n="count").reset_index()
        half = t_quantile(found["n"]) * found["standard_deviation"] / np.sqrt(found["n"].clip(lower=1))
    found.insert(6, "low", found["mean"] - half)
    found.insert(7, "high", found["mean"] + half)
    ranks = found["arm"].map({arm: i for i, arm in enumerate(order)})
    return found.iloc[np.lexsort((found["step"], ranks))].reset_index(drop=True)


def write(folder: Path, steps: pd.DataFrame) -> Path:
    """Writes summary.csv into the folder of a study."""
    provenance.replace_text(folder / FILE, table(steps).to_csv(index=False))
    return folder / FILE
