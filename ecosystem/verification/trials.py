"""What some readers drew, before their verifiers: judged one by one, or by rates in one pass.

Letters: n readers, w documents drawn, b wanted, M documents, R rows of the pool, V verifiers that judge readings.
"""

from __future__ import annotations

import numpy as np

from ecosystem.corpus import Corpus
from ecosystem.documents import NEW, REJECTED, DocumentShape, Pool
from ecosystem.reading import Diet
from ecosystem.verification.desk import Desk, Ticket
from ecosystem.verification.kernel import HUMAN, PASSED, PUBLIC, keep_by_rates, keep_passed
from ecosystem.verifier import Submitted

BY_RATES = ("items", "vectors", "pairs")  # documents of which `pass_rates` speak


def trial(
    desks: list[Desk], wide: Diet, readers: np.ndarray, corpus: Corpus, models: int, public: int, record: bool
) -> Trial | TrialByRates:
    """The trial of what `readers` drew. `models`, `public`: sources below are models, are no private archives."""
    if not record and all(desk.of_documents or by_rates(desk, corpus.shape) for desk in desks):
        return TrialByRates(desks, wide, readers, corpus, models, public)
    return Trial(desks, wide, readers, corpus, models, public)


def by_rates(desk: Desk, shape: DocumentShape) -> bool:
    """Whether a verifier's verdicts depend on who wrote, and on nothing else."""
    return shape.kind in BY_RATES and desk.rates is not None


class TrialByRates:
    """Where verifiers have judged documents before, or judge readings by nothing but who wrote: one compiled pass."""

    def __init__(
        self, desks: list[Desk], wide: Diet, readers: np.ndarray, corpus: Corpus, models: int, public: int
    ):
        self.wide, self.readers = wide, readers
        source_R = wide.pool.source
        flags_R = (source_R >= models).view(np.uint8) * np.uint8(HUMAN)
        flags_R += (source_R < public).view(np.uint8) * np.uint8(PUBLIC)
        passed_R = np.ones(len(source_R), bool)
        for desk in desks:
            if desk.of_documents:
                passed_R &= _passed_rows(desk, wide.pool, corpus)
        self._flags_R = flags_R + passed_R.view(np.uint8) * np.uint8(PASSED)
        self._judging = [desk for desk in desks if not desk.of_documents]

    def kept(self, budget: int) -> Diet:
        """The first documents that passed, up to so many for each reader."""
        n, wide, judging = len(self.readers), self.wide, self._judging
        rows_nb, depth_n = np.zeros((n, budget), np.int64), np.full(n, np.nan)
        read_n, human_n = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._counts_nV22 = np.zeros((n, len(judging), 2, 2), np.int64)
        keep_by_rates(
            wide.rows_nb, wide.read_n, self._flags_R, wide.pool.depth, self.readers.astype(np.int64),
            judging[0].sight.step if judging else 0,
            np.array([desk.key for desk in judging], np.uint64), np.array([d.rates for d in judging]).reshape(-1, 2),
            rows_nb, read_n, human_n, depth_n, self._counts_nV22,
        )  # fmt: skip
        return Diet(wide.pool, rows_nb, read_n, human_n, depth_n)

    def charge(self, done: np.ndarray, record: bool) -> None:
        """Counts judgements of readings that the readers who are done looked at; there is nothing to record."""
        for v, desk in enumerate(self._judging):
            desk.charge_counts(self._counts_nV22[done, v].sum(axis=0))


