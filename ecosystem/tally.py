"""Counting what is there, row by row: cost follows the documents, not the number of possible items.

Letters: n rows, b places in a row.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def tally(content, weight, size):
    """Distinct items of each row and their shares of the row's weight.

    content (n, b) integers 0 .. size-1, weight (n, b) >= 0; returns item int32 and mass float64, (n, u) each with u the
    most distinct items of any row, filled up with zeros. A row without weight has no mass.
    """
    n, b = content.shape
    item, mass, most = np.zeros((n, b), np.int32), np.zeros((n, b)), 1
    place = np.full(size, -1, np.int32)  # where an item stands in the current row: cleared after each, not reallocated
    for i in range(n):
        used, total = 0, 0.0
        for j in range(b):
            if weight[i, j] <= 0:
                continue
            x = content[i, j]
            if place[x] < 0:
                place[x], item[i, used] = used, x
                used += 1
            mass[i, place[x]] += weight[i, j]
            total += weight[i, j]
        for u in range(used):
            place[item[i, u]] = -1
            mass[i, u] /= total
        most = max(most, used)
    return item[:, :most], mass[:, :most]


@njit(nogil=True, cache=True)
def row_sums(x):
    """(n,) sums of rows, one number after the other: the zeros that fill up a row change nothing, not even rounding.

    So a model's figure does not depend, in the last digit either, on how wide the rows of others are.
    """
    total = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        for u in range(x.shape[1]):
            total[i] += x[i, u]
    return total


@njit(nogil=True, cache=True)
def row_squares(x):
    """(n,) sums of squares of rows, in the same way."""
    total = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        for u in range(x.shape[1]):
            total[i] += x[i, u] * x[i, u]
    return total


@njit(nogil=True, cache=True)
def pooled(item, mass, size):
    """(size,) sum of sparse rows: item (n, u) int32 and mass (n, u)."""
    total = np.zeros(size)
    for i in range(item.shape[0]):
        for u in range(item.shape[1]):
            if mass[i, u] > 0:
                total[item[i, u]] += mass[i, u]
    return total


def mean_known(value: np.ndarray) -> float:
    """Mean over agents, those without a value left out; NaN when none has one."""
    known = value[~np.isnan(value)]
    return float(known.mean()) if known.size else float("nan")
