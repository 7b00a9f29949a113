"""A policy that pays for writing about what is rare, the more the less of it is left."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from ecosystem.interfaces import Params
from ecosystem.parts import Name
from ecosystem.policy import Controls, Outlook, Policy


class Subsidy(Policy):
    """Buys rare human documents at a price that rises as the tail falls: price (tail at first / tail now)^elasticity.

    With a purse it buys what that pays for, so fewer when each is dearer; without one always `documents`.
    """

    community: Name = Field("people", description="Of whom is bought.")
    documents: int = Field(10, ge=0, le=1_000_000, description="Bought in a step (with a purse: at most).")
    price: float = Field(1.0, ge=0, description="Of a rare document while the tail is as at first.")
    elasticity: float = Field(1.0, ge=0, le=10, description="How the price answers to the tail; 0: not at all.")
    metric: str = Field("tail_coverage", description="What says how much of the tail is left.")
    purse: float | None = Field(None, ge=0, description="To be spent in a step, at most (default: no limit).")

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.metric,)

    def names(self) -> dict[str, tuple[str, ...]]:
        return {"rare": (self.community,)}

    def open(self, outlook: Outlook) -> Params:
        return {"first": np.array([outlook.last.get(self.metric, math.nan)])}

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        first, now = float(state["first"][0]), outlook.last.get(self.metric, math.nan)
        known = math.isfinite(first) and math.isfinite(now) and first > 0
        dearer = min((first / max(now, 1e-9)) ** self.elasticity, 1e6) if known else 1.0
        price, documents = self.price * dearer, self.documents
        if self.purse is not None and price > 0:
            documents = min(documents, int(self.purse / price + 1e-9))
        return Controls(rare={self.community: documents}, prices={"rare": price}), state
