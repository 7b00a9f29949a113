"""What one takes the place of the other: human writing and verification, for the same outcome.

    from ecosystem.value.substitution import iso_outcomes
    found = iso_outcomes(Scenario.from_file("buy_or_verify"), "within_diversity", "verifiers.guards.placement.share",
                         levels=[0, 0.25, 0.5, 0.75, 1], rates=[20, 50, 100, 200, 400, 800])
    found.curves[0].table, found.curves[0].sigma, found.findings, found.save()

A grid of human rates and levels of verification, all with the same seeds; on it curves of one outcome (`isoquant`), and
what each point of them costs. Human rates hold from step 1 on: models are pretrained alike at every point.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecosystem.errors import InputError
from ecosystem.files.allowed import shown
from ecosystem.metrics import titles
from ecosystem.value import feeding
from ecosystem.value.curves import Curve, Grid
from ecosystem.value.experiments import _defaults
from ecosystem.value.measured import check_metric, swept, values

if TYPE_CHECKING:
    from ecosystem.scenario import Community, Scenario

LEVELS = (0, 0.25, 0.5, 0.75, 1)
COST, JUDGED = "verification_cost", "judged_documents"


@dataclass(frozen=True)
class Substitution:
    """Outcomes of a grid (`outcomes`: rate, level, value, low, high) and curves of one outcome each.

    `more`: is more of the metric better? `error`: the key is a verifier's error rate, its level of verification 1 less
    that. `community`: whose rate it is (None: of all). `sweep`: folder of the runs.
    """

    spec: Scenario
    metric: str
    key: str
    step: int
    seeds: tuple[int, ...]
    community: str | None
    price: float
    judgement: float | None
    more: bool
    error: bool
    outcomes: pd.DataFrame
    curves: list[Curve]
    sweep: Path
    command: str = ""

    @property
    def folder(self) -> Path:
        """OUT/<scenario>/value-substitution-<digest of what was asked>, beside the sweep that holds the runs."""
        wanted = [curve.wanted for curve in self.curves]
        told = json.dumps([self.sweep.name, self.metric, wanted, self.price, self.judgement])
        return self.sweep.parent / f"value-substitution-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @cached_property
    def findings(self) -> list[str]:
        """In plain words, the main finding first."""
        from ecosystem.value import substitution_told

        return substitution_told.findings(self)

    def save(self) -> Path:
        """Writes value.csv (the curves), outcomes.csv, elasticity.csv and brief.html, and gives the folder."""
        from ecosystem.value import substitution_told

        return substitution_told.save(self)


def iso_outcomes(
    spec: Scenario,
    metric: str,
    key: str | None = None,
    levels: Sequence[float] = LEVELS,
    rates: Sequence[float] | None = None,
    wanted: Sequence[float] | None = None,
    community: str | None = None,
    price: float = 1.0,
    judgement: float | None = None,
    seeds: int | Iterable[int] = 8,
    at: int | None = None,
    **how: Any,
) -> Substitution:
    """Curves of the `wanted` outcomes over human `rates` and the `levels` of a key; InputError where input is wrong.

    `key`: by default the share of models that the first verifier guards. `rates`: human documents a step, of a
    community or of all in proportion; by default as `by_rate`. `wanted`: by default a quarter, half and three quarters
    of the range that all levels reach. `price` of a human document; of a judgement `judgement`, by default what the
    verifiers' own prices make it. `how` as of `measured`.
    """
    spec, step, key = _checked(spec, metric, key, at, price, judgement)
    fed = list(spec.humans) if community is None else [feeding.community_of(spec, community)]
    own = [feeding.mean_rate(c, spec.steps) for c in fed]
    error = key.rpartition(".")[2].startswith("false_")
    asked_V = _numbers(levels, f"{key}: levels of verification", least=2)
    asked_V = asked_V[::-1] if error else asked_V
    rate_R = _numbers(
        _defaults(spec, own) if rates is None else rates, "rates: human documents a step", least=2, low=0, whole=True
    )
    sought = None if wanted is None else _numbers(wanted, "wanted: outcomes", least=1)
    numbers = tuple(range(seeds) if isinstance(seeds, int) else dict.fromkeys(seeds))
    points = [_at_rate(fed, own, int(rate)) | {key: _plain(level)} for rate, level in product(rate_R, asked_V)]
    made = swept(spec, points, numbers, [step], **how)

    def table(name: str) -> np.ndarray:
        by_seed = values(made, name, numbers).pivot(index="seed", columns="point", values="value").loc[list(numbers)]
        return by_seed.to_numpy(float).reshape(-1, len(rate_R), len(asked_V))

    outcome_SRV = table(metric)
    cost_SRV = table(COST) if judgement is None else judgement * table(JUDGED)
    known = ~np.isnan(outcome_SRV).any(axis=(1, 2))
    if not known.any():
        raise InputError(f"metric: '{metric}' is not there at every rate and level in any seed, so nothing is equal")
    outcome_SRV, cost_SRV = outcome_SRV[known], np.nan_to_num(cost_SRV[known])
    more = _more_is_better(metric, outcome_SRV)
    grid = Grid(rate_R, 1 - asked_V if error else asked_V, asked_V, np.stack([outcome_SRV, cost_SRV], 1), price, more)
    curves = [grid.curve(float(value)) for value in (grid.within_reach() if sought is None else sought)]
    return Substitution(
        spec, metric, key, step, numbers, community, price, judgement, more, error, grid.outcomes(), curves,
        made.folder, how.get("command", ""),
    )  # fmt: skip


def _more_is_better(metric: str, outcome_SRV: np.ndarray) -> bool:
    """As the metric's title has it; of others, what more human writing makes more of is better."""
    worse = titles.title(metric).worse
    mean_R = outcome_SRV.mean(axis=(0, 2))
    return bool(mean_R[-1] >= mean_R[0]) if worse is None else worse == "lower"


