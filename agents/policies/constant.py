"""A policy under which the same holds in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.policies._held import Held, Priced
from ecosystem.interfaces import Params
from ecosystem.policy import Controls, Outlook

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario


class Constant(Held, Priced):
    """The same from `since` to `until`: what is bought, who is reached, who publishes how much, what is verified."""

    def names(self) -> dict[str, tuple[str, ...]]:
        return self.steers()

    def misfit(self, spec: Scenario) -> str | None:
        return self.fault(spec)

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        return self.controls(self.prices), state
