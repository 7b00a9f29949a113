"""Kernel density estimation: a model that remembers its documents and writes near them."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Union

import numpy as np
from numba import njit
from pydantic import Field

from agents.kernels.normals import LOG_2PI, fill_factor, invert_factor, log_normal, place
from agents.kernels.numerics import contiguous, log_sum_exp, pick
from agents.learners.gaussian import fit_normals
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner, Moments, Params
from ecosystem.streams import Draws


class Kde(Learner):
    """Puts a normal kernel on every document read; writes by picking a document (by weight) and adding kernel noise.

    bandwidth: a number is the standard deviation of a round kernel, the same for ever, so each generation adds its
    square to the variance and models blur. scott and silverman take the covariance of the diet (1/(n - 1)) times the
    square of n^(-1/(d + 4)), or of that with n (d + 2) / 4 in place of n, with n = sum w; the kernel widens with what
    was read, and vanishes with it: n documents of one point leave that point, as does a single document.

    Kernels as in `scipy.stats.gaussian_kde`. Source: Scott 1992, Silverman 1986; as a model that is trained on its own
    writing, Kazdan et al. 2024, arXiv:2410.16713.

    State: content (n, b, d), weight (n, b), kernel (n, d, d) a covariance; before anything is read, one kernel at 0.
    """

    reads: ClassVar[tuple[str, ...]] = ("vectors",)

    bandwidth: Union[Annotated[float, Field(gt=0, le=1e9)], Literal["scott", "silverman"]] = Field(
        "scott", description="Standard deviation of the kernel, or the rule that sets it from the diet."
    )

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        d = shape.size
        size = self.bandwidth**2 if isinstance(self.bandwidth, float) else 1.0
        kernel = np.tile(np.eye(d) * size, (n, 1, 1))
        return {"content": np.zeros((n, 1, d)), "weight": np.ones((n, 1)), "kernel": kernel}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        weight = np.array(weight, float)
        content = np.where(weight[..., None] > 0, content, 0.0)
        return {"content": content, "weight": weight, "kernel": self._kernel(params["kernel"], content, weight)}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        u_nk, x_nkd = rng.uniform(k), rng.normal(k, params["content"].shape[2])
        _draw_near(*_state(params), u_nk, x_nkd)
        return x_nkd

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        return _log_density(*_state(params), contiguous(content))

    def moments(self, params: Params) -> Moments:
        content, weight, kernel = _state(params)
        mean, covariance = fit_normals(content, weight, 0)
        return Moments(mean, covariance + kernel)

    def _kernel(self, standing: np.ndarray, content: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Kernel covariances (n, d, d)."""
        if isinstance(self.bandwidth, float):
            return standing
        d = content.shape[2]
        per_n = 1.0 if self.bandwidth == "scott" else (d + 2) / 4
        factor_n = (weight.sum(axis=1) * per_n) ** (-1 / (d + 4))
        return fit_normals(content, weight, 1)[1] * (factor_n**2)[:, None, None]


def _state(params: Params) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return contiguous(params["content"]), contiguous(params["weight"]), contiguous(params["kernel"])


@njit(nogil=True, cache=True)
def _draw_near(content_nbd, weight_nb, kernel_ndd, u_nk, x_nkd):
    """Turns standard normals (n, k, d) into documents near those that u (n, k) picks, in place."""
    n, k, d = x_nkd.shape
    factor_dd = np.empty((d, d))
    for i in range(n):
        fill_factor(kernel_ndd[i], 0.0, factor_dd)
        cumulative_b = np.cumsum(weight_nb[i])
        for j in range(k):
            place(x_nkd[i, j], content_nbd[i, pick(cumulative_b, u_nk[i, j])], factor_dd)


@njit(nogil=True, cache=True)
def _log_density(content_nbd, weight_nb, kernel_ndd, x_md):
    """(n, M) log-densities, nats."""
    n, b, d = content_nbd.shape
    out_nm = np.empty((n, x_md.shape[0]))
    factor_dd = np.empty((d, d))
    for i in range(n):
        rank = fill_factor(kernel_ndd[i], 0.0, factor_dd)
        used = 0
        centre_db, log_weight_b = np.empty((d, b)), np.empty(b)
        for j in range(b):
            if weight_nb[i, j] > 0.0:
                centre_db[:, used] = content_nbd[i, j]
                log_weight_b[used] = math.log(weight_nb[i, j])
                used += 1
        log_weight_b[:used] -= math.log(weight_nb[i].sum())
        if rank == d:
            _score_dense(centre_db[:, :used].copy(), log_weight_b[:used], factor_dd, x_md, out_nm[i])
        else:
            _score_singular(centre_db[:, :used].T.copy(), log_weight_b[:used], factor_dd, x_md, out_nm[i])
    return out_nm


@njit(nogil=True, cache=True)
def _score_dense(centre_db, log_weight_b, factor_dd, x_md, out_m):
    """Whitens once, relative to the first kernel, then two passes over the kernels for each point."""
    d, b = centre_db.shape
    inverse_dd, origin_d = np.empty((d, d)), centre_db[:, 0].copy()
    constant = -0.5 * d * LOG_2PI - invert_factor(factor_dd, inverse_dd)
    white_db, point_d, part_b = np.zeros((d, b)), np.empty(d), np.empty(b)
    for r in range(d):
        for c in range(r + 1):
            for j in range(b):
                white_db[r, j] += inverse_dd[r, c] * (centre_db[c, j] - origin_d[c])
    for m in range(x_md.shape[0]):
        for r in range(d):
            point_d[r] = 0.0
            for c in range(r + 1):
                point_d[r] += inverse_dd[r, c] * (x_md[m, c] - origin_d[c])
        part_b[:] = log_weight_b
        for r in range(d):
            for j in range(b):
                part_b[j] -= 0.5 * (white_db[r, j] - point_d[r]) ** 2
        out_m[m] = constant + log_sum_exp(part_b)


@njit(nogil=True, cache=True)
def _score_singular(centre_bd, log_weight_b, factor_dd, x_md, out_m):
    """A kernel that has lost rank: one kernel after the other."""
    b, d = centre_bd.shape
    part_b, work_d = np.empty(b), np.empty(d)
    for m in range(x_md.shape[0]):
        for j in range(b):
            part_b[j] = log_weight_b[j] + log_normal(x_md[m], centre_bd[j], factor_dd, work_d)
        out_m[m] = log_sum_exp(part_b)
