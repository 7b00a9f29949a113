"""Normal distributions in compiled loops: fit, factor, draw, score. Shared by the learners and worlds of vectors.

Every loop runs over agents one by one, so a row of the result depends on its own row of the arguments, bit for bit.

A covariance may have lost rank (one document, copies of one document, a collapsed model). Then draws lie on its support
and the log-density is -inf off it; on it, it is the density of the coordinates that still vary by themselves, the
earlier ones first (0 nats for a single point). `scipy.stats.multivariate_normal(allow_singular=True)` differs by a
constant: it counts per unit of the support's own area.

Letters: n agents, b documents, k written, M scored, d dimensions, L a lower-triangular factor (covariance = L L^T).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

EPS = 2.220446049250313e-16
LOG_2PI = math.log(2 * math.pi)
NEAR = 1e-7  # standard deviations by which a point may miss the support of a singular covariance
NEAR_POINT = 1e-12  # the same, as a share of the size of the numbers themselves


@njit(nogil=True, cache=True)
def weighted_scatter(x_bd, weight_b, mean_d, scatter_dd):
    """Fills mean_d and scatter_dd = sum w (x - mean)(x - mean)^T; returns sum w. Documents of weight 0 are not touched.

    The mean is taken relative to the first document, so that copies of one document have exactly no scatter.
    """
    b, d = x_bd.shape
    mean_d[:] = 0.0
    scatter_dd[:] = 0.0
    total, first = 0.0, -1
    for j in range(b):
        if weight_b[j] > 0.0:
            first = j if first < 0 else first
            total += weight_b[j]
            for r in range(d):
                mean_d[r] += weight_b[j] * (x_bd[j, r] - x_bd[first, r])
    if first < 0:
        return 0.0
    for r in range(d):
        mean_d[r] = x_bd[first, r] + mean_d[r] / total
    for j in range(b):
        if weight_b[j] > 0.0:
            for r in range(d):
                miss = weight_b[j] * (x_bd[j, r] - mean_d[r])
                for c in range(r + 1):
                    scatter_dd[r, c] += miss * (x_bd[j, c] - mean_d[c])
    for r in range(d):
        for c in range(r):
            scatter_dd[c, r] = scatter_dd[r, c]
    return total


@njit(nogil=True, cache=True)
def fill_factor(covariance_dd, least, factor_dd):
    """Fills the Cholesky factor of a positive semidefinite matrix; returns its rank.

    A pivot lost to rounding becomes `least` (a variance); with least = 0 its column is 0 and the rank one lower.
    """
    d = covariance_dd.shape[0]
    factor_dd[:] = 0.0
    rank = 0
    for c in range(d):
        pivot = covariance_dd[c, c]
        for m in range(c):
            pivot -= factor_dd[c, m] * factor_dd[c, m]
        if pivot <= 8 * d * EPS * covariance_dd[c, c]:
            factor_dd[c, c] = math.sqrt(least)
            continue
        rank += 1
        factor_dd[c, c] = math.sqrt(pivot)
        for r in range(c + 1, d):
            rest = covariance_dd[r, c]
            for m in range(c):
                rest -= factor_dd[r, m] * factor_dd[c, m]
            factor_dd[r, c] = rest / factor_dd[c, c]
    return rank


@njit(nogil=True, cache=True)
def place(standard_d, mean_d, factor_dd):
    """Turns a standard normal vector into mean + L z, in place."""
    for r in range(standard_d.size - 1, -1, -1):
        value = mean_d[r]
        for c in range(r + 1):
            value += factor_dd[r, c] * standard_d[c]
        standard_d[r] = value


@njit(nogil=True, cache=True)
def log_normal(x_d, mean_d, factor_dd, work_d):
    """Log-density at one point, nats; see the module for singular covariances. `work_d` is scratch."""
    total = 0.0
    for r in range(x_d.size):
        miss, variance = x_d[r] - mean_d[r], 0.0
        for c in range(r):
            miss -= factor_dd[r, c] * work_d[c]
            variance += factor_dd[r, c] * factor_dd[r, c]
        if factor_dd[r, r] > 0.0:
            work_d[r] = miss / factor_dd[r, r]
            total -= 0.5 * (work_d[r] * work_d[r] + LOG_2PI) + math.log(factor_dd[r, r])
        else:
            work_d[r] = 0.0
            if abs(miss) > NEAR * math.sqrt(variance) + NEAR_POINT * max(abs(x_d[r]), abs(mean_d[r])):
                return -np.inf
    return total


@njit(nogil=True, cache=True)
def draw_normals(mean_nd, covariance_ndd, standard_nkd):
    """Turns standard normals (n, k, d) into draws from n normal distributions, in place."""
    n, k, d = standard_nkd.shape
    factor_dd = np.empty((d, d))
    for i in range(n):
        fill_factor(covariance_ndd[i], 0.0, factor_dd)
        for j in range(k):
            place(standard_nkd[i, j], mean_nd[i], factor_dd)


@njit(nogil=True, cache=True)
def log_normals(mean_nd, covariance_ndd, x_md):
    """(n, M) log-densities of M points under n normal distributions."""
    n, d = mean_nd.shape
    out_nm = np.empty((n, x_md.shape[0]))
    factor_dd, work_d = np.empty((d, d)), np.empty(d)
    for i in range(n):
        fill_factor(covariance_ndd[i], 0.0, factor_dd)
        for m in range(x_md.shape[0]):
            out_nm[i, m] = log_normal(x_md[m], mean_nd[i], factor_dd, work_d)
    return out_nm


@njit(nogil=True, cache=True)
def log_normals_own(mean_nd, covariance_ndd, x_nbd):
    """(n, b) log-densities of b points of its own under each of n normal distributions."""
    n, b, d = x_nbd.shape
    out_nb = np.empty((n, b))
    factor_dd, work_d = np.empty((d, d)), np.empty(d)
    for i in range(n):
        fill_factor(covariance_ndd[i], 0.0, factor_dd)
        for j in range(b):
            out_nb[i, j] = log_normal(x_nbd[i, j], mean_nd[i], factor_dd, work_d)
    return out_nb


@njit(nogil=True, cache=True)
def invert_factor(factor_dd, inverse_dd):
    """Fills the inverse of a lower-triangular matrix of full rank; returns the log of its determinant (of L)."""
    d = factor_dd.shape[0]
    inverse_dd[:] = 0.0
    log_determinant = 0.0
    for c in range(d):
        log_determinant += math.log(factor_dd[c, c])
        inverse_dd[c, c] = 1.0 / factor_dd[c, c]
        for r in range(c + 1, d):
            value = 0.0
            for m in range(c, r):
                value -= factor_dd[r, m] * inverse_dd[m, c]
            inverse_dd[r, c] = value / factor_dd[r, r]
    return log_determinant
