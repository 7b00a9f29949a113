"""Diversity within models and likeness between them.

Two axes, as in population genetics (Wright's F statistics): within-model diversity can be kept while all models become
one (hivemind), and lost while they stay different (collapse of each on its own).
For items and tokens a draw is one item; for vectors diversity is variance (trace) and likeness the product of means.
"""

from __future__ import annotations

import numpy as np

from ecosystem.interfaces import defined_for
from ecosystem.tally import row_squares, row_sums

VECTORS = ("vectors", "pairs")


def within_diversity(world) -> np.ndarray:
    """(N,) probability that two independent draws from a model differ, 1 - sum p^2; for vectors variance (trace)."""
    if world.shape.kind in VECTORS:
        return np.einsum("nii->n", world.readout.moments.covariance_NDD)
    return 1 - world.readout.collision_N


def between_similarity(world) -> float:
    """Probability that draws from two different models are equal, mean over ordered pairs; NaN for a single model."""
    n = world.n
    if n < 2:
        return float("nan")
    total, own = _sum(world), _self_products(world)
    return float((total @ total - own.sum()) / (n * (n - 1)))


def pooled_diversity(world) -> float:
    """Diversity of the pooled web: of draws from two models chosen at random with replacement."""
    total = _sum(world) / world.n
    if world.shape.kind in VECTORS:
        return float(within_diversity(world).mean() + _self_products(world).mean() - total @ total)
    # the pair of a model with itself is estimated as `within_diversity` is, without bias where p is from a sample
    bias = (_self_products(world) - world.readout.collision_N).sum() / world.n**2
    return float(1 - total @ total + bias)


def differentiation(world) -> float:
    """1 - mean within_diversity / pooled_diversity: 0 is a hivemind, 1 models without anything in common.

    Wright's F_ST (Nei 1973, doi:10.1073/pnas.70.12.3321). NaN when the whole web has become one thing.
    """
    pooled = pooled_diversity(world)
    return float(1 - within_diversity(world).mean() / pooled) if pooled > 1e-12 else float("nan")


@defined_for("items", "tokens")
def support(world) -> np.ndarray:
    """(N,) items of non-zero probability; for texts distinct tokens in the measuring sample."""
    return (world.readout.atoms.mass_NU > 0).sum(axis=1).astype(float)


def entropy(world) -> np.ndarray:
    """(N,) nats; for vectors that of a Gaussian of the same covariance (-inf when it is flat)."""
    if world.shape.kind in VECTORS:
        covariance = world.readout.moments.covariance_NDD
        sign, logdet = np.linalg.slogdet(covariance)
        return np.where(sign > 0, 0.5 * (covariance.shape[-1] * np.log(2 * np.pi * np.e) + logdet), -np.inf)
    mass = world.readout.atoms.mass_NU
    return -row_sums(mass * np.log(np.where(mass > 0, mass, 1)))


def _sum(world) -> np.ndarray:
    """Sum of all models' distributions (K,), or of their means (d,)."""
    if world.shape.kind in VECTORS:
        return world.readout.moments.mean_ND.sum(axis=0)
    return world.readout.pooled_K


def _self_products(world) -> np.ndarray:
    """(N,): <p_i, p_i>, or |mean_i|^2."""
    return row_squares(world.readout.moments.mean_ND if world.shape.kind in VECTORS else world.readout.atoms.mass_NU)
