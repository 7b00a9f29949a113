"""Provenance labels that authors attach to what they write, as far as they do and tell the truth."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier


class Label(Verifier):
    """Accepts what is not labelled as a model's writing.

    A model either labels its writing, always the same models (`compliance`), or never does. What it does not label
    passes. A chance of its own decides about each document that is judged, or each reading (`judges`).

    Compliance alone is worth little until it is nearly complete: of the human share h it makes
    h / (h + (1 - h) (1 - compliance (1 - cheating))), law 4 of the simulator (arXiv:2602.10531).
    """

    compliance: Share = Field(1.0, description="Share of the models that label their writing.")
    cheating: Share = Field(0.0, description="Share of such a model's documents labelled human all the same.")
    human_mistakes: Share = Field(0.0, description="Share of human documents labelled as a model's.")

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """How likely a document bears no label of a model."""
        complies = sight.chance("compliance", seen.source) < self.compliance
        return np.where(seen.human, 1 - self.human_mistakes, np.where(complies, self.cheating, 1.0))

    def pass_rates(self) -> tuple[float, float] | None:
        """Acceptance of people and of models, where all models are alike."""
        if self.compliance in (0, 1):
            return 1 - self.human_mistakes, self.cheating if self.compliance else 1.0
        return None
