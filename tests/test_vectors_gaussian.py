"""The Gaussian learner: estimates against numpy and scipy, degenerate diets, and the laws of its collapse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import digamma, polygamma
from scipy.stats import multivariate_normal

from agents.learners.gaussian import Gaussian
from ecosystem.documents import DocumentShape
from ecosystem.streams import Streams
from tests.chance import mean_is, variance_is

STREAMS = Streams(7)
ROUNDING = 1e-12


def draws(purpose, step, n):
    return STREAMS.rows(purpose, step, n)


def fitted(content, weight=None, ddof=0):
    learner = Gaussian(ddof=ddof)
    n, b, d = content.shape
    fresh = learner.init(n, DocumentShape("vectors", d), draws("init", 0, n))
    weight = np.ones((n, b)) if weight is None else weight
    return learner, learner.train(fresh, content, weight, draws("train", 0, n))


@pytest.mark.parametrize("ddof", [0, 1])
def test_mean_and_covariance_are_those_of_numpy(ddof):
    content = draws("content", 0, 5).normal(30, 3) * 2 + 100
    _, params = fitted(content, ddof=ddof)
    np.testing.assert_allclose(params["mean"], content.mean(axis=1), rtol=ROUNDING)
    for i in range(5):
        np.testing.assert_allclose(params["covariance"][i], np.cov(content[i].T, ddof=ddof), rtol=1e-9, atol=ROUNDING)


@pytest.mark.parametrize("ddof", [0, 1])
def test_a_weight_of_two_counts_like_two_copies(ddof):
    content, weight = draws("content", 1, 4).normal(20, 2), 1.0 + draws("weight", 0, 4).integers(3, 20)
    _, weighted = fitted(content, weight, ddof)
    for i in range(4):
        copies = np.repeat(content[i], weight[i].astype(int), axis=0)
        _, copied = fitted(copies[None], ddof=ddof)
        np.testing.assert_allclose(weighted["mean"][i], copied["mean"][0], rtol=ROUNDING, atol=ROUNDING)
        np.testing.assert_allclose(weighted["covariance"][i], copied["covariance"][0], rtol=1e-10, atol=ROUNDING)


@pytest.mark.parametrize("ddof", [0, 1])
def test_one_document_is_written_again_and_again(ddof):
    content = draws("content", 2, 3).normal(1, 2) * 1e6
    learner, params = fitted(content, ddof=ddof)
    assert (params["covariance"] == 0).all()
    assert (learner.sample(params, 9, draws("sample", 0, 3)) == content).all()
    score = learner.log_prob(params, np.concatenate([content[0], content[0] + 1]))
    assert score[0].tolist() == [0.0, -np.inf]


def test_copies_of_one_document_have_no_variance_at_all():
    content = np.full((1, 7, 2), 0.1) * np.array([1, 1e9])
    _, params = fitted(content, np.full((1, 7), 0.3))
    assert (params["covariance"] == 0).all()
    assert (params["mean"] == content[:, 0]).all()


def test_log_density_is_that_of_scipy():
    content = draws("content", 3, 3).normal(40, 4) @ np.diag([1, 10, 0.1, 3]) + 5
    learner, params = fitted(content)
    score = learner.log_prob(params, content[0])
    for i in range(3):
        expected = multivariate_normal(params["mean"][i], params["covariance"][i]).logpdf(content[0])
        np.testing.assert_allclose(score[i], expected, rtol=1e-10)


def test_a_flat_covariance_is_written_and_scored_on_its_plane_as_scipy_does():
    """Three documents in three dimensions span a plane."""
    content = draws("content", 4, 1).normal(3, 3)
    learner, params = fitted(content)
    covariance = params["covariance"][0]
    normal = np.linalg.svd(covariance)[2][-1]  # the direction without variance
    written = learner.sample(params, 50, draws("sample", 1, 1))[0]
    assert np.abs((written - params["mean"][0]) @ normal).max() < 1e-9
    score = learner.log_prob(params, np.concatenate([written, written + normal]))[0]
    # scipy's density is per area of the plane; ours per area of its projection on the first two coordinates
    tilt = 0.5 * (np.log(np.linalg.eigvalsh(covariance)[1:]).sum() - np.linalg.slogdet(covariance[:2, :2])[1])
    expected = multivariate_normal(params["mean"][0], covariance, allow_singular=True).logpdf(written)
    np.testing.assert_allclose(score[:50], expected + tilt, rtol=1e-6)
    assert np.isneginf(score[50:]).all()


def lineage(ddof, n, generations, replicates, keep_all=False):
    """Means and variances (replicates,) after each fit on n of one's own documents, the first from N(0, 1)."""
    learner, shape = Gaussian(ddof=ddof), DocumentShape("vectors", 1)
    diet = draws("humans", 0, replicates).normal(n, 1)
    means, variances = [], []
    for t in range(generations + 1):
        fresh = learner.init(replicates, shape, draws("init", t, replicates))
        params = learner.train(fresh, diet, np.ones(diet.shape[:2]), draws("train", t, replicates))
        means.append(params["mean"][:, 0])
        variances.append(params["covariance"][:, 0, 0])
        written = learner.sample(params, n, draws("publish", t, replicates))
        diet = np.concatenate([diet, written], axis=1) if keep_all else written
    return np.array(means), np.array(variances)


@pytest.mark.parametrize("ddof", [0, 1])
def test_log_variance_falls_as_the_law_says(ddof):
    """Law 1 (arXiv:2305.17493): log v_t is a sum of t + 1 independent log chi-squares. False alarm 2 x 1e-6."""
    n, t = 8, 6
    log_v = np.log(lineage(ddof, n, t, 4000)[1][t])

    def law_holds(n, ddof):
        half = (n - 1) / 2
        mean = (t + 1) * (digamma(half) + np.log(2) - np.log(n - ddof))
        spread, fourth = (t + 1) * polygamma(1, half), (t + 1) * polygamma(3, half)
        return mean_is(log_v, mean), variance_is(log_v, spread, fourth)

    assert law_holds(n, ddof) == (True, True)
    assert not law_holds(n, 1 - ddof)[0], "the other divisor must be rejected"
    assert not any(law_holds(n + 1, ddof)), "one document more must be rejected"


def test_variance_lost_within_models_is_found_between_them():
    """Conservation (ddof 0): E v + E mu^2 = v* at every step. False alarm 4 x 1e-6; rejected for ddof 1."""
    for ddof, holds in ((0, True), (1, False)):
        means, variances = lineage(ddof, 10, 4, 4000)
        kept = [mean_is(variances[t] + means[t] ** 2, 1.0) for t in range(1, 5)]
        assert kept == [holds] * 4


def test_accumulating_keeps_the_variance_that_the_product_says():
    """Law 2 (arXiv:2410.16713, theorem 1). False alarm 1e-6; the law of replacing is rejected by the same figures."""
    n, t = 6, 7
    variances = lineage(0, n, t, 4000, keep_all=True)[1][t]
    steps = np.arange(1, t + 2)
    assert mean_is(variances, np.prod(1 - 1 / (n * steps**2)))
    assert not mean_is(variances, (1 - 1 / n) ** (t + 1))
