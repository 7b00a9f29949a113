"""A panel: verifiers that vote on every document."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from ecosystem.parts import Name, Share
from ecosystem.verifier import Verifier

ROUNDING = 1e-12  # of all weights: sums that differ by less are a tie


class Quorum(Verifier):
    """Accepts what enough of its members accept. A tie is not enough.

    Members may err together, as those do that learned from the same data: a panel that shares everything is no better
    than one of its members, one that shares nothing errs ever more seldom the more sit on it, if each is right more
    often than wrong (Condorcet 1785; with correlated votes: Ladha 1992, doi:10.2307/2111584).

    `shared_errors` is the correlation of two members' errors, where these have the same rates: each judges with
    probability sqrt(shared_errors) by a chance that the panel has in common, so two do with probability shared_errors.
    """

    members: tuple[Name, ...] = Field(
        min_length=1, description="Names of the verifiers that vote; they stand at `gate: panel`."
    )
    rule: Literal["majority", "unanimity", "weighted"] = Field(
        "majority",
        description="majority: more than half of the members accept; unanimity: all do; weighted: more than "
        "`threshold` of the weights.",
    )
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        None, description="rule weighted: one for each member, in their order."
    )
    threshold: float = Field(0.5, ge=0, lt=1, description="rule weighted: share of the weights to be exceeded.")
    shared_errors: Share = Field(0.0, description="Correlation of two members' chance errors: 1 all shared.")

    @model_validator(mode="after")
    def _keys_agree(self) -> Quorum:
        twice = [name for name in self.members if self.members.count(name) > 1]
        if twice:
            raise ValueError(f"members: a verifier sits on a panel once; got {twice[0]!r} twice")
        if self.rule == "weighted":
            if self.weights is None or len(self.weights) != len(self.members):
                given, wanted = "none" if self.weights is None else str(len(self.weights)), len(self.members)
                raise ValueError(f"weights: rule weighted needs one for each of {wanted} members; got {given}")
            if not sum(self.weights):
                raise ValueError("weights: one at least must be above 0; got none")
        elif self.weights is not None:
            raise ValueError(f"weights: goes with rule weighted; got it with {self.rule!r}")
        elif self.threshold != type(self).model_fields["threshold"].default:
            raise ValueError(f"threshold: goes with rule weighted; got {self.threshold:g} with {self.rule!r}")
        return self

    def panel(self) -> tuple[str, ...]:
        return self.members

    def shared(self) -> float:
        return math.sqrt(self.shared_errors)

    def count(self, vote_VM: np.ndarray) -> np.ndarray:
        """(M,) bool: accepted by more than the share that is needed."""
        if self.rule == "unanimity":
            return np.logical_and.reduce(vote_VM)
        weight_V = np.ones(len(self.members)) if self.weights is None else np.array(self.weights)
        return weight_V @ vote_VM / weight_V.sum() > self.threshold + ROUNDING
