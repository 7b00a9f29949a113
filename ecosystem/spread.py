"""How collapse travels: who collapsed when, who it read before, and whom that is to be laid to.

A model that counts as collapsed (`collapse:`) for the first time is a *case*. It is attributed to the collapsed authors
in the diet that it was trained on in that step, in proportion to their shares of it: Wallinga & Teunis 2004
(doi:10.1093/aje/kwh255), with what was really read in place of the likelihood of a serial interval. A case that read
no collapsed author is nobody's. An author counts as collapsed by what it was at the step before, when it wrote.

Only worlds that are asked for such a metric keep this account. Cost is linear in documents read.

Letters: N models, n readers of a group, b documents read, S sources, A attributions.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecosystem.network import Network
from ecosystem.reading import Diet
from ecosystem.runs.statistics import LEVEL, Interval
from ecosystem.streams import Streams

EARLY = 0.25  # share of all models up to which cases are early, while most that could collapse have not
RESAMPLED = 2_000


class Spread:
    """The account of one world. NaN stands for 'not yet'.

    arrival_N, alike_N: first steps at which a model was collapsed, and was alike to half of all models (itself
    included); exposed_N: sum over its diets of the share by collapsed authors, up to its own collapse, and diets_N how
    many they were.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "arrival_N", "alike_N", "exposed_N", "diets_N", "caused_N", "_collapsed_N", "_read", "_distance_N",
    )  # fmt: skip

    def __init__(self, network: Network, collapse: bool, likeness: bool):
        self.network, self.of_collapse, self.of_likeness = network, collapse, likeness
        n = network.n
        self.arrival_N, self.alike_N = np.full(n, np.nan), np.full(n, np.nan)
        self.exposed_N, self.diets_N = np.zeros(n), np.zeros(n, np.int64)
        self.caused_N = np.zeros(n)  # cases attributed to each model
        self._collapsed_N = np.zeros(n, bool)  # at the last step
        self._read: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # of the current step
        self._distance_N: np.ndarray | None = None

    def read(self, readers: np.ndarray, diet: Diet) -> None:
        """Models (n,) are about to be trained on these diets."""
        standing = np.isnan(self.arrival_N[readers]) & (diet.read_n > 0)
        if not self.of_collapse or not standing.any():
            return
        who, read_n, rows_nb = readers[standing], diet.read_n[standing], diet.rows_nb[standing]
        self.diets_N[who] += 1
        if not self._collapsed_N.any():
            return
        collapsed_S = np.zeros(len(diet.pool.counts_S), bool)
        collapsed_S[: len(self.arrival_N)] = self._collapsed_N
        source_nb = diet.pool.sources(rows_nb)
        by_collapsed = collapsed_S[source_nb] & (np.arange(rows_nb.shape[1]) < read_n[:, None])
        row, _ = np.nonzero(by_collapsed)
        pair_A, count_A = np.unique(row * len(collapsed_S) + source_nb[by_collapsed], return_counts=True)
        row_A, author_A = np.divmod(pair_A, len(collapsed_S))
        share_A = count_A / read_n[row_A]
        np.add.at(self.exposed_N, who[row_A], share_A)
        self._read.append((who[row_A], author_A, share_A))

    def note(self, world) -> None:
        """What the models have become at the end of a step."""
        if self.of_likeness:
            alike = world.measured("alike_with") >= 0.5
            self.alike_N[np.isnan(self.alike_N) & alike] = world.t
        if not self.of_collapse:
            return
        self._collapsed_N = world.measured("collapsed") > 0
        new_N = np.isnan(self.arrival_N) & self._collapsed_N
        self.arrival_N[new_N] = world.t
        for reader_A, author_A, share_A in self._read:  # each reader is in one of them, with all that it read
            total_N = np.bincount(reader_A, share_A, len(new_N))
            cases = new_N[reader_A]
            np.add.at(self.caused_N, author_A[cases], (share_A / total_N[reader_A])[cases])
        self._read = []

    @property
    def source_N(self) -> np.ndarray:
        """(N,) bool: the models that collapsed first."""
        known = self.arrival_N[~np.isnan(self.arrival_N)]
        return self.arrival_N == (known.min() if known.size else np.inf)

    @property
    def distance_N(self) -> np.ndarray:
        """(N,) reading links, along the way text travels, from those that collapsed first; infinite where none lead."""
        if self._distance_N is not None:
            return self._distance_N
        found = distances(self.network, self.source_N)
        if self.source_N.any():  # who was first stays first
            self._distance_N = found
        return found

    @property
    def early_N(self) -> np.ndarray:
        """(N,) bool: the models that collapsed first, and those that did while at most a quarter of all had."""
        step_C = np.sort(self.arrival_N[~np.isnan(self.arrival_N)])
        with_it_C = np.searchsorted(step_C, step_C, side="right") / len(self.arrival_N)
        last = step_C[with_it_C <= EARLY].max(initial=-np.inf)
        return self.source_N | (self.arrival_N <= last)


def distances(network: Network, source_N: np.ndarray) -> np.ndarray:
    """(N,) links from any of some models (N,) bool to each, from author to reader; infinite where none lead.

    A pass over the reading lists for each link of the longest way: lists that readers share cost no more than once.
    """
    distance_N, step = np.where(source_N, 0.0, np.inf), 0.0
    reached_N = source_N.copy()
    while True:
        heard = np.append(0, np.cumsum(reached_N[network.author_E]))
        skipped = (network.skip_N >= 0) & reached_N[network.skip_N]
        hears_N = heard[network.end_N] - heard[network.begin_N] - skipped > 0
        new_N, step = hears_N & ~reached_N, step + 1
        if not new_N.any():
            return distance_N
        distance_N[new_N] = step
        reached_N |= new_N


def reproduction_interval(spread: Spread, level: float = LEVEL, seed: int = 0) -> Interval:
    """Mean cases attributed to an early case so far, with a percentile interval by resampling early cases.

    It says how much early cases differ, within one run; it does not say how runs differ (that is the interval over
    seeds), and with a single early case it has no width.
    """
    caused_C = spread.caused_N[spread.early_N]
    if not caused_C.size:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    picked = Streams(seed).get("spread/resampled").integers(0, caused_C.size, (RESAMPLED, caused_C.size))
    low, high = np.quantile(caused_C[picked].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(caused_C.mean()), float(low), float(high), caused_C.size)
