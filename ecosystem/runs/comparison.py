"""Arms beside each other: what each seed's run says at a step, and differences within seeds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np
import pandas as pd

from ecosystem.errors import InputError, did_you_mean
from ecosystem.runs import statistics
from ecosystem.runs.opened import Run, Study

Step = int | Literal["end"]


def metric_columns(study: Study) -> list[str]:
    """World-level columns of a study's tables."""
    return [name for name in study.steps.columns if name not in ("arm", "seed", "step")]


def last_step(study: Study, arm: str) -> int:
    """The last step that every run of an arm has reached."""
    steps = study.steps
    return int(steps[steps["arm"] == arm].groupby("seed")["step"].max().min())


def values(
    study: Study,
    metric: str,
    arm: str,
    at: Step = "end",
    group: str | None = None,
    seeds: Collection[int] | None = None,
) -> pd.Series:
    """A metric of an arm at a step, one number a seed (index: seed); of the models of one group where one is given.

    InputError where the arm, the step, the metric or the group is not in the study.
    """
    runs = [run for run in study.runs if run.arm == arm and (seeds is None or run.seed in seeds)]
    if not runs:
        raise InputError(f"No run of arm '{arm}' is there{did_you_mean(arm, study.arms)}.")
    step = last_step(study, arm) if at == "end" else at
    found = [_value(study, run, metric, step, group) for run in runs]
    return pd.Series(found, index=pd.Index([run.seed for run in runs], name="seed"), name=metric, dtype=float)


def table(study: Study, first: str, second: str, at: Step = "end") -> pd.DataFrame:
    """First minus second for every metric, paired by seed.

    Columns: metric; first, second (means of the arms over the seeds they share); difference with low and high (95% t
    interval); effect (mean difference over the standard deviation of differences); p (paired t test) and p_holm
    (adjusted for the number of metrics); seeds; independent_seeds: seeds an arm that an unpaired comparison would have
    needed for an interval as narrow.
    """
    rows = [_row(study, metric, first, second, at) for metric in metric_columns(study)]
    found = pd.DataFrame(rows)
    found.insert(8, "p_holm", statistics.holm(found["p"]))
    return found


def _row(study: Study, metric: str, first: str, second: str, at: Step) -> dict:
    both = pd.concat([values(study, metric, arm, at) for arm in (first, second)], axis=1, join="inner").dropna()
    a, b = both.to_numpy().T if len(both) else (np.zeros(0), np.zeros(0))
    found = statistics.paired(a, b)
    return {
        "metric": metric,
        "first": statistics.t_interval(a).estimate,
        "second": statistics.t_interval(b).estimate,
        "difference": found.difference.estimate,
        "low": found.difference.low,
        "high": found.difference.high,
        "effect": found.effect,
        "p": found.p,
        "seeds": found.difference.n,
        "independent_seeds": found.independent,
    }


def _value(study: Study, run: Run, metric: str, step: int, group: str | None) -> float:
    frame = run.steps if group is None else run.group_means(metric, group)
    if metric not in frame:
        raise InputError(f"Metric '{metric}' was not measured{did_you_mean(metric, metric_columns(study))}.")
    if group is not None and not len(frame):
        raise InputError(f"No model of group '{group}' is in arm '{run.arm}'.")
    found = frame.loc[frame["step"] == step, metric]
    if not len(found):
        raise InputError(f"Arm '{run.arm}' was not measured at step {step}{_nearest(frame['step'], step)}.")
    return float(found.iloc[0])


def _nearest(steps: pd.Series, step: int) -> str:
    return f"; the nearest is {int(steps.iloc[(steps - step).abs().argmin()])}" if len(steps) else ""
