"""The Gaussian mixture learner against scikit-learn, and what becomes of components that lose their documents."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from agents.humans.mixture import Mixture as World
from agents.kernels.numerics import dot, exponential, highest_of, log_sum_exp, logarithm, pick, sum_of
from agents.learners.mixture import Mixture
from ecosystem.documents import DocumentShape
from ecosystem.streams import Streams

STREAMS = Streams(11)


@pytest.fixture(autouse=True)
def one_thread():
    """scikit-learn's threads fight each other on problems this small."""
    with threadpool_limits(1):
        yield


def draws(purpose, step, n):
    return STREAMS.rows(purpose, step, n)


def human(n, b, **keys):
    world = World(**keys)
    return world.open([world])[0].sample(b, draws("humans", 0, n))


def fresh(learner, n, d=2):
    return learner.init(n, DocumentShape("vectors", d), draws("init", 0, n))


def standing(learner, content):
    """A state from which `train` climbs on: random shares, documents as centres."""
    n, _, d = content.shape
    share = draws("share", 0, n).uniform(learner.components) + 0.2
    spread = np.tile(np.eye(d), (n, learner.components, 1, 1)) * 3.0
    centre = content[:, : learner.components].copy()
    fitted = np.ones(n, bool)
    return {"share": share / share.sum(axis=1, keepdims=True), "mean": centre, "covariance": spread, "fitted": fitted}


