"""A policy that buys human writing until every diet holds so much of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from ecosystem.interfaces import Params
from ecosystem.parts import Name, Share
from ecosystem.policy import Controls, Outlook, Policy

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario


class HumanFloor(Policy):
    """Buys the fewest documents of one community that give every model it reaches a human share `floor` of its diet.

    A diet is drawn alike from all that a model can read (`reading.draw: documents`): its human share is expected to be
    H / (H + M) for H human and M models' documents: x more are needed with (H + x) / (H + x + M) = floor. What
    verifiers take away is not foreseen.
    """

    community: Name = Field("people", description="Of whom is bought.")
    floor: Share = Field(0.1, lt=1, description="Human share that every diet is to have, in expectation.")
    price: float = Field(1.0, ge=0, description="Of a document.")
    most: int = Field(1_000_000, ge=1, le=1_000_000_000, description="Documents bought in a step, at most.")

    def names(self) -> dict[str, tuple[str, ...]]:
        return {"bought": (self.community,)}

    def misfit(self, spec: Scenario) -> str | None:
        if spec.reading.draw != "documents":
            return f"floor: goes with reading.draw documents; got {spec.reading.draw!r}"
        return None

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        reached_N = outlook.reach_NH[:, outlook.communities.index(self.community)]
        lacking_N = self.floor / (1 - self.floor) * outlook.models_N - outlook.humans_N
        need = float(np.max(lacking_N[reached_N], initial=0.0))
        bought = min(max(math.ceil(need - 1e-9), 0), self.most)
        return Controls(bought={self.community: bought}, prices={"human": self.price}), state
