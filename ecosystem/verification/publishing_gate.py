"""The gate before the web: what of their writing guarded authors get to publish.

An author whose document is refused writes again (`refill`) until it has published as much as it meant to, or has
written sixteen times as much; people do not write again. A verifier may amend what it refuses in place of that.

Letters: n authors, k documents each, M documents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ecosystem.documents import Answered, Batch
from ecosystem.population import Population
from ecosystem.streams import Streams
from ecosystem.verification.desk import Desk, Ticket
from ecosystem.verification.reading_gate import PATIENCE
from ecosystem.verifier import Submitted, authors

Write = Callable[..., Batch]
"""write(population, step[, attempt, rows]): what a group writes; attempt k > 0: these rows again, once refused."""


class PublishingGate:
    """The verifiers that stand before publishing, in the order of the scenario."""

    def __init__(self, desks: list[Desk], models: int, streams: Streams, record: bool):
        self.desks, self.models, self.streams, self.record = desks, models, streams, record
        self.note_refused: Callable[[Answered], None] | None = None  # where critiques go on record

    def of_models(self, population: Population, step: int, write: Write) -> tuple[Batch, np.ndarray]:
        """What a group publishes, and how many documents each of its models, (n,)."""
        n, k = population.n, population.publishes
        written = write(population, step)
        stands = [desk.guarded_N[population.members] for desk in self.desks]
        guarded = np.flatnonzero(np.any(stands, axis=0)) if stands else np.zeros(0, np.int64)
        if written.answered is not None and written.answered.withheld.any():  # they pass by here, whoever is guarded
            guarded = np.arange(n)
        if not len(guarded) or not k:
            return written, np.full(n, k)
        free = np.setdiff1d(np.arange(n), guarded)
        pieces, published_n = [_part(written, free, k)], np.zeros(n, np.int64)
        published_n[free] = k
        rows, batch = guarded, _part(written, guarded, k)[1]
        for attempt in range(PATIENCE):
            taken, again, batch = self._passed(population, rows, batch, k - published_n[rows], attempt, step)
            author = np.repeat(rows, k)[taken]
            published_n += np.bincount(author, minlength=n)
            pieces.append((author, batch.take(taken)))
            rows = rows[again & (published_n[rows] < k)]
            if not len(rows):
                break
            batch = write(population, step, attempt + 1, rows)
        return _joined(pieces), published_n

    def of_people(self, content: np.ndarray, h: int, step: int) -> np.ndarray:
        """What of a community's writing (M, *x) is published."""
        m = len(content)
        seen, passed = self._submitted(Batch(content), np.full(m, self.models + h), human=True), np.ones(m, bool)
        for desk in self.desks:
            if desk.guarded_H[h]:
                self._charge(self._judge(desk, seen, passed, passed.copy(), np.arange(m), step), np.ones(m, bool))
        self._remember([desk for desk in self.desks if desk.guarded_H[h]], seen, passed)
        return content if passed.all() else content[passed]

    def _passed(
        self, population, rows, batch: Batch, wanted_n, attempt: int, step: int
    ) -> tuple[np.ndarray, np.ndarray, Batch]:
        """Which documents of some authors are published, who may write again in place of what was refused, and the
        documents as they are published: refused ones may be amended."""
        k = population.publishes
        seen = self._submitted(batch, np.repeat(population.first + rows, k), human=False)
        passed, again = np.ones(len(seen), bool), np.ones(len(rows), bool)
        if batch.answered is not None:
            passed &= ~batch.answered.withheld
            again[:] = False  # a question is answered once
        place, judged = attempt * k + np.tile(np.arange(k), len(rows)), []
        for desk in self.desks:
            asked = desk.guarded_N[seen.source] & passed
            again &= ~desk.guarded_N[population.first + rows] | desk.verifier.refill
            judged.append(self._judge(desk, seen, passed, asked, place, step))
            batch, seen = self._amended(judged[-1], batch, seen, passed)
        passed_nk = passed.reshape(len(rows), k)
        rank_nk = np.cumsum(passed_nk, axis=1)
        shown = (rank_nk - passed_nk < wanted_n[:, None]).ravel()  # an author shows no more when it has enough
        for one in judged:
            self._charge(one, shown)
            self._criticise(one, shown)
        if self.desks:  # of authors whom nobody guards verifiers hear when all can read it
            guarded_N = np.any([desk.guarded_N for desk in self.desks], axis=0)
            self._remember(self.desks, seen, passed & shown & guarded_N[seen.source])
        return passed & shown, again, batch

    def _amended(self, judged: _Judged, batch: Batch, seen: Submitted, passed) -> tuple[Batch, Submitted]:
        """The documents, those that were refused as the verifier amends them; they pass, to whom stands after it."""
        refused = judged.which[~judged.accepted]
        amendment = judged.desk.amendment(seen.take(refused)) if len(refused) else None
        if amendment is None:
            return batch, seen
        stands = ~np.isnan(amendment.depth)
        changed = refused[stands]
        passed[changed] = True
        content, depth = batch.content.copy(), seen.depth.copy()
        parent = np.broadcast_to(batch.parent, len(content)).copy()
        content[changed], depth[changed], parent[changed] = amendment.content[stands], amendment.depth[stands], -1
        # to those who stand after it the answer is the amended one; on record stays what the model itself answered
        answered = seen.answered
        grammar = judged.desk.sight.shape.grammar
        if answered is not None and grammar is not None:
            slot = answered.slot.copy()
            slot[changed] = grammar.read(content[changed]).slot[:, 0]
            answered = replace(answered, slot=slot)
        amended = replace(seen, content=content, depth=depth, answered=answered)
        return replace(batch, content=content, depth=depth, parent=parent), amended

    def _criticise(self, judged: _Judged, shown: np.ndarray) -> None:
        """Refused answers go on record, as the verifier saw them, where it leaves critiques."""
        answered = judged.part.answered
        if answered is None or self.note_refused is None or not judged.desk.critiques:
            return
        self.note_refused(answered.take(~judged.accepted & shown[judged.which]))

    def _remember(self, desks: list[Desk], seen: Submitted, published: np.ndarray) -> None:
        """Verifiers that care see what has just been let through, before they judge what comes next in the step."""
        for desk in desks:
            if desk.remembers:
                desk.remember(seen.take(published))

    def _judge(self, desk: Desk, seen, passed, asked, place, step: int) -> _Judged:
        """Takes out of `passed` what a verifier refuses of the documents `asked`; nothing is counted yet."""
        which = np.flatnonzero(asked)
        reached = desk.within_capacity(place[which])
        if desk.verifier.overflow == "reject":
            passed[which[~reached]] = False
        beyond, which = which[~reached], which[reached]
        part = seen.take(which)
        ticket = Ticket(place[which], authors(part.source, self.models), step)
        accepted, votes = desk.verdict(part, ticket) if len(which) else _nothing()
        passed[which] = accepted
        return _Judged(desk, which, beyond, part, accepted, votes)

    def _charge(self, judged: _Judged, shown: np.ndarray) -> None:
        """Counts the judgements of documents that were shown."""
        desk, which, beyond, part, accepted, votes = judged
        desk.pass_by(int(shown[beyond].sum()))
        if len(which):
            counted = shown[which]
            desk.charge(part.take(counted), accepted[counted], votes[:, counted], self.record)

    def _submitted(self, batch: Batch, source: np.ndarray, human: bool) -> Submitted:
        m = len(batch.content)
        return Submitted(
            batch.content, np.full(m, -1), source.astype(np.int32), np.broadcast_to(np.float32(batch.depth), m).copy(),
            np.full(m, -1), np.full(m, human), batch.answered,
        )  # fmt: skip


