"""Policies at work in a world: what they decide is applied before a step, and what it costs goes into the ledger.

Letters: N models, H communities, S sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ecosystem.corpus import Corpus
from ecosystem.documents import Keep
from ecosystem.errors import InputError
from ecosystem.frame import Entry, Event
from ecosystem.humans import Humans
from ecosystem.interfaces import Params
from ecosystem.policy import Controls, Outlook, Policy, wrong
from ecosystem.population import Population
from ecosystem.reading import Follows, by_humans, by_models
from ecosystem.telling import News
from ecosystem.verification.gates import Gates


@dataclass
class Steering:
    """The policies of a world, in their order: each sees what those before it decided, and a later one's word stands;
    documents bought by several add up, each at its own price."""

    STATE: ClassVar[tuple[str, ...]] = (
        "entries", "spent", "now", "_states", "_bought", "_forgone", "_reach_NH", "_keep",
    )

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
    _bought: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)  # units and cost by kind and whom
    _forgone: dict[str, float] = field(default_factory=dict)  # price by group
    _reach_NH: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))
    _keep: Keep = field(default_factory=Keep)
    news: News = field(default_factory=News)

    def open(self, corpus: Corpus) -> None:
        """Notes what holds where no policy says otherwise."""
        self._reach_NH, self._keep = self.follows.reach_NH.copy(), corpus.keep
        self._states = [None] * len(self.policies)

    def begin(self, step: int, corpus: Corpus) -> None:
        """Before a step: policies decide, and what they decide holds."""
        if not self.policies:
            return
        controls, self._bought, self._forgone = Controls(), {}, {}
        for i, policy in enumerate(self.policies):
            if not policy.acts(step):
                continue
            outlook, state = self._outlook(step, corpus, controls), self._states[i]
            state = policy.open(outlook) if state is None else state
            decided, self._states[i] = policy.decide(state, outlook)
            if (mistake := next(wrong(decided, outlook), None)) is not None:
                raise InputError(f"policies.{policy.name}: {mistake}.")
            self._price(decided)
            controls = decided.over(controls)
        self.now = controls
        self._apply(controls, corpus)

    def follow(self, controls: Controls, corpus: Corpus) -> None:
        """In place of `begin`: what was decided elsewhere holds."""
        self.now = controls
        self._apply(controls, corpus)

    def end(self, step: int) -> list[Entry]:
        """After a step: what was bought, forgone and judged, as entries of the ledger."""
        self.entries = list(self._entries(step)) if self.policies else []
        for entry in self.entries:
            self.spent[entry.kind] = self.spent.get(entry.kind, 0.0) + entry.cost
        return self.entries

    def events(self, step: int) -> list[Event]:
        """What holds from this step on that did not before."""
        return self.news.of(self.now, step) if self.policies else []

    def _price(self, decided: Controls) -> None:
        """What a policy buys is bought at its price, whatever others pay."""
        for kind, bought in (("human", decided.bought), ("rare", decided.rare)):
            for name, units in bought.items():
                before, cost = self._bought.get((kind, name), (0, 0.0))
                self._bought[kind, name] = before + int(units), cost + units * decided.prices.get(kind, 0.0)
        self._forgone |= dict.fromkeys(decided.publish, decided.prices.get("forgone", 0.0))

    def _entries(self, step: int) -> Iterator[Entry]:
        for (kind, name), (units, cost) in self._bought.items():
            if units:
                yield Entry(step, kind, name, float(units), float(cost))
        for p in self.populations:
            forgone = max(p.group.publish - p.publishes, 0) * p.n
            if forgone:
                price = self._forgone.get(p.group.name, 0.0)
                yield Entry(step, "forgone", p.group.name, float(forgone), float(forgone * price))
        for desk in self.gates.desks.values():
            if desk.now.judged:
                yield Entry(step, "verification", desk.name, float(desk.now.judged), float(desk.cost))

    def _outlook(self, step: int, corpus: Corpus, decided: Controls) -> Outlook:
        """What the coming step looks like with what was decided so far."""
        (n, h), communities, groups = self._reach_NH.shape, self.humans.communities, self.populations
        names = tuple(c.name for c in communities)
        rates = np.array([c.rate_at(step) for c in communities])
        coming_S = corpus.kept_at(step, self._keep if decided.keep is None else decided.keep)
        for p in groups:
            coming_S[p.members] += decided.publish.get(p.group.name, p.group.publish)
        coming_S[n : n + h] += rates + [decided.bought.get(c, 0) + decided.rare.get(c, 0) for c in names]
        reach_NH = self._reached(decided)
        models_N = by_models(self.follows.network, coming_S).astype(float)
        humans_N = by_humans(reach_NH, self.follows.archive_N, coming_S).astype(float)
        reads = [np.inf if p.group.read == "all" else int(p.group.read) for p in groups]
        return Outlook(
            step, names, {p.group.name: p.group.publish for p in groups},
            {name: desk.price for name, desk in self.gates.desks.items()}, self.measured(), rates, reach_NH,
            np.repeat(reads, [p.n for p in groups]), models_N, humans_N, dict(self.spent),
        )  # fmt: skip

    def _reached(self, controls: Controls) -> np.ndarray:
        """(N, H) bool: who reads whom of people."""
        reach_NH = self._reach_NH.copy()
        for h, community in enumerate(self.humans.communities):
            if community.name in controls.reach:
                reach_NH[:, h] = self.humans.share_reached(h, controls.reach[community.name])
        return reach_NH

    def _apply(self, controls: Controls, corpus: Corpus) -> None:
        for h, community in enumerate(self.humans.communities):
            self.humans.bought_H[h] = controls.bought.get(community.name, 0)
            self.humans.rare_H[h] = controls.rare.get(community.name, 0)
        self.follows.reach_NH[:] = self._reached(controls)
        for p in self.populations:
            p.publishes = int(controls.publish.get(p.group.name, p.group.publish))
        corpus.keep = self._keep if controls.keep is None else controls.keep
        self.gates.steer(controls.coverage, controls.capacity, controls.settings)
