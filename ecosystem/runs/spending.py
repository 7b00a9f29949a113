"""What the policies of a study spent over its whole runs, by kind and for whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosystem.runs.statistics import Interval, t_interval

WORDS = {
    "human": "human documents",
    "rare": "human documents of what is rare",
    "forgone": "models' documents forgone",
    "verification": "judgements",
}
"""The kinds of the ledger as people call them."""


@dataclass(frozen=True)
class Spent:
    """Units of a kind (documents, judgements) for someone in a run of an arm, and what they cost, over seeds."""

    arm: str
    kind: str
    whom: str
    units: Interval
    cost: Interval


def spending(study) -> list[Spent]:
    """A row for each arm, kind and whom that the ledger has; a run that spent nothing on it counts as 0."""
    if not any(run.spec.policies for run in study.runs):
        return []
    frame = study.ledger
    seeds: dict[str, list[int]] = {}
    for run in study.runs:
        seeds.setdefault(run.arm, []).append(run.seed)
    made = []
    for (arm, kind, whom), rows in frame.groupby(["arm", "kind", "whom"], sort=False):
        sums = rows.groupby("seed")[["units", "cost"]].sum().reindex(seeds[str(arm)], fill_value=0.0)
        units, cost = (t_interval(np.asarray(sums[name], float)) for name in ("units", "cost"))
        made.append(Spent(str(arm), str(kind), str(whom), units, cost))
    return made
