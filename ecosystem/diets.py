"""What models read, counted against the truth: kept in worlds of facts that are asked for it, for measures only.

Letters: N models, n models of a group, b documents read.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecosystem.truth import Truth


class ClaimsRead:
    """Claims in what every model was last trained on: made_N and, of them, false_N, (N,) int64 each.

    A model that read nothing keeps its account, as it stays what it was. Cost is linear in documents read.
    """

    STATE: ClassVar[tuple[str, ...]] = ("made_N", "false_N")

    def __init__(self, truth: Truth, models: int):
        self.truth = truth
        self.made_N, self.false_N = np.zeros(models, np.int64), np.zeros(models, np.int64)

    def note(self, readers: np.ndarray, content: np.ndarray, read_n: np.ndarray) -> None:
        """Models (n,) are trained on the first read_n (n,) of content (n, b, L)."""
        fed = read_n > 0
        false_nb, made_nb = self.truth.false_claims(self.truth.grammar.read(content[fed]))
        read_nb = np.arange(content.shape[1]) < read_n[fed][:, None]
        self.made_N[readers[fed]] = (made_nb * read_nb).sum(axis=1)
        self.false_N[readers[fed]] = (false_nb * read_nb).sum(axis=1)
