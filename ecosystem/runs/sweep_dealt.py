"""Who runs the cells of a sweep: this process, processes of this machine, or a Ray cluster; the table is the same."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ecosystem.errors import InputError
from ecosystem.runs import cluster, sweep_cells, workers
from ecosystem.runs.runner import needs_main
from ecosystem.runs.sweep_cells import Chunk

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

Events = Generator[workers.Told | workers.Ended | workers.Died, None, None]

Deal = Callable[[Iterator[Chunk], int], Events]
"""deal(chunks, n): runs them; a process goes after n chunks"""


@dataclass(frozen=True)
class Dealer:
    """cores: cells run at the same time; deal None: this process runs all."""

    cores: int
    deal: Deal | None


@contextlib.contextmanager
def dealer(engine: str, address: str | None, jobs: int, spec: Scenario, device: str) -> Iterator[Dealer]:
    """InputError where there is no such engine, or no cluster at the address."""
    cluster.check_engine(engine, address)
    if engine == "local":
        yield Dealer(jobs, partial(_locally, spec, jobs) if jobs > 1 else None)
        return
    if device != "cpu":
        raise InputError(f"device: engine ray computes on cpu; got '{device}'")
    with cluster.joined(address, jobs, spec) as there:
        yield Dealer(there.cores, partial(_on, there))


def _locally(spec: Scenario, jobs: int, chunks: Iterator[Chunk], each: int) -> Events:
    return workers.deal(sweep_cells.at_work, chunks, jobs, needs_main([spec]), each)


def _on(there: cluster.Cluster, chunks: Iterator[Chunk], each: int) -> Events:
    from ecosystem.runs import ray_tasks

    return ray_tasks.deal(there, sweep_cells.run, chunks, each)
