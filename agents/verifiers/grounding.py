"""Grounding: does what was retrieved entail what is said? A gate for write-back that knows nothing of the truth."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from agents.kernels.entailed import entailed
from ecosystem.grammar import Claims
from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier

ROUNDING = 1e-9  # of a threshold times a number of claims


class Grounding(Verifier):
    """Accepts an answer where what was retrieved for it entails enough of its claims, as far as this gate can tell.

    A claim is entailed where a retrieved document states it, or two retrieved documents compose to it; whether they are
    true is not asked, so what the web has wrong passes. Of an entailed claim it finds out with probability
    `sensitivity`, of another with `specificity`, claim by claim. An answer's score is the share of its claims found
    entailed; `threshold` as in bidirectional retrieval (arXiv:2512.22199), where a sequence classifier scores text.
    What claims nothing is not entailed. What answers nothing (free writing, people's) rests on nothing that could be
    looked at, and passes.

    What it refuses goes on record as a critique.
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)
    critiques: ClassVar[bool] = True
    of_answers: ClassVar[bool] = True

    gate: Literal["publish", "panel"] = Field(
        "publish", description="publish: what was retrieved is known then; panel: judges only as a member of one."
    )
    threshold: Share = Field(0.65, description="Share of an answer's claims that must be found entailed.")
    sensitivity: Share = Field(0.95, description="Probability that an entailed claim is found to be.")
    specificity: Share = Field(0.9, description="Probability that a claim that is not entailed is found not to be.")

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """Probability that the score reaches the threshold; 1 for what is no answer."""
        answered, grammar = seen.answered, sight.shape.grammar
        if answered is None or not len(seen):
            return np.ones(len(seen))
        assert grammar is not None
        number_U, place = np.unique(answered.retrieved, return_inverse=True)
        content, there_U = sight.stored(number_U)
        fact_U, slot_U = grammar.read(content)
        source = place.reshape(answered.retrieved.shape)
        stated = Claims(np.where(there_U[:, None], fact_U, -1)[source], slot_U[source])
        claims = grammar.read(seen.content)
        found = np.where(entailed(grammar, claims, stated), self.sensitivity, 1 - self.specificity)
        made = claims.fact >= 0
        needed = np.ceil(self.threshold * made.sum(axis=1) - ROUNDING)
        return np.where(made.any(axis=1), at_least(np.where(made, found, 0.0), needed), 1 - self.specificity)


def at_least(p_MC: np.ndarray, needed_M: np.ndarray) -> np.ndarray:
    """(M,) probability that of independent events with probabilities p at least so many happen (Poisson binomial)."""
    m, c = p_MC.shape
    count = np.zeros((m, c + 1))
    count[:, 0] = 1.0
    for p_M in p_MC.T:
        count[:, 1:] = count[:, 1:] * (1 - p_M)[:, None] + count[:, :-1] * p_M[:, None]
        count[:, 0] *= 1 - p_M
    return np.clip(np.where(np.arange(c + 1) >= needed_M[:, None], count, 0.0).sum(axis=1), 0.0, 1.0)
