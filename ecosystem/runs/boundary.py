"""A phase boundary: the value of one key at which the chance of an event crosses one half, by sequential runs.

    boundary(spec, "world.exponent", (1.0, 2.2), "tail_coverage < 0.5", precision=0.02)

Each run is a new seed at a value near which the boundary is believed to lie (`boundary_search`), kept as a cell of a
sweep folder: stopped and run again, it goes on where it stood. `boundary_along` finds the boundary at each point of a
design over other keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem import machine
from ecosystem import metrics as measures
from ecosystem.errors import InputError, suggestion
from ecosystem.machine import Machine
from ecosystem.runs import sweep as sweeps
from ecosystem.runs import sweep_cells
from ecosystem.runs.boundary_search import ENDS, Crossing, Search
from ecosystem.runs.runner import RunFailed
from ecosystem.runs.sweep_design import Design, Range, checked_range
from ecosystem.runs.sweep_opened import TOLD, Sweep
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

    @property
    def says(self) -> str:
        """What was found, in a sentence."""
        return (
            f"{self.event} is as likely as not at {self.key} = {self.estimate:.6g} (95% {self.low:.6g} to "
            f"{self.high:.6g}), {'more' if self.rising else 'less'} likely above; {self.runs} runs (a grid of this "
            f"precision: {self.grid_runs:,})"
        )


@dataclass(frozen=True)
class Event:
    """A metric at the end of a run beyond a bound: `tail_coverage < 0.5`."""

    metric: str
    below: bool
    bound: float

    def holds(self, value: float) -> bool:
        """NaN counts as not happened."""
        return value < self.bound if self.below else value > self.bound


@dataclass(frozen=True)
class Question:
    """A search that makes sense, before anything runs; `told`: what its folder says of it, but for the command."""

    spec: Scenario
    key: str
    bounds: Range
    event: str
    precision: float
    folder: Path
    told: dict[str, Any]

    @property
    def ends(self) -> list[dict[str, Any]]:
        return [{self.key: self.bounds.low}, {self.key: self.bounds.high}]


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
    asked = question(spec, key, between, event, precision, out, device)
    seek(asked, machine.placed(device, threads), most, progress, command)
    found = searched(Sweep(asked.folder), precision, most).boundary(precision, asked.folder)
    if found is None:
        low, high = asked.bounds.low, asked.bounds.high
        raise InputError(f"{key}: '{event}' is as likely at {low} as at {high}: no boundary between them")
    return found


def question(
    spec: Scenario, key: str, between: Any, event: str, precision: float, out: str | Path, device: str
) -> Question:
    """What is asked for; InputError where it makes no sense, or where another version's results lie in its folder."""
    spec = spec.arm("base")
    bounds = checked_range(key, between)
    parsed_event(event, spec)
    if bounds.log:
        raise InputError(f"{key}: a boundary is sought on the key's own scale, that of its precision; leave out :log")
    if not 0 < precision < (bounds.high - bounds.low) / 2:
        within = f"half of {bounds.low}:{bounds.high}, in units of {key}"
        raise InputError(f"precision: must be above 0 and below {within}; got {precision}")
    design = {"between": [bounds.low, bounds.high, bounds.whole], "event": event}
    folder = sweeps.folder_of(out, spec, "boundary", key, design)
    told = sweeps.about(spec, "boundary", [key], design, None, device)
    asked = Question(spec, key, bounds, event, precision, folder, told)
    sweeps.check(spec, Design("boundary", (key,), 0, lambda: iter(()), lambda: asked.ends))
    sweeps.check_same(folder, told)
    return asked


def seek(asked: Question, where: Machine, most: int = MOST, progress: Told | None = None, command: str = "") -> None:
    """Makes the runs that are missing. RunFailed where one fails; the next time it is tried again."""
    with sweeps.opened(asked.folder, asked.spec, asked.told | {"command": command}, lambda: iter(())) as cells:
        cells.forget_failed()
        runs = _Runs(asked.spec, asked.key, asked.bounds, parsed_event(asked.event, asked.spec), cells, where)
        _look(runs, asked.precision, most, progress or (lambda _: None))


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

    @property
    def seen_at_ends(self) -> tuple[int, int]:
        """In how many runs at the two ends the event happened, of so many."""
        first = self.happened[: 2 * ENDS]
        return sum(first), len(first)

    def boundary(self, precision: float, folder: Path) -> Boundary | None:
        """What is known of the boundary; None while no way is seen in which the chance goes."""
        if self.search.rising is None:
            return None
        estimate, low, high = self.found
        needed, precise = grid_runs(self.bounds, precision), high - low <= 2 * precision * (1 + 1e-9)
        rising, runs = self.search.rising, len(self.values)
        return Boundary(self.key, self.event, estimate, low, high, rising, runs, needed, precise, folder)

    def chance(self, value: float) -> float:
        """How likely the event is believed to be at a value of the key."""
        return self.search.chance((value - self.bounds.low) / (self.bounds.high - self.bounds.low))


def searched(found: Sweep, precision: float | None = None, most: int = MOST) -> Searched:
    """The boundary search that a folder holds, as far as it went, or to where it was so precise.

    What a command answers does not depend on whether a more precise search has since gone on in its folder.
    """
    low, high, whole = found.told["design"]["between"]
    text = found.told["design"]["event"]
    bounds, event, looking = Range(low, high, whole=whole), _event(text), Search()
    if event is None or event.metric not in found.metrics or len(found.keys) != 1:
        told = f"a boundary has one key and an event of a metric; got {found.keys} and '{text}'"
        raise InputError(f"{found.folder / TOLD}: is damaged, or written by another version ({told}).")
    table, (key,) = found.table, found.keys
    table = table[table["status"] == "complete"].sort_values("point")
    values = table[key].astype(float).tolist()
    happened = [event.holds(value) for value in table[event.metric].astype(float)]
    for value, seen in zip(values, happened, strict=True):
        looking.tell((value - bounds.low) / (bounds.high - bounds.low), seen)
        if precision is not None and _ended(looking, bounds, precision, most):
            break
    made = looking.questions
    return Searched(key, text, bounds, values[:made], happened[:made], looking)


def grid_runs(bounds: Range, precision: float) -> int:
    """Runs of a grid as precise: values twice the precision apart, GRID_SEEDS seeds at each."""
    return (int((bounds.high - bounds.low) / (2 * precision)) + 1) * GRID_SEEDS


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


def _look(runs: _Runs, precision: float, most: int, progress: Told) -> None:
    """Runs until the search has ended."""
    looking = Search()
    while not _ended(looking, runs.bounds, precision, most):
        value = runs.nearest(looking.ask())
        looking.tell(runs.place(value), runs.happened(value, seed=looking.questions))
        progress(looking.found())


def _ended(looking: Search, bounds: Range, precision: float, most: int) -> bool:
    """Is the interval narrow enough, or was everything asked that may be, or is there nothing to be found?"""
    wanted = precision / (bounds.high - bounds.low)
    narrow = looking.rising is not None and looking.found().precision <= wanted
    return narrow or looking.lost or looking.questions >= most


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
                self.cells.write(cell.point, cell.seed, cell.rows, cell.reason, cell.seconds)
                if cell.reason:
                    raise RunFailed("base", seed, f"{self.key} = {value}: {cell.reason}")
        return self.event.holds(self.cells.value(seed, seed, self.event.metric))
