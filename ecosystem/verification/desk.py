"""A verifier at work in a world: what it knows, the chance in its verdicts, its capacity, and what it has judged.

Letters: M documents or readings, V members of a panel, N models, H communities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from ecosystem.frame import Judgements, Worked
from ecosystem.interfaces import Params
from ecosystem.streams import Streams
from ecosystem.verification.tally import Tally
from ecosystem.verifier import Amendment, Sight, Submitted, Verifier


class Ticket(NamedTuple):
    """What a verdict's chance goes by: a place, whose it is, and the step; never what newcomers would change."""

    place_M: np.ndarray
    owner_M: np.ndarray
    step_M: np.ndarray | int


@dataclass
class Desk:
    """One verifier of a world. `guarded_N`, `guarded_H`: whom it guards; `members` of a panel are desks too; `true`:
    which documents are, to count its errors by; None where there is no truth."""

    STATE: ClassVar[tuple[str, ...]] = ("guarded_N", "state", "now", "total", "cost", "total_cost", "judgements")

    verifier: Verifier
    guarded_N: np.ndarray
    guarded_H: np.ndarray
    sight: Sight
    streams: Streams
    members: list[Desk] = field(default_factory=list)
    true: Callable[[np.ndarray], np.ndarray] | None = None
    state: Params = field(default_factory=dict)
    now: Tally = field(init=False)  # of this step
    total: Tally = field(init=False)
    cost: float = 0.0  # of this step
    total_cost: float = 0.0
    judgements: list[Judgements] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now, self.total = self._nothing_yet(), self._nothing_yet()

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def of_documents(self) -> bool:
        """Whether it judges each document once, for all its readers."""
        own = self.verifier.judges == "documents" and not self.verifier.personal
        return own and all(member.of_documents for member in self.members)

    @property
    def of_claims(self) -> bool:
        """Whether its errors are counted against what is true."""
        judging = all(member.of_claims for member in self.members) if self.members else self.verifier.of_claims
        return self.true is not None and judging

    @property
    def critiques(self) -> bool:
        """Whether what it refuses goes on record; of a panel where all its members' refusals do."""
        return all(member.critiques for member in self.members) if self.members else self.verifier.critiques

    @property
    def below(self) -> int:
        """How many verifiers sit on a panel, and on the panels that sit on it."""
        return sum(1 + member.below for member in self.members)

    @property
    def key(self) -> int:
        """Key of the chance in its verdicts."""
        return self.streams.key(f"verifier/{self.name}")

    @property
    def rates(self) -> tuple[float, float] | None:
        """Its acceptance of people's and of models' documents where nothing else matters and nothing is beyond it."""
        free = self.verifier.capacity is None and not self.members
        return self.verifier.pass_rates() if free else None

    @property
    def price(self) -> float:
        """Of one judgement, a panel's members included."""
        return self.verifier.price + sum(member.price for member in self.members)

    @property
    def capacity_left(self) -> int | None:
        """Judgements it can still make in this step; a panel can as many as the busiest of its members."""
        own = self.verifier.capacity
        left = [] if own is None else [max(own - self.now.judged, 0)]
        left += [c for c in (member.capacity_left for member in self.members) if c is not None]
        return min(left) if left else None

    def worked(self, step: int) -> Worked:
        """What it did in this step."""
        people, models = self.now.counts.tolist()
        guarded, gate = int(self.guarded_N.sum()), self.verifier.gate
        counts = sum(people), people[1], sum(models), models[1], self.now.unjudged
        if self.now.truth is None:
            return Worked(step, self.name, gate, guarded, *counts, self.cost)
        true, false = self.now.truth.tolist()
        return Worked(step, self.name, gate, guarded, *counts, self.cost, sum(true), true[1], sum(false), false[1])

    def open(self) -> None:
        """Knows what it knows to begin with."""
        for member in self.members:
            member.open()
        self.state = self.verifier.open(self.sight)

    def begin(self, step: int) -> bool:
        """A step begins; True where it has learned anew, so that older verdicts no longer stand."""
        self.now, self.cost, self.judgements, self.sight.step = self._nothing_yet(), 0.0, [], step
        learned = [member.begin(step) for member in self.members]
        if self.verifier.learns_at(step):
            self.state = self.verifier.open(self.sight)
            return True
        return any(learned)

    @property
    def ranks(self) -> bool:
        """Whether what it thinks of a document depends on which others are before it."""
        return self.verifier.ranks or any(member.ranks for member in self.members)

    def within_capacity(self, queue_M: np.ndarray) -> np.ndarray:
        """(M,) bool: which documents it still gets to in this step, those first in the queue."""
        left, reached = self.capacity_left, np.ones(len(queue_M), bool)
        if left is not None and left < len(queue_M):
            reached[np.argsort(queue_M, kind="stable")[left:]] = False
        return reached

    def verdict(
        self, seen: Submitted, ticket: Ticket, given_M: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(M,) bool: accepted, and the votes of all below a panel (V, M): each member's, then those of its own members.

        Nothing is counted yet: see `charge`. `given_M`: chance that comes from a panel above, NaN where none does.
        """
        luck_M = self.streams.chance(f"verifier/{self.name}", *ticket)
        if given_M is not None:
            luck_M = np.where(np.isnan(given_M), luck_M, given_M)
        if not self.members:
            return luck_M < self.probability(seen), np.zeros((0, len(seen)), bool)
        votes = [member.verdict(seen, ticket, self._given(member, ticket, luck_M, given_M)) for member in self.members]
        accepted = self.verifier.count(np.array([vote_M for vote_M, _ in votes]))
        return accepted, np.concatenate([np.vstack([vote_M, below_VM]) for vote_M, below_VM in votes])

    def probability(self, seen: Submitted) -> np.ndarray:
        """(M,) with which it accepts documents, alone (of a panel see `verdict`); nothing is counted."""
        p_M = np.asarray(self.verifier.accepts(self.state, seen, self.sight), float)
        if p_M.shape != (len(seen),) or not ((p_M >= 0) & (p_M <= 1)).all():
            kind = type(self.verifier).__name__
            raise ValueError(
                f"verifiers.{self.name}: {kind}.accepts must return {len(seen)} probabilities. Got shape {p_M.shape}"
                + (f", from {p_M.min():g} to {p_M.max():g}." if p_M.size else ".")
            )
        return p_M

    def charge(self, seen: Submitted, accepted: np.ndarray, vote_VM: np.ndarray, record: bool) -> None:
        """Counts judgements against the truth, charges for them and keeps them for the record."""
        ends = np.cumsum([1 + member.below for member in self.members], dtype=int).tolist()
        starts = [0, *ends[:-1]]
        true = self.true(seen.content) if self.of_claims and self.true is not None else None
        for tally in (self.now, self.total):
            tally.add(seen.human, accepted, true)
            if self.members:
                tally.add_votes(seen.human if true is None else true, vote_VM[starts])
        spent = self.verifier.price * len(seen)
        self.cost, self.total_cost = self.cost + spent, self.total_cost + spent
        if record:
            self.judgements.append(Judgements(self.name, self.verifier.gate, seen.document, seen.reader, accepted))
        for member, start, end in zip(self.members, starts, ends, strict=False):
            member.charge(seen, vote_VM[start], vote_VM[start + 1 : end], record)

    def charge_counts(self, counts: np.ndarray) -> None:
        """The same for judgements that were only counted: (2, 2) people, models by accepted, rejected."""
        for tally in (self.now, self.total):
            tally.counts += counts
        spent = self.verifier.price * int(counts.sum())
        self.cost, self.total_cost = self.cost + spent, self.total_cost + spent

    def pass_by(self, count: int) -> None:
        """So many documents found no capacity left."""
        self.now.unjudged += count
        self.total.unjudged += count

    def amendment(self, seen: Submitted) -> Amendment | None:
        """What is published in place of what it has refused."""
        return self.verifier.amends(self.state, seen, self.sight)

    @property
    def remembers(self) -> bool:
        """Whether what comes onto the web matters to it."""
        return type(self.verifier).remember is not Verifier.remember or any(m.remembers for m in self.members)

    def remember(self, seen: Submitted) -> None:
        """Documents have come onto the web."""
        for member in self.members:
            member.remember(seen)
        self.state = self.verifier.remember(self.state, seen, self.sight)

    def _nothing_yet(self) -> Tally:
        return Tally(truth=np.zeros((2, 2), np.int64) if self.of_claims else None)

    def _given(self, member: Desk, ticket: Ticket, luck_M: np.ndarray, given_M: np.ndarray | None) -> np.ndarray | None:
        """(M,) this panel's chance where it shares it with a member, else NaN; what comes from above goes to all."""
        share = self.verifier.shared()
        if not share:
            return given_M
        shares_M = self.streams.chance(f"verifier/{self.name}/shares/{member.name}", *ticket) < share
        return np.where(shares_M, luck_M, np.nan if given_M is None else given_M)
