"""Critiques on record: which answers to which questions a gate refused, to be thought of when asked again."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecosystem.documents import Answered
from ecosystem.grammar import Grammar


class Experience:
    """The experience store of a platform, one for all models (arXiv:2512.22199).

    critiques_FV (F, V) int64: how often a value was refused as an answer; `noted` answers were refused so far, and of
    `repeated` of them a critique was on record already.
    """

    STATE: ClassVar[tuple[str, ...]] = ("critiques_FV", "noted", "repeated")

    def __init__(self, grammar: Grammar):
        self.critiques_FV = np.zeros((grammar.facts, grammar.slots), np.int64)
        self.noted = self.repeated = 0

    def note(self, answered: Answered) -> None:
        """Answers that a gate with critiques has just refused."""
        self.noted += len(answered)
        self.repeated += int(self.refused(answered.fact, answered.slot).sum())
        np.add.at(self.critiques_FV, (answered.fact, answered.slot), 1)

    def refused(self, fact: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Bool like fact: is there a critique of this value? False where none is said (slot -1)."""
        return (slot >= 0) & (self.critiques_FV[fact, slot] > 0)
