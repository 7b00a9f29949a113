"""Models that have become alike: clusters of those whose distributions point the same way.

Two models are alike when the cosine of their distributions is at least `measure.alike`; models that are linked by a
chain of such pairs are one cluster. For items and tokens a distribution is the vector of probabilities (of texts:
frequencies in the measuring sample, so that noise makes models look less alike); for vectors it is the normal density
of a model's mean and covariance, and the cosine that of two functions, <p, q> / sqrt(<p, p> <q, q>). Cost grows with
the square of the number of models.

Letters: N models, K items, U distinct items of one, d dimensions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from ecosystem.interfaces import Atoms, Moments
from ecosystem.metrics import MetricError

FLAT = 1e-9  # of the largest variance: what is added to every variance, so that flat densities can be compared


def of_likeness(metric) -> Any:
    """Marks a metric that needs the account of likeness, kept from step 0 where such a metric is asked for."""
    metric.follows = "likeness"
    return metric


def alike_with(world) -> np.ndarray:
    """(N,) share of all models in a model's cluster, itself included: from 1 / N to 1."""
    if world.shape.kind in ("vectors", "pairs"):
        cosine_NN = cosine_of_normals(world.readout.moments)
    else:
        cosine_NN = cosine_of_atoms(world.readout.atoms, world.shape.size)
    # sums of squares may miss 1 by rounding, and a threshold of 1 is allowed
    _, cluster_N = connected_components(cosine_NN >= world.spec.measure.alike - 1e-9, directed=False)
    return np.bincount(cluster_N)[cluster_N] / world.n


def alike_clusters(world) -> float:
    """Number of clusters: N where no two models are alike, 1 in a hivemind."""
    return float(round(np.sum(1 / (world.measured("alike_with") * world.n))))


def largest_alike_share(world) -> float:
    """Share of all models in the largest cluster."""
    return float(world.measured("alike_with").max())


@of_likeness
def alike_arrival(world) -> np.ndarray:
    """(N,) first step at which a model was in a cluster of half of all models or more; NaN: not yet."""
    if world.spread is None or not world.spread.of_likeness:
        raise MetricError("alike_arrival counts from step 0: it must be among the scenario's `metrics`.")
    return world.spread.alike_N.copy()


def cosine_of_atoms(atoms: Atoms, size: int) -> np.ndarray:
    """(N, N) cosines of item distributions; 0 for a model that has none."""
    n = len(atoms.item_NU)
    table_NK = np.zeros((n, size), np.float32)
    np.add.at(table_NK, (np.arange(n)[:, None], atoms.item_NU), atoms.mass_NU.astype(np.float32))
    length_N = np.linalg.norm(table_NK, axis=1, keepdims=True)
    table_NK /= np.where(length_N > 0, length_N, 1)
    return table_NK @ table_NK.T


def cosine_of_normals(moments: Moments) -> np.ndarray:
    """(N, N) cosines of the normal densities of means (N, d) and covariances (N, d, d)."""
    mean_ND, d = moments.mean_ND, moments.mean_ND.shape[1]
    largest = np.trace(moments.covariance_NDD, axis1=1, axis2=2).max()
    covariance_NDD = moments.covariance_NDD + (FLAT * largest or FLAT) * np.eye(d)
    own_N = np.linalg.slogdet(2 * covariance_NDD)[1] / 4
    found = np.empty((len(mean_ND), len(mean_ND)))
    for i, (mean, covariance) in enumerate(zip(mean_ND, covariance_NDD, strict=True)):
        both, apart = covariance + covariance_NDD, (mean_ND - mean)[:, :, None]
        square_N = (apart * np.linalg.solve(both, apart)).sum(axis=(1, 2))
        found[i] = own_N[i] + own_N - np.linalg.slogdet(both)[1] / 2 - square_N / 2
    return np.exp(np.minimum(found, 0.0))
