"""Expectation-maximisation for Gaussian mixtures, compiled: mixture after mixture, each on its own.

Same model, start (k-means++ and Lloyd's steps) and stopping rule as scikit-learn's GaussianMixture with full
covariances; documents carry weights. Work arrays have the documents last, so that inner loops run over documents.

Letters: n agents, b documents, c components, d dimensions, R restarts, M points to score.
Source: Dempster, Laird & Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x; Arthur & Vassilvitskii 2007 (k-means++).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from agents.kernels.normals import LOG_2PI, fill_factor, invert_factor
from agents.kernels.numerics import dot, exponential, logarithm, pick, sum_of

LLOYD = 20  # steps of k-means before the first maximisation, at most
EMPTY = 1e-12  # share of the weight below which a component counts as empty


@njit(nogil=True, cache=True)
def fit_mixtures(
    content_nbd, weight_nb, share_nc, mean_ncd, covariance_ncdd, fitted_n, u_nrc, iterations, tolerance, floor
):
    """Fits n mixtures in place: from where they stand where fitted_n, else from the best of R fresh starts.

    u_nrc (n, R, c) uniforms choose the starts. Returns the mean log-likelihood of a document, nats, (n,).
    """
    n, b, d = content_nbd.shape
    likelihood_n = np.full(n, -np.inf)
    x_db, w_b = np.empty((d, b)), np.empty(b)
    for i in range(n):
        used = _gather(content_nbd[i], weight_nb[i], x_db, w_b)
        x_du, w_u = x_db[:, :used].copy(), w_b[:used].copy()
        best = (share_nc[i].copy(), mean_ncd[i].copy(), covariance_ncdd[i].copy())
        for restart in range(1 if fitted_n[i] else u_nrc.shape[1]):
            share_c, mean_cd, covariance_cdd = share_nc[i].copy(), mean_ncd[i].copy(), covariance_ncdd[i].copy()
            if not fitted_n[i]:
                _start(x_du, w_u, u_nrc[i, restart], share_c, mean_cd, covariance_cdd, floor)
            likelihood = _climb(x_du, w_u, share_c, mean_cd, covariance_cdd, iterations, tolerance, floor)
            if likelihood > likelihood_n[i] or restart == 0:
                likelihood_n[i] = likelihood
                best = (share_c, mean_cd, covariance_cdd)
        share_nc[i], mean_ncd[i], covariance_ncdd[i] = best
    return likelihood_n


@njit(nogil=True, cache=True)
def log_mixtures(share_nc, mean_ncd, covariance_ncdd, x_md, floor):
    """(n, M) log-densities, nats."""
    n, count = share_nc.shape
    x_dm, m = x_md.T.copy(), x_md.shape[0]
    part_cm, highest_m = np.empty((count, m)), np.empty(m)
    out_nm = np.empty((n, m))
    for i in range(n):
        _log_parts(x_dm, share_nc[i], mean_ncd[i], covariance_ncdd[i], floor, part_cm)
        _log_sums(part_cm, highest_m, out_nm[i])
    return out_nm


@njit(nogil=True, cache=True)
def _climb(x_db, w_b, share_c, mean_cd, covariance_cdd, iterations, tolerance, floor):
    """Expectation and maximisation in turn, until a step gains less than `tolerance`; returns the last likelihood."""
    d, b = x_db.shape
    part_cb, dev_db = np.empty((share_c.size, b)), np.empty((d, b))
    highest_b, log_b = np.empty(b), np.empty(b)
    total = sum_of(w_b)
    last = likelihood = -np.inf
    for _ in range(iterations):
        _log_parts(x_db, share_c, mean_cd, covariance_cdd, floor, part_cb)
        sum_b = _log_sums(part_cb, highest_b, log_b)
        sum_b[:] = w_b / sum_b
        for c in range(share_c.size):
            if share_c[c] > 0.0:
                part_cb[c] *= sum_b
            else:
                part_cb[c] = 0.0
        likelihood = dot(w_b, log_b) / total
        _maximise(x_db, part_cb, total, dev_db, share_c, mean_cd, covariance_cdd, floor)
        if abs(likelihood - last) < tolerance:
            break
        last = likelihood
    return likelihood


@njit(nogil=True, cache=True)
def _log_parts(x_db, share_c, mean_cd, covariance_cdd, floor, part_cb):
    """Log of share times density of every component at every document."""
    d, b = x_db.shape
    factor_dd, inverse_dd, white_b = np.empty((d, d)), np.empty((d, d)), np.empty(b)
    for c in range(share_c.size):
        if share_c[c] <= 0.0:
            part_cb[c] = -np.inf
            continue
        fill_factor(covariance_cdd[c], floor, factor_dd)
        part_cb[c] = math.log(share_c[c]) - 0.5 * d * LOG_2PI - invert_factor(factor_dd, inverse_dd)
        for r in range(d):
            white_b[:] = 0.0
            for s in range(r + 1):
                for j in range(b):
                    white_b[j] += inverse_dd[r, s] * (x_db[s, j] - mean_cd[c, s])
            for j in range(b):
                part_cb[c, j] -= 0.5 * white_b[j] * white_b[j]


@njit(nogil=True, cache=True)
def _log_sums(part_cb, highest_b, log_b):
    """Fills log_b with the log of the sum over components; part_cb becomes exp(part - highest); returns their sums."""
    highest_b[:] = -1e300  # a document infinitely far from all components counts as this far
    for c in range(part_cb.shape[0]):
        for j in range(highest_b.size):
            highest_b[j] = max(highest_b[j], part_cb[c, j])
    sum_b = np.zeros(highest_b.size)
    for c in range(part_cb.shape[0]):
        for j in range(highest_b.size):
            part_cb[c, j] = exponential(part_cb[c, j] - highest_b[j])
            sum_b[j] += part_cb[c, j]
    for j in range(highest_b.size):
        log_b[j] = highest_b[j] + logarithm(sum_b[j])
    return sum_b


@njit(nogil=True, cache=True)
def _maximise(x_db, part_cb, total, dev_db, share_c, mean_cd, covariance_cdd, floor):
    """Shares, means and covariances from weighted memberships; an empty component gets share 0 and stays put."""
    d, b = x_db.shape
    scaled_b = np.empty(b)
    for c in range(share_c.size):
        mass = sum_of(part_cb[c])
        share_c[c] = mass / total if mass > EMPTY * total else 0.0
        if share_c[c] == 0.0:
            continue
        for r in range(d):
            mean_cd[c, r] = dot(part_cb[c], x_db[r]) / mass
            for j in range(b):
                dev_db[r, j] = x_db[r, j] - mean_cd[c, r]
        for r in range(d):
            for j in range(b):
                scaled_b[j] = part_cb[c, j] * dev_db[r, j]
            for s in range(r + 1):
                covariance_cdd[c, r, s] = dot(scaled_b, dev_db[s]) / mass
                covariance_cdd[c, s, r] = covariance_cdd[c, r, s]
            covariance_cdd[c, r, r] += floor


@njit(nogil=True, cache=True)
def _start(x_db, w_b, u_c, share_c, mean_cd, covariance_cdd, floor):
    """A fresh start: k-means++ centres, Lloyd's steps, then one maximisation with hard memberships."""
    d, b = x_db.shape
    near_b, best_b = np.zeros(b, np.int64), np.full(b, np.inf)  # what is infinitely far from all is of the first
    chance_b = np.cumsum(w_b)
    covariance_cdd[:] = np.eye(d) * floor
    found = 0
    for c in range(share_c.size):
        if chance_b[b - 1] <= 0.0:  # every document is a centre already
            mean_cd[c] = mean_cd[0]
            continue
        mean_cd[c] = x_db[:, pick(chance_b, u_c[c])]
        found = c + 1
        _nearest(x_db, mean_cd[c], c, near_b, best_b)
        chance_b = np.cumsum(w_b * best_b)
    part_cb = np.zeros((share_c.size, b))
    for _ in range(LLOYD):
        before_b = near_b.copy()
        _members(w_b, near_b, part_cb)
        for c in range(found):
            mass = sum_of(part_cb[c])
            for r in range(d):
                mean_cd[c, r] = dot(part_cb[c], x_db[r]) / mass if mass > 0.0 else mean_cd[c, r]
        best_b[:] = np.inf
        for c in range(found):
            _nearest(x_db, mean_cd[c], c, near_b, best_b)
        if (near_b == before_b).all():
            break
    _members(w_b, near_b, part_cb)
    _maximise(x_db, part_cb, sum_of(w_b), np.empty((d, b)), share_c, mean_cd, covariance_cdd, floor)


@njit(nogil=True, cache=True)
def _nearest(x_db, centre_d, c, near_b, best_b):
    """Documents nearer to this centre than to any before it become members of c."""
    square_b = np.zeros(best_b.size)
    for r in range(x_db.shape[0]):
        for j in range(best_b.size):
            square_b[j] += (x_db[r, j] - centre_d[r]) ** 2
    for j in range(best_b.size):
        near_b[j] = c if square_b[j] < best_b[j] else near_b[j]
        best_b[j] = min(square_b[j], best_b[j])


@njit(nogil=True, cache=True)
def _members(w_b, near_b, part_cb):
    part_cb[:] = 0.0
    for j in range(w_b.size):
        part_cb[near_b[j], j] = w_b[j]


@njit(nogil=True, cache=True)
def _gather(content_bd, weight_b, x_db, w_b):
    """Documents of positive weight, with the documents last; returns how many."""
    used = 0
    for j in range(weight_b.size):
        if weight_b[j] > 0.0:
            x_db[:, used] = content_bd[j]
            w_b[used] = weight_b[j]
            used += 1
    return used
