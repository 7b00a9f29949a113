"""Does a scenario do what it claims? A claim is judged by a 95% interval over seeds and never by eye.

held: the whole interval lies on the claimed side. failed: the whole interval lies on the other side. undecided: the
seeds do not say. So a claim that is false by a hair is held by chance in at most 2.5% of experiments (Student's t;
claims are stated beforehand, and not corrected for how many there are).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ecosystem.effect import Outcome, parse_effect
from ecosystem.errors import InputError
from ecosystem.runs import wording

if TYPE_CHECKING:
    import pandas as pd

    from ecosystem.claim import Claim
    from ecosystem.runs.opened import Study
    from ecosystem.runs.statistics import Interval
    from ecosystem.scenario import Scenario


@dataclass(frozen=True)
class Verdict:
    """How a claim fared: estimate with its 95% interval over n seeds; `note` says why nothing could be said."""

    claim: Claim
    outcome: Outcome
    estimate: float
    low: float
    high: float
    n: int
    note: str = ""

    @property
    def figures(self) -> str:
        """What was found, in one line."""
        from ecosystem.metrics import titles

        claim = self.claim
        of = f" of group {claim.group}" if claim.group else ""
        where = "at the end" if claim.at == "end" else f"at step {claim.at}"
        if claim.since is not None:
            how = "over" if claim.ratio and len(claim.arms) == 1 else "minus"
            where += f" {how} that at step {claim.since}"
        less = ""
        if claim.minus:
            less = f" {'over' if _of_two_metrics(claim) else 'minus'} {titles.title(claim.minus).title}"
        what = f"{titles.title(claim.metric).title}{less}{of} {where}"
        if claim.along:
            when = "" if claim.since is None else f" at step {claim.since}"
            what = f"rank correlation of {what} with {titles.title(claim.along).title}{when}"
            arms = f"over {', '.join(claim.arms)}"
        else:
            arms = (" over " if claim.ratio else " minus ").join(claim.arms)
        found = self.note or f"{wording.number(self.estimate)} ({wording.interval(self.low, self.high, self.n)})"
        return f"{what}, {arms}: {found}; claimed {claim.effect.strip()}"


def judge(claim: Claim, study: Study) -> Verdict:
    """The claim on the complete runs of seeds 0 .. claim.seeds - 1 that the study holds."""
    try:
        found = _measured(claim, study)
    except InputError as error:
        return Verdict(claim, "undecided", math.nan, math.nan, math.nan, 0, str(error).rstrip("."))
    note = "" if found.n else "no complete run has a value"
    outcome = parse_effect(claim.effect).outcome(found.low, found.high)
    return Verdict(claim, outcome, found.estimate, found.low, found.high, found.n, note)


def check(spec: Scenario, **how: Any) -> list[Verdict]:
    """Runs what the claims of a scenario need (`how`: jobs, out, ... of `replicate`) and judges them."""
    from ecosystem.runs.runner import execute

    needed = {(arm, seed) for claim in spec.claims for arm in claim.arms for seed in range(claim.seeds)}
    if not needed:
        return []
    study = execute(spec, sorted(needed, key=lambda pair: (pair[1], pair[0])), **how)
    return [judge(claim, study) for claim in spec.claims]


def _measured(claim: Claim, study: Study) -> Interval:
    """The number claimed about, with its interval."""
    import pandas as pd

    from ecosystem.runs.statistics import paired, paired_ratio, t_interval

    if claim.along is not None:
        return t_interval(_correlations(claim, study, claim.along))
    if _of_two_metrics(claim):
        samples = [_values(claim, study, metric, claim.arms[0], claim.at) for metric in (claim.metric, claim.minus)]
    elif len(claim.arms) == 1 and claim.since is not None:
        samples = [_sample(claim, study, claim.arms[0], at) for at in (claim.at, claim.since)]
    else:
        samples = [_change(claim, study, arm) for arm in claim.arms]
    both = pd.concat(samples, axis=1, join="inner").to_numpy().T
    if len(both) == 1:
        return t_interval(both[0])
    return paired_ratio(*both) if claim.ratio else paired(*both).difference


def _change(claim: Claim, study: Study, arm: str) -> pd.Series:
    """By seed: the value at the claimed step, or how far it has moved since another."""
    found = _sample(claim, study, arm, claim.at)
    return found if claim.since is None else found - _sample(claim, study, arm, claim.since)


def _correlations(claim: Claim, study: Study, along: str) -> list[float]:
    """One a seed: the rank correlation of the metric with another over the arms; NaN where either is the same in all.

    Seeds that lack an arm are left out.
    """
    import pandas as pd

    from ecosystem.runs.statistics import rank_correlation

    at = claim.at if claim.since is None else claim.since
    moved = pd.concat([_change(claim, study, arm) for arm in claim.arms], axis=1, join="inner")
    beside = pd.concat([_values(claim, study, along, arm, at) for arm in claim.arms], axis=1, join="inner")
    pairs = zip(moved.to_numpy(), beside.loc[moved.index].to_numpy(), strict=True)
    return [rank_correlation(of_metric, of_along) for of_metric, of_along in pairs]


def _of_two_metrics(claim: Claim) -> bool:
    """Is it about a metric divided by another one of the same arm?"""
    return claim.ratio and claim.minus is not None and len(claim.arms) == 1 and claim.since is None


def _sample(claim: Claim, study: Study, arm: str, at: int | Literal["end"]) -> pd.Series:
    """By seed: the metric in an arm at a step, less the one to be taken off."""
    found = _values(claim, study, claim.metric, arm, at)
    return found if claim.minus is None else found - _values(claim, study, claim.minus, arm, at)


def _values(claim: Claim, study: Study, metric: str | None, arm: str, at: int | Literal["end"]) -> pd.Series:
    """By seed: any metric in an arm at a step, of the complete runs of the claim's seeds."""
    from ecosystem.runs.comparison import values

    assert metric is not None
    seeds = [run.seed for run in study.runs if run.arm == arm and run.status == "complete" and run.seed < claim.seeds]
    return values(study, _column(metric), arm, at, claim.group, seeds)


def _column(metric: str) -> str:
    """The column of a metric: outside code is named by its function."""
    return metric.rpartition(":")[2]
