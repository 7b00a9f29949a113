"""How right a verifier was: what it judged and rejected, counted against the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Tally:
    """Counts of judgements: rows people, models; columns accepted, rejected. `unjudged`: beyond the capacity.

    Of a panel also of its members' errors, people's documents and models' apart (2): how many documents, errors_2V of
    each member and errors_2VV of each two at once.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    unjudged: int = 0
    documents_2: np.ndarray = field(default_factory=lambda: np.zeros(2))
    errors_2V: np.ndarray = field(default_factory=lambda: np.zeros((2, 0)))
    errors_2VV: np.ndarray = field(default_factory=lambda: np.zeros((2, 0, 0)))

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
        """Mean correlation of two members' errors, given who wrote; NaN where there are no two that err.

        Given who wrote: members who all find models harder than people are not alike for that.
        """
        known = self.documents_2 > 0
        if self.errors_2V.shape[1] < 2 or not known.any():
            return float("nan")
        count, once_V, twice_VV = self.documents_2[known], self.errors_2V[known], self.errors_2VV[known]
        expected_VV = np.einsum("cv,cw,c->cvw", once_V, once_V, 1 / count)
        joint_VV = (twice_VV - expected_VV).sum(axis=0)
        spread_V = np.sqrt(np.diagonal(joint_VV))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = joint_VV / np.outer(spread_V, spread_V)
        pairs = correlation[np.triu_indices(len(spread_V), 1)]
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
        if not self.errors_2V.size:
            v = len(vote_VM)
            self.errors_2V, self.errors_2VV = np.zeros((2, v)), np.zeros((2, v, v))
        for who, which_M in enumerate((human, ~human)):
            wrong_VM = error_VM[:, which_M]
            self.documents_2[who] += which_M.sum()
            self.errors_2V[who] += wrong_VM.sum(axis=1)
            self.errors_2VV[who] += wrong_VM @ wrong_VM.T


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
