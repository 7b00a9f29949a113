"""A policy with a fixed purse, spent between human writing and verification."""

from __future__ import annotations

from pydantic import Field

from ecosystem.interfaces import Params
from ecosystem.parts import Name, Share
from ecosystem.policy import Controls, Outlook, Policy


class Budget(Policy):
    """So much a step: a share of it buys human documents, the rest judgements of a verifier at that verifier's price.

    What is left over for less than a document, or a judgement, is not kept.
    """

    purse: float = Field(100.0, ge=0, le=1e12, description="To be spent in a step.")
    on_people: Share = Field(0.5, description="Share of it that buys human documents.")
    community: Name = Field("people", description="Of whom is bought.")
    price: float = Field(1.0, gt=0, description="Of a human document.")
    verifier: Name = Field("verifier", description="Whose judgements are paid for.")
    judgement: float = Field(0.1, gt=0, description="What a judgement costs: the verifier's price.")

    def names(self) -> dict[str, tuple[str, ...]]:
        return {"communities": (self.community,), "verifiers": (self.verifier,)}

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        bought = int(self.purse * self.on_people / self.price + 1e-9)
        judgements = int(self.purse * (1 - self.on_people) / self.judgement + 1e-9)
        controls = Controls(
            bought={self.community: bought},
            coverage={self.verifier: 1.0 if judgements else 0.0},
            capacity={self.verifier: max(judgements, 1)},
            prices={"human": self.price},
        )
        return controls, state
