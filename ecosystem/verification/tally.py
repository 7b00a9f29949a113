"""How right a verifier was: what it judged and rejected, counted against the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Tally:
    """Counts of judgements: rows people, models; columns accepted, rejected. `unjudged`: beyond the capacity.

    Of a panel also of its members' errors: how many documents, errors_V of each member and errors_VV of each two at
    once.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    unjudged: int = 0
    documents: int = 0
    errors_V: np.ndarray = field(default_factory=lambda: np.zeros(0))
    errors_VV: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def judged(self) -> int:
        return int(self.counts.sum())

    @property
    def rejected(self) -> int:
        return int(self.counts[:, 1].sum())

    @property
    def false_positive_rate(self) -> float:
        """Share of the judged human documents that were rejected; NaN where there were none."""
        return _share(self.counts[0, 1], self.counts[0].sum())

    @property
    def false_negative_rate(self) -> float:
        """Share of the judged model documents that were accepted."""
        return _share(self.counts[1, 0], self.counts[1].sum())

    @property
    def precision(self) -> float:
        """Share of models' documents among what was rejected."""
        return _share(self.counts[1, 1], self.rejected)

    @property
    def recall(self) -> float:
        """Share of the judged model documents that were rejected."""
        return _share(self.counts[1, 1], self.counts[1].sum())

    def error_correlation(self) -> float:
        """Mean correlation of two members' errors; NaN where there are no two that err."""
        if len(self.errors_V) < 2 or not self.documents:
            return float("nan")
        mean_V = self.errors_V / self.documents
        spread_V = np.sqrt(mean_V * (1 - mean_V))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = (self.errors_VV / self.documents - np.outer(mean_V, mean_V)) / np.outer(spread_V, spread_V)
        pairs = correlation[np.triu_indices(len(mean_V), 1)]
        return float(pairs[np.isfinite(pairs)].mean()) if np.isfinite(pairs).any() else float("nan")

    def add(self, human: np.ndarray, accepted: np.ndarray) -> None:
        """Judgements of documents: the truth and the verdict, (M,) bool each."""
        people, models, all_accepted = int(human.sum()), int((~human).sum()), int(accepted.sum())
        people_accepted = int((human & accepted).sum())
        models_accepted = all_accepted - people_accepted
        self.counts += [[people_accepted, people - people_accepted], [models_accepted, models - models_accepted]]

    def add_votes(self, human: np.ndarray, vote_VM: np.ndarray) -> None:
        """A panel's votes, True for accepted, against the truth: what people wrote is to be accepted."""
        error_VM = (vote_VM != human).astype(float)
        if not len(self.errors_V):
            self.errors_V, self.errors_VV = np.zeros(len(vote_VM)), np.zeros((len(vote_VM), len(vote_VM)))
        self.documents += len(human)
        self.errors_V += error_VM.sum(axis=1)
        self.errors_VV += error_VM @ error_VM.T


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
