"""An oracle: who knows what is true, as well as is said. The only verifier that looks at the truth."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier


class Oracle(Verifier):
    """Accepts what is true and rejects what is false, with stated error rates: a fact checker, or a tool.

    A document is true where it claims something and nothing that is false. Facts that it does not cover (drawn once,
    by the first claim of a document) it lets through: a tool looks up what is in it.
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)
    oracle: ClassVar[bool] = True

    sensitivity: Share = Field(1.0, description="Probability that a true document is accepted.")
    specificity: Share = Field(1.0, description="Probability that a false document is rejected.")
    covers: Share = Field(1.0, description="Share of the facts that it can judge; it accepts all others.")

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        p_M = np.where(sight.true(seen.content), self.sensitivity, 1 - self.specificity)
        if self.covers == 1 or not len(seen):
            return p_M
        grammar = sight.shape.grammar
        assert grammar is not None
        fact_M = grammar.read(seen.content).fact[:, 0]
        covered_M = (fact_M >= 0) & (sight.chance("covers", np.maximum(fact_M, 0)) < self.covers)
        return np.where(covered_M, p_M, 1.0)
