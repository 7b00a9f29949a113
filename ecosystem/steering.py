"""Policies at work in a world: what they decide is applied before a step, and what it costs goes into the ledger.

Letters: N models, H communities, S sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ecosystem.corpus import Corpus
from ecosystem.documents import Keep
from ecosystem.errors import InputError, suggestion
from ecosystem.frame import Entry
from ecosystem.humans import Humans
from ecosystem.interfaces import Params
from ecosystem.policy import Controls, Outlook, Policy
from ecosystem.population import Population
from ecosystem.reading import Follows
from ecosystem.verification.gates import Gates


@dataclass
class Steering:
    """The policies of a world, in their order: a later one's word stands."""

    policies: Sequence[Policy]
    humans: Humans
    populations: list[Population]
    follows: Follows
    gates: Gates
    measured: Callable[[], dict[str, float]]
    entries: list[Entry] = field(default_factory=list)  # of the step
    spent: dict[str, float] = field(default_factory=dict)  # by kind, over the run
    now: Controls = field(default_factory=Controls)
    _states: list[Params | None] = field(default_factory=list)
    _reach_NH: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))
    _keep: Keep | None = None

    def open(self, corpus: Corpus) -> None:
        """InputError where a policy names what is not there."""
        self._reach_NH, self._keep = self.follows.reach_NH.copy(), corpus.keep
        self._states = [None] * len(self.policies)
        known = {
            "communities": [c.name for c in self.humans.communities],
            "groups": [p.group.name for p in self.populations],
            "verifiers": list(self.gates.desks),
        }
        for policy in self.policies:
            for what, names in policy.names().items():
                for name in names:
                    if name not in known[what]:
                        has = ", ".join(known[what]) or "none"
                        raise InputError(
                            f"policies.{policy.name}: must name one of the {what}: {has}. Got {name!r}."
                            + suggestion(name, known[what])
                        )

    def begin(self, step: int, corpus: Corpus) -> None:
        """Before a step: policies decide, and what they decide holds."""
        if not self.policies:
            return
        outlook, controls = self._outlook(step, corpus), Controls()
        for i, policy in enumerate(self.policies):
            if not policy.acts(step):
                continue
            state = self._states[i]
            state = policy.open(outlook) if state is None else state
            decided, self._states[i] = policy.decide(state, outlook)
            controls = decided.over(controls)
        self.now = controls
        self._apply(controls, corpus)

    def end(self, step: int) -> list[Entry]:
        """After a step: what was bought and judged, as entries of the ledger."""
        self.entries = []
        if not self.policies:
            return []
        prices = self.now.prices
        for kind, bought in (("human", self.now.bought), ("rare", self.now.rare)):
            for name, units in bought.items():
                if units:
                    self._enter(step, kind, name, units, units * prices.get(kind, 0.0))
        for p in self.populations:
            forgone = max(p.group.publish - p.publishes, 0) * p.n
            if forgone:
                self._enter(step, "forgone", p.group.name, forgone, forgone * prices.get("forgone", 0.0))
        for desk in self.gates.desks.values():
            if desk.now.judged:
                self._enter(step, "verification", desk.name, desk.now.judged, desk.cost)
        return self.entries

    def _enter(self, step: int, kind: str, whom: str, units: float, cost: float) -> None:
        self.entries.append(Entry(step, kind, whom, float(units), float(cost)))
        self.spent[kind] = self.spent.get(kind, 0.0) + float(cost)

    def _outlook(self, step: int, corpus: Corpus) -> Outlook:
        """What the coming step looks like before anyone has decided anything."""
        n, communities = len(self._reach_NH), self.humans.communities
        rates = np.array([c.rate_at(step) for c in communities])
        keep = self._keep if self._keep is not None else corpus.keep
        coming_S = corpus.kept_at(step, keep)
        for p in self.populations:
            coming_S[p.members] += p.group.publish
        coming_S[n : n + len(rates)] += rates
        if keep.subsample is not None:  # what is readable is a sample of what is kept
            coming_S = coming_S * min(1.0, keep.subsample / max(coming_S.sum(), 1))
        models_N = self.follows.network.matrix().astype(bool).astype(float) @ coming_S[:n]
        humans_N = self._reach_NH @ coming_S[n : n + len(rates)]
        reads = [np.inf if p.group.read == "all" else int(p.group.read) for p in self.populations]
        return Outlook(
            step, tuple(c.name for c in communities), {p.group.name: p.group.publish for p in self.populations},
            tuple(self.gates.desks), self.measured(), rates, self._reach_NH.copy(),
            np.repeat(reads, [p.n for p in self.populations]), models_N, humans_N,
            float(sum(desk.cost for desk in self.gates.desks.values())), dict(self.spent),
        )  # fmt: skip

    def _apply(self, controls: Controls, corpus: Corpus) -> None:
        for h, community in enumerate(self.humans.communities):
            self.humans.bought_H[h] = controls.bought.get(community.name, 0)
            self.humans.rare_H[h] = controls.rare.get(community.name, 0)
            share = controls.reach.get(community.name)
            reached_N = self._reach_NH[:, h] if share is None else self.humans.share_reached(h, share)
            self.follows.reach_NH[:, h] = reached_N
        for p in self.populations:
            p.publishes = controls.publish.get(p.group.name, p.group.publish)
        corpus.keep = controls.keep if controls.keep is not None else (self._keep or corpus.keep)
        self.gates.steer(controls.coverage, controls.capacity, controls.settings)
