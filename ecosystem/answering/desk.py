"""Where models are asked: questions by what people ask for, answers from memory or from the web, with citations.

Letters: n models of a group, Q questions of each, k documents retrieved, V slots, N models, S sources, F facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from ecosystem.answering.drawn import Allowed
from ecosystem.answering.experience import Experience
from ecosystem.answering.minds import Minds
from ecosystem.answering.rules import Questions
from ecosystem.answering.web import Web
from ecosystem.documents import Answered, Batch, Pool
from ecosystem.frame import Event
from ecosystem.grammar import NONE, Grammar
from ecosystem.interfaces import Writer
from ecosystem.population import Population
from ecosystem.reading import Follows
from ecosystem.streams import Draws

ROUNDING = 1e-9  # of a share times a number of documents
NOWHERE = 10**12  # documents that are made up have numbers beyond it
CITED = 2  # documents that an answer cites, at most: one for each step of a composition


class Support(NamedTuple):
    """What was retrieved for questions (n, Q): rows of documents (n, Q, r), -1 where there are fewer, and whether each
    states what was looked up; slot (n, Q) of the supported answer, -1 where there is none; cited (n, Q, 2) rows."""

    row: np.ndarray
    states: np.ndarray
    slot: np.ndarray
    cited: np.ndarray


@dataclass
class AnsweringDesk:
    """The questions of a world. asked_F (F,): how often each fact is asked for.

    Of this step, a group after the other: `answers`; `hits`, (M, r) bool: which of the retrieved documents state what
    was looked up; `published` (M,): the number of the document that each became, -1 where it was not let through;
    `events`: what is to be told.
    """

    STATE: ClassVar[tuple[str, ...]] = ("answers", "published", "hits", "events", "_told")

    grammar: Grammar
    asked_F: np.ndarray
    follows: Follows
    minds: Minds
    experience: Experience
    people: list[Writer]
    answers: list[Answered] = field(default_factory=list)
    published: list[np.ndarray] = field(default_factory=list)
    hits: list[np.ndarray] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)  # groups of whom it was said that they retrieved nothing
    _web: Web | None = None

    def begin(self, pool: Pool) -> None:
        """A step begins; `pool`: the web as it can be read."""
        self.answers, self.published, self.hits, self.events = [], [], [], []
        self._web = Web(pool, self.grammar, self.people, len(self.follows.reach_NH))

    def asked(self, rng: Draws, questions: int) -> np.ndarray:
        """(n, Q) facts that models are asked for, as people ask."""
        cumulative_F = np.cumsum(self.asked_F)
        last = np.flatnonzero(self.asked_F)[-1]
        return np.minimum(np.searchsorted(cumulative_F, rng.uniform(questions) * cumulative_F[-1], side="right"), last)

    def answer(self, population: Population, step: int) -> Batch:
        """What the models of a group answer, `publish` questions each, model by model."""
        rules, models = population.group.questions, population.numbers
        assert rules is not None

        def draws(purpose: str) -> Draws:
            return population.draws(purpose, step)

        fact = self.asked(draws("questions"), population.publishes)
        support = self._support(models, rules, fact, draws)
        believed = population.beliefs(fact, step, "beliefs")
        slot, confidence, supported = self._said(rules, fact, support, believed, draws("answers"))
        retrieved, cited = self._citations(rules, support, slot, draws("citations"))
        if rules.confidence == "peers":
            peer_nP = self.peers(models, rules.peers, draws("peers"))
            confidence = self.of_peers(peer_nP, fact, slot, confidence, step, "peers")
        answered = Answered(
            np.repeat(models, fact.shape[1]), fact.ravel(), slot.ravel(), confidence.ravel(),
            retrieved.reshape(fact.size, retrieved.shape[-1]), cited.reshape(fact.size, CITED), supported.ravel(),
            (slot.ravel() < 0) | (not rules.write_back) | (step < rules.since),
        )  # fmt: skip
        self.answers.append(answered)
        self.hits.append(support.states.reshape(fact.size, retrieved.shape[-1]))
        if rules.source == "web":
            self._note_empty(population.group.name, rules, retrieved, step)
        return self._batch(answered, support.cited.reshape(fact.size, CITED), population)

    def note_published(self, batches: list[Batch], first: int) -> None:
        """Of what was written in this step these batches were published, one after the other from number `first` on."""
        for answered, (place, number) in zip(self.answers, _numbered(batches, first), strict=True):
            document = np.full(len(answered), NONE)
            document[place] = number
            self.published.append(document)

    def _note_empty(self, group: str, rules: Questions, retrieved: np.ndarray, step: int) -> None:
        """Once for each group: how many questions found nothing (`empty_retrieval_share` counts them at every step)."""
        empty = (retrieved < 0).all(axis=2)
        if not empty.any() or group in self._told:
            return
        self._told.add(group)
        then = "are answered from memory" if rules.unsupported == "memory" else "are not answered"
        of = f"{int(empty.sum())} of {empty.size} questions to {group}"
        detail = f"nothing was retrieved for {of} in step {step} (first time); such questions {then}"
        self.events.append(Event(step, None, "empty_retrieval", detail))

    def _support(self, models: np.ndarray, rules: Questions, fact, draws: Callable[[str], Draws]) -> Support:
        n, q = fact.shape
        web = self._web
        if rules.source == "memory" or web is None:
            nothing = np.full((n, q, 0), NONE)
            return Support(nothing, nothing >= 0, np.full((n, q), NONE), np.full((n, q, CITED), NONE))
        allowed = Allowed(self.readable(models), len(self.follows.reach_NH), rules.model_share)
        index = web.index(rules.by)

        def looked_up(fact, purpose: str):
            found = index.retrieve(fact, allowed, rules.retrieve, draws(purpose))
            stated = web.stated(found, fact)
            return found, stated, *_most(found, stated, draws(f"{purpose}/tie"))

        row, stated, slot, by = looked_up(fact, "retrieval")
        cited = np.stack([by, np.full_like(by, NONE)], axis=-1)
        composes = draws("composition").uniform(q) < rules.compose
        first = np.where((slot < 0) & composes, self.grammar.first_F[fact], NONE)
        if (first >= 0).any():
            row1, stated1, slot1, by1 = looked_up(first, "retrieval/first")
            second = np.where((first >= 0) & (slot1 >= 0), self.grammar.second(fact, slot1), NONE)
            row2, stated2, slot2, by2 = looked_up(second, "retrieval/second")
            composed = slot2 >= 0
            slot = np.where(composed, slot2, slot)
            cited = np.where(composed[..., None], np.stack([by1, by2], axis=-1), cited)
            row, stated = np.concatenate([row, row1, row2], -1), np.concatenate([stated, stated1, stated2], -1)
        return Support(row, stated >= 0, slot, cited)

    def _said(self, rules: Questions, fact, support: Support, believed, rng: Draws):
        """(n, Q) each: the slot answered (-1: nothing), confidence in it, and whether what was retrieved states it."""
        u, misread = rng.uniform(fact.shape[1]), rng.uniform(fact.shape[1]) >= rules.faithful
        cumulative = np.cumsum(believed, axis=-1)
        from_memory = (cumulative <= u[..., None] * cumulative[..., -1:]).sum(axis=-1)
        from_memory = np.minimum(from_memory, self.grammar.width_F[fact] - 1)
        if rules.unsupported == "abstain" and rules.source == "web":
            from_memory = np.where(support.slot >= 0, from_memory, NONE)
        slot = np.where((support.slot >= 0) & ~misread, support.slot, from_memory)
        supported = (support.slot >= 0) & (slot == support.slot)
        refused = self.experience.refused(fact, slot) & (rng.uniform(fact.shape[1]) < rules.heeds)
        slot = np.where(refused & ~supported, NONE, slot)  # what is at hand outweighs what was once refused
        own = np.take_along_axis(believed, np.maximum(slot, 0)[..., None], axis=-1)[..., 0]
        return slot, np.where(slot >= 0, own, 0.0), supported

    def _citations(self, rules: Questions, support: Support, slot, rng: Draws):
        """Document numbers (n, Q, r) retrieved and (n, Q, 2) cited: what it found, or made up, or none."""
        web, none = self._web, np.full((*slot.shape, CITED), NONE)
        if web is None:
            retrieved, cited, known = support.row, none, 0
        else:
            retrieved, cited = web.numbers(support.row), web.numbers(support.cited)
            known = int(web.pool.documents(web.pool.rows).max(initial=0)) + 1
        invents = (rng.uniform(slot.shape[1]) < rules.fabricates) & (slot >= 0)
        luck = 2 * rng.uniform(slot.shape[1])
        # half of them exist; the others never will
        invented = np.where(luck < 1, luck * max(known, 1), NOWHERE + luck * 1e6).astype(np.int64)
        made_up = np.where(invents[..., None], np.stack([invented, none[..., 1]], axis=-1), none)
        return retrieved, np.where((support.slot >= 0)[..., None], cited, made_up)  # who misreads cites what it misread

    def of_peers(self, peer_nP: np.ndarray, fact, slot, own, step: int, purpose: str) -> np.ndarray:
        """(n, Q) the mean probability of answers (-1: none, which has 0) under their models and some peers.

        own (n, Q): the models' own probability; peer_nP (n, P): numbers of peers, -1 where there are fewer.
        """
        total, given = own.copy(), np.maximum(slot, 0).ravel()[:, None]
        for peer_n in peer_nP.T:
            told = self.minds.beliefs(np.repeat(peer_n, fact.shape[1]), fact.ravel(), step, purpose)
            total += np.nan_to_num(np.take_along_axis(told, given, axis=1)).reshape(total.shape)
        return np.where(slot >= 0, total / (1 + (peer_nP >= 0).sum(axis=1))[:, None], 0.0)

    def peers(self, models: np.ndarray, most: int, rng: Draws, among_N: np.ndarray | None = None) -> np.ndarray:
        """(n, P) models whom each reads (or of those `among_N`), itself left out, in random order; -1: no more."""
        reads = self.readable(models)[:, : len(self.follows.reach_NH)]
        reads = reads if among_N is None else np.tile(among_N, (len(models), 1))
        reads[np.arange(len(models)), models] = False
        luck = np.where(reads, rng.uniform(reads.shape[1]), 2.0)
        order = np.argsort(luck, axis=1, kind="stable")[:, :most]
        return np.where(np.take_along_axis(luck, order, axis=1) < 2, order, NONE)

    def readable(self, models: np.ndarray) -> np.ndarray:
        """(n, S) bool: whose documents some models read: those of models and of communities, never private archives."""
        reads_nN, people = self._reads_NN[models], self.follows.reach_NH[models]
        return np.concatenate([reads_nN, people, np.zeros_like(reads_nN)], axis=1)

    @cached_property
    def _reads_NN(self) -> np.ndarray:
        """(N, N) bool: who reads whom of the models; the graph stays as it is."""
        return self.follows.network.matrix().astype(bool).toarray()

    def _batch(self, answered: Answered, support: np.ndarray, population: Population) -> Batch:
        content = self.grammar.write(np.where(answered.slot >= 0, answered.fact, NONE)[:, None], answered.slot[:, None])
        model_M, recollection = answered.agent - population.first, population.recollection
        depth, parent = 1 + population.depth_n[model_M], np.full(len(answered), NONE)
        if recollection is not None:
            parent = recollection.documents(model_M, answered.fact, answered.slot)
        if self._web is not None and len(self._web.pool.content):
            known = answered.supported[:, None] & (support >= 0)
            of_cited = np.where(known, self._web.pool.depth[np.maximum(support, 0)], 0).sum(axis=1)
            depth = np.where(answered.supported, 1 + of_cited / np.maximum(known.sum(axis=1), 1), depth)
            single = answered.supported & (support[:, 1] < 0)  # a composition states what neither of its sources does
            parent = np.where(answered.supported, np.where(single, answered.cited[:, 0], NONE), parent)
        return Batch(content, depth, parent, answered)


def _numbered(batches: list[Batch], first: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of every batch of answers: the place of each among those given, and its document number."""
    for batch in batches:
        number = first + np.arange(len(batch.content))
        if batch.answered is not None:
            yield batch.answered.place, number
        first += len(batch.content)


def _most(row: np.ndarray, stated: np.ndarray, rng: Draws) -> tuple[np.ndarray, np.ndarray]:
    """(n, Q) the slot that most of the retrieved documents (n, Q, k) state, -1: none does; and one that states it.

    Ties go by chance.
    """
    same = (stated[..., :, None] == stated[..., None, :]) & (stated >= 0)[..., :, None]
    votes = np.where(stated >= 0, same.sum(axis=-1) + rng.uniform(*row.shape[1:]), -1)
    best = votes.argmax(axis=-1)[..., None]
    slot = np.take_along_axis(stated, best, axis=-1)[..., 0]
    return slot, np.where(slot >= 0, np.take_along_axis(row, best, axis=-1)[..., 0], NONE)
