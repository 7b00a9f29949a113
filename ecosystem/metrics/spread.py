"""How collapse spreads over the reading graph, by the scenario's own definition of collapse (`collapse:`).

Counted over all models and from step 0, whatever steps are recorded. A model that recovers stays a case: `collapsed`
says who is collapsed now, `attack_rate` who ever was. See `ecosystem.spread` for what is laid to whom.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import spearmanr

from ecosystem.metrics import MetricError


def of_collapse(metric) -> Any:
    """Marks a metric that needs the account of collapse, kept from step 0 where such a metric is asked for."""
    metric.follows = "collapse"
    return metric


@of_collapse
def arrival(world) -> np.ndarray:
    """(N,) first step at which a model counts as collapsed; NaN: not yet."""
    return _account(world).arrival_N.copy()


@of_collapse
def attack_rate(world) -> float:
    """Share of models that have been collapsed at any step so far."""
    return float((~np.isnan(_account(world).arrival_N)).mean())


@of_collapse
def attack_rate_guarded(world) -> float:
    """The same among models with a verifier before their reading or publishing; NaN where there are none."""
    return _mean((~np.isnan(_account(world).arrival_N))[world.gates.guarded_N])


@of_collapse
def attack_rate_unguarded(world) -> float:
    """The same among models without one; NaN where there are none.

    That guards protect others too (herd protection) shows between arms, in the same models:
    `ecosystem.runs.protection.herd_protection`.
    """
    return _mean((~np.isnan(_account(world).arrival_N))[~world.gates.guarded_N])


@of_collapse
def exposure(world) -> np.ndarray:
    """(N,) mean share of a model's diets that collapsed authors wrote, up to the diet of its own collapse.

    NaN before anything was read. An author counts by what it was at the step before, when it wrote.
    """
    account = _account(world)
    return np.where(account.diets_N > 0, account.exposed_N / np.maximum(account.diets_N, 1), np.nan)


@of_collapse
def spread_order(world) -> float:
    """Spearman's rank correlation of `arrival` with distance from the source, over the cases that can be reached.

    The source are those that collapsed first; they are left out themselves. Distance counts reading links in the
    direction in which text travels. 1: collapse travels outwards; 0: it comes up anywhere. NaN with fewer than three
    cases, or where distances or arrivals are all the same.
    """
    account = _account(world)
    if not account.source_N.any():
        return float("nan")
    kept = ~account.source_N & ~np.isnan(account.arrival_N) & np.isfinite(account.distance_N)
    distance, step = account.distance_N[kept], account.arrival_N[kept]
    if kept.sum() < 3 or np.ptp(distance) == 0 or np.ptp(step) == 0:
        return float("nan")
    return float(spearmanr(distance, step).statistic)


@of_collapse
def reproduction_number(world) -> float:
    """Mean number of cases attributed so far to an early case; NaN while nobody has collapsed.

    A new case is laid to the collapsed authors in its diet, in proportion to their share (Wallinga & Teunis 2004,
    doi:10.1093/aje/kwh255). Early are those that collapsed first and those that did while at most a quarter of all
    models had: over all cases of a finished spread the mean would be below 1 whatever happened. So it is at most
    about 4 where many collapse at a time, and it is too small for as long as the spread goes on. An interval within
    one run: `ecosystem.spread.reproduction_interval`.
    """
    account = _account(world)
    return _mean(account.caused_N[account.early_N])


def _account(world):
    if world.spread is None or not world.spread.of_collapse:
        raise MetricError("Metrics of spread count from step 0: one of them must be among the scenario's `metrics`.")
    return world.spread


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
