"""Arms beside each other: what each seed's run says at a step, and differences within seeds."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import pandas as pd

from ecosystem.errors import InputError, did_you_mean
from ecosystem.runs import provenance, statistics
from ecosystem.runs.effect_sizes import sizes
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
    interval); effect (mean difference over the standard deviation of differences, d_z) with effect_low and effect_high;
    effect_av (over the root of the arms' mean variance, d_av); higher (share of seeds in which first is above second);
    p (paired t test), p_holm and p_bh (adjusted for the number of metrics: chance of any false alarm, share of false
    alarms among what is found); seeds; independent_seeds (seeds an arm that an unpaired comparison would have needed
    for an interval as narrow), saving (how many times as many runs that is) with saving_low and saving_high.
    """
    found = pd.DataFrame([_row(study, metric, first, second, at) for metric in metric_columns(study)])
    where = list(found.columns).index("p") + 1
    found.insert(where, "p_holm", statistics.holm(found["p"]))
    found.insert(where + 1, "p_bh", statistics.benjamini_hochberg(found["p"]))
    return found


def save(study: Study, found: pd.DataFrame, first: str, second: str) -> Path:
    """Writes a table of differences beside the arms: comparison-FIRST-SECOND.csv."""
    path = study.folder / f"comparison-{first}-{second}.csv"
    provenance.replace_text(path, found.to_csv(index=False))
    return path


def shared(study: Study, metric: str, first: str, second: str, at: Step = "end") -> pd.DataFrame:
    """The values of two arms in the seeds they share: a row a seed, the arms as columns; seeds without a value left
    out."""
    both = [values(study, metric, arm, at).rename(arm) for arm in (first, second)]
    return pd.concat(both, axis=1, join="inner").dropna()


def _row(study: Study, metric: str, first: str, second: str, at: Step) -> dict:
    a, b = shared(study, metric, first, second, at).to_numpy(float).reshape(-1, 2).T
    found = statistics.paired(a, b)
    size = sizes(a, b, found)
    return {
        "metric": metric,
        "first": statistics.t_interval(a).estimate,
        "second": statistics.t_interval(b).estimate,
        "difference": found.difference.estimate,
        "low": found.difference.low,
        "high": found.difference.high,
        "effect": size.within.estimate,
        "effect_low": size.within.low,
        "effect_high": size.within.high,
        "effect_av": size.between,
        "higher": size.higher,
        "p": found.p,
        "seeds": found.difference.n,
        "independent_seeds": found.independent,
        "saving": size.saving.estimate,
        "saving_low": size.saving.low,
        "saving_high": size.saving.high,
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
