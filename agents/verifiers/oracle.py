"""An oracle: who knows what is true, as well as is said. The only verifier that looks at the truth."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from ecosystem.interfaces import Params
from ecosystem.parts import Name, Share
from ecosystem.verifier import Sight, Submitted, Verifier


class Oracle(Verifier):
    """Accepts what is true and rejects what is false, with stated error rates: a fact checker, or a tool.

    A document is true where it claims something and nothing that is false. Facts that it does not cover (drawn once,
    by the first claim of a document) it lets through: a tool looks up what is in it.

    It may have a blind spot, what only one community knows: true claims of what it has never heard of seem false to it
    (a low `blind_sensitivity`), or it believes whatever it is told of it (a low `blind_specificity`).
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)
    oracle: ClassVar[bool] = True

    sensitivity: Share = Field(1.0, description="Probability that a true document is accepted.")
    specificity: Share = Field(1.0, description="Probability that a false document is rejected.")
    covers: Share = Field(1.0, description="Share of the facts that it can judge; it accepts all others.")
    blind: Name | None = Field(None, description="Its blind spot: facts that this community knows and no other does.")
    blind_sensitivity: Share | None = Field(None, description="Sensitivity on its blind spot (default: as elsewhere).")
    blind_specificity: Share | None = Field(None, description="Specificity on its blind spot (default: as elsewhere).")

    @model_validator(mode="after")
    def _somewhere(self) -> Oracle:
        for key in ("blind_sensitivity", "blind_specificity"):
            if self.blind is None and getattr(self, key) is not None:
                raise ValueError(f"{key}: goes with blind, the community whose facts it judges badly; got no blind")
        return self

    def open(self, sight: Sight) -> Params:
        """blind (F,) bool: its blind spot."""
        return {} if self.blind is None else {"blind": sight.own_facts(self.blind)}

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        grammar, true_M = sight.shape.grammar, sight.true(seen.content)
        assert grammar is not None
        fact_M = grammar.read(seen.content).fact[:, 0]
        blind_M = (fact_M >= 0) & state["blind"][fact_M] if state else np.zeros(len(seen), bool)
        p_M = np.where(true_M, *(np.where(blind_M, there, here) for here, there in self.rates()))
        if self.covers == 1:
            return p_M
        covered_M = (fact_M >= 0) & (sight.chance("covers", np.maximum(fact_M, 0)) < self.covers)
        return np.where(covered_M, p_M, 1.0)

    def rates(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Probabilities that a true and that a false document is accepted: (elsewhere, on its blind spot) each."""
        true = self.sensitivity if self.blind_sensitivity is None else self.blind_sensitivity
        kept = self.specificity if self.blind_specificity is None else self.blind_specificity
        return (self.sensitivity, true), (1 - self.specificity, 1 - kept)
