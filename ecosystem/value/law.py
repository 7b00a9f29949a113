"""The closed form beside what was measured: the exact expectation at each point, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem import theory
from ecosystem.report.exact import MOST_WORK, RANDOM_GRAPHS
from ecosystem.theory import coverage, reuse
from ecosystem.theory.measures import METRICS

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

COVERAGE = coverage.tail_coverage.__name__


def expected(
    spec: Scenario, points: Sequence[Mapping[str, Any]], metric: str, seeds: Sequence[int], steps: Sequence[int]
) -> tuple[np.ndarray, str]:
    """(P, len(steps)) exact expectations, averaged over the graphs of the seeds where those are drawn, and no reason;
    or all NaN and the reason, in words, why no law is known."""
    nothing = np.full((len(points), len(steps)), np.nan)
    bare = spec.arm("base").model_copy(update={"metrics": (metric,)})
    many = len(seeds) if _drawn(bare) else 1
    if metric != COVERAGE and float(spec.agents) ** 3 * spec.steps * len(points) * many > MOST_WORK:
        return nothing, f"for {spec.agents:,} models it takes too long; `ecosystem theory` prints it"
    try:
        return np.array([_of(bare.with_(dict(point)), metric, seeds, steps) for point in points]), ""
    except theory.NoLaw as no:
        return nothing, str(no)


def _of(spec: Scenario, metric: str, seeds: Sequence[int], steps: Sequence[int]) -> np.ndarray:
    if metric == COVERAGE:
        return coverage.tail_coverage(spec)[list(steps)]
    if metric not in (*METRICS, reuse.METRIC):
        raise theory.NoLaw(f"none is known for {metric}, only for {COVERAGE}, {', '.join(METRICS)}")
    spec = spec.model_copy(update={"record": spec.record.model_copy(update={"pairs": False, "every": 1})})
    frames = [theory.law(spec, seed).steps.set_index("step") for seed in (seeds if _drawn(spec) else seeds[:1])]
    return np.mean([frame[metric].loc[list(steps)] for frame in frames], axis=0)


def _drawn(spec: Scenario) -> bool:
    """Is the graph, or who is reached, the seed's?"""
    return spec.graph.kind in RANDOM_GRAPHS or any(isinstance(c.reach, float) for c in spec.humans)
