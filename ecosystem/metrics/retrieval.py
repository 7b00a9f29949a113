"""Worlds of facts: whether what was retrieved is to the point, and whether what is known follows what is asked for.

Letters: N models, F facts, M answers, r documents retrieved for one.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from ecosystem.interfaces import defined_for


@defined_for("claims")
def retrieval_precision(world) -> np.ndarray:
    """(N,) share of the documents retrieved in the step that state the fact looked up: the one asked for, or one of the
    two that a composition needs. NaN for who retrieved nothing. Exact retrieval has 1."""
    hits_N, found_N = np.zeros(world.n), np.zeros(world.n)
    desk = world.answering
    for answers, hits in zip(desk.answers, desk.hits, strict=True) if desk is not None else ():
        found = answers.retrieved >= 0
        found_N += np.bincount(answers.agent, found.sum(axis=1), minlength=world.n)
        hits_N += np.bincount(answers.agent, (found & hits).sum(axis=1), minlength=world.n)
    with np.errstate(invalid="ignore"):
        return np.where(found_N > 0, hits_N / found_N, np.nan)


@defined_for("claims")
def popularity_survival(world) -> float:
    """Rank correlation (Spearman's, ties at their mean rank), over facts, of how often each is asked for with the share
    of the models that give it correctly from memory. Where it is high, facts are forgotten in the order in which few
    ask for them. NaN where all facts are asked for, or all known, alike."""
    truth = world.reference.truth
    slot_NF, _ = world.readout.recalled
    rank = [rankdata(values) for values in (truth.asked_F, (slot_NF == truth.slot_F).mean(axis=0))]
    apart = [ranks - ranks.mean() for ranks in rank]
    spread = np.sqrt((apart[0] ** 2).sum() * (apart[1] ** 2).sum())
    return float(apart[0] @ apart[1] / spread) if spread > 0 else float("nan")
