"""What policies that know beforehand what holds have in common: what it can be, and what it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field

from ecosystem.documents import Keep
from ecosystem.parts import MAX_DOCUMENTS, Name, Part, Share
from ecosystem.policy import WHOM, Controls, Policy
from ecosystem.verification.steered import steered

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

Count = Annotated[int, Field(ge=0, le=MAX_DOCUMENTS)]


class Held(Part):
    """What holds; what is left out is as the scenario says."""

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

    def controls(self, prices: dict[str, float]) -> Controls:
        """The same as controls."""
        windows: dict[object, Keep | None] = {None: None, "all": Keep(None), "step": Keep(1)}
        keep = windows[self.keep] if self.keep in windows else Keep(int(str(self.keep)))
        return Controls(
            self.bought, self.rare, self.publish, self.reach, keep, self.coverage, self.capacity, self.settings, prices
        )

    def steers(self) -> dict[str, tuple[str, ...]]:
        """Whom it steers, by the controls it does so with."""
        return {control: tuple(getattr(self, control)) for control in WHOM if getattr(self, control)}

    def fault(self, spec: Scenario) -> str | None:
        """What of it does not go with the scenario's verifiers, in words; None: nothing."""
        own = {v.name: v for v in spec.verifiers}
        for name in dict.fromkeys([*self.coverage, *self.capacity, *self.settings]):
            said = (each.get(name) for each in (self.coverage, self.capacity, self.settings))
            try:
                steered(own[name], *said)  # type: ignore[arg-type]
            except ValueError as error:
                return f"verifiers.{name}: {error}"
        return None


class Priced(Policy):
    """A policy with a price for each kind of thing that it may hold to."""

    price: float = Field(1.0, ge=0, description="Of a human document bought.")
    rare_price: float = Field(1.0, ge=0, description="Of one about what is rare.")
    forgone_price: float = Field(0.0, ge=0, description="Of a document that a model would have published.")

    @property
    def prices(self) -> dict[str, float]:
        return {"human": self.price, "rare": self.rare_price, "forgone": self.forgone_price}