class Trial:
    """Where it matters what is judged: every verifier sees the readings that passed those before it."""

    def __init__(
        self, desks: list[Desk], wide: Diet, readers: np.ndarray, corpus: Corpus, models: int, public: int
    ):
        self.wide, self.readers = wide, readers
        self.source_nw = wide.pool.sources(wide.rows_nb)
        self.passed_nw = np.arange(wide.rows_nb.shape[1]) < wide.read_n[:, None]
        self.human_nw = self.source_nw >= models
        self.public_nw = self.source_nw < public
        self._judged: list[tuple[Desk, np.ndarray, np.ndarray, np.ndarray, Submitted]] = []
        self._passed_by: list[tuple[Desk, np.ndarray]] = []
        for desk in desks:  # verdicts that stand are looked up before anything is judged
            if desk.of_documents:
                self.passed_nw &= _passed(desk, wide.pool.documents(wide.rows_nb), corpus)
        for desk in desks:
            if not desk.of_documents:
                self._by_reading(desk)

    def kept(self, budget: int) -> Diet:
        """The first documents that passed, up to so many for each reader."""
        n = len(self.readers)
        counts = [np.zeros(n, np.int64) for _ in range(3)]
        rows_nb, depth_n = np.zeros((n, budget), np.int64), np.full(n, np.nan)
        read_n, human_n, self.looked_n = counts
        wide = self.wide
        keep_passed(
            wide.rows_nb, wide.read_n, self.passed_nw, self.human_nw, wide.pool.depth, rows_nb, read_n, human_n,
            depth_n, self.looked_n,
        )  # fmt: skip
        return Diet(wide.pool, rows_nb, read_n, human_n, depth_n)

    def charge(self, done: np.ndarray, record: bool) -> None:
        """Counts judgements of readings that the readers who are done looked at."""
        for desk, place, accepted, votes, seen in self._judged:
            counted = self._looked_at(place, done)
            desk.charge(seen.take(counted), accepted[counted], votes[:, counted], record)
        for desk, place in self._passed_by:
            desk.pass_by(int(self._looked_at(place, done).sum()))

    def _looked_at(self, place: np.ndarray, done: np.ndarray) -> np.ndarray:
        """(M,) bool: places that readers who are done came to before they had enough."""
        looked_nw = done[:, None] & (np.arange(self.passed_nw.shape[1]) < self.looked_n[:, None])
        return looked_nw.take(place)

    def _by_reading(self, desk: Desk) -> None:
        """Judges every reading that passed so far, one after the other as they come to the readers."""
        place, i, j = _places(self.passed_nw & self.public_nw)
        reached = desk.within_capacity(j * len(self.readers) + i)
        if not reached.all():
            if desk.verifier.overflow == "reject":
                self.passed_nw.ravel()[place[~reached]] = False
            self._passed_by.append((desk, place[~reached]))
            place, i, j = place[reached], i[reached], j[reached]
        if not len(place):
            return
        pool, rows = self.wide.pool, self.wide.rows_nb.take(place)
        seen = Submitted(
            pool.content.take(rows, axis=0), pool.documents(rows),
            self.source_nw.take(place).astype(np.int32, copy=False), pool.depth.take(rows), self.readers.take(i),
            self.human_nw.take(place),
        )  # fmt: skip
        accepted, votes = desk.verdict(seen, Ticket(j, self.readers[i] + 1, desk.sight.step))
        self.passed_nw.ravel()[place] = accepted
        self._judged.append((desk, place, accepted, votes, seen))


def _passed(desk: Desk, document: np.ndarray, corpus: Corpus) -> np.ndarray:
    """Which documents, by their numbers, a verifier lets through by the verdicts that stand.

    Numbers of documents that are forgotten (padding may have them) get some verdict: nobody reads them.
    """
    if not len(corpus):
        return np.ones(document.shape, bool)
    return _through(desk, corpus.verdicts(desk.name).take(document - corpus.first, mode="clip"))


def _passed_rows(desk: Desk, pool: Pool, corpus: Corpus) -> np.ndarray:
    """(R,) bool: the same of every row of a pool; of rows that are forgotten nothing is asked."""
    if isinstance(pool.number, np.ndarray):  # a sample of what is kept
        return _passed(desk, pool.number, corpus)
    passed_R = np.ones(len(pool.content), bool)
    passed_R[corpus.first - pool.number :] = _through(desk, corpus.verdicts(desk.name))
    return passed_R


def _through(desk: Desk, verdict: np.ndarray) -> np.ndarray:
    """What a verdict says of a document: is it let through?"""
    passed = verdict != REJECTED
    return passed if desk.verifier.overflow == "pass" else passed & (verdict != NEW)


def _places(passed_nw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(M,) flat places, rows and columns of what is True."""
    (n, w), place = passed_nw.shape, np.flatnonzero(passed_nw)
    if len(place) == passed_nw.size:  # division is slow
        return place, np.repeat(np.arange(n), w), np.tile(np.arange(w), n)
    return place, *np.divmod(place, w)
