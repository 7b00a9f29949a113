"""How right a verifier was: what it judged and rejected, counted against the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Tally:
    """Counts of judgements: rows people, models; columns accepted, rejected. `unjudged`: beyond the capacity.

    `truth`: of verifiers that judge claims the same with rows true documents, false documents; else None. Rates and
    errors are against it where there is one, else against who wrote: a *good* document is a true one, or people's.
    Of a panel also of its members' errors, good documents and others apart (2): how many documents, errors_2V of each
    member and errors_2VV of each two at once.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    truth: np.ndarray | None = None
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
    def by_worth(self) -> np.ndarray:
        """(2, 2) rows good documents, others; columns accepted, rejected."""
        return self.counts if self.truth is None else self.truth

    @property
    def false_positive_rate(self) -> float:
        """Share of the judged good documents that were rejected; NaN where there were none."""
        return _share(self.by_worth[0, 1], self.by_worth[0].sum())

    @property
    def false_negative_rate(self) -> float:
        """Share of the judged other documents that were accepted."""
        return _share(self.by_worth[1, 0], self.by_worth[1].sum())

    @property
    def precision(self) -> float:
        """Share of other than good documents among what was rejected."""
        return _share(self.by_worth[1, 1], self.by_worth[:, 1].sum())

    @property
    def recall(self) -> float:
        """Share of the judged other documents that were rejected."""
        return _share(self.by_worth[1, 1], self.by_worth[1].sum())

    def error_correlation(self) -> float:
        """Mean correlation of two members' errors, given the worth of documents; NaN where no two err.

        Given that: members who all find models harder than people are not alike for it.
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

    def add(self, human: np.ndarray, accepted: np.ndarray, true: np.ndarray | None = None) -> None:
        """Judgements of documents: who wrote and the verdict, (M,) bool each; true: where it counts."""
        self.counts += _table(human, accepted)
        if true is not None and self.truth is not None:
            self.truth += _table(true, accepted)

    def add_votes(self, good: np.ndarray, vote_VM: np.ndarray) -> None:
        """A panel's votes, True for accepted: good documents are to be accepted."""
        error_VM = (vote_VM != good).astype(float)
        if not self.errors_2V.size:
            v = len(vote_VM)
            self.errors_2V, self.errors_2VV = np.zeros((2, v)), np.zeros((2, v, v))
        for who, which_M in enumerate((good, ~good)):
            wrong_VM = error_VM[:, which_M]
            self.documents_2[who] += which_M.sum()
            self.errors_2V[who] += wrong_VM.sum(axis=1)
            self.errors_2VV[who] += wrong_VM @ wrong_VM.T


def _table(good: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """(2, 2) good, others by accepted, rejected."""
    count, passed, both = int(good.sum()), int(accepted.sum()), int((good & accepted).sum())
    return np.array([[both, count - both], [passed - both, len(good) - count - (passed - both)]])


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
