"""All verifiers of a world: made from its scenario, asked before publishing and before reading.

Letters: N models, H communities, S sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from ecosystem.corpus import Corpus
from ecosystem.errors import InputError, suggestion
from ecosystem.frame import Event, Judgements, Worked
from ecosystem.population import Population
from ecosystem.verification.desk import Desk
from ecosystem.verification.placement import guarded
from ecosystem.verification.publishing_gate import PublishingGate
from ecosystem.verification.reading_gate import ReadingGate
from ecosystem.verification.steered import steered
from ecosystem.verifier import Sight, Verifier


class Gates:
    """The verifiers of a world. `publishing` and `reading`: the gates they stand at; `desks`: every one by name."""

    STATE: ClassVar[tuple[str, ...]] = ("renewed", "starved_N")

    def __init__(
        self, spec, network, follows, group_N: np.ndarray, streams, sight: Callable[[Verifier], Sight],
        true: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        """`follows`: who reads what (`ecosystem.reading.Follows`); `sight`: makes that of a verifier; `true`: which
        documents are, to count errors by."""
        n, communities = network.n, len(spec.humans)
        named = {v.name: v for v in spec.verifiers}

        self._own = named
        self._guard = lambda v: guarded(v.placement, f"verifiers.{v.name}", network, group_N, streams)

        def desk(verifier: Verifier, above: tuple[str, ...] = ()) -> Desk:
            members = [desk(named[name], (*above, verifier.name)) for name in _panel(verifier, named, above)]
            people, who_N = np.full(communities, verifier.placement.humans), self._guard(verifier)
            return Desk(verifier, who_N, people, sight(verifier), streams, members, true)

        standing = [desk(v) for v in spec.verifiers if v.gate != "panel"]
        self.desks = {d.name: d for top in standing for d in _with_members(top)}
        _check_seats(named, self.desks)
        record = spec.record.judgements not in ("none", 0.0)
        reading = [d for d in standing if d.verifier.gate == "read"]
        self.reading = ReadingGate(reading, follows, streams)
        self.publishing = PublishingGate([d for d in standing if d.verifier.gate == "publish"], n, streams, record)
        self.standing, self.record = standing, record
        self.sources = n + communities  # those of whom anyone may read; private archives come after them
        self.renewed: set[str] = set()
        self.starved_N = np.zeros(n, bool)

    def steer(
        self, coverage: Mapping[str, float], capacity: Mapping[str, int], settings: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """What policies say of verifiers by name: share guarded, judgements a step, other keys; else as the scenario
        says. Verdicts that stand go on standing; what a verifier knows it knows until it learns anew.

        InputError where a verifier cannot be as they say.
        """
        for name, desk in self.desks.items():
            try:
                wanted = steered(self._own[name], coverage.get(name), capacity.get(name), settings.get(name))
            except ValueError as error:
                raise InputError(f"policies: verifiers.{name}: {error}.") from None
            moved, desk.verifier = wanted.placement != desk.verifier.placement, wanted
            if moved:
                desk.guarded_N = self._guard(wanted)
        self.reading.rescope()

    @property
    def guarded_N(self) -> np.ndarray:
        """(N,) bool: models with any verifier before their reading or their publishing."""
        return np.any([d.guarded_N for d in self.standing], axis=0) if self.standing else np.zeros_like(self.starved_N)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of those whose verdicts stand in the corpus."""
        return tuple(d.name for d in self.reading.desks if d.of_documents)

    def named(self, verifier: str | None) -> list[Desk]:
        """The verifier of a name; without one all that stand at a gate."""
        if verifier is None:
            return self.standing
        if verifier not in self.desks:
            known = list(self.desks)
            raise InputError(
                f"Unknown verifier {verifier!r}.{suggestion(verifier, known)} Available: {', '.join(known) or 'none'}."
            )
        return [self.desks[verifier]]

    def open(self, populations: list[Population]) -> list[Event]:
        """Everyone knows what they know to begin with; what is to be told of it."""
        for desk in self.standing:
            desk.open()
        return self._hand_out_marks(populations)

    def _hand_out_marks(self, populations: list[Population]) -> list[Event]:
        """Models that can write with the watermark that a verifier asks for do so from now on; says who."""
        asked = {name: mark for name, d in self.desks.items() if (mark := d.verifier.mandate(d.sight)) is not None}
        if len(asked) > 1:
            names = " and ".join(asked)
            raise InputError(f"verifiers: one at most can ask texts for a watermark. Got {names}.")
        events = []
        for name, mark in asked.items():
            able = [p for p in populations if p.learner.marks]
            for p in able:
                p.mark = mark.of(p.members)
            marked = sum(int(np.count_nonzero(mark.bias_n[p.members])) for p in able)
            text = f"{marked} of {len(mark.bias_n)} models write with the watermark of {name}"
            unable = ", ".join(p.group.name for p in populations if not p.learner.marks)
            events.append(Event(0, None, "watermark", text + (f"; unable to: {unable}" if unable else "")))
        return events

    def begin(self, step: int) -> None:
        """A step begins; those that learn on a schedule learn."""
        self.renewed = {desk.name for desk in self.standing if desk.begin(step)}
        self.starved_N[:] = False

    def judge(self, corpus: Corpus) -> None:
        """Before reading: verdicts on what is new on the web."""
        remembering = [desk for desk in self.standing if desk.remembers]
        if remembering:
            published = self.reading.published(corpus, self.sources)
            for desk in remembering:
                desk.remember(published)
        self.reading.judge(corpus, self.renewed, self.record)

    def note_starved(self, first: int, drawn_n: np.ndarray, read_n: np.ndarray) -> None:
        """Which models of a group drew documents of which none passed."""
        self.starved_N[first : first + len(read_n)] = (read_n == 0) & (drawn_n > 0)

    def events(self, step: int) -> list[Event]:
        """What is to be told of a step: how many guarded readers were left with nothing."""
        if not self.starved_N.any():
            return []
        who = np.flatnonzero(self.starved_N)
        listed = ", ".join(map(str, who[:10])) + (f" and {len(who) - 10} more" if len(who) > 10 else "")
        text = f"{len(who)} of {int(self.guarded_N.sum())} guarded models found nothing that passes and stay: {listed}"
        return [Event(step, None, "starved", text)]

    def worked(self, step: int) -> list[Worked]:
        """What every verifier did in this step."""
        return [desk.worked(step) for desk in self.desks.values()]

    def judgements(self) -> list[Judgements]:
        """Those of this step that are to be recorded."""
        return [j for desk in self.desks.values() for j in desk.judgements]


