"""What a verifier can look at beside the documents themselves; each verifier has a sight, and chance, of its own.

Letters: M documents, N models, H communities, k documents asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ecosystem.answering.desk import AnsweringDesk
from ecosystem.answering.minds import Minds
from ecosystem.corpus import Corpus
from ecosystem.documents import Documents, DocumentShape
from ecosystem.errors import InputError, suggestion
from ecosystem.humans import Humans
from ecosystem.interfaces import Params
from ecosystem.population import Population
from ecosystem.streams import Draws, Streams
from ecosystem.verifier import authors


@dataclass
class WorldSight:
    """The sight (`ecosystem.verifier.Sight`) that a world gives to the verifier of a name."""

    STATE: ClassVar[tuple[str, ...]] = ("step",)

    owner: str
    shape: DocumentShape
    models: int
    humans: Humans
    populations: list[Population]
    streams: Streams
    corpus: Callable[[], Corpus]
    oracle: Callable[[np.ndarray], np.ndarray] | None = None  # which documents are true, where it may know
    answering: Callable[[], AnsweringDesk | None] = lambda: None
    step: int = 0

    def chance(self, purpose: str, number_M: np.ndarray) -> np.ndarray:
        """(M,) uniform in [0, 1), each number's own."""
        return self.streams.chance(f"verifier/{self.owner}/{purpose}", number_M)

    def draws(self, purpose: str) -> Draws:
        """Random numbers of one row, fresh at every step."""
        return self.streams.rows(f"verifier/{self.owner}/{purpose}", self.step, 1)

    def human_writing(self, k: int, community: str | None = None) -> np.ndarray:
        """(k, *x) human documents, freshly drawn for this verifier."""
        return self.humans.freshly(k, self.draws("human"), community)

    def log_likelihood(self, model_M: np.ndarray, content: np.ndarray) -> np.ndarray:
        """(M,) nats; NaN for documents of which no model is asked (people's own opinion is not known)."""
        nats_M = np.full(len(content), np.nan)
        for population in self.populations:
            mine = np.flatnonzero((model_M >= population.first) & (model_M < population.first + population.n))
            if len(mine):
                nats_M[mine] = population.own_log_prob(model_M[mine] - population.first, content[mine])
        return nats_M

    def true(self, content: np.ndarray) -> np.ndarray:
        """(M,) bool; TypeError for whom this is not an oracle's sight."""
        if self.oracle is None:
            raise TypeError(f"verifiers.{self.owner}: only an oracle (Verifier.oracle) may ask what is true.")
        return self.oracle(content)

    def own_facts(self, community: str) -> np.ndarray:
        """(F,) bool"""
        return self.humans.own_facts(community, f"verifiers.{self.owner}")

    def stored(self, number_M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(M, *x) documents by their numbers, 0 where they are not on the web, and (M,) which are."""
        corpus = self.corpus()
        there = (number_M >= corpus.first) & (number_M < corpus.published)
        content = np.zeros((len(number_M), *self.shape.trailing), self.shape.dtype)
        content[there] = corpus.at(number_M[there] - corpus.first).content
        return content, there

    def texts(self, content: np.ndarray) -> list[str]:
        """(M,) documents as text."""
        return self.humans.writers[0].show(content)

    def beliefs(self, model_M: np.ndarray, fact_M: np.ndarray, earlier: Params | None = None) -> np.ndarray:
        """(M, V)"""
        return self._minds(earlier).beliefs(model_M, fact_M, self.step, f"verifier/{self.owner}/beliefs")

    def snapshot(self) -> Params:
        """Parameters of every group, under names of their own."""
        return {f"{p.group.name}\0{name}": array for p in self.populations for name, array in p.params.items()}

    def peers(self, model_M: np.ndarray, most: int, group: str | None = None) -> np.ndarray:
        """(M, P)"""
        among_N = None if group is None else self._of_group(group)
        desk, asked = self.answering(), (model_M >= 0) & (model_M < self.models)
        rows = np.unique(model_M[asked])
        if desk is None or not len(rows):
            return np.full((len(model_M), 0), -1)
        draws = self.streams.rows(f"verifier/{self.owner}/peers", self.step, rows)
        found = desk.peers(rows, most, draws, among_N)
        place_M = np.minimum(np.searchsorted(rows, model_M), len(rows) - 1)
        return np.where(asked[:, None], found[place_M], -1)

    def people_say(self, fact_M: np.ndarray, source_M: np.ndarray, community: str | None = None) -> np.ndarray:
        """(M,) slots."""
        who_M = authors(source_M, self.models)

        def luck_M(about: str) -> np.ndarray:
            return self.streams.chance(f"verifier/{self.owner}/people/{about}", fact_M, who_M, self.step)

        luck_M3 = np.stack([luck_M("community"), luck_M("error"), luck_M("value")], axis=1)
        return self.humans.say(fact_M, luck_M3, community)

    def depth(self, model_M: np.ndarray) -> np.ndarray:
        """(M,) generations."""
        depth_N = np.concatenate([p.depth_n for p in self.populations])
        known = (model_M >= 0) & (model_M < self.models)
        return np.where(known, depth_N[np.where(known, model_M, 0)], np.nan)

    def _of_group(self, name: str) -> np.ndarray:
        """(N,) bool: the models of a group."""
        names = [p.group.name for p in self.populations]
        if name not in names:
            hint = suggestion(name, names)
            raise InputError(f"verifiers.{self.owner}.group: must be one of {', '.join(names)}. Got {name!r}.{hint}")
        return np.repeat(np.array(names) == name, [p.n for p in self.populations])

    def _minds(self, earlier: Params | None) -> Minds:
        grammar = self.shape.grammar
        if grammar is None:
            raise TypeError(f"verifiers.{self.owner}: beliefs are of claims; these documents make none.")
        by_group: dict[str, Params] = {}
        for key, array in (earlier or {}).items():
            group, _, name = key.partition("\0")
            by_group.setdefault(group, {})[name] = array
        return Minds(self.populations, grammar, by_group or None)

    def human_share(self, source_M: np.ndarray) -> np.ndarray:
        """(M,) human share of the last diet of each source, 1 for people."""
        share_S = np.ones(int(source_M.max(initial=0)) + 1 + self.models)
        share_S[: self.models] = np.concatenate([p.human_share_n for p in self.populations])
        return share_S[source_M]

    def earlier(self) -> Documents:
        """What can still be read from before this step."""
        return self.corpus().earlier(self.step)

    def first(self) -> int:
        """Number of the first document that is kept."""
        return self.corpus().first
