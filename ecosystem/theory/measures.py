"""The metrics that follow from second moments, by their names in a run: a number, or one for each model (N,)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ecosystem.theory.web import Moments, Web


def _within(web: Web, m: Moments) -> np.ndarray:
    return m.spread_W[: web.n]


def _between(web: Web, m: Moments) -> float:
    n, overlap = web.n, m.overlap_WW[: web.n, : web.n]
    return float((overlap.sum() - np.trace(overlap)) / (n * (n - 1))) if n > 1 else float("nan")


def _pooled(web: Web, m: Moments) -> float:
    return float(m.square_W[: web.n].mean() - m.overlap_WW[: web.n, : web.n].mean())


def _differentiation(web: Web, m: Moments) -> float:
    pooled = _pooled(web, m)
    return float(1 - _within(web, m).mean() / pooled) if pooled > 1e-12 else float("nan")


def _mean_error(web: Web, m: Moments) -> np.ndarray:
    """Against the mixture of the communities in proportion to their writing at step 0."""
    n, rate_H = web.n, web.rate_TH[0]
    share_H = rate_H / rate_H.sum() if rate_H.any() else np.full(len(rate_H), 1 / len(rate_H))
    overlap = m.overlap_WW
    return np.diagonal(overlap)[:n] - 2 * overlap[:n, n:] @ share_H + share_H @ overlap[n:, n:] @ share_H


METRICS: dict[str, Callable[[Web, Moments], np.ndarray | float]] = {
    "within_diversity": _within,
    "between_similarity": _between,
    "pooled_diversity": _pooled,
    "differentiation": _differentiation,
    "human_share_read": lambda web, m: m.human_N,
    "human_share_corpus": lambda web, m: m.human_web,
    "depth": lambda web, m: m.depth_N,
    "mean_error": _mean_error,
}
