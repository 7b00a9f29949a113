"""What models publish in worlds of facts, after whoever stands before it has refused or amended some of it.

Letters: N models, M documents.
"""

from __future__ import annotations

import numpy as np

from ecosystem.interfaces import defined_for


@defined_for("claims")
def false_share_published(world) -> np.ndarray:
    """(N,) share of the claims that a model published in the step that are false; NaN where there are none (step 0)."""
    if not world.t:
        return np.full(world.n, np.nan)
    published = world.corpus.documents(world.t)
    false_M, made_M = world.reference.truth.false_claims(world.shape.grammar.read(published.content))
    mine = published.source < world.n
    false_N = np.bincount(published.source[mine], false_M[mine], world.n)
    made_N = np.bincount(published.source[mine], made_M[mine], world.n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(made_N > 0, false_N / made_N, np.nan)