class _Judged(NamedTuple):
    """A verifier's judgements of a batch: of documents `which`, others being `beyond` its capacity."""

    desk: Desk
    which: np.ndarray
    beyond: np.ndarray
    part: Submitted
    accepted: np.ndarray
    votes: np.ndarray


def _nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0, bool), np.zeros((0, 0), bool)


def _part(batch: Batch, rows: np.ndarray, k: int) -> tuple[np.ndarray, Batch]:
    """The documents of some authors of k each: (author of each, the documents)."""
    places = (rows[:, None] * k + np.arange(k)).ravel()
    return np.repeat(rows, k), batch.take(places)


def _joined(pieces: list[tuple[np.ndarray, Batch]]) -> Batch:
    """All documents in the order of their authors; an author's in the order of writing."""
    order = np.argsort(np.concatenate([author for author, _ in pieces]), kind="stable")

    def column(name: str) -> np.ndarray:
        parts = [np.broadcast_to(getattr(b, name), len(b.content)) for _, b in pieces]
        return np.concatenate(parts)[order]

    answers = [b.answered for _, b in pieces if b.answered is not None]
    answered = Answered.joined(answers).take(order) if answers else None
    return Batch(np.concatenate([b.content for _, b in pieces])[order], column("depth"), column("parent"), answered)
