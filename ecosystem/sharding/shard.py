"""A shard: the world as one of several processes has it, with its own models only and a copy of the whole web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ecosystem import machine, memory
from ecosystem.documents import Batch, DocumentShape
from ecosystem.frame import Event
from ecosystem.marks import Mark
from ecosystem.model import Ecosystem
from ecosystem.network import Network
from ecosystem.policy import Controls
from ecosystem.population import Population
from ecosystem.publishing import Publishing
from ecosystem.reading import Diet
from ecosystem.scenario import Scenario
from ecosystem.sharding.cuts import readers_of
from ecosystem.streams import Draws


@dataclass(frozen=True)
class Order:
    """What a shard is made from: the world's scenario, seed and network, and of every group its models: from, to."""

    spec: Scenario
    seed: int
    network: Network
    parts: tuple[tuple[int, int], ...]


class Published(NamedTuple):
    """What was appended to the web in a step: batches in the order of sources, documents of each source (S,)."""

    step: int
    batches: list[Batch]
    counts_S: np.ndarray


class Read(NamedTuple):
    """What the models of a part have read, as in `Diet`; its rows only where they are asked for."""

    read_n: np.ndarray
    human_n: np.ndarray
    depth_n: np.ndarray
    starved_n: np.ndarray  # who drew something of which nothing passed
    rows_nb: np.ndarray | None


@dataclass
class Part(Population):
    """Some models of a group: `count` from `place` on. They are what they are in the whole of it."""

    place: int = 0
    count: int = 0

    @property
    def n(self) -> int:
        return self.count

    @property
    def siblings(self) -> np.ndarray:
        return self.first - self.place + np.arange(self.group.count)

    def draws(self, purpose: str, step: int) -> Draws:
        rows = np.arange(self.place, self.place + self.count)
        return self.streams.rows(f"{purpose}/{self.group.name}", step, rows)

    def pretrain(self, content: np.ndarray) -> None:
        with machine.part_of(self.group.count):
            super().pretrain(content)

    def learn(self, diet: Diet, step: int) -> None:
        with machine.part_of(self.group.count):
            super().learn(diet, step)


class Heard(Publishing):
    """Of what is on the web a shard hears from the whole world."""

    def publish_archives(self, kept: list[tuple[Population, np.ndarray]]) -> None:
        """Those of all models come from there."""


class Shard(Ecosystem):
    """Publishes, reads and trains as the whole world does, its own models only. Measures nothing of itself."""

    def __init__(self, order: Order):
        self._parts = order.parts
        super().__init__(_bare(order.spec), order.seed, order.network)

    def ready(self) -> None:
        """Answered once its models are pretrained."""

    def write(self, step: int, controls: Controls | None, marks: list[Mark | None]) -> list[Batch | None]:
        """What its models of every group write in a step; `controls`: what policies say, where there are any."""
        self.t = step
        if controls is not None:
            self.steering.follow(controls, self.corpus)
        found: list[Batch | None] = [None] * len(self._parts)
        for g, population in self._by_group.items():
            population.mark = marks[g]
            found[g] = self.ask(g, "publish", step)
        return found

    def learn(
        self, step: int, published: list[Published], verdicts: dict[str, np.ndarray], rows: bool
    ) -> tuple[list[Read | None], list[Event]]:
        """Takes in what was published and how it was judged, reads and trains; says what was read (`rows`: and which)
        and what happened."""
        for each in published:
            self.corpus.append(each.step, each.batches, each.counts_S)
        for verifier, verdict_M in verdicts.items():
            self.corpus.verdicts(verifier)[:] = verdict_M
        self.t, self.gates.starved_N[:] = step, False
        found: list[Read | None] = [None] * len(self._parts)
        for (g, population), diet in zip(self._by_group.items(), self._read_and_train(), strict=True):
            starved_n = self.gates.starved_N[population.members]
            found[g] = Read(diet.read_n, diet.human_n, diet.depth_n, starved_n, diet.rows_nb if rows else None)
        return found, list(self.notes.taken()["events"])

    def ask(self, group: int, method: str, *given: Any) -> Any:
        """A method of `Population` of its models of a group; or `params`."""
        population = self._by_group[group]
        if method == "params":
            return population.params
        with machine.part_of(population.group.count):
            return getattr(population, method)(*given)

    def _needs(self, spec: Scenario, shape: DocumentShape) -> list[memory.Need]:
        sized = zip(spec.models, self._parts, strict=True)
        mine = tuple(g.model_copy(update={"count": end - begin}) for g, (begin, end) in sized if end > begin)
        return memory.needs(spec.model_copy(update={"models": mine}), shape)

    def _founded(self) -> list[Population]:
        self._by_group: dict[int, Part] = {}
        first = 0
        for g, (group, (begin, end)) in enumerate(zip(self.spec.models, self._parts, strict=True)):
            if end > begin:
                self._by_group[g] = Part(
                    group, first + begin, self.shape, self.streams, place=begin, count=end - begin
                )
            first += group.count
        return list(self._by_group.values())

    def _new_web(self) -> None:
        super()._new_web()
        self.publishing = Heard(**vars(self.publishing))

    def _open_gates(self) -> None:
        """Others judge, and say who writes with a mark."""

    def _make_agents(self) -> None:
        pass

    def _measure(self) -> None:
        pass


def _bare(spec: Scenario) -> Scenario:
    """Without what the whole world does: measures, policies, claims, and verifiers but those whose verdicts readers
    heed."""
    measure = spec.measure.model_copy(update={"prompts": None})
    nothing = dict.fromkeys(("metrics", "policies", "claims"), ())
    kept: dict[str, Any] = {"measure": measure, "collapse": None, "arms": {}, "verifiers": readers_of(spec)}
    return spec.model_copy(update=nothing | kept)