def _panel(verifier: Verifier, named: dict[str, Verifier], above: tuple[str, ...]) -> tuple[str, ...]:
    """The members of a panel, checked."""
    owner = f"verifiers.{verifier.name}.members"
    for name in verifier.panel():
        if name not in named:
            raise InputError(f"{owner}: must name verifiers of the scenario: {', '.join(named)}. Got {name!r}.")
        if name in (*above, verifier.name):
            ring = " -> ".join((*above, verifier.name, name))
            raise InputError(f"{owner}: a panel may not judge by way of itself. Got {ring}.")
        if named[name].gate != "panel":
            raise InputError(f"{owner}: a member must have `gate: panel`. Got {name!r} at gate {named[name].gate!r}.")
    return verifier.panel()


def _check_seats(named: dict[str, Verifier], desks: dict[str, Desk]) -> None:
    """Who judges as a member sits on one panel, once: it would judge, remember and cost twice on two."""
    for name in named:
        seats = [other.name for other in named.values() for seat in other.panel() if seat == name]
        if len(seats) > 1:
            panels = " and ".join(seats)
            raise InputError(f"verifiers.{seats[0]}.members: a verifier sits on one panel. Got {name!r} on {panels}.")
        if name not in desks:
            raise InputError(
                f"verifiers.{name}.gate: `panel` judges only as a member, and no panel that stands at a gate has it."
            )


def _with_members(desk: Desk) -> list[Desk]:
    return [desk, *(d for member in desk.members for d in _with_members(member))]
