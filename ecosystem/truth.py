"""What is true in a fact world. Only measures look here, and a verifier that is an oracle by name (`Verifier.oracle`).

Learners, other verifiers and the answering of questions never see it: none of them changes when the truth does
(tests/test_facts_fence.py).

Letters: F facts, M documents, C claims of a document.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosystem.grammar import Claims, Grammar


@dataclass(frozen=True, eq=False)
class Truth:
    """slot_F (F,): the true value of each fact, those that follow from others included (the closure); asked_F (F,):
    how often people ask for each, sums to 1.
    """

    grammar: Grammar
    slot_F: np.ndarray
    asked_F: np.ndarray

    def right(self, fact: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Bool like fact: is the claim true? False where there is no claim."""
        return (fact >= 0) & (self.slot_F[fact] == slot)

    def false_claims(self, claims: Claims) -> tuple[np.ndarray, np.ndarray]:
        """(M,) how many claims of each document are false, and how many it makes."""
        made = claims.fact >= 0
        return (made & ~self.right(*claims)).sum(axis=-1), made.sum(axis=-1)

    def whole(self, content: np.ndarray) -> np.ndarray:
        """(M,) bool: documents that claim something, and nothing false."""
        false_M, made_M = self.false_claims(self.grammar.read(content))
        return (made_M > 0) & (false_M == 0)
