"""What is rare and what is left of it.

Expected mass of the tail does not move under neutral drift; what is lost is coverage (theory law 5), so coverage is
what is measured.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from ecosystem.interfaces import defined_for
from ecosystem.metrics import MetricError
from ecosystem.metrics.classes import class_coverage, rare_class_coverage, unrecognised_share
from ecosystem.tally import row_sums


@defined_for("items", "tokens", "vectors")
def tail_coverage(world, community: str | None = None) -> np.ndarray:
    """(N,) share of the rare items (human probability below `measure.rare_below`) that a model can still produce.

    For texts: rare tokens found in the measuring sample; for mixtures: rare modes met in it; where documents fall into
    classes `rare_class_coverage`. `tail_coverage@name`: only of the rare items (or modes) that a community writes.
    """
    if _judged(world):
        return rare_class_coverage(world, community)
    if world.shape.kind == "vectors":
        rare_C = world.reference.rare_C
        if community is not None and rare_C is not None:
            rare_C = rare_C & world.reference.modes_of(community)
        return _modes_met(world, rare_C, "tail_coverage")
    rare_K = world.reference.rare_K
    if community is not None:
        rare_K = rare_K & (world.reference.item_probabilities(world.reference.writer(community)) > 0)
    if not rare_K.any():
        raise MetricError("tail_coverage: no item is rare; raise measure.rare_below above the least human probability.")
    atoms = world.readout.atoms
    return (rare_K[atoms.item_NU] & (atoms.mass_NU > 0)).sum(axis=1) / rare_K.sum()


@defined_for("vectors")
def mode_coverage(world) -> np.ndarray:
    """(N,) share of the human modes that a model still produces: met by a document of the measuring sample.

    Where documents fall into classes: `class_coverage`.
    """
    if _judged(world):
        return class_coverage(world)
    return _modes_met(world, None, "mode_coverage")


@defined_for("items", "tokens", "vectors")
def hallucination_share(world) -> np.ndarray:
    """(N,) share of what a model writes that humans never would.

    Items: mass on items of human probability 0. Vectors: documents of the sample further from every human mode (or
    the human mean) than 99.9% of that mode's own; where documents fall into classes: those of the sample in which the
    judge sees none of them. Texts: token trigrams of the sample that no human document has.
    """
    if world.shape.kind == "tokens":
        from ecosystem.metrics.text import unseen_trigram_share

        return unseen_trigram_share(world)
    if _judged(world):
        return unrecognised_share(world)
    if world.shape.kind == "items":
        atoms = world.readout.atoms
        return row_sums(np.where(world.reference.probabilities[atoms.item_NU] > 0, 0, atoms.mass_NU))
    return (_distance(world).min(axis=2) > chi2.ppf(0.999, world.shape.size)).mean(axis=1)


def _judged(world) -> bool:
    """Do documents fall into classes that are no modes?"""
    return world.writers[0].judge is not None


def _modes_met(world, wanted_C: np.ndarray | None, name: str) -> np.ndarray:
    """(N,) share of the wanted modes that are the nearest to, and hold, some document of the sample."""
    if world.reference.modes is None or (wanted_C is not None and not wanted_C.any()):
        rare = "rare " if wanted_C is not None else ""
        raise MetricError(f"{name}: the human writing of this world has no {rare}modes.")
    distance = _distance(world)
    nearest = distance.argmin(axis=2)
    inside = distance.min(axis=2) <= chi2.ppf(0.999, world.shape.size)
    met = np.array([((nearest == c) & inside).any(axis=1) for c in range(distance.shape[2])]).T
    return met[:, wanted_C].mean(axis=1) if wanted_C is not None else met.mean(axis=1)


def _distance(world) -> np.ndarray:
    """(N, k, C) squared distances of the sample to human modes, in their standard deviations."""
    sample, modes = world.readout.sample, world.reference.modes
    if modes is None:
        mean, covariance = world.reference.moments.mean_ND[0], world.reference.moments.covariance_NDD[0]
        variance, axes = np.linalg.eigh(covariance)
        # along an axis on which humans never vary a hair's breadth is already far
        along = (sample - mean) @ axes
        return (along**2 / np.maximum(variance, 1e-12 * max(variance[-1], 1e-12))).sum(axis=2)[:, :, None]
    apart = sample[:, :, None, :] - modes.centre_CD
    return np.einsum("nkcd,nkcd->nkc", apart, apart) / modes.scale_C**2
