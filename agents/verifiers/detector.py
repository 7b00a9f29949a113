"""A detector of machine writing by its error rates: what it is, not how it works."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.special import betaincinv

from agents.kernels.rarity import surprise
from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier, authors


class Detector(Verifier):
    """Tells human from model writing, with errors: law 4 of the simulator (arXiv:2602.10531).

    Errors may go together: by author (some people are taken for machines again and again, with rates spread as a beta
    distribution of this intraclass correlation) or by content (the rarest of human writing among what it judges in a
    step is thrown out first). The stated rates hold on average in either case.
    """

    false_positive_rate: Share = Field(0.05, description="Share of human documents taken for a model's (type 1).")
    false_negative_rate: Share = Field(0.2, description="Share of models' documents taken for human (type 2).")
    correlated: Literal["no", "author", "content"] = Field("no", description="What its errors go together by.")
    correlation: Share = Field(0.5, description="How far: 0 not at all, 1 wholly.")

    @property
    def ranks(self) -> bool:
        return self.correlated == "content"

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """1 minus the false-positive rate for people, the false-negative rate for models, or what goes with each."""
        wrong_M = np.where(seen.human, self.false_positive_rate, self.false_negative_rate)
        if self.correlated == "author" and self.correlation > 0:
            wrong_M = _of_authors(
                wrong_M, self.correlation, sight.chance("authors", authors(seen.source, sight.models))
            )
        if self.correlated == "content" and seen.human.any():
            people = np.flatnonzero(seen.human)
            nats = surprise(seen.content, sight.shape)[people]
            # before publishing documents have no numbers: then their places decide between equals
            number = np.where(seen.document[people] < 0, people, seen.document[people])
            order = np.lexsort((sight.chance("ties", number), nats))
            rarest = np.zeros(len(people))
            rarest[order[round(len(people) * (1 - self.false_positive_rate)) :]] = 1
            wrong_M[people] += self.correlation * (rarest - wrong_M[people])
        return np.where(seen.human, 1 - wrong_M, wrong_M)

    def pass_rates(self) -> tuple[float, float] | None:
        """Acceptance of people and of models, where errors are independent."""
        return (1 - self.false_positive_rate, self.false_negative_rate) if self.correlated == "no" else None


def _of_authors(mean_M: np.ndarray, correlation: float, place_M: np.ndarray) -> np.ndarray:
    """The error rate of each document's author: the quantile at its place of a beta distribution of that mean."""
    if correlation == 1:
        return (place_M < mean_M).astype(float)
    size, inside = 1 / correlation - 1, (mean_M > 0) & (mean_M < 1)
    rate_M = mean_M.copy()
    rate_M[inside] = betaincinv(mean_M[inside] * size, (1 - mean_M[inside]) * size, place_M[inside])
    return rate_M
