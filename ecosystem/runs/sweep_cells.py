"""A cell of a sweep: one point of the design with one seed, run in this process without a folder of its own.

Every point is run with the same seeds (common random numbers): differences between points are not differences of luck.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecosystem import machine
from ecosystem.machine import Machine
from ecosystem.runs import workers
from ecosystem.runs.attempt import why

if TYPE_CHECKING:
    from ecosystem.runs.sweep_store import Rows
    from ecosystem.scenario import Scenario

At = tuple[int, ...] | None
"""Steps to be kept; None: the last one"""


@dataclass(frozen=True)
class Found:
    """What became of a cell: the rows it measured or, where it failed, the reason."""

    point: int
    seed: int
    rows: Rows
    reason: str
    seconds: float


@dataclass(frozen=True)
class Chunk:
    """Cells that a worker runs one after the other: (point, its keys, seeds) in their order."""

    spec: Scenario
    cells: tuple[tuple[int, dict[str, Any], tuple[int, ...]], ...]
    at: At
    machine: Machine

    @property
    def size(self) -> int:
        return sum(len(seeds) for _, _, seeds in self.cells)


def run(chunk: Chunk) -> Iterator[Found]:
    """The cells one by one. A cell that fails says why; the others go on. Interrupts are raised."""
    machine.use(chunk.machine)
    for point, keys, seeds in chunk.cells:
        made = _attempt(chunk.spec.with_, keys)
        for seed in seeds:
            if isinstance(made, str):
                yield Found(point, seed, (), made, 0.0)
                continue
            began = time.perf_counter()
            rows = _attempt(measured, made, seed, chunk.at)
            reason, rows = (rows, ()) if isinstance(rows, str) else ("", rows)
            yield Found(point, seed, rows, reason, round(time.perf_counter() - began, 6))


def measured(spec: Scenario, seed: int, at: At = None) -> Rows:
    """The metrics of one run at the steps asked for, as a run folder's table `steps` would have them."""
    from ecosystem.model import Ecosystem

    world = Ecosystem(spec, rng=seed)
    rows = []
    while True:
        if world.t == spec.steps if at is None else world.t in at:
            assert world.frame is not None  # a world has one from step 0 on
            rows.append((world.t, tuple(map(float, world.frame.values.values()))))
        if world.t >= (spec.steps if at is None else max(at)):
            return rows
        world.step()


def at_work(chunk: Chunk, tell: workers.Tell) -> None:
    """What a worker does with a chunk: each cell is told when it is done."""
    for found in run(chunk):
        tell(found)


def chunks(
    missing: Iterable[tuple[int, dict[str, Any], tuple[int, ...]]], size: int, spec: Scenario, at: At, where: Machine
) -> Iterator[Chunk]:
    """Cells in chunks of at most `size`, made as they are asked for; the seeds of a point stay together if they fit."""
    cells: list[tuple[int, dict[str, Any], tuple[int, ...]]] = []
    room = size
    for point, keys, seeds in missing:
        while seeds:
            cells.append((point, keys, seeds[:room]))
            seeds, room = seeds[room:], room - len(seeds[:room])
            if not room:
                yield Chunk(spec, tuple(cells), at, where)
                cells, room = [], size
    if cells:
        yield Chunk(spec, tuple(cells), at, where)


def _attempt(work: Callable[..., Any], *given: Any) -> Any:
    """What work(*given) gives, or in one line why it failed."""
    try:
        return work(*given)
    except Exception as error:  # any component of anyone's may fail in any way; the other cells go on
        if workers.interrupted(error):
            raise KeyboardInterrupt from error
        return why(error)
