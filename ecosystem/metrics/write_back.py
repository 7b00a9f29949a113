"""Write-back: what models add to the web, what they retrieve and cite, and whether refusals are learned from.

Letters: N models, M answers.
"""

from __future__ import annotations

import numpy as np

from ecosystem.interfaces import defined_for
from ecosystem.metrics.facts import _of_answers


def model_documents(world) -> float:
    """Readable documents on the web that models wrote."""
    return float(world.web_counts[: world.n].sum())


@defined_for("claims")
def repeated_refusals(world) -> float:
    """Share of the answers refused with a critique over the run so far of which a critique was on record before.

    0 where models hold back whatever was refused once; NaN where nothing was refused.
    """
    if world.answering is None or not world.answering.experience.noted:
        return float("nan")
    return world.answering.experience.repeated / world.answering.experience.noted


@defined_for("claims")
def empty_retrieval_share(world) -> np.ndarray:
    """(N,) share of a model's questions in the step for which nothing was retrieved."""
    return _of_answers(world, lambda a, right: ((a.retrieved < 0).all(axis=1), np.ones(len(a), bool)))


@defined_for("claims")
def unanswered_share(world) -> np.ndarray:
    """(N,) share of a model's questions in the step to which it said nothing."""
    return _of_answers(world, lambda a, right: (a.slot < 0, np.ones(len(a), bool)))


@defined_for("claims")
def false_citation_share(world) -> np.ndarray:
    """(N,) share of a model's answers in the step, of those with citations, that cite what it did not retrieve."""

    def counted(a, right):
        cites = (a.cited >= 0) & (a.slot >= 0)[:, None]
        found = (a.cited[:, :, None] == a.retrieved[:, None, :]).any(axis=2)
        return (cites & ~found).any(axis=1), cites.any(axis=1)

    return _of_answers(world, counted)
