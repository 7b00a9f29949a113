"""A policy that holds a measure within a band by buying as little human writing as it can."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from ecosystem.interfaces import Params
from ecosystem.parts import Name
from ecosystem.policy import Controls, Outlook, Policy


class Adaptive(Policy):
    """An integral controller on the logarithm of what is bought: too little of the measure and it buys more, above the
    band less, within it the same.

    Each step outside the band changes what is bought by a factor exp(gain d), d how far outside it is in widths of the
    band, at most one. So it settles where the measure just stays in the band, at the least that keeps it there.

    State: bought (1,) documents a step.
    """

    metric: str = Field("within_diversity", description="A world-level measure, of which more is better.")
    low: float = Field(0.5, description="The band's lower end.")
    high: float = Field(0.6, description="The band's upper end.")
    community: Name = Field("people", description="Of whom is bought.")
    first: float = Field(10.0, gt=0, le=1e9, description="Documents bought in its first step.")
    least: float = Field(1.0, gt=0, le=1e9, description="Documents bought, at least.")
    most: float = Field(100_000.0, gt=0, le=1e9, description="Documents bought, at most.")
    gain: float = Field(0.3, gt=0, le=5, description="How strongly it answers.")
    price: float = Field(1.0, ge=0, description="Of a document.")

    @model_validator(mode="after")
    def _band(self) -> Adaptive:
        if self.low >= self.high:
            raise ValueError(f"high: must be above low, {self.low:g}; got {self.high:g}")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.metric,)

    def names(self) -> dict[str, tuple[str, ...]]:
        return {"bought": (self.community,)}

    def open(self, outlook: Outlook) -> Params:
        return {"bought": np.array([self.first])}

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        value, width = outlook.last.get(self.metric, float("nan")), self.high - self.low
        outside = max(self.low - value, 0) - max(value - self.high, 0) if np.isfinite(value) else 0.0
        factor = np.exp(self.gain * np.clip(outside / width, -1, 1))
        bought = float(np.clip(state["bought"][0] * factor, self.least, self.most))
        controls = Controls(bought={self.community: round(bought)}, prices={"human": self.price})
        return controls, {"bought": np.array([bought])}
