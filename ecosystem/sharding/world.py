"""The world over its shards: the web, people, verifiers, policies and measures are here, the models are with them.

Letters: n models of a group, b documents read, k written, M documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import networkx as nx
import numpy as np

from ecosystem import memory
from ecosystem.corpus import Corpus
from ecosystem.documents import Batch, DocumentShape, Pool
from ecosystem.drawing import Drawing
from ecosystem.frame import Event
from ecosystem.model import Ecosystem
from ecosystem.network import Network
from ecosystem.population import Population
from ecosystem.publishing import Publishing
from ecosystem.reading import Diet
from ecosystem.scenario import Scenario
from ecosystem.sharding.cuts import cuts, refuse
from ecosystem.sharding.scattered import Scattered, columns, joined
from ecosystem.sharding.shard import Order, Published, Read


class Crew(Protocol):
    """The shards, wherever they compute."""

    def share(self, value: Any) -> Any:
        """What stands for a value that all are given."""

    def ask(self, method: str, given: Sequence[tuple | None]) -> list[Any]:
        """A method of every `Shard`, with arguments of its own (None: it is not asked, and None its answer); they
        compute at the same time. What one raises is raised."""


Hire = Callable[[list[Order]], Crew]


class ShardedEcosystem(Ecosystem):
    """An `Ecosystem` whose models are computed by `shards` others, made by `hire`; every number is the same."""

    def __init__(
        self, spec: Scenario, hire: Hire, shards: int, rng: int | None = None, network: Network | nx.Graph | None = None
    ):
        refuse(spec)
        self._hire, self._shards = hire, shards
        self._unsent: list[Any] = []  # published since shards last read
        self._written: tuple[int, list[Batch]] = (-1, [])  # step, of every group
        self._told: tuple[int, list[tuple[Diet, np.ndarray]], list[Event]] = (-1, [], [])
        super().__init__(spec, rng, network)

    def written(self, group: int) -> Batch:
        """What a group writes in this step; all groups do at once."""
        if self._written[0] != self.t:
            controls = self.steering.now if self.spec.policies else None
            marks = [p.marks_of_parts() for p in self._scattered]
            given = [(self.t, controls, [m[k] for m in marks]) for k in range(self._shards)]
            answers = self.crew.ask("write", given)
            self._written = (self.t, [joined([a[g] for a in answers]) for g in range(len(self.populations))])
        return self._written[1][group]

    def told(self, group: int, pool: Pool) -> tuple[Diet, np.ndarray, list[Event]]:
        """What a group has read in this step, of whom (n,) nothing passed, and who had nothing to read; the shards have
        read and trained by then."""
        if self._told[0] != self.t:
            rows = self.spread is not None or self.claims_read is not None
            verdicts = {verifier: self.corpus.verdicts(verifier) for verifier in self.gates.columns}
            answers = self.crew.ask("learn", [(self.t, self._unsent, verdicts, rows)] * self._shards)
            self._unsent = []
            events = sorted((e for _, told in answers for e in told), key=lambda e: -1 if e.agent is None else e.agent)
            read = [[each[g] for each, _ in answers] for g in range(len(self.populations))]
            self._told = (self.t, [_diet(pool, parts) for parts in read], events)
        (diet, starved_n), members = self._told[1][group], self.populations[group].members
        return diet, starved_n, [e for e in self._told[2] if e.agent in range(members.start, members.stop)]

    def _needs(self, spec: Scenario, shape: DocumentShape) -> list[memory.Need]:
        return [replace(need, models=0) for need in memory.needs(spec, shape)]

    def _founded(self) -> list[Population]:
        self.cuts = cuts(self.spec, self.shape, self._shards)
        parts = [tuple((places[k], places[k + 1]) for places in self.cuts) for k in range(self._shards)]
        self.crew = self._hire([Order(self.spec, self.seed, self.network, part) for part in parts])
        self._scattered: list[Scattered] = []
        first = 0
        for g, group in enumerate(self.spec.models):
            self._scattered.append(Scattered(self, g, first))
            first += group.count
        return list(self._scattered)

    def _pretrain(self) -> None:
        self.crew.ask("ready", [()] * self._shards)
        super()._pretrain()

    def published(self, step: int, batches: list[Batch], counts_S: np.ndarray) -> None:
        """What came onto the web, for shards to hear of before they next read."""
        self._unsent.append(self.crew.share(Published(step, [_plain(b) for b in batches], counts_S)))

    def _new_web(self) -> None:
        super()._new_web()
        self.drawing = Drawn(self.spec.reading, self.follows, self.gates, self.notes, world=self)
        self.publishing = Told(**vars(self.publishing), world=self)


@dataclass
class Told(Publishing):
    """Puts documents on the web, of which shards are told."""

    world: ShardedEcosystem | None = None

    def append(self, step: int, batches: list[Batch], counts_S: np.ndarray) -> None:
        assert self.world is not None
        super().append(step, batches, counts_S)
        self.world.published(step, batches, counts_S)


@dataclass
class Drawn(Drawing):
    """Diets as the shards have drawn them."""

    world: ShardedEcosystem | None = None

    def diet(self, population: Population, pool: Pool, corpus: Corpus, step: int) -> Diet:
        assert self.world is not None
        assert isinstance(population, Scattered)
        diet, starved_n, events = self.world.told(population.index, pool)
        self.gates.starved_N[population.members] = starved_n
        population.check_fed(diet, step)
        self.notes.events += events
        return diet


def _plain(batch: Batch) -> Batch:
    """As the web takes it."""
    return Batch(batch.content, batch.depth, batch.parent)


def _diet(pool: Pool, parts: Sequence[Read | None]) -> tuple[Diet, np.ndarray]:
    """The diets of all parts of a group, and of whom nothing passed."""
    there = [part for part in parts if part is not None]
    names = ("read_n", "human_n", "depth_n", "starved_n")
    read_n, human_n, depth_n, starved_n = (np.concatenate(column) for column in columns(there, *names))
    rows = [part.rows_nb for part in there if part.rows_nb is not None]
    rows_nb = np.concatenate(rows) if rows else np.zeros((len(read_n), 0), np.int64)
    return Diet(pool, rows_nb, read_n, human_n, depth_n), starved_n
