"""The Gaussian learner: a mean and a full covariance, the model in which collapse was first worked out."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numba import njit
from pydantic import Field

from agents.kernels.normals import draw_normals, log_normals, log_normals_own, weighted_scatter
from agents.kernels.numerics import contiguous
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner, Moments, Params
from ecosystem.streams import Draws


@njit(nogil=True, cache=True)
def fit_normals(content_nbd, weight_nb, ddof):
    """Means (n, d) and covariances (n, d, d) of weighted documents; covariance 0 where sum w <= ddof."""
    n, _, d = content_nbd.shape
    mean_nd, covariance_ndd = np.empty((n, d)), np.empty((n, d, d))
    for i in range(n):
        total = weighted_scatter(content_nbd[i], weight_nb[i], mean_nd[i], covariance_ndd[i])
        for r in range(d):
            for c in range(d):
                covariance_ndd[i, r, c] = covariance_ndd[i, r, c] / (total - ddof) if total > ddof else 0.0
    return mean_nd, covariance_ndd


class Gaussian(Learner):
    """Fits one normal distribution to what it reads and writes draws from it.

    mean = sum w x / sum w, covariance = sum w (x - mean)(x - mean)^T / (sum w - ddof). A weight of 2 counts like two
    copies. ddof 0 is maximum likelihood: a model that reads n of its own documents loses a share 1/n of its variance a
    generation on average. ddof 1 is unbiased: the mean of the variance stays, carried by ever rarer models, while
    almost every model dies. With too little to measure a spread (sum w <= ddof) the covariance is 0 and the model
    writes copies of its mean from then on.

    State: mean (n, d), covariance (n, d, d); before anything is read, 0 and the identity.

    Source: Shumailov et al. 2024, arXiv:2305.17493, section 4; Kazdan et al. 2024, arXiv:2410.16713, theorem 1.
    """

    reads: ClassVar[tuple[str, ...]] = ("vectors",)

    ddof: Literal[0, 1] = Field(0, description="0: divide by n (maximum likelihood); 1: by n - 1 (unbiased variance).")

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        d = shape.size
        return {"mean": np.zeros((n, d)), "covariance": np.tile(np.eye(d), (n, 1, 1))}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        mean, covariance = fit_normals(contiguous(content), contiguous(weight), self.ddof)
        return {"mean": mean, "covariance": covariance}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        x_nkd = rng.normal(k, params["mean"].shape[1])
        draw_normals(contiguous(params["mean"]), contiguous(params["covariance"]), x_nkd)
        return x_nkd

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        return log_normals(contiguous(params["mean"]), contiguous(params["covariance"]), contiguous(content))

    def log_prob_own(self, params: Params, content: np.ndarray) -> np.ndarray:
        return log_normals_own(contiguous(params["mean"]), contiguous(params["covariance"]), contiguous(content))

    def moments(self, params: Params) -> Moments:
        return Moments(params["mean"], params["covariance"])
