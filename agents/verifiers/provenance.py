"""Where a document comes from, by its recorded line of descent."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier

FIRST = 1.0  # least depth of what models write


class Provenance(Verifier):
    """Accepts what is close enough to human writing, as far as the web records it.

    Two bounds, of which both must hold where both are given: how many model generations lie between a document and
    human writing (people's own: 0; a model's: 1 more than the document it copies, or than the mean of what it was
    trained on), and the human share of what its author was last trained on (people: 1). Both are exact where they are
    recorded at all.
    """

    max_depth: float | None = Field(None, ge=0, description="Most model generations from human writing.")
    min_human_share: Share | None = Field(
        None, description="Least human share of what its author was last trained on (people: 1)."
    )
    recorded: Share = Field(1.0, description="Share of documents whose descent is on record.")
    unknown: Literal["accept", "reject"] = Field("accept", description="What becomes of the others.")

    @model_validator(mode="after")
    def _bounded(self) -> Provenance:
        if self.max_depth is None and self.min_human_share is None:
            raise ValueError("max_depth: give it, or min_human_share, or both; got neither")
        return self

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """1 or 0 by the bounds where the descent is recorded, by `unknown` where it is not; weighed by how many are."""
        close = np.ones(len(seen), bool)
        if self.max_depth is not None:
            close &= seen.depth <= self.max_depth
        if self.min_human_share is not None:
            close &= sight.human_share(seen.source) >= self.min_human_share
        return self.recorded * close + (1 - self.recorded) * (self.unknown == "accept")

    def pass_rates(self) -> tuple[float, float] | None:
        """Acceptance of people and of models, where the bounds let no model's writing through."""
        if self.max_depth is None or self.max_depth >= FIRST:
            return None
        unknown = (1 - self.recorded) * (self.unknown == "accept")
        return self.recorded + unknown, unknown
