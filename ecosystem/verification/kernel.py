"""The inner loop of a read gate, compiled: of what each reader drew, the first documents that passed."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def keep_passed(rows_nw, drawn_n, passed_nw, human_nw, depth, kept_nb, read_n, human_n, depth_n, looked_n):
    """Fills kept_nb with the first passed rows of each reader, and what goes with them.

    looked_n: how many of its draws a reader looked at until it had enough.
    """
    budget = kept_nb.shape[1]
    for i in range(rows_nw.shape[0]):
        got, people, deep, looked = 0, 0, 0.0, 0
        for j in range(drawn_n[i]):
            if got == budget:
                break
            looked += 1
            if passed_nw[i, j]:
                row = rows_nw[i, j]
                kept_nb[i, got] = row
                people += human_nw[i, j]
                deep += depth[row]
                got += 1
        read_n[i], human_n[i], looked_n[i] = got, people, looked
        depth_n[i] = deep / got if got else np.nan
