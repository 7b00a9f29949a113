"""What models write of the classes that humans write, as a judge of human documents sees it.

The judge is the world's own where documents fall into classes (pictures: a network trained on human ones), else the
nearest mode of a mixture. All is taken on the measuring sample of `measure.documents` documents, and on a judge that
errs: `judge_accuracy` says how often, `human_frechet_distance` what human documents themselves come to.

Letters: N models, k documents of the sample, C classes, F features.
"""

from __future__ import annotations

import numpy as np

from ecosystem.interfaces import Judge, Moments, defined_for
from ecosystem.metrics import MetricError

STILL = 0.1  # of the human share: a class written less often is no longer written


@defined_for("vectors")
def class_coverage(world, community: str | None = None) -> np.ndarray:
    """(N,) share of the classes that humans write which a model still writes: at least a tenth as often as humans do.

    At least one document of the sample; more for common classes, so that a few misjudged ones do not count.
    `class_coverage@name`: of the classes that a community writes.
    """
    _known(world, "class_coverage")
    return _coverage(world, world.reference.class_share_C, community, "class_coverage")


@defined_for("vectors")
def rare_class_coverage(world, community: str | None = None) -> np.ndarray:
    """(N,) the same of rare classes: with a human share below `measure.rare_below` (default: half of 1 / classes)."""
    _known(world, "rare_class_coverage")
    rare_C = np.where(world.reference.rare_C, world.reference.class_share_C, 0)
    return _coverage(world, rare_C, community, "rare_class_coverage")


@defined_for("vectors")
def class_divergence(world, community: str | None = None) -> np.ndarray:
    """(N,) total variation between the class shares of a model and of humans, 0 to 1.

    Documents of no class count as one that humans never write. `class_divergence@name`: against a community's shares.
    """
    judge = _known(world, "class_divergence")
    share_C = world.reference.class_share_C
    if community is not None:
        written_C = world.reference.classes_of(community)
        own = world.reference.writer(community).judge
        share_C = own.share_C if own is not None else np.where(written_C, share_C, 0) / share_C[written_C].sum()
    counts = _counts(world, judge)
    return 0.5 * np.abs(counts / counts.sum(axis=1, keepdims=True) - np.append(share_C, 0.0)).sum(axis=1)


@defined_for("vectors")
def unrecognised_share(world) -> np.ndarray:
    """(N,) share of the sample in which the judge sees none of the classes."""
    counts = _counts(world, _known(world, "unrecognised_share"))
    return counts[:, -1] / counts.sum(axis=1)


@defined_for("vectors")
def frechet_distance(world) -> np.ndarray:
    """(N,) squared Frechet distance between normal distributions fitted to a model's documents and to human ones.

    |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) (Heusel et al. 2017, arXiv:1706.08500, equation 6), in the features of the
    world's judge, against held-out human documents; without one on documents as they are, against exact human moments
    where they are known. A sample makes it larger than it is, the more features and the fewer documents the more:
    compare with `human_frechet_distance`, that of as many human documents.
    """
    human, judge = world.reference.feature_moments, world.writers[0].judge
    own = world.readout.moments if judge is None else _sample_moments(judge, world.readout.sample)
    return _frechet(own.mean_ND, own.covariance_NDD, human.mean_ND[0], human.covariance_NDD[0])


@defined_for("vectors")
def human_frechet_distance(world) -> float:
    """`frechet_distance` of as many published human documents as a model writes for measuring (or all there are)."""
    human, judge = world.reference.feature_moments, world.writers[0].judge
    documents = world.reference.published(world.spec.measure.documents)[None]
    seen = documents if judge is None else judge.features(documents[0])[None]
    own = _moments_of(seen)
    return float(_frechet(own.mean_ND, own.covariance_NDD, human.mean_ND[0], human.covariance_NDD[0])[0])


@defined_for("vectors")
def judge_accuracy(world) -> float:
    """Share of held-out human documents whose class the judge tells; not to be sure counts as wrong.

    1 for mixtures, whose modes are known; NaN where nothing was held out.
    """
    judge = _known(world, "judge_accuracy")
    if world.writers[0].judge is None:
        return 1.0
    table = judge.confusion()
    return float(np.trace(table) / table.sum()) if table is not None and table.sum() else float("nan")


def _known(world, name: str) -> Judge:
    if world.reference.judge is None:
        raise MetricError(f"{name}: the human writing of this world falls into no classes; it needs a judge or modes.")
    return world.reference.judge


def _counts(world, judge: Judge) -> np.ndarray:
    """(N, C + 1) documents of the sample by class, the last column: none."""
    sample = world.readout.sample
    class_Nk = judge.classes(sample.reshape(-1, sample.shape[2])).reshape(sample.shape[:2])
    return np.array([np.bincount(row % (len(judge.names) + 1), minlength=len(judge.names) + 1) for row in class_Nk])


def _coverage(world, wanted_C: np.ndarray, community: str | None, name: str) -> np.ndarray:
    """(N,) share of the classes of share wanted_C > 0 that are written often enough."""
    if community is not None:
        wanted_C = np.where(world.reference.classes_of(community), wanted_C, 0)
    if not (wanted_C > 0).any():
        raise MetricError(f"{name}: no class is rare; raise measure.rare_below above the least human share.")
    counts = _counts(world, world.reference.judge)
    enough_C = np.maximum(STILL * wanted_C * counts[0].sum(), 1)
    return (counts[:, :-1] >= enough_C)[:, wanted_C > 0].mean(axis=1)


def _sample_moments(judge: Judge, sample: np.ndarray) -> Moments:
    seen = judge.features(sample.reshape(-1, sample.shape[2]))
    return _moments_of(seen.reshape(*sample.shape[:2], -1))


def _moments_of(seen_NkF: np.ndarray) -> Moments:
    mean = seen_NkF.mean(axis=1)
    apart = seen_NkF - mean[:, None]
    return Moments(mean, np.swapaxes(apart, 1, 2) @ apart / (seen_NkF.shape[1] - 1))


def _frechet(mean_NF: np.ndarray, covariance_NFF: np.ndarray, mean_F: np.ndarray, covariance_FF: np.ndarray):
    """(N,) squared distances; tr (S S')^(1/2) is the sum of roots of the eigenvalues of S'^(1/2) S S'^(1/2)."""
    variance, axes = np.linalg.eigh(covariance_FF)
    root_FF = (axes * np.sqrt(np.maximum(variance, 0))) @ axes.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root_FF @ covariance_NFF @ root_FF), 0)).sum(axis=1)
    traces = np.trace(covariance_NFF, axis1=1, axis2=2) + np.trace(covariance_FF)
    return ((mean_NF - mean_F) ** 2).sum(axis=1) + np.maximum(traces - 2 * shared, 0)
