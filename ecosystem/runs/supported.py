"""How a study's questions were answered over its whole runs, with support and without, from the recorded answers."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ecosystem.runs.statistics import Interval, t_interval


@dataclass(frozen=True)
class Answering:
    """Answers of an arm, `supported` by what was retrieved or not. Intervals are over seeds.

    share of all questions; of these answered at all, citing a document, published; of those answered right, and mean
    confidence.
    """

    arm: str
    supported: bool
    share: Interval
    answered: Interval
    right: Interval
    confidence: Interval
    cites: Interval
    published: Interval


def answering(study) -> list[Answering]:
    """With support, then without, of every arm of which questions were recorded, in the scenario's order."""
    frame = study.questions
    return [
        _answering(str(arm), supported, rows)
        for arm, rows in frame.groupby("arm", sort=False)
        for supported in (True, False)
        if (rows["supported"] == supported).any()
    ]


def _answering(arm: str, supported: bool, rows: pd.DataFrame) -> Answering:
    told = pd.DataFrame({
        "seed": rows["seed"], "answered": rows["value"].notna(), "right": rows["right"],
        "confidence": rows["confidence"], "cites": rows["cited"].notna(), "published": rows["published"],
    })  # fmt: skip
    mine = rows["supported"] == supported
    means = told[mine].astype(float).groupby("seed").mean()
    share = mine.groupby(rows["seed"]).mean()
    columns = ("answered", "right", "confidence", "cites", "published")
    return Answering(arm, supported, _over(share), *(_over(means[name]) for name in columns))


def _over(seeds: pd.Series) -> Interval:
    return t_interval(seeds.to_numpy(float))
