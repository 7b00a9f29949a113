"""Who dies, from the reading graph alone (derived here; compare Wu, Zhou & Su 2026, arXiv:2605.20151).

Follow what a model says backwards along the edges it reads. The trace ends in a human source, in a model that stands
still, or in a *closed set*: models that reach each other and read nobody outside. A closed set that no human feeds
drifts until it says one thing. So a model

* keeps diversity for ever if some trace of it ends in a human source (or in a model that stands still);
* dies if all its traces end in one and the same unfed closed set;
* lives on what the dead left behind if they end in several: each closed set is fixed on something of its own, and the
  model repeats all of it ("contaminated, not dead"; the same item by chance with probability sum p*^2).

One refinement: a closed set all of whose cycles have lengths divisible by d > 1 (a ring without self-loops) carries d
strands of descent that never meet, each fixed on its own; its members hear one strand a step and die, but an outside
reader may hear several.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ecosystem.network import Network
from ecosystem.scenario import Scenario


def who_dies(reads: csr_array | np.ndarray, fed_N: np.ndarray, unfed: str = "keep") -> np.ndarray:
    """Models that lose all diversity in the end, for almost every fate of the others: (N,) bool.

    reads (N, N): a weight > 0 where row i reads column j; fed_N (N,) bool: who reads humans. Under `unfed: keep` a
    model that reads nobody stands still; under `self` it reads itself. Holds for learners that neither sharpen nor
    smooth, `draw: documents` or `sources`, `corpus.keep: step`, authors that publish and human rates that do not end.
    """
    reads = csr_array(csr_array(reads) > 0)
    lively_N = np.asarray(fed_N, bool).copy()
    silent_N = np.diff(reads.indptr) == 0
    if unfed == "keep":
        lively_N |= silent_N
    else:
        reads = csr_array(reads + csr_array((silent_N.astype(float), (range(len(silent_N)),) * 2), shape=reads.shape))
    ends_NL = _ends(reads, lively_N)
    heard_N = _traced(reads.astype(float), lively_N[:, None])[:, 0]
    return ~heard_N & (ends_NL.sum(axis=1) == 1)


def doomed(spec: Scenario, network: Network, reach_NH: np.ndarray) -> np.ndarray | None:
    """`who_dies` for a scenario's web: (N,) bool, or None where the rule does not hold for it."""
    learners = [group.learner for group in spec.models]
    endless = [community.rate_at(spec.steps) > 0 for community in spec.humans]
    plain = all(learner.copies for learner in learners) and all(group.publish > 0 for group in spec.models)
    if any(v.gate != "panel" and min(v.pass_rates() or (0,)) == 0 for v in spec.verifiers):
        return None  # some edges carry nothing
    if spec.policies:
        return None  # who reads whom, and who writes, may change
    if not plain or spec.reading.draw == "share" or spec.corpus.keep != "step" or spec.reading.unfed == "error":
        return None
    return who_dies(network.matrix(), (reach_NH & np.array(endless, bool)).any(axis=1), spec.reading.unfed)


def _ends(reads: csr_array, lively_N: np.ndarray) -> np.ndarray:
    """The strands of unfed closed sets in which traces of each model end: (N, L) bool."""
    n = len(lively_N)
    count, member_N = connected_components(reads, directed=True, connection="strong")
    reader, author = reads.nonzero()
    open_sets = np.unique(np.append(member_N[reader[member_N[reader] != member_N[author]]], member_N[lively_N]))
    columns, periods = [], []
    for closed in np.setdiff1d(np.arange(count), open_sets):
        members = np.flatnonzero(member_N == closed)
        strand, period = _strands(reads, members)
        for s in range(period):
            column = np.zeros(n, bool)
            column[members[strand == s]] = True
            columns.append(column)
        periods.append(period)
    if not columns:
        return np.zeros((n, 0), bool)
    # one step further back along a trace is one strand further on: columns of a set are shifted in a circle
    starts = np.cumsum([0, *periods[:-1]])
    shift = np.concatenate([s + (np.arange(d) - 1) % d for s, d in zip(starts, periods, strict=True)])
    return _traced(reads.astype(float), np.array(columns).T, shift)


def _traced(reads: csr_array, ends_NL: np.ndarray, shift: np.ndarray | None = None) -> np.ndarray:
    """What each model's traces end in: its own ends and, one step back, those of whom it reads."""
    while True:
        back = reads @ ends_NL.astype(float) > 0
        if shift is not None:
            moved = np.zeros_like(back)
            moved[:, shift] = back
            back = moved
        grown = ends_NL | back
        if (grown == ends_NL).all():
            return ends_NL
        ends_NL = grown


def _strands(reads: csr_array, members: np.ndarray) -> tuple[np.ndarray, int]:
    """Which strand each member of a closed set belongs to, and the set's period d (gcd of its cycles' lengths)."""
    level = {int(members[0]): 0}
    queue, period = [int(members[0])], 0
    for i in queue:
        for j in reads.indices[reads.indptr[i] : reads.indptr[i + 1]].tolist():
            if j not in level:
                level[j] = level[i] + 1
                queue.append(j)
            else:
                period = math.gcd(period, level[i] + 1 - level[j])
    period = abs(period) or 1
    return np.array([level[int(i)] % period for i in members]), period
