"""Herd protection: what guards before some readers spare those that have none."""

from __future__ import annotations

import pandas as pd

from ecosystem.runs.opened import Study
from ecosystem.runs.statistics import Interval, t_interval


def herd_protection(arm: pd.DataFrame, base: pd.DataFrame) -> float:
    """Share of the collapses among models without a guard that did not happen: 1 - attack rate / attack rate in base.

    arm, base: the tables of agents of two runs of one seed, with the metrics `arrival` and `guarded`. Both rates are
    over the same models, those without a guard in `arm`, at the last step: the indirect effect of Halloran & Struchiner
    (1991, Epidemiology 2:331). Below 0 where more collapsed; NaN where none of them did in base.
    """
    ever, before = (_last(frame)["arrival"].notna() for frame in (arm, base))
    alone = _last(arm)["guarded"] == 0
    spared = before[alone].mean()
    return float(1 - ever[alone].mean() / spared) if spared > 0 else float("nan")


def protection_of(study: Study, arm: str, base: str = "base") -> Interval:
    """Its mean over the seeds that both arms have, with a 95% interval (Student's t)."""
    runs = {(run.arm, run.seed): run for run in study.runs}
    seeds = [seed for seed in study.seeds if (arm, seed) in runs and (base, seed) in runs]
    return t_interval([herd_protection(runs[arm, seed].agents, runs[base, seed].agents) for seed in seeds])


def _last(agents: pd.DataFrame) -> pd.DataFrame:
    return agents[agents["step"] == agents["step"].max()].set_index("agent")
