"""What documents entail: claims that they state, and claims that two of them compose to.

Letters: M texts with C claims each, r documents with D claims each beside every text.
"""

from __future__ import annotations

import numpy as np

from ecosystem.grammar import NONE, Claims, Grammar


def entailed(grammar: Grammar, claims: Claims, stated: Claims) -> np.ndarray:
    """(M, C) bool: which claims (M, C) follow from claims stated beside them (M, r, D), at most two of which compose.

    False where there is no claim, or an impossible value.
    """
    m = len(claims.fact)
    fact_MR, slot_MR = stated.fact.reshape(m, -1), stated.slot.reshape(m, -1)
    known_MR = (fact_MR >= 0) & (slot_MR >= 0)
    found = np.zeros(claims.fact.shape, bool)
    for c, (fact_M, slot_M) in enumerate(zip(claims.fact.T, claims.slot.T, strict=True)):
        says_MR = known_MR & (slot_MR == slot_M[:, None])
        itself = (says_MR & (fact_MR == fact_M[:, None])).any(axis=1)
        first_M = np.where(fact_M >= 0, grammar.first_F[fact_M], NONE)
        leads_MR = known_MR & (first_M >= 0)[:, None] & (fact_MR == first_M[:, None])
        through = np.zeros(m, bool)
        which = np.flatnonzero((leads_MR.any(axis=1)) & ~itself)
        if len(which):
            slot = np.where(leads_MR[which], slot_MR[which], NONE)
            second = grammar.second(np.broadcast_to(fact_M[which, None], slot.shape), slot)
            ends = np.where(says_MR[which], fact_MR[which], NONE)
            through[which] = ((second[:, :, None] == ends[:, None, :]) & (second >= 0)[:, :, None]).any(axis=(1, 2))
        found[:, c] = (itself | through) & (fact_M >= 0) & (slot_M >= 0)
    return found
