"""What the world asks of policies: who read the world at the beginning of a step and say what is to hold in it.

A policy returns `Controls` and nothing else; the world applies them, charges for them and keeps the ledger
(`ecosystem.steering`). A file `agents/policies/NAME.py` holds one policy of kind NAME; a class of your own is used as
`package.module:Class`.

Letters: N models, H communities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from ecosystem.documents import Keep
from ecosystem.interfaces import Component, Params
from ecosystem.parts import Name

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

WHOM = {
    "bought": "communities", "rare": "communities", "reach": "communities", "publish": "groups",
    "coverage": "verifiers", "capacity": "verifiers", "settings": "verifiers",
}  # fmt: skip
"""Of whom each of the controls speaks by name."""
KINDS = ("human", "rare", "forgone")  # of units with a price


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

    step: the coming one; communities; groups: documents that each model of them publishes on its own; verifiers: the
    price of a judgement of each; last: the world-level measures of the last frame, by their names in the scenario;
    rates (H,): documents that each community publishes on its own; read_N: documents of a diet (infinite: all);
    spent: on all that policies bought so far, by kind.

    As things stand once the policies before this one have decided: reach_NH (N, H) bool, who reads whom of people;
    models_N, humans_N: documents by models and by people (a model's own archive too) that each can draw from in this
    step where no verifier takes any away.
    """

    step: int
    communities: tuple[str, ...]
    groups: Mapping[str, int]
    verifiers: Mapping[str, float]
    last: Mapping[str, float]
    rates: np.ndarray
    reach_NH: np.ndarray
    read_N: np.ndarray
    models_N: np.ndarray
    humans_N: np.ndarray
    spent: Mapping[str, float] = field(default_factory=dict)


class Policy(Component):
    """A policy: what it does is in `decide`; all mutable state is arrays that the world holds."""

    name: Name = Field("policy", description="Name of the policy.")
    since: int = Field(1, ge=1, description="The first step in which it acts.")
    until: int | None = Field(None, ge=1, description="The last step in which it acts (default: to the end).")

    @model_validator(mode="after")
    def _some_time(self) -> Policy:
        if self.until is not None and self.until < self.since:
            raise ValueError(f"until: must be at least since, {self.since}; got {self.until}")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of metrics that it reads; the scenario must measure them."""
        return ()

    def names(self) -> dict[str, tuple[str, ...]]:
        """Whom it steers, by the controls it does so with (keys of `WHOM`), to be checked before a run."""
        return {}

    def misfit(self, spec: Scenario) -> str | None:
        """What of it does not go with the rest of a scenario, in words; None: nothing."""
        return None

    def open(self, outlook: Outlook) -> Params:
        """What it remembers to begin with."""
        return {}

    def decide(self, state: Params, outlook: Outlook) -> tuple[Controls, Params]:
        """What holds in the coming step, and what it remembers from now on."""
        raise NotImplementedError

    def acts(self, step: int) -> bool:
        """Whether it acts in a step."""
        return self.since <= step and (self.until is None or step <= self.until)


def wrong(controls: Controls, outlook: Outlook) -> Iterator[str]:
    """What is wrong with controls, in words: names that are not there, counts, shares and prices out of bounds."""
    known = {"communities": outlook.communities, "groups": tuple(outlook.groups), "verifiers": tuple(outlook.verifiers)}
    for control, whom in WHOM.items():
        for name, value in getattr(controls, control).items():
            if name not in known[whom]:
                yield f"{control}: must name one of the {whom}: {', '.join(known[whom]) or 'none'}; got {name!r}"
            elif control in ("reach", "coverage"):
                if not (_is_number(value) and 0 <= value <= 1):
                    yield f"{control} of {name}: must be a share from 0 to 1; got {value!r}"
            elif control != "settings":
                least = int(control == "capacity")
                if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                    yield f"{control} of {name}: must be a whole number of at least {least}; got {value!r}"
    for kind, price in controls.prices.items():
        if kind not in KINDS:
            yield f"prices: must be of {', '.join(KINDS)}; got {kind!r}"
        elif not (_is_number(price) and 0 <= price < np.inf):
            yield f"price of {kind}: must be a number of at least 0; got {price!r}"


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
