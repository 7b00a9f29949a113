"""Targets that depend on features linearly, for n lines at once: predict, score, moments, least squares.

A line is coefficients (n, d), an intercept (n,) and the standard deviation of the noise (n,). A pair is d features and
then the target. Loops run over agents one by one, so rows do not touch each other.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from agents.kernels.normals import EPS, LOG_2PI, NEAR_POINT
from ecosystem.interfaces import Moments


@njit(nogil=True, cache=True)
def predict(coefficients_nd, intercept_n, noise_n, pair_nkp):
    """Pairs (n, k, d + 1) whose last number is a standard normal: turns it into a target, in place."""
    n, k, p = pair_nkp.shape
    for i in range(n):
        for j in range(k):
            target = intercept_n[i] + noise_n[i] * pair_nkp[i, j, p - 1]
            for r in range(p - 1):
                target += coefficients_nd[i, r] * pair_nkp[i, j, r]
            pair_nkp[i, j, p - 1] = target


@njit(nogil=True, cache=True)
def log_targets(coefficients_nd, intercept_n, noise_n, pair_mp):
    """(n, M) log-density, nats, of the target given the features; without noise 0 on the line and -inf off it."""
    n, m, d = noise_n.size, pair_mp.shape[0], coefficients_nd.shape[1]
    out_nm = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            expected, size = intercept_n[i], abs(intercept_n[i])
            for r in range(d):
                expected += coefficients_nd[i, r] * pair_mp[j, r]
                size += abs(coefficients_nd[i, r] * pair_mp[j, r])
            miss = pair_mp[j, d] - expected
            if noise_n[i] > 0.0:
                out_nm[i, j] = -0.5 * ((miss / noise_n[i]) ** 2 + LOG_2PI) - math.log(noise_n[i])
            else:
                out_nm[i, j] = 0.0 if abs(miss) <= NEAR_POINT * max(size, abs(pair_mp[j, d])) else -np.inf
    return out_nm


@njit(nogil=True, cache=True)
def least_squares(start_nq, content_nbp, weight_nb, intercept):
    """Least-squares coefficients (n, q) and the unbiased variance of the noise (n,), of weighted pairs.

    q = d, or d + 1 where an intercept (last) is fitted. Directions in which the features do not vary stay as in
    start_nq. The variance is RSS / (sum w - q), and 0 where sum w <= q. NaN where pairs are beyond what numbers hold.
    """
    n, b, p = content_nbp.shape
    q = p - 1 + intercept
    coefficients_nq, variance_n = np.empty((n, q)), np.zeros(n)
    for i in range(n):
        root, row_bq, miss_b, total = np.zeros(b), np.zeros((b, q)), np.zeros(b), 0.0
        used = 0
        for j in range(b):
            if weight_nb[i, j] > 0.0:
                root[used] = math.sqrt(weight_nb[i, j])
                total += weight_nb[i, j]
                row_bq[used, : p - 1] = content_nbp[i, j, : p - 1]
                if intercept:
                    row_bq[used, q - 1] = 1.0
                miss_b[used] = content_nbp[i, j, p - 1]
                for r in range(q):
                    miss_b[used] -= row_bq[used, r] * start_nq[i, r]
                    row_bq[used, r] *= root[used]
                miss_b[used] *= root[used]
                used += 1
        if not (np.isfinite(row_bq).all() and np.isfinite(miss_b).all()):  # LAPACK would refuse the whole group
            coefficients_nq[i], variance_n[i] = np.nan, np.nan
            continue
        step_q = np.linalg.lstsq(row_bq[:used], miss_b[:used], max(used, q) * EPS)[0]
        rest = 0.0
        for j in range(used):
            left = miss_b[j]
            for r in range(q):
                left -= row_bq[j, r] * step_q[r]
            rest += left * left
        coefficients_nq[i] = start_nq[i] + step_q
        variance_n[i] = rest / (total - q) if total > q else 0.0
    return coefficients_nq, variance_n


def joint_moments(
    coefficients_nd: np.ndarray,
    intercept_n: np.ndarray,
    noise_n: np.ndarray,
    mean_nd: np.ndarray,
    covariance_ndd: np.ndarray,
) -> Moments:
    """Moments of features and target together, from those of the features: (n, d + 1) and (n, d + 1, d + 1)."""
    n, d = coefficients_nd.shape
    across_nd = np.einsum("ndc,nc->nd", covariance_ndd, coefficients_nd)
    joint = np.empty((n, d + 1, d + 1))
    joint[:, :d, :d] = covariance_ndd
    joint[:, :d, d] = joint[:, d, :d] = across_nd
    joint[:, d, d] = (across_nd * coefficients_nd).sum(axis=1) + noise_n**2
    target_n = (mean_nd * coefficients_nd).sum(axis=1) + intercept_n
    return Moments(np.column_stack([mean_nd, target_n]), joint)
