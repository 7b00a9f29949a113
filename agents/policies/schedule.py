"""A policy that knows beforehand what holds when."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from ecosystem.documents import Keep
from ecosystem.interfaces import Params
from ecosystem.parts import MAX_DOCUMENTS, Name, Part, Share
from ecosystem.policy import Controls, Outlook, Policy

Count = Annotated[int, Field(ge=0, le=MAX_DOCUMENTS)]


class Period(Part):
    """What holds from a step on, until the next period begins; what is left out is as the scenario says."""

    begins: int = Field(1, ge=1, description="The first step of it.")
    bought: dict[Name, Count] = Field({}, description="Documents bought of communities, beyond their own rates.")
    rare: dict[Name, Count] = Field({}, description="The same, of what is rare in their writing.")
    publish: dict[Name, Count] = Field({}, description="Documents a step, each model of a group.")
    reach: dict[Name, Share] = Field({}, description="Share of the models that communities reach.")
    coverage: dict[Name, Share] = Field({}, description="Share of the models that verifiers guard.")
    capacity: dict[Name, Annotated[int, Field(ge=1, le=MAX_DOCUMENTS)]] = Field(
        {}, description="Judgements a step of verifiers."
    )
    settings: dict[Name, dict[str, Union[float, str]]] = Field(
        {}, description="Other keys of verifiers, such as {labels: {compliance: 1.0}}."
    )
    keep: Union[Literal["step", "all"], Annotated[int, Field(ge=1)], None] = Field(
        None, description="What stays readable: step, all, or so many steps."
    )

    def controls(self, price: float, rare_price: float, forgone_price: float) -> Controls:
        """The same as controls."""
        windows: dict[object, Keep | None] = {None: None, "all": Keep(None), "step": Keep(1)}
        keep = windows[self.keep] if self.keep in windows else Keep(int(str(self.keep)))
        prices = {"human": price, "rare": rare_price, "forgone": forgone_price}
        return Controls(
            self.bought, self.rare, self.publish, self.reach, keep, self.coverage, self.capacity, self.settings, prices
        )


class Schedule(Policy):
    """Periods, one after the other; a single one is a constant policy."""

    periods: tuple[Period, ...] = Field((Period(),), min_length=1, description="In the order of their first steps.")
    price: float = Field(1.0, ge=0, description="Of a human document bought.")
    rare_price: float = Field(1.0, ge=0, description="Of one about what is rare.")
    forgone_price: float = Field(0.0, ge=0, description="Of a document that a model would have published.")

    @model_validator(mode="after")
    def _in_order(self) -> Schedule:
        begins = [period.begins for period in self.periods]
        if any(b <= a for a, b in itertools.pairwise(begins)):
            raise ValueError(f"periods: must begin one after the other; got {', '.join(map(str, begins))}")
        return self

    def names(self) -> dict[str, tuple[str, ...]]:
        def of(*keys: str) -> tuple[str, ...]:
            return tuple(name for period in self.periods for key in keys for name in getattr(period, key))

        return {
            "communities": of("bought", "rare", "reach"),
            "groups": of("publish"),
            "verifiers": of("coverage", "capacity", "settings"),
        }

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        now = [period for period in self.periods if period.begins <= outlook.step]
        if not now:
            return Controls(), state
        return now[-1].controls(self.price, self.rare_price, self.forgone_price), state
