"""The Gaussian mixture learner: several modes, the smallest of which is the first to be lost."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numba import njit
from pydantic import Field

from agents.kernels.em import fit_mixtures, log_mixtures
from agents.kernels.normals import fill_factor, place
from agents.kernels.numerics import contiguous, pick
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner, Moments, Params
from ecosystem.streams import Draws


class Mixture(Learner):
    """Fits a mixture of normals with full covariances by expectation-maximisation and writes draws from it.

    A fresh model starts from k-means++ centres, `restarts` times, and keeps the best; under `start: continue` a model
    climbs on from where it stands, so that a component once empty (share 0) never comes back. A weight of 2 counts like
    two copies. `floor` (a variance) is added to the diagonal of every covariance: no component is narrower, and
    collapse to a point ends at that width.

    State: share (n, c), mean (n, c, d), covariance (n, c, d, d), fitted (n,); before anything is read every component
    is a standard normal at 0.

    Source: McLachlan & Peel 2000; as a model trained on its own writing, Shumailov et al. 2024, arXiv:2305.17493, and
    Alemohammad et al. 2023, arXiv:2307.01850.
    """

    reads: ClassVar[tuple[str, ...]] = ("vectors",)

    components: int = Field(4, ge=1, le=10_000, description="Number of components, c.")
    restarts: int = Field(1, ge=1, le=1000, description="Fresh starts, the best of which counts.")
    iterations: int = Field(100, ge=1, le=100_000, description="Steps of expectation-maximisation, at most.")
    tolerance: float = Field(1e-3, ge=0, le=1e3, description="Stop when a step gains less, nats a document.")
    floor: float = Field(1e-6, ge=1e-12, le=1e6, description="Variance added to the diagonal of every covariance.")

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        c, d = self.components, shape.size
        return {
            "share": np.full((n, c), 1.0 / c),
            "mean": np.zeros((n, c, d)),
            "covariance": np.tile(np.eye(d), (n, c, 1, 1)),
            "fitted": np.zeros(n, bool),
        }

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        share, mean, covariance = (params[name].copy() for name in ("share", "mean", "covariance"))
        u_nrc = rng.uniform(self.restarts, self.components)
        fitted = np.ascontiguousarray(params["fitted"])
        limits = (self.iterations, self.tolerance, self.floor)
        fit_mixtures(contiguous(content), contiguous(weight), share, mean, covariance, fitted, u_nrc, *limits)
        return {"share": share, "mean": mean, "covariance": covariance, "fitted": np.ones(len(share), bool)}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        u_nk, x_nkd = rng.uniform(k), rng.normal(k, params["mean"].shape[2])
        _draw_mixtures(*_state(params), self.floor, u_nk, x_nkd)
        return x_nkd

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        return log_mixtures(*_state(params), contiguous(content), self.floor)

    def moments(self, params: Params) -> Moments:
        share, mean, covariance = _state(params)
        centre = (share[..., None] * mean).sum(axis=1)
        away = mean - centre[:, None]
        spread = covariance + away[..., :, None] * away[..., None, :]
        return Moments(centre, (share[..., None, None] * spread).sum(axis=1))


def _state(params: Params) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return contiguous(params["share"]), contiguous(params["mean"]), contiguous(params["covariance"])


@njit(nogil=True, cache=True)
def _draw_mixtures(share_nc, mean_ncd, covariance_ncdd, floor, u_nk, x_nkd):
    """Turns standard normals (n, k, d) into draws from the components that u (n, k) picks, in place."""
    n, count, d = mean_ncd.shape
    factor_cdd = np.empty((count, d, d))
    for i in range(n):
        cumulative_c = np.cumsum(share_nc[i])
        for c in range(count):
            fill_factor(covariance_ncdd[i, c], floor, factor_cdd[c])
        for j in range(u_nk.shape[1]):
            c = pick(cumulative_c, u_nk[i, j])
            place(x_nkd[i, j], mean_ncd[i, c], factor_cdd[c])
