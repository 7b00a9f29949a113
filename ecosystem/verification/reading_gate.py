"""The gate before training: what of the web a guarded model gets to read.

A verifier that judges documents does so once, when they are published (or when it has learned anew), and its verdicts
stand in the corpus. One that judges readings judges what each reader draws. Either way a reader goes on drawing by its
own rules until it has as much as it wants: rejection sampling, so that with verdicts by author alone the human share h
becomes h a / (h a + (1 - h) b) for acceptance rates a of people and b of models.

Letters: n readers, w documents drawn, b wanted, M documents, N models, S sources.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ecosystem.corpus import Corpus
from ecosystem.documents import ACCEPTED, EXEMPT, NEW, REJECTED, Documents
from ecosystem.reading import Diet, Follows, sources_of
from ecosystem.streams import Streams
from ecosystem.verification.desk import Desk, Ticket
from ecosystem.verification.kernel import judge_by_rates
from ecosystem.verification.trials import by_rates, trial
from ecosystem.verifier import Submitted, authors

PATIENCE = 16  # times as many documents as wanted that a reader looks through at most

Draw = Callable[[np.ndarray, int], Diet]
"""draw(rows, w): the diets of some models of a group, w documents each; a wider one begins with the narrower."""


@dataclass(frozen=True)
class Rules:
    """What of a scenario matters here: whether all there is is read, and whether judgements are kept."""

    everything: bool
    record: bool


class ReadingGate:
    """The verifiers that stand before training, in the order of the scenario."""

    STATE: ClassVar[tuple[str, ...]] = ("_scope", "guards_NV", "_changed")

    def __init__(self, desks: list[Desk], follows: Follows, streams: Streams):
        self.desks, self.streams, self._follows = desks, streams, follows
        self.public = sum(follows.reach_NH.shape)  # sources from here on are private archives, which nobody judges
        self._scope: dict[str, np.ndarray] = {}
        self.guards_NV = np.zeros((follows.network.n, len(desks)), bool)
        self.rescope()
        self._changed = False  # whom verifiers guard, or whose documents they judge, since they judged last

    def rescope(self) -> None:
        """Whom verifiers guard, and who reads whom, may have changed.

        Where they have, what was exempt is looked at anew: of sources that nobody behind the verifier read, or refused
        by an earlier one to all whom it guarded.
        """
        desks, follows = self.desks, self._follows
        scope = {desk.name: sources_of(follows, desk.guarded_N) for desk in desks if desk.of_documents}
        guards_NV = np.stack([d.guarded_N for d in desks], axis=1) if desks else self.guards_NV
        if self._scope:
            other = any(not np.array_equal(of_S, self._scope[name]) for name, of_S in scope.items())
            self._changed |= other or not np.array_equal(guards_NV, self.guards_NV)
        self._scope, self.guards_NV = scope, guards_NV

    def judge(self, corpus: Corpus, renewed: set[str], record: bool) -> None:
        """Verdicts on documents that have none yet, of every verifier that judges documents."""
        for v, desk in enumerate(self.desks):
            if not desk.of_documents:
                continue
            verdict_M = corpus.verdicts(desk.name)
            if desk.name in renewed:
                verdict_M[:] = NEW
            elif self._changed or any(earlier.name in renewed for earlier in self.desks[:v]):
                verdict_M[verdict_M == EXEMPT] = NEW  # whom one before it refused it may not refuse now
            if not record and by_rates(desk, corpus.shape):
                self._judge_by_rates(desk, verdict_M, corpus, self._refused_before(corpus, v))
                continue
            new = np.flatnonzero(verdict_M == NEW)
            documents = corpus.at(new)
            asked = self._scope[desk.name][documents.source] & ~self._refused_before(corpus, v)[new]
            if not asked.all():
                verdict_M[new[~asked]] = EXEMPT
                new, documents = new[asked], documents.take(asked)
            if desk.capacity_left is not None:
                reached = desk.within_capacity(self._queue(desk, documents))
                desk.pass_by(int((~reached).sum()))
                new, documents = new[reached], documents.take(reached)
            if len(new):
                seen = self._submitted(documents)
                accepted, votes = desk.verdict(seen, self._ticket(documents))
                verdict_M[new] = np.where(accepted, ACCEPTED, REJECTED)
                desk.charge(seen, accepted, votes, record)
        self._changed = False

    def _judge_by_rates(self, desk: Desk, verdict_M: np.ndarray, corpus: Corpus, refused_M: np.ndarray) -> None:
        """The same, to the same verdicts, where they depend on who wrote alone and nothing is kept of them."""
        source_S, counts = np.arange(corpus.sources), np.zeros((2, 2), np.int64)
        author_S = authors(source_S, len(self.guards_NV)).astype(np.uint64)
        judge_by_rates(
            verdict_M, *corpus.layout(), self._scope[desk.name][: corpus.sources], author_S,
            source_S >= len(self.guards_NV), refused_M, np.uint64(desk.key), np.array(desk.rates), counts,
        )  # fmt: skip
        desk.charge_counts(counts)

    def published(self, corpus: Corpus, sources: int) -> Submitted:
        """What these sources have published in the newest step."""
        seen = self._submitted(corpus.newest())
        return seen.take(seen.source < sources)

    def diets(self, draw: Draw, readers: np.ndarray, budget: int, corpus: Corpus, rules: Rules) -> tuple[Diet, Diet]:
        """What some models (n,) draw as if nobody stood there, and what passes of it and of further draws."""
        drawn = draw(np.arange(len(readers)), budget)
        guards_nV = self.guards_NV[readers]
        if not guards_nV.any():
            return drawn, drawn
        kept = drawn
        for guards in np.unique(guards_nV[guards_nV.any(axis=1)], axis=0):
            rows = np.flatnonzero((guards_nV == guards).all(axis=1))
            desks = [desk for desk, stands in zip(self.desks, guards, strict=True) if stands]
            kept = self._filled(kept, drawn, rows, desks, draw, readers, corpus, rules)
        return drawn, kept

    def _filled(
        self, kept: Diet, drawn: Diet, rows, desks, draw: Draw, readers, corpus: Corpus, rules: Rules
    ) -> Diet:
        """The diets, those of `rows` replaced by what passes, drawing wider until these readers have enough."""
        budget = drawn.rows_nb.shape[1]
        widest = budget * PATIENCE if all(d.verifier.refill for d in desks) and not rules.everything else budget
        width, wide = budget, drawn if len(rows) == len(readers) else _of_rows(drawn, rows)
        while len(rows):
            tried = trial(desks, wide, readers[rows], corpus, len(self.guards_NV), self.public, rules.record)
            result = tried.kept(budget)
            enough = (result.read_n == budget) | (wide.read_n < width) | (width >= widest)
            kept = _put(kept, drawn, rows[enough], _of_rows(result, enough))
            tried.charge(enough, rules.record)
            rows, width = rows[~enough], min(2 * width, widest)
            if len(rows):
                wide = draw(rows, width)
        return kept

    def _ticket(self, documents: Documents) -> Ticket:
        return Ticket(documents.rank, authors(documents.source, len(self.guards_NV)), documents.step)

    def _queue(self, desk: Desk, documents: Documents) -> np.ndarray:
        """(M,) the order in which a verifier comes to documents: by chance, the same at every step."""
        return self.streams.chance(f"verifier/{desk.name}/queue", *self._ticket(documents))

    def _refused_before(self, corpus: Corpus, v: int) -> np.ndarray:
        """(M,) bool: documents that all whom verifier v guards are refused already, by one that stands before it."""
        refused = np.zeros(len(corpus), bool)
        for earlier in self.desks[:v]:
            if earlier.of_documents and (earlier.guarded_N >= self.desks[v].guarded_N).all():
                refused |= corpus.verdicts(earlier.name) == REJECTED
        return refused

    def _submitted(self, documents: Documents) -> Submitted:
        m = len(documents)
        return Submitted(
            documents.content, documents.document, documents.source, documents.depth, np.full(m, -1),
            documents.source >= len(self.guards_NV),
        )  # fmt: skip


def _of_rows(diet: Diet, rows: np.ndarray) -> Diet:
    """The diets of some rows (numbers, or a mask)."""
    if rows.dtype == bool and rows.all():
        return diet
    return Diet(diet.pool, diet.rows_nb[rows], diet.read_n[rows], diet.human_n[rows], diet.depth_n[rows])


def _put(kept: Diet, drawn: Diet, rows: np.ndarray, other: Diet) -> Diet:
    """The diets with others in the place of those of some rows; what was drawn stays as it is."""
    if len(rows) == len(kept.read_n):
        return other
    if kept is drawn:
        kept = _of_rows(drawn, np.arange(len(drawn.read_n)))
    for name in ("rows_nb", "read_n", "human_n", "depth_n"):
        getattr(kept, name)[rows] = getattr(other, name)
    return kept
