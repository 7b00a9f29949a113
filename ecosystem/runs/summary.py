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


def agrees(folder: Path, steps: pd.DataFrame) -> bool:
    """Does the summary.csv of a folder say what the steps say? To nine digits: last ones differ between versions."""
    expected = table(steps)
    try:
        found = pd.read_csv(folder / FILE, dtype={"arm": str, "metric": str})
    except (ValueError, UnicodeDecodeError):  # not a table
        return False
    if list(found.columns) != list(expected.columns) or len(found) != len(expected):
        return False
    names = ["arm", "step", "metric", "n"]
    same = all((found[name].to_numpy() == expected[name].to_numpy()).all() for name in names)
    numbers = expected.columns.difference(names)
    return same and bool(
        np.isclose(
            found[numbers].to_numpy(float), expected[numbers].to_numpy(float), rtol=1e-9, atol=1e-12, equal_nan=True
        ).all()
    )
