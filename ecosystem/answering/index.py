"""The readable web by what it states: which documents state a fact, and which of them a model may retrieve.

Letters: D claims on the web, F facts, S sources, n models, Q questions, k documents retrieved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ecosystem.documents import Pool
from ecosystem.grammar import Grammar
from ecosystem.streams import Draws, two_units

LOOKED_AT = 1024  # documents among which one question's are drawn: those from a random one on


@dataclass(frozen=True)
class ClaimIndex:
    """Claims of a pool sorted by fact: row_D, slot_D; those of fact f stand at begin_F[f] .. begin_F[f + 1] - 1."""

    pool: Pool
    begin_F: np.ndarray
    row_D: np.ndarray
    slot_D: np.ndarray
    source_D: np.ndarray

    @classmethod
    def of(cls, pool: Pool, grammar: Grammar) -> ClaimIndex:
        """The index of what can be read."""
        rows = pool.rows
        claims = grammar.read(pool.content[rows])
        row_D = np.repeat(rows, grammar.claims)
        fact_D, slot_D = claims.fact.ravel(), claims.slot.ravel()
        made = np.flatnonzero((fact_D >= 0) & (slot_D >= 0))
        order = made[np.argsort(fact_D[made], kind="stable")]
        begin_F = np.searchsorted(fact_D[order], np.arange(grammar.facts + 1))
        source_D = pool.sources(row_D[order]).astype(np.int64) if len(order) else np.zeros(0, np.int64)
        return cls(pool, begin_F, row_D[order], slot_D[order].astype(np.int64), source_D)

    def retrieve(
        self, fact_nQ: np.ndarray, may_nS: np.ndarray, models: int, k: int, cap: int, rng: Draws
    ) -> np.ndarray:
        """(n, Q, k) places 0 .. D - 1 of claims of each fact, in random order; -1 where there are fewer.

        may_nS (n, S): whose documents each model may read; at most `cap` of them by models (sources below `models`).
        """
        found = np.full((*fact_nQ.shape, k), -1)
        _retrieve(
            rng.key, rng.next_call(), rng.step, rng.agents, fact_nQ.astype(np.int64), self.begin_F, self.source_D,
            may_nS, models, cap, found,
        )  # fmt: skip
        return found


@njit(nogil=True, cache=True)
def _retrieve(key, call, step, agents, fact_nQ, begin_F, source_D, may_nS, models, cap, found):
    n, questions, k = found.shape
    people, people_luck = np.empty(k, np.int64), np.empty(k)  # the luckiest documents, those of people
    others, others_luck = np.empty(min(cap, k), np.int64), np.empty(min(cap, k))  # and those of models
    for i in range(n):
        for q in range(questions):
            fact = fact_nQ[i, q]
            if fact < 0:
                continue
            begin, end = begin_F[fact], begin_F[fact + 1]
            readable = 0  # places are counted among what it may read, so that what others write changes nothing
            for d in range(begin, end):
                readable += may_nS[i, source_D[d]]
            number, of_people, of_models, place = q * (LOOKED_AT + 1), 0, 0, -1
            start = int(two_units(key, number, call, agents[i], step)[0] * readable)
            for d in range(begin, end):
                if not may_nS[i, source_D[d]]:
                    continue
                place += 1
                j = place - start if place >= start else place - start + readable
                if j >= LOOKED_AT:
                    continue
                u = two_units(key, number + 1 + j, call, agents[i], step)[0]
                if source_D[d] < models:
                    of_models = _keep(others, others_luck, of_models, d, u)
                else:
                    of_people = _keep(people, people_luck, of_people, d, u)
            a, b = 0, 0
            for at in range(min(k, of_people + of_models)):
                if b == of_models or (a < of_people and people_luck[a] < others_luck[b]):
                    found[i, q, at] = people[a]
                    a += 1
                else:
                    found[i, q, at] = others[b]
                    b += 1


@njit(cache=True)
def _keep(places, luck, held, d, u):
    """Puts d among the luckiest, in order of luck, if it is one of them; returns how many are held."""
    if held == luck.size:
        if held == 0 or u >= luck[held - 1]:
            return held
        held -= 1
    at = held
    while at > 0 and luck[at - 1] > u:
        luck[at], places[at] = luck[at - 1], places[at - 1]
        at -= 1
    luck[at], places[at] = u, d
    return held + 1