@pytest.mark.parametrize("iterations", [1, 2, 7])
def test_steps_of_expectation_maximisation_are_those_of_scikit_learn(iterations):
    """The same start, the same number of steps: equal to rounding."""
    content = human(4, 300, dimensions=3, radius=2.0, distance=3.0)
    learner = Mixture(components=3, iterations=iterations, tolerance=0)
    start = standing(learner, content)
    params = learner.train(start, content, np.ones(content.shape[:2]), draws("train", 0, 4))
    for i in range(4):
        reference = GaussianMixture(
            3,
            tol=0,
            max_iter=iterations,
            reg_covar=learner.floor,
            weights_init=start["share"][i],
            means_init=start["mean"][i],
            precisions_init=np.linalg.inv(start["covariance"][i]),
        )
        with pytest.warns(UserWarning, match="did not converge"):
            reference.fit(content[i])
        np.testing.assert_allclose(params["share"][i], reference.weights_, rtol=1e-8)
        np.testing.assert_allclose(params["mean"][i], reference.means_, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(params["covariance"][i], reference.covariances_, rtol=1e-8, atol=1e-10)


def test_fresh_fits_find_the_components_that_scikit_learn_finds():
    """Well separated components have one best fit: equal likelihood up to the stopping rule."""
    n = 12
    content = human(n, 400, rare=0, radius=6.0)
    learner = Mixture(components=4, restarts=4, tolerance=1e-9, iterations=1000)
    weight = np.ones(content.shape[:2])
    params = learner.train(fresh(learner, n), content, weight, draws("train", 1, n))
    for i in range(n):
        reference = GaussianMixture(4, tol=1e-9, max_iter=1000, n_init=4, random_state=i).fit(content[i])
        assert learner.log_prob(params, content[i])[i].mean() == pytest.approx(reference.score(content[i]), abs=1e-6)
        np.testing.assert_allclose(np.sort(params["share"][i]), np.sort(reference.weights_), atol=1e-4)


def test_a_step_never_lowers_the_likelihood():
    content = human(6, 200, radius=1.5, distance=4.0)
    learner = Mixture(components=5, iterations=1, floor=1e-12)
    weight = 1.0 + draws("weight", 0, 6).integers(3, 200)
    params = standing(learner, content)
    last = np.full(6, -np.inf)
    for t in range(30):
        score = np.array([learner.log_prob(params, content[i])[i] for i in range(6)])
        now = (weight * score).sum(axis=1) / weight.sum(axis=1)
        assert (now >= last - 1e-9).all()
        last, params = now, learner.train(params, content, weight, draws("train", t, 6))


def test_a_weight_of_two_counts_like_two_copies():
    content = human(3, 60)
    weight = 1.0 + draws("weight", 1, 3).integers(3, 60)
    learner = Mixture(components=3, iterations=5, tolerance=0)
    start = standing(learner, content)
    weighted = learner.train(start, content, weight, draws("train", 2, 3))
    for i in range(3):
        copies = np.repeat(content[i], weight[i].astype(int), axis=0)[None]
        alone = {k: v[[i]] for k, v in start.items()}
        copied = learner.train(alone, copies, np.ones(copies.shape[:2]), draws("train", 2, 3).take(np.array([i])))
        for name in ("share", "mean", "covariance"):
            np.testing.assert_allclose(weighted[name][i], copied[name][0], rtol=1e-8, atol=1e-10)


def test_log_density_and_moments_are_those_of_the_components():
    content = human(2, 100, dimensions=3)
    learner = Mixture(components=3)
    params = standing(learner, content)
    for i in range(2):
        parts = [
            np.log(params["share"][i, c])
            + multivariate_normal(params["mean"][i, c], params["covariance"][i, c]).logpdf(content[0])
            for c in range(3)
        ]
        np.testing.assert_allclose(learner.log_prob(params, content[0])[i], logsumexp(parts, axis=0), rtol=1e-10)
        mean = params["share"][i] @ params["mean"][i]
        square = sum(
            s * (v + np.outer(m, m))
            for s, m, v in zip(params["share"][i], params["mean"][i], params["covariance"][i], strict=True)
        )
        np.testing.assert_allclose(learner.moments(params).mean_ND[i], mean, rtol=1e-12)
        np.testing.assert_allclose(learner.moments(params).covariance_NDD[i], square - np.outer(mean, mean), rtol=1e-10)


def test_with_fewer_documents_than_components_each_document_is_one():
    learner = Mixture(components=6)
    content = np.array([[[0.0, 0.0], [5.0, 5.0], [5.0, 5.0], [5.0, 5.0]]])
    params = learner.train(fresh(learner, 1), content, np.ones((1, 4)), draws("train", 3, 1))
    assert np.sort(params["share"][0]).tolist() == [0, 0, 0, 0, 0.25, 0.75]
    written = learner.sample(params, 400, draws("sample", 0, 1))[0]
    distance = np.linalg.norm(written[:, None] - np.array([[0, 0], [5, 5]]), axis=2).min(axis=1)
    assert distance.max() < 6 * math.sqrt(2 * learner.floor)


def test_a_component_once_lost_never_comes_back_while_training_goes_on():
    content = human(1, 300, rare=0)
    learner = Mixture(components=4)
    start = standing(learner, content)
    start["share"][0] = [0.5, 0.5, 0.0, 0.0]
    params = learner.train(start, content, np.ones((1, 300)), draws("train", 4, 1))
    assert (params["share"][0, 2:] == 0).all()
    anew = learner.train(fresh(learner, 1), content, np.ones((1, 300)), draws("train", 4, 1))
    assert (anew["share"] > 0).all(), "a fresh fit finds all four"


def test_a_rare_mode_is_fitted_when_it_was_read_and_cannot_be_written_when_it_was_not():
    content = human(2, 500, rare=1, rare_weight=0.02, scale=0.3)
    far = np.linalg.norm(content, axis=2) > 8
    assert far.any(axis=1).all()
    learner = Mixture(components=5, restarts=5)
    weight = np.array([np.ones(500), ~far[1]])
    params = learner.train(fresh(learner, 2), content, weight, draws("train", 5, 2))
    written = np.linalg.norm(learner.sample(params, 2000, draws("sample", 1, 2)), axis=2) > 8
    assert written[0].any()
    assert not written[1].any()


def test_exponentials_are_those_of_numpy_to_one_unit_in_the_last_place():
    x = np.concatenate(
        [np.linspace(-708, 709, 20_001), -np.geomspace(1e-300, 1, 500), np.geomspace(1e-300, 1, 500), [0.0]]
    )
    ours = np.array([exponential(v) for v in x])
    assert np.abs(ours / np.exp(x) - 1).max() < 4.5e-16
    assert exponential(-1e9) == exponential(-np.inf) < 1e-307


def test_logarithms_are_those_of_numpy_to_two_units_in_the_last_place():
    x = np.concatenate(
        [np.geomspace(1e-300, 1e300, 5001), np.linspace(0.5, 16, 5001), 1 + np.linspace(-1e-6, 1e-6, 500)]
    )
    ours, true = np.array([logarithm(v) for v in x]), np.log(x)
    assert (np.abs(ours - true) <= 4.5e-16 * np.maximum(1, np.abs(true))).all()


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 100])
def test_long_sums_are_those_of_exact_arithmetic(size):
    a, b = (draws(name, size, 1).normal(size)[0] for name in "ab")
    assert sum_of(a) == pytest.approx(math.fsum(a), abs=1e-12)
    assert dot(a, b) == pytest.approx(math.fsum(a * b), abs=1e-12)
    assert highest_of(a) == (a.max() if size else -np.inf)
    assert log_sum_exp(50 * a) == pytest.approx(logsumexp(50 * a) if size else -np.inf, abs=1e-12)


def test_picking_never_takes_what_has_no_weight():
    cumulative = np.cumsum([0.0, 0.3, 0.0, 0.7, 0.0])
    picked = [pick(cumulative, u) for u in (0.0, 0.1, 0.2999999, 0.3, 0.5, np.nextafter(1, 0))]
    assert picked == [1, 1, 1, 3, 3, 3]
