"""A scenario at every point of a design, with the same seeds at each: resumable, in one folder, as one table.

    from ecosystem.runs.sweep import open_sweep, sweep
    from ecosystem.runs.sweep_design import grid
    found = sweep(spec, grid({"humans.people.rate": [10, 100]}), seeds=8, jobs=2)
    found.table, open_sweep(found.folder).table

OUT/<scenario>/sweep-<digest> holds `sweep.json` (what was asked, by which code), `scenario.yaml`, `sweep.db` and, in
the end, `table.csv`. Killed at any moment and run again, only missing cells are run. Memory does not grow with cells.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem import machine, metrics
from ecosystem.errors import InputError
from ecosystem.runs import folder as run_folder
from ecosystem.runs import provenance, stopping, sweep_cells, workers
from ecosystem.runs.sweep_cells import At, Found
from ecosystem.runs.sweep_dealt import Deal, Dealer, dealer
from ecosystem.runs.sweep_design import Design
from ecosystem.runs.sweep_opened import TABLE, TOLD, Sweep, open_sweep
from ecosystem.runs.sweep_store import COST, Store

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

CHUNK = 32  # cells that a worker is given at once, at most
RECYCLED = 64  # chunks of that size after which a worker is replaced; a new one costs about a second
__all__ = ["Sweep", "open_sweep", "sweep"]

Progress = Callable[[int, int, int, float, float], None]
"""progress(cells done, cells in all, failed, seconds of computing so far, cost so far: NaN where it is not measured)"""


def sweep(
    spec: Scenario,
    design: Design,
    seeds: int | Iterable[int] = 1,
    at: Sequence[int] | str = "end",
    jobs: int = 1,
    out: str | Path = "outputs",
    progress: Progress | None = None,
    command: str = "",
    device: str = "cpu",
    threads: int = 1,
    again: bool = False,
    engine: str = "local",
    address: str | None = None,
) -> Sweep:
    """Runs what is missing of a design; `again`: also cells that failed. InputError where the input is wrong.

    `seeds`: N for 0 to N - 1, or a list; the same at every point. `at`: steps to keep, or the last one ("end").
    `jobs` processes with so many `threads` each. `engine`: local, or ray: the cluster at `address` (`auto`: the one
    that this machine is a node of), without one `jobs` cores of this machine; the table is the same.
    """
    spec = spec.arm("base")  # arms and claims are not part of a sweep
    numbers = tuple(range(seeds) if isinstance(seeds, int) else dict.fromkeys(int(seed) for seed in seeds))
    if not numbers:
        raise InputError("seeds: a sweep needs at least one; got none")
    steps = _steps(spec, at)
    check(spec, design)
    where = machine.placed(device, threads)
    folder = folder_of(out, spec, design.kind, design.told, steps)
    told = about(spec, design.kind, design.keys, design.told, steps, device) | {"command": command}
    with dealer(engine, address, jobs, spec, device) as by, opened(folder, spec, told, design.points) as cells:
        if again:
            cells.forget_failed()
        _Runner(spec, steps, cells, numbers, design.size, where, progress or (lambda *_: None)).run(by)
    found = Sweep(folder)
    with run_folder.naming(folder):
        found.save(folder / TABLE)
    return found


def about(
    spec: Scenario, kind: str, keys: Sequence[str], design: dict[str, Any], at: At, device: str
) -> dict[str, Any]:
    """What a sweep is: two with equal scenario, design, steps and origin give equal numbers."""
    return {
        "scenario": spec.name, "scenario_digest": spec.digest, "kind": kind, "keys": list(keys), "design": design,
        "at": "end" if at is None else list(at), "metrics": [metrics.column(name) for name in spec.metrics],
        "origin": provenance.origin(spec.plain()) | {"device": device},
    }  # fmt: skip


@contextlib.contextmanager
def opened(
    folder: Path, spec: Scenario, told: dict[str, Any], points: Callable[[], Iterable[dict[str, Any]]]
) -> Iterator[Store]:
    """The store of a sweep folder, made where there is none; InputError where another version's results lie there."""
    from ecosystem.files.scenario_file import to_yaml

    check_same(folder, told)
    provenance.check_writable(folder)
    with run_folder.naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    cells = Store(folder, told["metrics"])
    try:
        if not (folder / TOLD).is_file():  # it is written last: without it nothing of the folder counts
            cells.clear()
            cells.add_points(points())
            with run_folder.naming(folder):
                provenance.replace_text(folder / run_folder.SCENARIO, to_yaml(spec))
                provenance.replace_text(folder / TOLD, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        yield cells
    finally:
        cells.close()


class _Runner:
    """Runs the missing cells of a store."""

    def __init__(self, spec: Scenario, at: At, cells: Store, seeds: tuple[int, ...], points: int, where, progress):
        self.spec, self.at, self.cells, self.seeds, self.points = spec, at, cells, seeds, points
        self.where, self.progress = where, progress
        self.total = points * len(seeds)

    def run(self, by: Dealer) -> None:
        """First in chunks; then one by one what workers that died have left, for one of each chunk was the culprit."""
        self.done = self.total - sum(len(seeds) for _, _, seeds in self._missing())
        self.failed, (self.seconds, self.cost) = self.cells.count("cells", "status = 'failed'"), self.cells.spent()
        left = self.total - self.done
        if not left:
            return
        self._tell()
        size = max(1, min(CHUNK, left // (8 * min(by.cores, left))))
        if by.deal is None:
            for chunk in sweep_cells.chunks(self._missing(), size, self.spec, self.at, self.where):
                for found in sweep_cells.run(chunk):
                    self._keep(found)
            return
        self._deal(size, by.deal)
        self._deal(1, by.deal)

    def _deal(self, size: int, deal: Deal) -> None:
        """Deals the missing cells to workers; of a cell dealt alone the death of its worker is the failure."""
        tasks = sweep_cells.chunks(self._missing(), size, self.spec, self.at, self.where)
        with stopping.raising(), contextlib.closing(deal(tasks, RECYCLED * CHUNK // size)) as events:
            for event in events:
                if isinstance(event, workers.Told):
                    self._keep(event.message)
                elif isinstance(event, workers.Died) and event.task.size == 1:
                    ((point, _, (seed,)),) = event.task.cells
                    self._keep(Found(point, seed, (), event.why, 0.0))

    def _missing(self) -> Iterator[tuple[int, dict[str, Any], tuple[int, ...]]]:
        """Points with the seeds that they lack, one by one."""
        for point in range(self.points):
            there = self.cells.seeds(point)
            seeds = tuple(seed for seed in self.seeds if seed not in there)
            if seeds:
                yield point, self.cells.point(point), seeds

    def _keep(self, found: Found) -> None:
        self.cells.write(found.point, found.seed, found.rows, found.reason, found.seconds)
        self.done, self.failed = self.done + 1, self.failed + bool(found.reason)
        self.seconds += found.seconds
        if COST in self.cells.metrics and found.rows:
            self.cost += found.rows[-1][1][self.cells.metrics.index(COST)]
        self._tell()

    def _tell(self) -> None:
        self.progress(self.done, self.total, self.failed, self.seconds, self.cost)


def _steps(spec: Scenario, at: Sequence[int] | str) -> At:
    if at == "end":
        return None
    every, last = spec.record.every, spec.steps
    steps = () if isinstance(at, str) else tuple(sorted(set(at)))
    wrong = [t for t in steps if not isinstance(t, int) or not 0 <= t <= last or (t % every and t != last)]
    if wrong or not steps:
        recorded = "" if every == 1 else f", measured every {every} steps"
        raise InputError(f"at: must be 'end' or steps from 0 to {last}{recorded}; got {wrong[0] if wrong else at}")
    return steps


def check(spec: Scenario, design: Design) -> None:
    """InputError where a key is unknown or a value of it out of bounds, or the first point fits no world."""
    from ecosystem import fits

    lines: dict[str, None] = {}
    for point in design.extremes():
        try:
            spec.with_(point)
        except InputError as error:
            lines |= dict.fromkeys(error.lines)
    if lines:
        raise InputError(list(lines))
    first = spec.with_(next(iter(design.extremes())))
    fits.check(first, first.world.open(first.human_sources))


def folder_of(out: str | Path, spec: Scenario, *asked: Any) -> Path:
    """OUT/<scenario>/sweep-<digest of scenario and what is asked of it>."""
    return Path(out).absolute() / spec.name / f"sweep-{digest(spec, *asked)}"


def digest(spec: Scenario, *asked: Any) -> str:
    """Of a scenario and what is asked of it."""
    told = json.dumps([spec.digest, *asked], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def check_same(folder: Path, told: dict[str, Any]) -> None:
    """InputError where a sweep of another version lies in the folder."""
    if not (folder / TOLD).is_file():
        return
    try:
        before = json.loads((folder / TOLD).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{folder / TOLD}: not a JSON file ({error}).") from None
    asked = json.loads(json.dumps(told))
    other = [key for key in asked if key != "command" and before.get(key) != asked[key]]
    if other == ["origin"]:
        other = [key for key, value in asked["origin"].items() if before["origin"].get(key) != value]
    if other:
        raise InputError(
            f"{folder} holds results of another version (of {', '.join(other)}); give another --out, or remove it."
        )
