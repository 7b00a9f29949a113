"""The judge of a world of modes: a class is a mode, and what lies far from all of them is none."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from ecosystem.interfaces import Judge, Modes

INSIDE = 0.999  # share of a mode's own documents that lie nearer to it than what is none of it


class ModeJudge(Judge):
    """Classes are the modes of a mixture, told by the nearest in standard deviations; features are the documents."""

    def __init__(self, modes: Modes):
        self.names = tuple(f"mode {c}" for c in range(len(modes.weight_C)))
        self.share_C, self._modes = modes.weight_C, modes

    def classes(self, content: np.ndarray) -> np.ndarray:
        apart_MCd = content[:, None, :] - self._modes.centre_CD
        distance_MC = np.einsum("mcd,mcd->mc", apart_MCd, apart_MCd) / self._modes.scale_C**2
        inside_M = distance_MC.min(axis=1) <= chi2.ppf(INSIDE, content.shape[1])
        return np.where(inside_M, distance_MC.argmin(axis=1), -1)

    def features(self, content: np.ndarray) -> np.ndarray:
        return content
