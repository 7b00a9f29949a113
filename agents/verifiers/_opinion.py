"""What verifiers that judge claims by somebody's belief have in common.

Letters: M documents, C claims of a document, V slots, P minds asked.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from ecosystem.grammar import Claims, Grammar
from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier


class Opinion(Verifier):
    """Accepts a document with the probability that a judge gives to the claim in it that it believes least.

    Answers drawn from p that a judge with belief q lets through so are distributed as p q: two opinions multiplied,
    which is what Bayes' rule makes of two that learned from different documents, and a mere sharpening, p p, where the
    judge is the author itself. With a `threshold` it accepts whatever it finds at least so probable. A document that
    claims nothing is refused; what nobody can be asked about (people's writing) passes.
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)

    threshold: Share | None = Field(
        None, description="Accepts what the judge finds at least so probable (default: with that probability)."
    )

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        claims = grammar_of(sight).read(seen.content)
        believed_M = credence(self.opinion(state, seen, claims.fact, sight), claims)
        p_M = believed_M if self.threshold is None else np.where(believed_M >= self.threshold, 1.0, 0.0)
        return np.where(np.isnan(believed_M), 1.0, p_M)

    def opinion(self, state: Params, seen: Submitted, fact_MC: np.ndarray, sight: Sight) -> np.ndarray:
        """(M, C, V) how probable the judge of each document finds every value of the facts that it is about; NaN where
        nobody can be asked, or there is no claim."""
        raise NotImplementedError


def grammar_of(sight: Sight) -> Grammar:
    """The grammar of a world of facts; who reads `claims` stands in no other."""
    grammar = sight.shape.grammar
    assert grammar is not None
    return grammar


def credence(belief_MCV: np.ndarray, claims: Claims) -> np.ndarray:
    """(M,) belief in the claim believed least, 0 where there is none or an impossible one; NaN: nobody was asked."""
    of_slot = np.take_along_axis(belief_MCV, np.maximum(claims.slot, 0)[..., None], axis=-1)[..., 0]
    of_slot = np.where(claims.slot >= 0, of_slot, 0 * of_slot)
    made = claims.fact >= 0
    least_M = np.where(made, of_slot, 2.0).min(axis=1, initial=2.0)
    return np.where(made.any(axis=1), least_M, 0.0)


def asked(model_MP: np.ndarray, fact_MC: np.ndarray, sight: Sight, earlier: Params | None = None) -> np.ndarray:
    """(M, C, V) the mean belief of some models about facts; NaN where there is none to ask (-1), or no fact (-1)."""
    m, minds = model_MP.shape
    total, known = 0.0, np.zeros((m, fact_MC.shape[1], 1))
    for model_M in model_MP.T:
        believed = sight.beliefs(np.repeat(model_M, fact_MC.shape[1]), fact_MC.ravel(), earlier)
        believed = believed.reshape(*fact_MC.shape, believed.shape[1])
        total, known = total + np.nan_to_num(believed), known + ~np.isnan(believed[..., :1])
    if not minds:
        return np.full((*fact_MC.shape, grammar_of(sight).slots), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known > 0, total / known, np.nan)
