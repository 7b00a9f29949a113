"""A policy that stops models from publishing, for a time or until a measure has recovered."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ecosystem.interfaces import Params
from ecosystem.parts import Name, Share
from ecosystem.policy import Controls, Outlook, Policy


class Moratorium(Policy):
    """Groups publish only a share of what they would, while the policy acts (`since`, `until`).

    With a metric: from when it is beyond `when` (below, or above where `side` says so) until it is back at `back`.

    State: on (1,) 1.0 while it holds.
    """

    groups: tuple[Name, ...] = Field((), description="Whom it stops (default: all).")
    share: Share = Field(0.0, description="Share of its writing that a group may still publish.")
    metric: str | None = Field(None, description="A world-level measure that sets it off (default: time alone).")
    side: Literal["below", "above"] = Field("below", description="On which side of `when` it is set off.")
    when: float = Field(0.0, description="The value that sets it off.")
    back: float = Field(0.0, description="The value at which it ends.")
    forgone_price: float = Field(0.0, ge=0, description="Of a document that would have been published.")

    @model_validator(mode="after")
    def _back_on_the_other_side(self) -> Moratorium:
        if self.back != self.when and (self.back < self.when) == (self.side == "below"):
            other = "at least" if self.side == "below" else "at most"
            raise ValueError(f"back: must be {other} when, {self.when:g}; got {self.back:g}")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        return () if self.metric is None else (self.metric,)

    def names(self) -> dict[str, tuple[str, ...]]:
        return {"publish": self.groups}

    def open(self, outlook: Outlook) -> Params:
        return {"on": np.zeros(1)}

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        on = self.metric is None or self._set_off(bool(state["on"][0]), outlook.last.get(self.metric, float("nan")))
        state = {"on": np.array([float(on)])}
        if not on:
            return Controls(), state
        stopped = self.groups or tuple(outlook.groups)
        publish = {name: int(self.share * outlook.groups[name] + 1e-9) for name in stopped}
        return Controls(publish=publish, prices={"forgone": self.forgone_price}), state

    def _set_off(self, on: bool, value: float) -> bool:
        if np.isnan(value):  # nothing is known: as it was
            return on
        bound = self.back if on else self.when
        return value < bound if self.side == "below" else value > bound
