"""A phase boundary: the value of one key at which the chance of an event crosses one half, by sequential runs.

    boundary(spec, "world.exponent", (1.0, 2.2), "tail_coverage < 0.5", precision=0.02)

Each run is a new seed at a value near which the boundary is believed to lie (`boundary_search`), kept as a cell of a
sweep folder: stopped and run again, it goes on where it stood. `along` finds the boundary at each point of a design
over other keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem import machine
from ecosystem import metrics as measures
from ecosystem.errors import InputError, suggestion
from ecosystem.machine import Machine
from ecosystem.runs import sweep as sweeps
from ecosystem.runs import sweep_cells
from ecosystem.runs.boundary_search import Crossing, Search
from ecosystem.runs.runner import RunFailed
from ecosystem.runs.sweep_design import Design, Range, checked_range
from ecosystem.runs.sweep_opened import Sweep
from ecosystem.runs.sweep_store import Store

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

MOST = 400  # runs a boundary may take
GRID_SEEDS = 8  # of the grid that a boundary is compared with
Told = Callable[[Crossing], None]


@dataclass(frozen=True)
class Boundary:
    """Where the chance of `event` is one half: in 95% of searches `low` to `high` holds it. `precise`: as asked.

    `runs` made, and what a grid of this precision needs (values twice the precision apart, GRID_SEEDS seeds at each).
    """

    key: str
    event: str
    estimate: float
    low: float
    high: float
    rising: bool
    runs: int
    grid_runs: int
    precise: bool
    folder: Path


@dataclass(frozen=True)
class Event:
    """A metric at the end of a run beyond a bound: `tail_coverage < 0.5`."""

    metric: str
    below: bool
    bound: float

    def holds(self, value: float) -> bool:
        """NaN counts as not happened."""
        return value < self.bound if self.below else value > self.bound


def boundary(
    spec: Scenario,
    key: str,
    between: Any,
    event: str,
    precision: float,
    out: str | Path = "outputs",
    most: int = MOST,
    progress: Told | None = None,
    command: str = "",
    device: str = "cpu",
    threads: int = 1,
) -> Boundary:
    """The boundary in `key` within +- precision, between two bounds (low, high).

    InputError where the input is wrong, or where both ends are on the same side of the boundary. RunFailed where a run
    fails. The chance is taken to rise or to fall from one end to the other. Of a key that takes whole numbers the
    nearest is run.
    """
    spec = spec.arm("base")
    bounds, seen = checked_range(key, between), parsed_event(event, spec)
    bounds = Range(bounds.low, bounds.high, whole=bounds.whole)  # precision is in units of the key
    if not 0 < precision < (bounds.high - bounds.low) / 2:
        within = f"half of {bounds.low}:{bounds.high}, in units of {key}"
        raise InputError(f"precision: must be above 0 and below {within}; got {precision}")
    ends = [{key: bounds.low}, {key: bounds.high}]
    design = Design("boundary", (key,), 0, lambda: iter(()), lambda: ends)
    sweeps.check(spec, design)
    asked = {"between": [bounds.low, bounds.high, bounds.whole], "event": event}
    folder = sweeps.folder_of(out, spec, design.kind, key, asked)
    told = sweeps.about(spec, design.kind, [key], asked, None, device) | {"command": command}
    where = machine.placed(device, threads)
    with sweeps.opened(folder, spec, told, design.points) as cells:
        found = _found(_Runs(spec, key, bounds, seen, cells, where), precision, most, progress or (lambda _: None))
    if found.rising is None:
        raise InputError(f"{key}: '{event}' is as likely at {bounds.low} as at {bounds.high}: no boundary between them")
    estimate, low, high = (bounds.low + p * (bounds.high - bounds.low) for p in (found.estimate, found.low, found.high))
    needed = (int((bounds.high - bounds.low) / (2 * precision)) + 1) * GRID_SEEDS
    precise = high - low <= 2 * precision * (1 + 1e-9)
    return Boundary(key, event, estimate, low, high, found.rising, found.questions, needed, precise, folder)


@dataclass(frozen=True)
class Searched:
    """A search read back from its folder: the runs in their order, what is believed now and the search itself."""

    key: str
    event: str
    bounds: Range
    values: list[float]
    happened: list[bool]
    search: Search

    @property
    def found(self) -> tuple[float, float, float]:
        """Estimate, low and high in units of the key."""
        now = self.search.found()
        low, high = self.bounds.low, self.bounds.high
        estimate, least, most = (low + place * (high - low) for place in (now.estimate, now.low, now.high))
        return estimate, least, most

    def chance(self, value: float) -> float:
        """How likely the event is believed to be at a value of the key."""
        return self.search.chance((value - self.bounds.low) / (self.bounds.high - self.bounds.low))


def searched(found: Sweep) -> Searched:
    """The boundary search that a folder holds, as far as it went."""
    low, high, whole = found.told["design"]["between"]
    text = found.told["design"]["event"]
    bounds, event, looking = Range(low, high, whole=whole), _event(text), Search()
    assert event is not None  # it was checked before anything ran
    table, (key,) = found.table, found.keys
    table = table[table["status"] == "complete"].sort_values("point")
    values = table[key].astype(float).tolist()
    happened = [event.holds(value) for value in table[event.metric].astype(float)]
    for value, seen in zip(values, happened, strict=True):
        looking.tell((value - bounds.low) / (bounds.high - bounds.low), seen)
    return Searched(key, text, bounds, values, happened, looking)


def along(spec: Scenario, design: Design, key: str, between: Any, event: str, precision: float, **how: Any):
    """The boundary in `key` at each point of a design over other keys: a frame, the design's keys first.

    Where a point has no boundary between the bounds, it is NaN and `note` says so; `how` as of `boundary`.
    """
    import pandas as pd

    find = partial(boundary, key=key, between=between, event=event, precision=precision, **how)
    return pd.DataFrame(_along(spec, design, find))


def parsed_event(text: str, spec: Scenario) -> Event:
    """'METRIC < NUMBER' or 'METRIC > NUMBER', the metric being one that the scenario measures."""
    event = _event(text)
    if event is None:
        raise InputError(f"event: must be METRIC < NUMBER or METRIC > NUMBER; got '{text}'")
    known = [measures.column(name) for name in spec.metrics]
    if event.metric not in known:
        hint = suggestion(event.metric, known)
        raise InputError(f"event: {spec.name} does not measure '{event.metric}'.{hint} It measures {', '.join(known)}.")
    return event


def _event(text: str) -> Event | None:
    parts = re.fullmatch(r"\s*(\S+)\s*([<>])\s*(\S+)\s*", text)
    try:
        return Event(parts[1], parts[2] == "<", float(parts[3])) if parts else None
    except ValueError:
        return None


def _found(runs: _Runs, precision: float, most: int, progress: Told) -> Crossing:
    """Runs until the interval is narrow enough, or there were `most` runs."""
    wanted = precision / (runs.bounds.high - runs.bounds.low)
    looking = Search()
    while looking.questions < most and not looking.lost:
        value = runs.nearest(looking.ask())
        looking.tell(runs.place(value), runs.happened(value, seed=looking.questions))
        now = looking.found()
        progress(now)
        if looking.rising is not None and now.precision <= wanted:
            break
    return looking.found()


@dataclass(frozen=True)
class _Runs:
    """Runs at values of the key, each with the seed of its number; those that are in the store are not run again."""

    spec: Scenario
    key: str
    bounds: Range
    event: Event
    cells: Store
    where: Machine

    def nearest(self, place: float) -> float:
        """The value at a place from 0 to 1; the search looks at values that a file can hold."""
        value = self.bounds.low + place * (self.bounds.high - self.bounds.low)
        return round(value) if self.bounds.whole else float(f"{value:.6g}")

    def place(self, value: float) -> float:
        return (value - self.bounds.low) / (self.bounds.high - self.bounds.low)

    def happened(self, value: float, seed: int) -> bool:
        """Did the event happen in the run of this value and seed?"""
        if seed >= self.cells.count("points"):
            self.cells.add_points([{self.key: value}])
        if seed not in self.cells.seeds(seed):
            chunk = sweep_cells.Chunk(self.spec, ((seed, {self.key: value}, (seed,)),), None, self.where)
            for cell in sweep_cells.run(chunk):
                if cell.reason:
                    raise RunFailed("base", seed, f"{self.key} = {value}: {cell.reason}")
                self.cells.write(cell.point, cell.seed, cell.rows, cell.reason, cell.seconds)
        return self.event.holds(self.cells.value(seed, seed, self.event.metric))


def _along(spec: Scenario, design: Design, find: Callable[[Scenario], Boundary]) -> Iterator[dict[str, Any]]:
    for point in design.points():
        try:
            found = find(spec.with_(point))
        except InputError as error:
            if "no boundary between them" not in str(error):
                raise
            yield {**point, "estimate": float("nan"), "low": float("nan"), "high": float("nan"), "note": str(error)}
            continue
        yield {
            **point,
            "estimate": found.estimate,
            "low": found.low,
            "high": found.high,
            "runs": found.runs,
            "note": "",
        }
