"""Who computes the worlds of runs: this machine's processes, or the shards of one world on a Ray cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.runs import cluster

if TYPE_CHECKING:
    from ecosystem.model import Ecosystem
    from ecosystem.scenario import Scenario

Founder = Callable[["Scenario"], "Ecosystem"]
"""Makes the world of a scenario at step 0"""


def check(
    engine: str, spec: Scenario, arms: Iterable[str], jobs: int, shards: int | None, address: str | None, device: str
) -> None:
    """InputError where what is asked of an engine does not go together, or an arm cannot be sharded."""
    cluster.check_engine(engine, address)
    if engine == "local":
        if shards is not None:
            raise InputError(f"shards: goes with engine ray; got {shards}")
        return
    from ecosystem.sharding.cuts import refuse

    if jobs != 1:
        raise InputError(f"jobs: engine ray makes one run at a time, over --shards K; got {jobs}")
    for arm in map(spec.arm, dict.fromkeys(arms)):
        refuse(arm, device)
        if shards is not None and not 1 <= shards <= arm.agents:
            raise InputError(f"shards: must be from 1 to {arm.agents}, the number of models; got {shards}")


@contextlib.contextmanager
def founder(
    engine: str, spec: Scenario, shards: int | None, address: str | None, needed: bool = True
) -> Iterator[Founder | None]:
    """What makes the worlds of runs; None: `Ecosystem` itself does. `needed`: is there a run to be made?"""
    if engine == "local" or not needed:
        yield None
        return
    from ecosystem.runs import ray_shards

    with cluster.joined(address, shards or machine.cores(), spec) as there:
        yield ray_shards.founder(there, shards)
