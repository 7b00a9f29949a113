"""Critiques on record: which answers to which questions a gate refused, to be thought of when asked again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ecosystem.documents import Answered
from ecosystem.grammar import Grammar


class Experience:
    """refused_FV (F, V) int64: how often a value was refused as an answer. One store, as of a platform."""

    def __init__(self, grammar: Grammar):
        self.refused_FV = np.zeros((grammar.facts, grammar.slots), np.int64)

    def note(self, refused: Answered) -> None:
        """Answers that a gate with critiques refused."""
        np.add.at(self.refused_FV, (refused.fact, refused.slot), 1)

    def heeded(self, fact: np.ndarray, share: float, chance: Callable[[], np.ndarray]) -> np.ndarray:
        """(*fact.shape, V) bool: values not to be said; `chance`: uniform numbers (*fact.shape, V), where needed."""
        if not share:
            return np.zeros((*fact.shape, self.refused_FV.shape[1]), bool)
        return (self.refused_FV[fact] > 0) & (chance() < share)
