"""Linear regression: the model in which replacing and accumulating were first told apart exactly."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Union

import numpy as np
from numba import njit
from pydantic import Field

from agents.kernels.linear_pairs import joint_moments, least_squares, log_targets, predict
from agents.kernels.normals import draw_normals
from agents.kernels.numerics import contiguous
from agents.learners.gaussian import fit_normals
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner, Moments, Params
from ecosystem.streams import Draws

Known = Annotated[float, Field(ge=0, le=1e9)]


class Linear(Learner):
    """Fits targets by weighted least squares and writes pairs: features, then a target by its line plus noise.

    Where the features come from is `design`. reuse: those of the first diet since the model began (its pretraining
    under `start: continue`; under `scratch` every fit begins anew, so its latest diet), in their order and again from
    the first when they run out; each document of positive weight stands there once. fresh: new ones, normal with mean
    0 and deviation `spread`, or with the mean and covariance (1/n) of the features read.

    Directions in which the features of a diet do not vary stay where the model stands. Fitted noise is unbiased,
    RSS / (sum w - coefficients), 0 where that many documents or fewer were read. `log_prob` is that of the target
    given the features.

    With d features, T pairs a generation and known noise s2, the squared error of the coefficients after k fits is on
    average s2 d k / (T - d - 1) where each diet replaces the one before (design reused or fresh, standard normal), and
    where all is kept s2 d / (T - d - 1) sum_{i<=k} 1/i^2 with the design reused, s2 d sum_{i<=k} 1/(i (i T - d - 1))
    with fresh ones. Source: Gerstgrasser et al. 2024, arXiv:2404.01413, theorems 1 and 2; the second is stated there as
    a bound and holds as an equality; the last is derived from e_k = e_{k-1} + (sum_i X_i'X_i)^-1 X_k' noise.

    State: coefficients (n, d), intercept (n,), noise (n,); design (n, b, d) of which the first `rows` (n,) count, or
    feature_mean (n, d) and feature_covariance (n, d, d).
    """

    reads: ClassVar[tuple[str, ...]] = ("pairs",)

    design: Literal["reuse", "fresh"] = Field("reuse", description="Features written: those first read, or new.")
    noise: Union[Known, Literal["fitted"]] = Field(
        "fitted", description="Standard deviation of the noise in what it writes."
    )
    spread: Union[Known, Literal["fitted"]] = Field(
        "fitted", description="fresh: standard deviation of new features, or fitted to the features read."
    )
    intercept: bool = Field(False, description="Fit a constant as well.")

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        d = shape.size - 1
        noise = 1.0 if self.noise == "fitted" else self.noise
        line = {"coefficients": np.zeros((n, d)), "intercept": np.zeros(n), "noise": np.full(n, noise)}
        if self.design == "reuse":
            return line | {"design": np.zeros((n, 1, d)), "rows": np.zeros(n, np.int64)}
        spread = 1.0 if self.spread == "fitted" else self.spread
        covariance = np.tile(np.eye(d) * spread**2, (n, 1, 1))
        return line | {"feature_mean": np.zeros((n, d)), "feature_covariance": covariance}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        content, weight = contiguous(content), contiguous(weight)
        d = content.shape[2] - 1
        start = np.column_stack([params["coefficients"], params["intercept"]])[:, : d + self.intercept]
        fitted, variance = least_squares(contiguous(start), content, weight, self.intercept)
        noise = np.sqrt(variance) if self.noise == "fitted" else params["noise"]
        intercept = fitted[:, d] if self.intercept else params["intercept"]
        line = {"coefficients": fitted[:, :d].copy(), "intercept": intercept.copy(), "noise": noise}
        features = self._first_design if self.design == "reuse" else self._features
        return line | features(params, content, weight)

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        n, d = params["coefficients"].shape
        pair_nkp = np.empty((n, k, d + 1))
        if self.design == "reuse":
            row_nk = np.arange(k) % np.maximum(params["rows"], 1)[:, None]
            pair_nkp[..., :d] = np.take_along_axis(params["design"], row_nk[..., None], axis=1)
        else:
            x_nkd = rng.normal(k, d)
            draw_normals(contiguous(params["feature_mean"]), contiguous(params["feature_covariance"]), x_nkd)
            pair_nkp[..., :d] = x_nkd
        pair_nkp[..., d] = rng.normal(k)
        predict(*_line(params), pair_nkp)
        return pair_nkp

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        return log_targets(*_line(params), contiguous(content))

    def moments(self, params: Params) -> Moments:
        if self.design == "fresh":
            return joint_moments(*_line(params), params["feature_mean"], params["feature_covariance"])
        stands = np.arange(params["design"].shape[1]) < np.maximum(params["rows"], 1)[:, None]
        return joint_moments(*_line(params), *fit_normals(contiguous(params["design"]), stands.astype(float), 0))

    def _features(self, params: Params, content: np.ndarray, weight: np.ndarray) -> Params:
        if self.spread != "fitted":
            return {name: params[name] for name in ("feature_mean", "feature_covariance")}
        mean, covariance = fit_normals(contiguous(content[..., :-1]), weight, 0)
        return {"feature_mean": mean, "feature_covariance": covariance}

    def _first_design(self, params: Params, content: np.ndarray, weight: np.ndarray) -> Params:
        """The standing design, or the features just read where there is none yet."""
        standing, rows = params["design"], params["rows"]
        if (rows > 0).all():
            return {"design": standing, "rows": rows}
        width = max(standing.shape[1], content.shape[1])
        design = np.zeros((len(rows), width, standing.shape[2]))
        design[:, : standing.shape[1]] = standing
        return {"design": design, "rows": _enter_read(design, rows.copy(), content, weight)}


def _line(params: Params) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return contiguous(params["coefficients"]), contiguous(params["intercept"]), contiguous(params["noise"])


@njit(nogil=True, cache=True)
def _enter_read(design_nbd, rows_n, content_nbp, weight_nb):
    """Where rows_n is 0, fills the design with the features of the documents read; returns the new rows_n."""
    for i in range(rows_n.size):
        if rows_n[i] == 0:
            for j in range(weight_nb.shape[1]):
                if weight_nb[i, j] > 0.0:
                    design_nbd[i, rows_n[i]] = content_nbp[i, j, : design_nbd.shape[2]]
                    rows_n[i] += 1
    return rows_n
