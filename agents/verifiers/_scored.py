"""What verifiers that score documents have in common: what they let through by the score."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from agents.kernels.ranking import by_weight, top_share
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier


class Scored(Verifier):
    """Lets through what scores best among what is before it: of a reader's draws where readings are judged, of what an
    author wrote where authors judge their own, else of all documents that come at once.

    A queue is all that comes before it together: the new documents of a step, a group's writing, a reader's draws. One
    with a single document in it is let through with probability `keep` by rank, and always by weight.
    """

    reads: ClassVar[tuple[str, ...]] = ("items", "vectors", "pairs", "tokens")

    keep: Share = Field(0.5, description="by top: share of what is before it that it lets through.")
    by: Literal["top", "weight"] = Field(
        "top", description="top: the best share; weight: with probability exp(strength (score - best score))."
    )
    strength: float = Field(1.0, gt=0, le=1000, description="by weight: how much a nat counts.")

    @property
    def ranks(self) -> bool:
        return True

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """Probabilities by rank or weight; 1 where there is no score (NaN)."""
        score_M, queue_M = self.scores(state, seen, sight), self.queues(seen)
        known = ~np.isnan(score_M)
        if not known.all():
            passed_M = np.ones(len(seen))
            passed_M[known] = self._passed(score_M[known], queue_M[known])
            return passed_M
        return self._passed(score_M, queue_M)

    def scores(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """(M,) score of each document, nats: the higher, the rather it is let through."""
        raise NotImplementedError

    def queues(self, seen: Submitted) -> np.ndarray:
        """(M,) number of the queue in which each document stands."""
        return seen.judge_of_own if self.personal else seen.reader

    def _passed(self, score_M: np.ndarray, queue_M: np.ndarray) -> np.ndarray:
        if self.by == "top":
            return top_share(score_M, queue_M, self.keep)
        return by_weight(score_M, queue_M, self.strength)


def of_its_own(seen: Submitted, sight: Sight) -> np.ndarray:
    """(M,) nats of each document under the reader itself, before publishing under its author; NaN for people.

    Of an answer: those of what it says, given what was asked. How likely one is to speak of a subject at all says
    nothing about an answer.
    """
    if seen.answered is not None:
        fact_M, slot_M = seen.answered.fact, seen.answered.slot
        belief_MV = sight.beliefs(seen.judge_of_own, fact_M)
        with np.errstate(divide="ignore"):
            return np.log(belief_MV[np.arange(len(slot_M)), slot_M])
    return a_token(sight.log_likelihood(seen.judge_of_own, seen.content), seen.content, sight.shape)


def a_token(nats_M: np.ndarray, content: np.ndarray, shape: DocumentShape) -> np.ndarray:
    """(M,) nats of documents; of texts the mean over their tokens, the end token included.

    The likelihood of a whole text falls with its length: by it the shortest texts would be the likeliest.
    """
    if shape.kind != "tokens":
        return nats_M
    ended = content == 0
    tokens_M = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, content.shape[1])
    return nats_M / tokens_M
