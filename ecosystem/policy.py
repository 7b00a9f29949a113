"""What the world asks of policies: who read the world at the beginning of a step and say what is to hold in it.

A policy returns `Controls` and nothing else; the world applies them, charges for them and keeps the ledger
(`ecosystem.steering`). A file `agents/policies/NAME.py` holds one policy of kind NAME; a class of your own is used as
`package.module:Class`.

Letters: N models, H communities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import Field

from ecosystem.documents import Keep
from ecosystem.interfaces import Component, Params
from ecosystem.parts import Name

@dataclass(frozen=True)
class Controls:
    """What holds in one step, by name; what is left out stays as the scenario says.

    bought: documents of a community beyond its own rate; rare: the same, of what is rare in its writing; publish:
    documents of each model of a group; reach: share of the models that a community reaches; keep: what stays readable;
    coverage: share of the models that a verifier guards; capacity: its judgements a step; settings: keys of a verifier,
    such as thresholds, or the compliance of labels.

    prices: of a unit, by kind: `human` and `rare` documents bought, `forgone` documents that models would have
    published; verifiers have prices of their own.
    """

    bought: Mapping[str, int] = field(default_factory=dict)
    rare: Mapping[str, int] = field(default_factory=dict)
    publish: Mapping[str, int] = field(default_factory=dict)
    reach: Mapping[str, float] = field(default_factory=dict)
    keep: Keep | None = None
    coverage: Mapping[str, float] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)

    def over(self, other: Controls) -> Controls:
        """These where they say something, else the other's; documents bought by both add up."""

        def summed(mine: Mapping[str, int], its: Mapping[str, int]) -> dict[str, int]:
            return {name: mine.get(name, 0) + its.get(name, 0) for name in {**its, **mine}}

        settings = {name: {**other.settings.get(name, {}), **self.settings.get(name, {})}
                    for name in {**other.settings, **self.settings}}  # fmt: skip
        return Controls(
            summed(self.bought, other.bought), summed(self.rare, other.rare), {**other.publish, **self.publish},
            {**other.reach, **self.reach}, self.keep if self.keep is not None else other.keep,
            {**other.coverage, **self.coverage}, {**other.capacity, **self.capacity}, settings,
            {**other.prices, **self.prices},
        )  # fmt: skip


@dataclass(frozen=True)
class Outlook:
    """What a policy reads, before anything is published in a step.

    step: the coming one; last: the world-level measures of the last frame by name; rates (H,): documents that each
    community publishes on its own; reach_NH (N, H) bool: who reads whom of them now; read_N: documents of a diet;
    models_N, humans_N: documents by models and by people that each will be able to read in this step, nothing bought;
    guarded_cost: what judging cost in the last step; spent: of all that policies bought so far, by kind.
    """

    step: int
    communities: tuple[str, ...]
    groups: Mapping[str, int]  # documents that each model publishes on its own
    verifiers: tuple[str, ...]
    last: Mapping[str, float]
    rates: np.ndarray
    reach_NH: np.ndarray
    read_N: np.ndarray
    models_N: np.ndarray
    humans_N: np.ndarray
    guarded_cost: float = 0.0
    spent: Mapping[str, float] = field(default_factory=dict)


class Policy(Component):
    """A policy: what it does is in `decide`; all mutable state is arrays that the world holds."""

    name: Name = Field("policy", description="Name of the policy.")
    since: int = Field(1, ge=1, description="The first step in which it acts.")
    until: int | None = Field(None, ge=1, description="The last step in which it acts (default: to the end).")

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of metrics that it reads; the scenario must measure them."""
        return ()

    def names(self) -> dict[str, tuple[str, ...]]:
        """Names of `communities`, `groups` and `verifiers` that it steers, to be checked before a run."""
        return {}

    def open(self, outlook: Outlook) -> Params:
        """What it remembers to begin with."""
        return {}

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        """What holds in the coming step, and what it remembers from now on."""
        raise NotImplementedError

    def acts(self, step: int) -> bool:
        """Whether it acts in a step."""
        return self.since <= step and (self.until is None or step <= self.until)
