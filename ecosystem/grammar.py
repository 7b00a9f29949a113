"""Claims: what documents of a fact world say, subject by subject. The grammar is known to all; what is true is not.

A document of tokens is one claim after another, three tokens each (subject, relation, value), filled up with 0.
Entities are tokens 1 .. E, relations tokens E + 1 .. E + R. A *fact* is a subject with a relation, something that can
be asked; its possible values are a range of entities, numbered as *slots* 0 .. V - 1. Entities may be both subject and
value, so that facts can be chained: the country of a person is the country of the person's birthplace.

Letters: E entities, R relations, F facts, V slots of the relation that has most, C claims of a document, M documents,
Q questions, n agents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

NONE = -1  # no fact (not a claim), or no slot (a value that the relation cannot have)


class Claims(NamedTuple):
    """What documents claim: fact (*leading, C) int32, -1: no claim; slot alike, -1: an impossible value."""

    fact: np.ndarray
    slot: np.ndarray


@dataclass(frozen=True, eq=False)
class Grammar:
    """What can be claimed and asked.

    subject_F, relation_F (F,): entity and relation of each fact; low_R, high_R (R,): the entities low .. high - 1 are
    a relation's values; chain_R2 (R, 2): the two relations of which a relation is the composition (the value of the
    first is the subject of the second), -1 for those that are none; claims: C; names for people: of entities (E,) and
    relations (R,).
    """

    subject_F: np.ndarray
    relation_F: np.ndarray
    low_R: np.ndarray
    high_R: np.ndarray
    chain_R2: np.ndarray
    claims: int
    entity_names: tuple[str, ...] = field(repr=False)
    relation_names: tuple[str, ...] = ()

    @property
    def entities(self) -> int:
        return len(self.entity_names)

    @property
    def facts(self) -> int:
        return len(self.subject_F)

    @property
    def tokens(self) -> int:
        """Vocabulary, the end token included."""
        return 1 + self.entities + len(self.low_R)

    @cached_property
    def slots(self) -> int:
        """V."""
        return int((self.high_R - self.low_R).max())

    @cached_property
    def width_F(self) -> np.ndarray:
        """(F,) number of possible values of each fact."""
        return (self.high_R - self.low_R)[self.relation_F]

    @cached_property
    def fact_ER(self) -> np.ndarray:
        """(E, R) int32: the fact of a subject and a relation, -1 where there is none."""
        fact_ER = np.full((self.entities, len(self.low_R)), NONE, np.int32)
        fact_ER[self.subject_F, self.relation_F] = np.arange(self.facts)
        return fact_ER

    @cached_property
    def derivable_F(self) -> np.ndarray:
        """(F,) bool: facts that follow from two others."""
        return self.chain_R2[self.relation_F, 0] >= 0

    @cached_property
    def first_F(self) -> np.ndarray:
        """(F,) int32: the fact to look up first for a derivable one, else -1."""
        first = self.chain_R2[self.relation_F, 0]
        return np.where(first >= 0, self.fact_ER[self.subject_F, first], NONE).astype(np.int32)

    def second(self, fact: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """The fact to look up next for derivable facts, once the first has been found to have a slot; -1: none."""
        relation = self.relation_F[fact]
        first, second = self.chain_R2[relation, 0], self.chain_R2[relation, 1]
        entity = self.low_R[first] + slot
        known = (first >= 0) & (slot >= 0)
        return np.where(known, self.fact_ER[np.where(known, entity, 0), second], NONE)

    def read(self, content: np.ndarray) -> Claims:
        """What documents (*leading, L) claim. Tokens that make no claim are left out, and so is what follows them."""
        parts = content[..., : 3 * self.claims].reshape(*content.shape[:-1], self.claims, 3).astype(np.int32)
        subject, relation, value = parts[..., 0] - 1, parts[..., 1] - 1 - self.entities, parts[..., 2] - 1
        formed = (subject >= 0) & (subject < self.entities) & (relation >= 0) & (relation < len(self.low_R))
        formed &= (value >= 0) & (value < self.entities)
        subject, relation = np.where(formed, subject, 0), np.where(formed, relation, 0)
        fact = np.where(formed, self.fact_ER[subject, relation], NONE)
        fact = np.where(np.logical_and.accumulate(fact >= 0, axis=-1), fact, NONE)
        possible = (fact >= 0) & (value >= self.low_R[relation]) & (value < self.high_R[relation])
        return Claims(fact, np.where(possible, value - self.low_R[relation], NONE).astype(np.int32))

    def write(self, fact: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Documents (*leading, 3 C) of claims (*leading, c) with c <= C; fact -1 ends a document."""
        *leading, c = fact.shape
        content = np.zeros((*leading, self.claims, 3), np.int32)
        relation = self.relation_F[fact]
        content[..., :c, 0] = 1 + self.subject_F[fact]
        content[..., :c, 1] = 1 + self.entities + relation
        content[..., :c, 2] = 1 + self.low_R[relation] + slot
        content[..., :c, :][fact < 0] = 0
        return content.reshape(*leading, 3 * self.claims)

    def reworded(self, content: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Documents (M, L) with other values for their claims: slot (M, C), -1 for what stays as it is."""
        fact, parts = self.read(content).fact, content.reshape(len(content), self.claims, 3).copy()
        value = 1 + self.low_R[self.relation_F[fact]] + slot
        parts[..., 2] = np.where((fact >= 0) & (slot >= 0), value, parts[..., 2])
        return parts.reshape(content.shape)

    def question(self, fact: np.ndarray) -> np.ndarray:
        """Prompts (*leading, 3 C): subject and relation of facts (*leading,)."""
        content = self.write(fact[..., None], np.zeros_like(fact)[..., None])
        content[..., 2] = 0
        return content

    def show(self, content: np.ndarray) -> list[str]:
        """Documents (M, L) for people: 'Ada | born in | London; ...'."""
        return ["; ".join(lines) for lines in self.lines(content)]

    def lines(self, content: np.ndarray) -> list[list[str]]:
        """What each of M documents (M, L) says, three tokens a line, whether they make a claim or not."""
        names = self._names
        return [[" | ".join(names[t] for t in row[j : j + 3] if t) for j in _starts(row)] for row in content.tolist()]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Of every token."""
        return ("", *self.entity_names, *self.relation_names)

    @cached_property
    def packed(self) -> np.ndarray:
        """(X,) int64: all but the names, so that it can travel in a learner's state."""
        head = np.array([self.entities, self.facts, len(self.low_R), self.claims])
        parts = [head, self.subject_F, self.relation_F, self.low_R, self.high_R, self.chain_R2.ravel()]
        return np.concatenate(parts).astype(np.int64)


def unpacked(packed: np.ndarray) -> Grammar:
    """The grammar of a packed one, its entities and relations named by their numbers."""
    return _unpacked(np.ascontiguousarray(packed, np.int64).tobytes())


@lru_cache(maxsize=64)
def _unpacked(packed: bytes) -> Grammar:
    numbers = np.frombuffer(packed, np.int64)
    (entities, facts, relations, claims), rest = numbers[:4].tolist(), numbers[4:]
    ends = np.cumsum([facts, facts, relations, relations])
    subject_F, relation_F, low_R, high_R, chain = np.split(rest, ends)
    names = tuple(map(str, range(entities))), tuple(map(str, range(relations)))
    return Grammar(subject_F, relation_F, low_R, high_R, chain.reshape(-1, 2), claims, *names)


def _starts(row: list[int]) -> range:
    """Where the claims of a document begin."""
    return range(0, row.index(0) if 0 in row else len(row), 3)
