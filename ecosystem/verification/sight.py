"""What a verifier can look at beside the documents themselves; each verifier has a sight, and chance, of its own.

Letters: M documents, N models, H communities, k documents asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ecosystem.corpus import Corpus
from ecosystem.documents import Documents, DocumentShape
from ecosystem.humans import Humans
from ecosystem.population import Population
from ecosystem.streams import Draws, Streams


@dataclass
class WorldSight:
    """The sight (`ecosystem.verifier.Sight`) that a world gives to the verifier of a name."""

    owner: str
    shape: DocumentShape
    models: int
    humans: Humans
    populations: list[Population]
    streams: Streams
    corpus: Callable[[], Corpus]
    step: int = 0

    def chance(self, purpose: str, number_M: np.ndarray) -> np.ndarray:
        """(M,) uniform in [0, 1), each number's own."""
        return self.streams.chance(f"verifier/{self.owner}/{purpose}", number_M)

    def draws(self, purpose: str) -> Draws:
        """Random numbers of one row, fresh at every step."""
        return self.streams.rows(f"verifier/{self.owner}/{purpose}", self.step, 1)

    def human_writing(self, k: int, community: str | None = None) -> np.ndarray:
        """(k, *x) human documents, freshly drawn for this verifier."""
        return self.humans.freshly(k, self.draws("human"), community)

    def log_likelihood(self, model_M: np.ndarray, content: np.ndarray) -> np.ndarray:
        """(M,) nats; NaN for documents of which no model is asked (people's own opinion is not known)."""
        nats_M = np.full(len(content), np.nan)
        for population in self.populations:
            mine = np.flatnonzero((model_M >= population.first) & (model_M < population.first + population.n))
            if len(mine):
                nats_M[mine] = population.own_log_prob(model_M[mine] - population.first, content[mine])
        return nats_M

    def human_share(self, source_M: np.ndarray) -> np.ndarray:
        """(M,) human share of the last diet of each source, 1 for people."""
        share_S = np.ones(int(source_M.max(initial=0)) + 1 + self.models)
        share_S[: self.models] = np.concatenate([p.human_share_n for p in self.populations])
        return share_S[source_M]

    def earlier(self) -> Documents:
        """What can still be read from before this step."""
        return self.corpus().earlier(self.step)

    def first(self) -> int:
        """Number of the first document that is kept."""
        return self.corpus().first
