"""Kernel density estimation against scipy and scikit-learn, and the law of its blurring."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity

from agents.learners.kde import Kde
from ecosystem.documents import DocumentShape
from ecosystem.streams import Streams
from tests.chance import mean_is

STREAMS = Streams(13)


def draws(purpose, step, n):
    return STREAMS.rows(purpose, step, n)


def fitted(learner, content, weight=None):
    n, b, d = content.shape
    fresh = learner.init(n, DocumentShape("vectors", d), draws("init", 0, n))
    return learner.train(fresh, content, np.ones((n, b)) if weight is None else weight, draws("train", 0, n))


@pytest.mark.parametrize("rule", ["scott", "silverman"])
@pytest.mark.parametrize("d", [1, 3])
def test_density_and_kernel_are_those_of_scipy(rule, d):
    content = draws("content", d, 4).normal(50, d) @ np.triu(np.ones((d, d))) + 30
    learner = Kde(bandwidth=rule)
    params = fitted(learner, content)
    points = draws("points", d, 1).normal(40, d)[0] * 3 + 30
    for i in range(4):
        reference = gaussian_kde(content[i].T, bw_method=rule)
        np.testing.assert_allclose(params["kernel"][i], reference.covariance, rtol=1e-10)
        np.testing.assert_allclose(learner.log_prob(params, points)[i], reference.logpdf(points.T), rtol=1e-9)


def test_density_with_weights_is_that_of_scikit_learn():
    content, weight = draws("content", 5, 3).normal(60, 2), draws("weight", 0, 3).integers(4, 60).astype(float)
    learner = Kde(bandwidth=0.3)
    params = fitted(learner, content, weight)
    points = draws("points", 5, 1).normal(40, 2)[0]
    for i in range(3):
        kept = weight[i] > 0
        reference = KernelDensity(bandwidth=0.3).fit(content[i][kept], sample_weight=weight[i][kept])
        np.testing.assert_allclose(learner.log_prob(params, points)[i], reference.score_samples(points), rtol=1e-7)


@pytest.mark.parametrize("bandwidth", [0.3, "scott", "silverman"])
def test_a_weight_of_two_counts_like_two_copies(bandwidth):
    content, weight = draws("content", 6, 1).normal(20, 2), 1.0 + draws("weight", 1, 1).integers(3, 20)
    learner = Kde(bandwidth=bandwidth)
    weighted = fitted(learner, content, weight)
    copied = fitted(learner, np.repeat(content[0], weight[0].astype(int), axis=0)[None])
    points = draws("points", 6, 1).normal(30, 2)[0]
    np.testing.assert_allclose(learner.log_prob(weighted, points), learner.log_prob(copied, points), rtol=1e-9)


@pytest.mark.parametrize("b", [1, 5])
def test_a_diet_of_one_point_leaves_that_point(b):
    learner, content = Kde(), np.full((1, b, 2), 0.7)
    params = fitted(learner, content)
    assert (learner.sample(params, 20, draws("sample", 0, 1)) == 0.7).all()
    score = learner.log_prob(params, np.array([[0.7, 0.7], [0.7, 0.8]]))[0]
    assert score[0] == pytest.approx(0, abs=1e-12)
    assert np.isneginf(score[1])


def test_a_diet_on_a_line_is_written_and_scored_on_that_line():
    along = draws("content", 7, 1).normal(30, 1)
    learner = Kde()
    params = fitted(learner, np.concatenate([along, 2 * along], axis=2))
    written = learner.sample(params, 100, draws("sample", 1, 1))[0]
    np.testing.assert_allclose(written[:, 1], 2 * written[:, 0], atol=1e-12)
    reference = gaussian_kde(along[0, :, 0], bw_method=30 ** (-1 / 6))  # the rule counts both coordinates
    np.testing.assert_allclose(learner.log_prob(params, written)[0], reference.logpdf(written[:, 0]), rtol=1e-6)


def test_documents_far_from_the_origin_lose_no_digits():
    content = draws("content", 8, 1).normal(30, 2) * 1e-3 + 1e6
    learner = Kde(bandwidth=1e-3)
    near = learner.log_prob(fitted(learner, content - 1e6), content[0] - 1e6)
    np.testing.assert_allclose(learner.log_prob(fitted(learner, content), content[0]), near, rtol=1e-6)


def test_variance_moves_by_the_kernel_and_the_sample_as_the_law_says():
    """E v' = (1 - 1/n) v + h^2 each generation, v with the kernel. False alarm 1e-6; rejected without the kernel."""
    n, h, generations, replicates = 10, 0.4, 5, 4000
    learner, diet, v = Kde(bandwidth=h), draws("humans", 0, replicates).normal(n, 1), 1.0
    for t in range(generations):
        params, v = fitted(learner, diet), (1 - 1 / n) * v + h**2
        diet = learner.sample(params, n, draws("publish", t, replicates))
    variance = learner.moments(params).covariance_NDD[:, 0, 0]
    assert mean_is(variance, v)
    assert not mean_is(variance, (1 - 1 / n) ** generations)