def _checked(
    spec: Scenario, metric: str, key: str | None, at: int | None, price: float, judgement: float | None
) -> tuple[Scenario, int, str]:
    """The scenario with what costs are made of measured too, the step, the key; InputError where that cannot be."""
    check_metric(spec, metric)
    if not spec.verifiers:
        raise InputError(f"verifiers: {spec.name} has none, so nothing can take the place of human writing")
    share = f"verifiers.{spec.verifiers[0].name}.placement.share"
    key = share if key is None else key
    if key.partition(".")[0] == "humans":
        raise InputError(f"{key}: must be a key of verification, such as {share}")
    for name, given in (("human", price), ("judgement", judgement)):
        if given is not None and not 0 <= given < float("inf"):
            raise InputError(f"price of a {name}: must be 0 or more; got {given}")
    if not spec.steps:
        raise InputError(f"steps: {spec.name} must run for at least 1 step, in which people write; got 0")
    step = spec.steps if at is None else at
    if not 1 <= step <= spec.steps:
        raise InputError(f"at: must be a step from 1 to {spec.steps}, the last of the run; got {step}")
    base = spec.arm("base")
    more = [name for name in (COST, JUDGED) if name not in base.metrics]
    return base.with_(metrics=[*base.metrics, *more]), step, key


def _at_rate(fed: list[Community], own: list[float], rate: int) -> dict[str, Any]:
    """Changes that make communities write so many documents a step from step 1 on, in proportion to their own rates."""
    parts = feeding.split(rate, own)
    return {f"humans.{c.name}.rate": feeding.held_at(c, part) for c, part in zip(fed, parts, strict=True)}


def _numbers(given: Sequence[Any], what: str, least: int, low: float = -math.inf, whole: bool = False) -> np.ndarray:
    """The numbers, rising, each once; InputError where one is none, below `low`, or there are fewer than `least`."""
    kind = "whole numbers" if whole else "numbers"
    bound = f" from {low:g}" if math.isfinite(low) else ""
    for value in given:
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not right or value < low or (whole and value != int(value)):
            raise InputError(f"{what}: must be {kind}{bound}; got {shown(value)}")
    found = np.unique(np.asarray(given, float))
    if len(found) < least:
        raise InputError(f"{what}: at least {least} different values; got {shown(list(given))}")
    return found


def _plain(level: float) -> float | int:
    return int(level) if float(level).is_integer() else float(level)
