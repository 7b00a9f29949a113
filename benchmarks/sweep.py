"""Cost of a sweep around its runs: per cell against a bare loop in the same process, parent's memory, boundary's runs.

`python -m benchmarks.sweep [CELLS]` (default 1,000 small runs of the scenario `baseline`, 10 steps each).
"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from benchmarks._timing import once, row
from ecosystem.model import Ecosystem
from ecosystem.runs import sweep as sweeps
from ecosystem.runs import sweep_cells
from ecosystem.runs.boundary import boundary
from ecosystem.runs.sweep_design import Design, grid
from ecosystem.scenario import Scenario

SEEDS = 10
PART = 20  # points in a turn; loop and sweep are timed in turn, so that a drifting machine is fair to both


def design(first: int, points: int) -> Design:
    return grid({"humans.people.rate": list(range(first, first + points))})


def bare(spec: Scenario, varied: Design) -> None:
    """What a user would write: a world for every point and seed, its last measures kept in a list."""
    kept = []
    for point in varied.points():
        made = spec.with_(point)
        for seed in range(SEEDS):
            world = Ecosystem(made, rng=seed)
            for _ in range(made.steps):
                world.step()
            assert world.frame is not None
            kept.append(dict(world.frame.values))


def overhead(spec: Scenario, cells: int, out: Path) -> None:
    """Seconds of loop and sweep over the same cells."""
    base = spec.arm("base")
    bare(base, design(1, 2))
    sweeps.sweep(spec, design(1, 2), SEEDS, out=out / "warm")
    looped = swept = 0.0
    for first in range(1, cells // SEEDS + 1, PART):
        varied = design(first, PART)
        looped += once(lambda varied=varied: bare(base, varied))  # type: ignore[misc]
        swept += once(lambda varied=varied, first=first: sweeps.sweep(spec, varied, SEEDS, out=out / str(first)))  # type: ignore[misc]
    print("cells, ms a cell in a loop, in a sweep, overhead (wanted: below 0.20)")
    row(cells, looped / cells * 1e3, swept / cells * 1e3, swept / looped - 1)


def dealt(spec: Scenario, cells: int, out: Path) -> None:
    """The same cells on two workers, their start included."""
    taken = once(lambda: sweeps.sweep(spec, design(1, cells // SEEDS), SEEDS, jobs=2, out=out))
    print("on two workers: cells, ms a cell")
    row(cells, taken / cells * 1e3)


def from_the_first(done: int, *_: object) -> None:
    """The room on the disk is tried with a larger piece than all cells take; that is not counted."""
    if not done:
        tracemalloc.reset_peak()


def memory(spec: Scenario, out: Path) -> None:
    """Peak of the parent's own memory with cells that cost nothing."""
    print("cells, peak KiB of the parent")
    measured = sweep_cells.measured
    sweep_cells.measured = lambda *_: [(10, (0.0,) * 8)]
    try:
        for cells in (100, 1_000, 10_000):
            varied = grid({"humans.people.rate": range(cells // SEEDS)})
            tracemalloc.start()
            sweeps.sweep(spec, varied, SEEDS, out=out / str(cells), progress=from_the_first)
            row(cells, tracemalloc.get_traced_memory()[1] / 1024)
            tracemalloc.stop()
    finally:
        sweep_cells.measured = measured


def edge(out: Path) -> None:
    """Runs of the boundary search of tipping_point, against a grid of its precision."""
    spec = Scenario.from_file("tipping_point").with_({"models.students.count": 40})
    print("precision, boundary (law 9: 1.585), low, high, runs, of a grid, share of it (wanted: below 0.2), s")
    for precision in (0.1, 0.05, 0.02):
        began = time.perf_counter()
        found = boundary(spec, "world.exponent", (1.0, 2.2), "tail_coverage < 0.5", precision, out=out / str(precision))
        share, taken = found.runs / found.grid_runs, time.perf_counter() - began
        row(precision, found.estimate, found.low, found.high, found.runs, found.grid_runs, share, taken)


def main() -> None:
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    spec = Scenario.from_file("baseline").with_(steps=10)
    with tempfile.TemporaryDirectory() as folder:
        overhead(spec, cells, Path(folder) / "overhead")
        dealt(spec, cells, Path(folder) / "dealt")
        memory(spec, Path(folder) / "memory")
        edge(Path(folder) / "edge")


if __name__ == "__main__":
    main()
