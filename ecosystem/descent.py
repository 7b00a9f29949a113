"""Where the documents that copying models write come from: the documents of their last diets.

Letters: n models of a group, b documents read, k written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit


@dataclass(frozen=True)
class Lineage:
    """Where the documents of the last diets came from: document (i, b) lies at rows_nb (n, b) of depth; -1: not known.

    number: the document number of row 0, or of every row.
    """

    rows_nb: np.ndarray
    depth: np.ndarray
    number: int | np.ndarray

    def of(self, chosen: slice | np.ndarray) -> Lineage:
        """That of some of the models."""
        return Lineage(self.rows_nb[chosen], self.depth, self.number)

    def trimmed(self) -> Lineage:
        """The same without what nobody speaks of: rows behind all others, and what other rows hold."""
        end = max(int(self.rows_nb.max(initial=-1)) + 1, 1)  # a row for -1 to read where nothing is known
        spoken = np.zeros(end, bool)
        spoken[self.rows_nb[self.rows_nb >= 0]] = True
        number = self.number if isinstance(self.number, int) else self.number[:end]
        return Lineage(self.rows_nb, np.where(spoken, self.depth[:end], np.float32(0)), number)

    def descent(self, column_nk: np.ndarray, depth_n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Document copied (-1: not known) and depth of each document written, (n k,) each."""
        if isinstance(self.number, int):
            return _descent(self.rows_nb, column_nk, self.depth, depth_n, self.number)
        row, depth = _descent(self.rows_nb, column_nk, self.depth, depth_n, 0)
        return np.where(row >= 0, self.number[row], -1), depth

    def numbers(self, rows: np.ndarray) -> np.ndarray:
        """Document numbers of rows, -1 for those not known."""
        found = rows + self.number if isinstance(self.number, int) else self.number[rows]
        return found if rows.min(initial=0) >= 0 else np.where(rows >= 0, found, -1)


@njit(nogil=True, cache=True)
def _descent(rows, column, depth, depth_n, first):
    """Row copied, counted from `first` (-1: unknown), and depth of each document written: (n k,) each."""
    n, k = column.shape
    row, deeper = np.empty(n * k, np.int64), np.empty(n * k, np.float32)
    for i in range(n):
        for j in range(k):
            # a model never fed since pretraining writes from that diet, which may have been longer than any noted
            r = rows[i, column[i, j]] if column[i, j] < rows.shape[1] else -1
            row[i * k + j] = r + first if r >= 0 else -1
            deeper[i * k + j] = 1 + (depth[r] if r >= 0 else depth_n[i])
    return row, deeper


def joined(old: Lineage | None, new: Lineage, fed: np.ndarray, pretrained: int) -> Lineage:
    """The new lineage of models that were fed and the old one of those that were not: numbers and depths themselves.

    Without an old one, models that were not fed stand by so many pretraining documents, which have no number.
    """
    n, wide = len(fed), max(new.rows_nb.shape[1], old.rows_nb.shape[1] if old is not None else pretrained)
    number, depth = np.full((n, wide), -1), np.zeros((n, wide), np.float32)
    for lineage, whose in ((new, fed), (old, ~fed)):
        if lineage is not None:
            rows = lineage.rows_nb[whose]
            number[whose, : rows.shape[1]], depth[whose, : rows.shape[1]] = lineage.numbers(rows), lineage.depth[rows]
    return Lineage(np.where(number >= 0, np.arange(n * wide).reshape(n, wide), -1), depth.ravel(), number.ravel())
