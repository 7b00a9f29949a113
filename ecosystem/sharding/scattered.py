"""A group of models whose states are with the shards: what is asked of them is asked there.

Letters: n models of the group, k documents written, M documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem.documents import Batch
from ecosystem.fits import WorldError
from ecosystem.interfaces import Atoms, Moments, Params
from ecosystem.marks import Mark
from ecosystem.population import Population
from ecosystem.reading import Diet
from ecosystem.sharding.cuts import tile

if TYPE_CHECKING:
    from ecosystem.sharding.world import ShardedEcosystem


class Scattered(Population):
    """A group whose models are with the shards."""

    def __init__(self, world: ShardedEcosystem, index: int, first: int):
        self.world, self.index = world, index
        self.places = world.cuts[index]
        super().__init__(world.spec.models[index], first, world.shape, world.streams)

    @property
    def params(self) -> Params:
        """Fetched from the shards, each time."""
        parts = self._ask("params")
        return {name: _stacked([part[name] for part in parts]) for name in parts[0]}

    @params.setter
    def params(self, value: Params) -> None:
        """They stay where they are."""

    def pretrain(self, content: np.ndarray) -> None:
        self.depth_n, self.human_share_n = np.zeros(self.n), np.ones(self.n)

    def publish(self, step: int, attempt: int = 0, rows: np.ndarray | None = None) -> Batch:
        if not attempt and rows is None:
            return self.world.written(self.index)
        return joined(self._ask("publish", step, attempt, rows=rows))

    def learn(self, diet: Diet, step: int) -> None:
        """The shards have trained."""
        self._note_origin(diet, diet.read_n > 0)

    def write(self, k: int, step: int, purpose: str, rows: np.ndarray | None = None, mark: Mark | None = None):
        assert mark is None  # it is the shards that publish
        parts = self._ask("write", k, step, purpose, rows=rows)
        if isinstance(parts[0], tuple):
            return tuple(np.concatenate(each) for each in zip(*parts, strict=True))
        return np.concatenate(parts)

    def atoms(self) -> Atoms | None:
        parts = self._ask("atoms")
        return None if parts[0] is None else Atoms(*(_stacked(c) for c in columns(parts, "item_NU", "mass_NU")))

    def moments(self) -> Moments | None:
        parts = self._ask("moments")
        if parts[0] is None:
            return None
        return Moments(*(np.concatenate(c) for c in columns(parts, "mean_ND", "covariance_NDD")))

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        return np.concatenate(self._ask("log_prob", self.world.crew.share(content)))

    def own_log_prob(self, row_M: np.ndarray, content: np.ndarray) -> np.ndarray:
        found = np.empty(len(row_M))
        of_shard = [np.flatnonzero((row_M >= begin) & (row_M < end)) for _, begin, end in self._parts()]
        given = [(row_M[m] - begin, content[m]) for m, (_, begin, _) in zip(of_shard, self._parts(), strict=True)]
        for mine, nats in zip(of_shard, self._ask_each("own_log_prob", given), strict=True):
            found[mine] = nats
        return found

    def answer(self, prompt_PL: np.ndarray, k: int, step: int, purpose: str) -> np.ndarray:
        return np.concatenate(self._ask("answer", prompt_PL, k, step, purpose))

    def beliefs(
        self, fact_nQ: np.ndarray, step: int, purpose: str, rows: np.ndarray | None = None, params: Params | None = None
    ) -> np.ndarray:
        if params is not None:  # of earlier: at hand
            return super().beliefs(fact_nQ, step, purpose, rows, params)
        rows = np.arange(self.n) if rows is None else rows
        chosen = [np.flatnonzero((rows >= begin) & (rows < end)) for _, begin, end in self._parts()]
        given = [
            (fact_nQ[c], step, purpose, rows[c] - begin) if len(c) else None
            for c, (_, begin, _) in zip(chosen, self._parts(), strict=True)
        ]
        parts = [part for part in self._ask_each("beliefs", given) if part is not None]
        found = np.empty((len(rows), *parts[0].shape[1:]), parts[0].dtype)
        found[np.concatenate(chosen)] = np.concatenate(parts)
        return found

    def marks_of_parts(self) -> list[Mark | None]:
        """What every shard's models of the group are to mark their writing with."""
        if self.mark is None:
            return [None] * (len(self.places) - 1)
        return [self.mark.of(slice(*self.places[k : k + 2])) for k in range(len(self.places) - 1)]

    def check_fed(self, diet: Diet, step: int) -> None:
        """WorldError where some are left out of tiles that lie on several shards: those after them move up."""
        in_tiles = self.group.learner.row_tolerance and tile(self.world.spec, self.index, self.shape) > 1
        if in_tiles and len(list(self._parts())) > 1 and not diet.read_n.all():
            model = self.first + int(np.flatnonzero(diet.read_n == 0)[0])
            raise WorldError(
                f"models.{self.group.name}: model {model} has nothing to read in step {step}, and the others of its "
                f"group are computed in tiles that shift with that; feed it, or run this world without shards."
            )

    def _parts(self) -> Iterator[tuple[int, int, int]]:
        """(shard, from, to) of those that have models of the group."""
        for k, (begin, end) in enumerate(zip(self.places, self.places[1:], strict=False)):
            if end > begin:
                yield k, begin, end

    def _ask(self, method: str, *given: Any, rows: np.ndarray | None = None) -> list[Any]:
        """What the shards that have models of the group answer, in their order; `rows`, ascending: only of these."""
        if rows is None:
            return self._ask_each(method, [given for _ in self._parts()])
        chosen = [rows[(rows >= begin) & (rows < end)] - begin for _, begin, end in self._parts()]
        parts = self._ask_each(method, [(*given, some) if len(some) else None for some in chosen])
        return [part for part in parts if part is not None]

    def _ask_each(self, method: str, given: Sequence[tuple | None]) -> list[Any]:
        """The same with arguments for each shard that has models of the group."""
        of_shard: list[tuple | None] = [None] * (len(self.places) - 1)
        shards = [k for k, _, _ in self._parts()]
        for k, arguments in zip(shards, given, strict=True):
            of_shard[k] = None if arguments is None else (self.index, method, *arguments)
        answers = self.world.crew.ask("ask", of_shard)
        return [answers[k] for k in shards]


def joined(parts: Sequence[Batch | None]) -> Batch:
    """What several shards write, in their order."""
    there = [part for part in parts if part is not None]

    def column(name: str) -> np.ndarray:
        return np.concatenate([np.broadcast_to(getattr(b, name), len(b.content)) for b in there])

    return Batch(np.concatenate([b.content for b in there]), column("depth"), column("parent"))


def columns(parts: Sequence[Any], *names: str) -> Iterator[list[np.ndarray]]:
    return ([getattr(part, name) for part in parts] for name in names)


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    """One after the other; narrower ones are filled up with zeros."""
    trailing = np.max([part.shape[1:] for part in parts], axis=0) if parts[0].ndim > 1 else ()
    wide = [
        np.pad(p, [(0, 0), *((0, int(w - s)) for w, s in zip(trailing, p.shape[1:], strict=True))]) for p in parts
    ]
    return np.concatenate(wide)
