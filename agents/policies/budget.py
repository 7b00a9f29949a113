"""A policy with a fixed purse, spent between human writing and verification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from ecosystem.interfaces import Params
from ecosystem.parts import MAX_DOCUMENTS, Name, Share
from ecosystem.policy import Controls, Outlook, Policy

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario


class Budget(Policy):
    """So much a step: a share of it buys human documents, the rest judgements of a verifier at that verifier's price.

    The verifier guards everyone as long as it is paid for a judgement, else nobody. What is left over for less than a
    document, or a judgement, is not kept.
    """

    purse: float = Field(100.0, ge=0, le=1e12, description="To be spent in a step.")
    on_people: Share = Field(0.5, description="Share of it that buys human documents.")
    community: Name = Field("people", description="Of whom is bought.")
    price: float = Field(1.0, gt=0, description="Of a human document.")
    verifier: Name = Field("verifier", description="Whose judgements are paid for.")

    def names(self) -> dict[str, tuple[str, ...]]:
        return {"bought": (self.community,), "coverage": (self.verifier,), "capacity": (self.verifier,)}

    def misfit(self, spec: Scenario) -> str | None:
        if any(v.name == self.verifier and v.price + sum(_prices(spec, v.panel())) == 0 for v in spec.verifiers):
            return f"verifier: must have a price above 0; got {self.verifier!r}, whose judgements cost nothing"
        return None

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        bought = int(self.purse * self.on_people / self.price + 1e-9)
        judgements = int(self.purse * (1 - self.on_people) / outlook.verifiers[self.verifier] + 1e-9)
        controls = Controls(
            bought={self.community: bought},
            coverage={self.verifier: 1.0 if judgements else 0.0},
            capacity={self.verifier: min(judgements, MAX_DOCUMENTS)} if judgements else {},
            prices={"human": self.price},
        )
        return controls, state


def _prices(spec: Scenario, members: Iterable[str]) -> Iterator[float]:
    """Of a panel's members, and of theirs."""
    for v in spec.verifiers:
        if v.name in members:
            yield v.price
            yield from _prices(spec, v.panel())
