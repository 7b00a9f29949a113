"""Where a model has a claim from: the document of its last diet that states it, parent of what it says from memory.

A model that copies documents knows which one (`Population` notes it); one that learns claims does not copy any, but a
claim of its own that it has just read is one that it passes on. What it states without having read it in its last diet
(learned earlier, derived, or made up) has no parent.

Letters: n models, b documents read, C claims of a document, X claims remembered, M claims looked up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosystem.documents import Pool
from ecosystem.grammar import NONE, Claims, Grammar
from ecosystem.reading import Diet


@dataclass(frozen=True)
class Recollection:
    """Claims of the last diets, sorted: key_X (model, fact and slot in one number) and the document each is from."""

    grammar: Grammar
    key_X: np.ndarray
    document_X: np.ndarray

    @classmethod
    def of(cls, grammar: Grammar, diet: Diet, content: np.ndarray) -> Recollection:
        """What diets state; `content` (n, b, L) is theirs. Of documents that state the same the first that was read."""
        fact, slot = grammar.read(content)
        read_nb = np.arange(content.shape[1]) < diet.read_n[:, None]
        stated = read_nb[..., None] & (fact >= 0) & (slot >= 0)
        model, place, _ = np.nonzero(stated)
        key_X, first = np.unique(_key(grammar, model, fact[stated], slot[stated]), return_index=True)
        return cls(grammar, key_X, _numbers(diet.pool, diet.rows_nb[model, place][first]))

    def updated(self, newer: Recollection, fed_n: np.ndarray) -> Recollection:
        """The newer one for models that were fed, this one for the others."""
        parts = [one._of(whose) for one, whose in ((self, ~fed_n), (newer, fed_n))]
        key_X, document_X = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(key_X)
        return Recollection(self.grammar, key_X[order], document_X[order])

    def without(self, whose_n: np.ndarray) -> Recollection:
        """This one, and nothing of some models (n,) bool."""
        return Recollection(self.grammar, *self._of(~whose_n))

    def documents(self, model_M: np.ndarray, fact_M: np.ndarray, slot_M: np.ndarray) -> np.ndarray:
        """(M,) numbers of the documents from which models (0 .. n - 1) have claims; -1 where they have none."""
        if not len(self.key_X):
            return np.full(len(model_M), NONE)
        key_M = _key(self.grammar, model_M, fact_M, slot_M)
        place_M = np.minimum(np.searchsorted(self.key_X, key_M), len(self.key_X) - 1)
        known_M = (self.key_X[place_M] == key_M) & (fact_M >= 0) & (slot_M >= 0)
        return np.where(known_M, self.document_X[place_M], NONE)

    def parents(self, model_M: np.ndarray, claims: Claims) -> np.ndarray:
        """(M,) the same for documents of claims (M, C): of the first claim that was read."""
        columns = zip(claims.fact.T, claims.slot.T, strict=True)
        found_MC = np.stack([self.documents(model_M, fact, slot) for fact, slot in columns], axis=1)
        return np.take_along_axis(found_MC, (found_MC >= 0).argmax(axis=1)[:, None], axis=1)[:, 0]

    def _of(self, whose_n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mine = whose_n[self.key_X // (self.grammar.facts * self.grammar.slots)]
        return self.key_X[mine], self.document_X[mine]


def _key(grammar: Grammar, model: np.ndarray, fact: np.ndarray, slot: np.ndarray) -> np.ndarray:
    return (model.astype(np.int64) * grammar.facts + fact) * grammar.slots + slot


def _numbers(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Document numbers; rows of an empty pool are none."""
    return pool.documents(rows) if len(rows) else np.zeros(0, np.int64)
