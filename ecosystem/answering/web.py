"""What can be read in a step, and how it is searched.

Letters: n models, Q questions of each, k documents retrieved, C claims of a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ecosystem.answering.index import ClaimIndex
from ecosystem.documents import Pool
from ecosystem.grammar import NONE, Grammar
from ecosystem.interfaces import Writer

if TYPE_CHECKING:
    from ecosystem.answering.words import WordIndex


@dataclass(frozen=True, eq=False)
class Web:
    """The readable documents of a step. Retrieved ones are given by their rows in the pool, -1 where there is none."""

    pool: Pool
    grammar: Grammar
    writers: Sequence[Writer]
    models: int

    def index(self, by: str) -> ClaimIndex | WordIndex:
        """How documents are found (`Questions.by`)."""
        return self._exact if by == "exact" else self._worded

    def stated(self, row: np.ndarray, fact: np.ndarray) -> np.ndarray:
        """(n, Q, k) the slot that documents (n, Q, k) state of facts (n, Q), -1 where they state none; of documents
        that state several, the first."""
        if not len(self.pool.content):
            return np.full(row.shape, NONE)
        claims = self.grammar.read(self.pool.content[np.where(row >= 0, row, 0)])
        states = (claims.fact == fact[..., None, None]) & (claims.slot >= 0) & (row >= 0)[..., None]
        first = states.argmax(axis=-1)[..., None]
        slot = np.take_along_axis(claims.slot, first, axis=-1)[..., 0]
        return np.where(states.any(axis=-1), slot, NONE)

    def numbers(self, row: np.ndarray) -> np.ndarray:
        """Document numbers of rows, -1 where there is none."""
        if not len(self.pool.content):
            return np.full(row.shape, NONE)
        return np.where(row >= 0, self.pool.documents(np.maximum(row, 0)), NONE)

    @cached_property
    def _exact(self) -> ClaimIndex:
        return ClaimIndex.of(self.pool, self.grammar)

    @cached_property
    def _worded(self) -> WordIndex:
        from ecosystem.answering.words import WordIndex  # its library takes a while to load, and few worlds need it

        return WordIndex.of(self.pool, self.writers, self.models)
