"""A policy that knows beforehand what holds when."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field, model_validator

from ecosystem.documents import Keep
from ecosystem.interfaces import Params
from ecosystem.parts import MAX_DOCUMENTS, Name, Part, Share
from ecosystem.policy import WHOM, Controls, Outlook, Policy
from ecosystem.verification.steered import steered

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

Count = Annotated[int, Field(ge=0, le=MAX_DOCUMENTS)]


class Period(Part):
    """What holds from a step on, until the next period begins; what is left out is as the scenario says."""

    begins: int = Field(1, ge=1, description="The first step of it.")
    bought: dict[Name, Count] = Field({}, description="Documents bought of communities, beyond their own rates.")
    rare: dict[Name, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        {}, description="The same, of what is rare in their writing."
    )
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

    def __hash__(self) -> int:
        return hash(json.dumps(self.model_dump(), sort_keys=True))

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
        named = {control: [name for period in self.periods for name in getattr(period, control)] for control in WHOM}
        return {control: tuple(dict.fromkeys(names)) for control, names in named.items() if names}

    def misfit(self, spec: Scenario) -> str | None:
        own = {v.name: v for v in spec.verifiers}
        for i, period in enumerate(self.periods):
            for name in dict.fromkeys([*period.coverage, *period.capacity, *period.settings]):
                said = (each.get(name) for each in (period.coverage, period.capacity, period.settings))
                try:
                    steered(own[name], *said)  # type: ignore[arg-type]
                except ValueError as error:
                    return f"periods.{i}: verifiers.{name}: {error}"
        return None

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        now = [period for period in self.periods if period.begins <= outlook.step]
        if not now:
            return Controls(), state
        return now[-1].controls(self.price, self.rare_price, self.forgone_price), state
