"""The exact curves beside the simulated ones, where a law applies, and the reason where none does."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from ecosystem import theory
from ecosystem.runs.wording import listed

RANDOM_GRAPHS = ("small_world", "scale_free", "random", "communities")
MOST_WORK = 3e10  # models^3 x steps x laws that a page waits for: some seconds


@dataclass(frozen=True)
class Exact:
    """steps: columns arm, step and metrics (mean over the seeds' graphs); laws and reasons: in words, by arm."""

    steps: pd.DataFrame
    laws: dict[str, theory.Law] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def why_not(self, metric: str) -> str:
        """One sentence on arms of a figure without an exact curve, where others have one."""
        if not self.laws:
            return ""
        return self.why_none() if metric in self.steps else "No closed form is known for it."

    def why_none(self) -> str:
        """A sentence for each reason that some arm has no exact curve."""
        told: dict[str, list[str]] = {}
        for arm, reason in self.reasons.items():
            told.setdefault(reason, []).append(arm)
        everyone = not self.laws and len(told) == 1
        where = {reason: "" if everyone else f" for {listed(arms)}" for reason, arms in told.items()}
        return " ".join(f"No exact curve{where[reason]}: {reason.rstrip('.')}." for reason in told)


def exact(study) -> Exact:
    """The laws of a study's arms, averaged over the graphs of its seeds where those differ."""
    frames, laws, reasons = [], {}, {}
    for arm in study.arms:
        runs = [run for run in study.runs if run.arm == arm]
        found, reason = _laws(runs)
        if reason:
            reasons[arm] = reason
        else:
            frames.append(_mean(arm, found))
            laws[arm] = found[0]
    return Exact(
        pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"arm": [], "step": []}), laws, reasons
    )


def _laws(runs: list) -> tuple[list[theory.Law], str]:
    """One law, or one for each seed where the graph or who is reached is drawn; or why there is none."""
    spec = runs[0].spec
    drawn = spec.graph.kind in RANDOM_GRAPHS or any(isinstance(c.reach, float) for c in spec.humans)
    wanted = runs if drawn else runs[:1]
    if float(spec.agents) ** 3 * max(spec.steps, 1) * len(wanted) > MOST_WORK:
        return [], f"for {spec.agents:,} models it takes longer than a page should; `ecosystem theory` prints it"
    bare = spec.model_copy(update={"record": spec.record.model_copy(update={"pairs": False})})
    try:
        return [theory.law(bare, run.seed) for run in wanted], ""
    except theory.NoLaw as no:
        return [], str(no)


def _mean(arm: str, laws: list[theory.Law]) -> pd.DataFrame:
    mean = pd.concat([law.steps for law in laws]).groupby("step").mean().reset_index()
    mean.insert(0, "arm", arm)
    return mean
