"""Exact retrieval: the readable web by what it states, each fact a shelf of the documents that state it.

Letters: F facts, C claims of a document, M documents, n models, Q questions, k documents retrieved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosystem.answering.drawn import Allowed, Ranking, Shelves, drawn
from ecosystem.documents import Pool
from ecosystem.grammar import Grammar
from ecosystem.streams import Draws


@dataclass(frozen=True)
class ClaimIndex:
    """The documents that state each fact."""

    shelves: Shelves

    @classmethod
    def of(cls, pool: Pool, grammar: Grammar) -> ClaimIndex:
        """The index of what can be read. A document stands under a fact once, however often it states it."""
        rows = pool.rows
        fact_MC, slot_MC = grammar.read(pool.content[rows])
        made_MC = (fact_MC >= 0) & (slot_MC >= 0)
        for c in range(1, grammar.claims):
            made_MC[:, c] &= ~(made_MC[:, :c] & (fact_MC[:, :c] == fact_MC[:, c : c + 1])).any(axis=1)
        fact_D, row_D = fact_MC[made_MC], np.broadcast_to(rows[:, None], made_MC.shape)[made_MC]
        order = np.argsort(fact_D, kind="stable")
        begin_F = np.searchsorted(fact_D[order], np.arange(grammar.facts + 1))
        return cls(Shelves(begin_F, row_D[order], sources(pool, row_D[order])))

    def retrieve(self, fact_nQ: np.ndarray, allowed: Allowed, k: int, rng: Draws) -> np.ndarray:
        """(n, Q, k) rows of documents that state each fact (-1: none), in random order; -1 where there are fewer."""
        shelf_F1 = np.arange(len(self.shelves.begin_T) - 1)[:, None]
        return drawn(self.shelves, Ranking(shelf_F1, np.zeros_like(shelf_F1, bool)), fact_nQ, allowed, k, rng)


def sources(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Who wrote the documents of rows, also where there are none."""
    return pool.sources(rows).astype(np.int64) if len(rows) else np.zeros(0, np.int64)
