"""How many seeds are enough: they are added until an interval over seeds is as narrow as asked.

    replicate_until(spec, "tail_coverage +- 0.01")                                        each arm's mean
    replicate_until(spec, "tail_coverage +- 5%", arms=("none", "base"), paired=True)      first minus second

After 10 seeds, and then after a quarter more each time, the rule looks: it stops when Student's 95% interval is within
the precision asked, and says `estimate +- precision`. Chow & Robbins 1965, doi:10.1214/aoms/1177700156; relative to the
truth: Law 2015, Simulation Modeling and Analysis, section 9.4.1. Whoever stops when an interval happens to be narrow is
right less often than it says; looking seldom, and stating the precision and not the narrower interval, makes up for it:
of normal values 95.4% at least are covered, whatever precision is asked, for some 15% more seeds than were needed had
the spread been known (`tests/test_enough.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ecosystem import metrics as measures
from ecosystem.effect import SIZE
from ecosystem.errors import InputError, suggestion
from ecosystem.runs import comparison
from ecosystem.runs.runner import execute
from ecosystem.runs.statistics import t_interval
from ecosystem.runs.wording import counted, number

if TYPE_CHECKING:
    from ecosystem.runs.opened import Study
    from ecosystem.scenario import Scenario

LEAST, MOST = 10, 64  # seeds, unless said otherwise
GROWTH = 1.25  # from one look to the next
ALIKE = 30  # seeds with one value before that is believed: what happens in a tenth of seeds has shown itself by then
ROUNDING = 1e-12  # values that differ by less of their size are alike
TARGET = re.compile(rf"\s*(\S+)\s*(?:\+-|±)\s*({SIZE})\s*(%?)\s*")

Pairs = Sequence[tuple[str, int]]
State = Literal["reached", "alike", "wide", "unknown"]


@dataclass(frozen=True)
class Target:
    """A metric at the end, to be known within +- precision (`relative`: a share of its own size)."""

    metric: str
    precision: float
    relative: bool = False

    def within(self, estimate: float) -> float:
        """Half the width of the interval that is narrow enough."""
        if not self.relative:
            return self.precision
        # within r / (1 + r) of the estimate is within r of the truth
        return self.precision / (1 + self.precision) * abs(estimate)

    def __str__(self) -> str:
        return f"{self.metric} +- " + (f"{100 * self.precision:g}%" if self.relative else f"{self.precision:g}")


@dataclass(frozen=True)
class Known:
    """How well a mean, or a mean difference, is known after n seeds.

    `half`: half the width of Student's 95% interval; `within`: that which is narrow enough. `state`: reached; alike (no
    seed differs from another); wide; unknown (a value is infinite, or hardly a seed has one).
    """

    of: str
    estimate: float
    half: float
    within: float
    n: int
    state: State

    @property
    def settled(self) -> bool:
        """Would more seeds be of no use?"""
        return self.state != "wide" and (self.state != "alike" or self.n >= ALIKE)

    @property
    def says(self) -> str:
        """The state in words."""
        if self.state == "unknown":
            return f"{self.of}: {counted(self.n, 'seed')} with a value and no interval"
        value = f"{self.of}: {number(self.estimate)} +- {number(self.half)} after {counted(self.n, 'seed')}"
        if self.state == "reached":
            return f"{value}, within the {number(self.within)} asked for"
        if self.state == "alike":
            rare = 1 - 0.05 ** (1 / self.n)  # the largest chance that shows itself in none of n, in one case of twenty
            return f"{value}: all alike, so another value in up to {rare:.0%} of seeds cannot be excluded"
        needed = math.ceil(self.n * (self.half / self.within) ** 2) if self.within else 0
        ahead = f"; it would take about {counted(needed, 'seed')}" if needed else ""
        return f"{value}, not within the {number(self.within)} asked for{ahead}"


@dataclass(frozen=True)
class Enough:
    """The study, how many seeds were asked for, and how well each arm (or the difference) is known."""

    study: Study
    seeds: int
    target: Target
    known: tuple[Known, ...]

    @property
    def reached(self) -> bool:
        return all(known.state in ("reached", "alike") for known in self.known)


def replicate_until(
    spec: Scenario,
    until: str,
    arms: Sequence[str] = ("base",),
    paired: bool = False,
    least: int = LEAST,
    most: int = MOST,
    **how: Any,
) -> Enough:
    """Seeds 0, 1, 2, ... of every arm until the metric is known as well as asked, `most` seeds at most.

    `until`: "METRIC +- 0.01" or "METRIC +- 5%". `paired`: of two arms, the first minus the second, seed by seed. Runs
    that are there already are not made again; `how` as of `replicate`.
    """
    target = parsed_target(until, spec)
    return sequential(target, arms, paired, least, most, lambda pairs: execute(spec, pairs, **how))


def sequential(
    target: Target, arms: Sequence[str], paired: bool, least: int, most: int, make: Callable[[Pairs], Study]
) -> Enough:
    """The rule: `make(pairs)` gives the study of these (arm, seed)."""
    if not 2 <= least <= most:
        raise InputError(f"Seeds: the least must be from 2 to the most, {most}; got {least}")
    if paired and len(arms) != 2:
        raise InputError(f"A difference is of two arms; got {len(arms)}")
    for n in looks(least, most):
        study = make([(arm, seed) for seed in range(n) for arm in arms])
        known = tuple(judged(sample, target, of) for of, sample in _samples(study, target.metric, arms, paired))
        if all(k.settled for k in known):
            break
    return Enough(study, n, target, known)


def looks(least: int, most: int) -> Iterator[int]:
    """Numbers of seeds after which the rule looks."""
    n = least
    while n < most:
        yield n
        n = max(n + 1, math.ceil(n * GROWTH))
    yield most


def judged(sample: np.ndarray, target: Target, of: str = "") -> Known:
    """What a sample, one number a seed, says of its mean."""
    found = t_interval(sample)
    half, within = found.high - found.estimate, target.within(found.estimate)
    if not math.isfinite(half):
        return Known(of, found.estimate, math.nan, within, found.n, "unknown")
    state: State = "alike" if half <= ROUNDING * abs(found.estimate) else "reached" if half <= within else "wide"
    return Known(of, found.estimate, half, within, found.n, state)


def parsed_target(text: str, spec: Scenario) -> Target:
    """'METRIC +- NUMBER' or 'METRIC +- NUMBER%', the metric being one that the scenario measures."""
    parts = TARGET.fullmatch(text)
    if parts is None or not float(parts[2]) > 0:
        raise InputError(f"until: must be METRIC +- NUMBER or METRIC +- NUMBER%, the number above 0; got '{text}'")
    known = [measures.column(name) for name in spec.metrics]
    if parts[1] not in known:
        hint = suggestion(parts[1], known)
        raise InputError(f"until: {spec.name} does not measure '{parts[1]}'.{hint} It measures {', '.join(known)}.")
    return Target(parts[1], float(parts[2]) / (100 if parts[3] else 1), bool(parts[3]))


def _samples(study: Study, metric: str, arms: Sequence[str], paired: bool) -> Iterator[tuple[str, np.ndarray]]:
    if paired:
        first, second = arms
        both = comparison.shared(study, metric, first, second) if _there(study, arms) else None
        apart = np.zeros(0) if both is None else both[first].to_numpy() - both[second].to_numpy()
        yield f"{metric}, {first} minus {second}", apart
        return
    for arm in arms:
        of = f"{metric}, arm {arm}" if len(arms) > 1 else metric
        yield of, comparison.values(study, metric, arm).to_numpy() if _there(study, [arm]) else np.zeros(0)


def _there(study: Study, arms: Sequence[str]) -> bool:
    """Has every arm a complete run? Of what is not complete no end is known."""
    return set(arms) <= {run.arm for run in study.runs if run.status == "complete"}
