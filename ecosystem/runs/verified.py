"""What the verifiers of a study did over its whole runs, and how right they were.

Letters: V verifiers that judged in an arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ecosystem.runs.statistics import Interval, t_interval


@dataclass(frozen=True)
class Work:
    """One verifier of an arm. Rates are over a whole run, their intervals over seeds (NaN: nothing of that kind was
    judged); guarded models; judgements a step; cost of a run. Errors are counted against who wrote, or (`of_claims`)
    against what is true.
    """

    arm: str
    verifier: str
    gate: str
    guarded: Interval
    judged: Interval
    rejected: Interval
    false_positives: Interval
    false_negatives: Interval
    unjudged: Interval
    cost: Interval
    of_claims: bool = False


def works(study) -> list[Work]:
    """Every verifier of every arm, in the scenario's order."""
    frame = study.verifiers
    if not len(frame):
        return []
    made = []
    for (arm, verifier), rows in frame.groupby(["arm", "verifier"], sort=False):
        sums, steps = rows.drop(columns=["arm", "verifier", "gate"]).groupby("seed").sum(), rows.groupby("seed").size()
        judged = sums["judged_human"] + sums["judged_model"]
        of_claims = "judged_true" in rows and bool(rows["judged_true"].notna().any())
        good, other = ("true", "false") if of_claims else ("human", "model")
        made.append(
            Work(
                str(arm), str(verifier), str(rows["gate"].iloc[0]), _over(rows.groupby("seed")["guarded"].first()),
                _over(judged / steps), _over((sums["rejected_human"] + sums["rejected_model"]) / judged),
                _over(sums[f"rejected_{good}"] / sums[f"judged_{good}"]),
                _over((sums[f"judged_{other}"] - sums[f"rejected_{other}"]) / sums[f"judged_{other}"]),
                _over(sums["unjudged"] / steps), _over(sums["cost"]), of_claims,
            )
        )  # fmt: skip
    return made


def _over(seeds: pd.Series) -> Interval:
    return t_interval(seeds.to_numpy(float))
