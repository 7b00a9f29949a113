"""A policy that knows beforehand what holds when."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from agents.policies._held import Held, Priced
from ecosystem.interfaces import Params
from ecosystem.policy import WHOM, Controls, Outlook

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario


class Period(Held):
    """What holds from a step on, until the next period begins; what is left out is as the scenario says."""

    begins: int = Field(1, ge=1, description="The first step of it.")


class Schedule(Priced):
    """Periods, one after the other."""

    periods: tuple[Period, ...] = Field((Period(),), min_length=1, description="In the order of their first steps.")

    @model_validator(mode="after")
    def _in_order(self) -> Schedule:
        begins = [period.begins for period in self.periods]
        if any(b <= a for a, b in itertools.pairwise(begins)):
            raise ValueError(f"periods: must begin one after the other; got {', '.join(map(str, begins))}")
        return self

    def names(self) -> dict[str, tuple[str, ...]]:
        named = {control: [name for period in self.periods for name in getattr(period, control)] for control in WHOM}
        return {control: tuple(dict.fromkeys(names)) for control, names in named.items() if names}

    def misfit(self, spec: Scenario) -> str | None:
        faults = ((i, period.fault(spec)) for i, period in enumerate(self.periods))
        return next((f"periods.{i}: {fault}" for i, fault in faults if fault), None)

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        now = [period for period in self.periods if period.begins <= outlook.step]
        return now[-1].controls(self.prices) if now else Controls(), state
