"""The shards of a world as actors of a Ray cluster, one on a core each."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.machine import Machine
from ecosystem.runs.cluster import Cluster

if TYPE_CHECKING:
    from ecosystem.model import Ecosystem
    from ecosystem.scenario import Scenario
    from ecosystem.sharding.shard import Order


class ShardLost(RuntimeError):
    """A process that held a part of the world has ended; what its models were is gone."""


def founder(cluster: Cluster, shards: int | None) -> Callable[[Scenario], Ecosystem]:
    """Makes worlds over so many shards of a cluster (None: one on each core, as far as there are models); only the
    newest is kept."""
    from ecosystem.sharding.world import ShardedEcosystem

    if shards is not None and not 1 <= shards <= cluster.cores:
        raise InputError(f"shards: must be from 1 to {cluster.cores}, the cores of the cluster; got {shards}")
    hired: list[RayCrew] = []

    def hire(orders: list[Order]) -> RayCrew:
        while hired:
            hired.pop().dismiss()
        hired.append(RayCrew(cluster, orders))
        return hired[-1]

    return partial(_founded, ShardedEcosystem, hire, shards, cluster.cores)


def _founded(cls: Any, hire: Any, shards: int | None, cores: int, spec: Scenario) -> Ecosystem:
    return cls(spec, hire, min(cores, spec.agents) if shards is None else shards)


class RayCrew:
    """A `Crew` (see `ecosystem.sharding.world`) of actors."""

    def __init__(self, cluster: Cluster, orders: list[Order]):
        self._ray = cluster.ray
        actor = cluster.remote(_Actor, scheduling_strategy="SPREAD")
        self._actors = [actor.remote() for _ in orders]
        self.ask("_open", [(order,) for order in orders])

    def share(self, value: Any) -> Any:
        return self._ray.put(value)

    def ask(self, method: str, given: Sequence[tuple | None]) -> list[Any]:
        asked = {
            k: self._actors[k].do.remote(method, *(self._packed(value) for value in each))
            for k, each in enumerate(given)
            if each is not None
        }
        answers: list[Any] = [None] * len(given)
        for k, answer in asked.items():
            try:
                answers[k] = self._ray.get(answer)
            except self._ray.exceptions.RayTaskError as error:
                raise (error.cause or error) from None
            except self._ray.exceptions.RayActorError as error:
                why = type(error).__name__
                raise ShardLost(f"shard {k + 1} of {len(given)} has ended ({why}: out of memory, or killed)") from None
        return answers

    def _packed(self, value: Any) -> Any:
        """Arrays that Ray unpacks cannot be written, and kernels are compiled anew for such: ours are as they were."""
        first = value[0] if isinstance(value, list) and value else value
        return value if isinstance(first, self._ray.ObjectRef) else pickle.dumps(value)

    def dismiss(self) -> None:
        """Ends the actors."""
        for actor in self._actors:
            self._ray.kill(actor)


class _Actor:
    """A process that holds a `Shard`."""

    def do(self, method: str, *given: Any) -> Any:
        if method == "_open":
            from ecosystem.sharding.shard import Shard

            machine.use(Machine())
            self.shard = Shard(*map(_own, given))
            return None
        return getattr(self.shard, method)(*map(_own, given))


def _own(value: Any) -> Any:
    """What was packed or shared; an array that is shared as a copy, see `RayCrew._packed`."""
    if isinstance(value, bytes):
        return pickle.loads(value)
    if isinstance(value, np.ndarray):
        return value.copy()
    import ray

    return ray.get(value)  # a list of what was shared
