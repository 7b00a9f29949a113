"""How people write of facts, whether the facts are made up or come from a file.

Letters: F facts, V slots, C claims of a document, n rows, k documents.
"""

from __future__ import annotations

import numpy as np

from ecosystem.documents import DocumentShape
from ecosystem.grammar import NONE
from ecosystem.interfaces import Writer
from ecosystem.streams import Draws
from ecosystem.text.claims import ClaimCodec
from ecosystem.truth import Truth


class FactWriter(Writer):
    """A community that writes of facts it knows, and is sometimes wrong.

    share_F (F,): how often it writes of each fact, sums to 1; known_F (F,) bool: the facts it knows, also those that it
    knows by derivation; error: probability that a claim is false; misled_F (F,): the slot that people wrongly
    believe, -1 where their errors are any other value.
    """

    known_F: np.ndarray

    def __init__(self, truth: Truth, share_F: np.ndarray, known_F: np.ndarray, error: float, misled_F: np.ndarray):
        self.truth, self.share_F, self.known_F, self.error, self.misled_F = truth, share_F, known_F, error, misled_F
        self.grammar, self._true_F = truth.grammar, truth.slot_F
        length = 3 * self.grammar.claims
        self.shape = DocumentShape("tokens", self.grammar.tokens, length, ClaimCodec(self.grammar), self.grammar)
        self.probabilities = self._tokens()
        self.told = self._only_claim()
        self._cumulative, self._last = np.cumsum(share_F), int(np.flatnonzero(share_F)[-1])

    def _only_claim(self) -> tuple[int, int] | None:
        """Fact and slot, where it makes no other claim."""
        of_slot = self._of_slot() * self.share_F[:, None]
        (fact, *others), (slot, *_) = np.nonzero(of_slot)
        return None if others else (int(fact), int(slot))

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        """(n, k, 3 C)"""
        u = rng.uniform(k, self.grammar.claims, 3)
        fact = np.minimum(np.searchsorted(self._cumulative, u[..., 0] * self._cumulative[-1], side="right"), self._last)
        return self.grammar.write(fact, self._stated(fact, u[..., 1:]))

    def says(self, fact_M: np.ndarray, luck_M2: np.ndarray) -> np.ndarray:
        return np.where(self.known_F[fact_M], self._stated(fact_M, luck_M2), NONE)

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        """(M,) nats: of documents of C claims, each as likely as people write it."""
        fact, slot = self.grammar.read(content)
        with np.errstate(divide="ignore"):
            nats = np.log(self.share_F[fact] * self._of_slot()[fact, slot])
        nats = np.where((fact >= 0) & (slot >= 0), nats, -np.inf)
        return nats.sum(axis=1)

    def show(self, content: np.ndarray) -> list[str]:
        return self.grammar.show(content)

    def _stated(self, fact: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The slots that are stated of facts, by chance (*fact.shape, 2): whether it errs, and how."""
        true = self._true_F[fact]
        other = (u[..., 1] * (self.grammar.width_F[fact] - 1)).astype(np.int64)
        other = other + (other >= true)  # any value but the true one
        wrong = np.where(self.misled_F[fact] >= 0, self.misled_F[fact], other)
        erring = (u[..., 0] < self.error) & (self.grammar.width_F[fact] > 1)
        return np.where(erring, wrong, true)

    def _of_slot(self) -> np.ndarray:
        """(F, V): how likely it claims each value of a fact."""
        grammar, rows = self.grammar, np.arange(self.grammar.facts)
        error_F = np.where(grammar.width_F > 1, self.error, 0)
        possible = np.arange(grammar.slots) < grammar.width_F[:, None]
        of_slot = np.where(possible, (error_F / np.maximum(grammar.width_F - 1, 1))[:, None], 0)
        misled = self.misled_F >= 0
        of_slot[misled] = 0
        of_slot[rows[misled], self.misled_F[misled]] = error_F[misled]
        of_slot[rows, self._true_F] = 1 - error_F
        return of_slot

    def _tokens(self) -> np.ndarray:
        """(K,) how often each token stands in its documents, which end without an end token."""
        grammar = self.grammar
        mass = np.zeros(grammar.tokens)
        np.add.at(mass, 1 + grammar.subject_F, self.share_F)
        np.add.at(mass, 1 + grammar.entities + grammar.relation_F, self.share_F)
        of_slot = self._of_slot() * self.share_F[:, None]
        entity = 1 + grammar.low_R[grammar.relation_F][:, None] + np.arange(grammar.slots)
        np.add.at(mass, np.minimum(entity, grammar.tokens - 1), of_slot)
        return mass / 3


def misconceptions(truth: Truth, share: float, seed: int, myths: int = 0) -> np.ndarray:
    """(F,) the wrong slot that all who err believe, for a share of the facts; -1 where errors are any other value."""
    rng = np.random.Generator(np.random.PCG64([seed, 2, myths]))
    width_F = truth.grammar.width_F
    wrong_F = (truth.slot_F + 1 + (rng.random(len(width_F)) * (width_F - 1)).astype(np.int64)) % width_F
    misled_F = (rng.random(len(width_F)) < share) & (width_F > 1)
    return np.where(misled_F, wrong_F, -1)
