"""The linear learner: least squares against numpy and scikit-learn, designs, and law 8 (replace and accumulate)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression

from agents.humans.regression import Regression
from agents.learners.linear import Linear
from ecosystem.documents import DocumentShape
from ecosystem.streams import Streams
from tests.chance import is_chi_square, mean_is

STREAMS = Streams(17)


def draws(purpose, step, n):
    return STREAMS.rows(purpose, step, n)


def human(n, b, step=0, **keys):
    world = Regression(**keys)
    return world.open([world])[0].sample(b, draws("humans", step, n))


def fitted(learner, content, weight=None, params=None):
    n, b, p = content.shape
    params = learner.init(n, DocumentShape("pairs", p), draws("init", 0, n)) if params is None else params
    return learner.train(params, content, np.ones((n, b)) if weight is None else weight, draws("train", 0, n))


@pytest.mark.parametrize("intercept", [False, True])
def test_weighted_least_squares_is_that_of_scikit_learn(intercept):
    content = human(4, 40, features=3, coefficients=(1, -2, 0.5)) + [0, 0, 0, 7.0]
    weight = draws("weight", 0, 4).integers(4, 40).astype(float)
    params = fitted(Linear(intercept=intercept), content, weight)
    for i in range(4):
        x, y = content[i, :, :3], content[i, :, 3]
        reference = LinearRegression(fit_intercept=intercept).fit(x, y, weight[i])
        np.testing.assert_allclose(params["coefficients"][i], reference.coef_, rtol=1e-9)
        assert params["intercept"][i] == pytest.approx(reference.intercept_, abs=1e-9)
        rest = (weight[i] * (y - reference.predict(x)) ** 2).sum() / (weight[i].sum() - 3 - intercept)
        assert params["noise"][i] ** 2 == pytest.approx(rest, rel=1e-9)


def test_a_weight_of_two_counts_like_two_copies():
    content, weight = human(1, 20, step=1), 1.0 + draws("weight", 1, 1).integers(3, 20)
    weighted = fitted(Linear(), content, weight)
    copied = fitted(Linear(), np.repeat(content[0], weight[0].astype(int), axis=0)[None])
    for name in ("coefficients", "noise"):
        np.testing.assert_allclose(weighted[name], copied[name], rtol=1e-9)


def test_with_as_few_documents_as_coefficients_the_fit_is_exact_and_without_noise():
    content = human(2, 3, step=2)
    params = fitted(Linear(), content)
    assert (params["noise"] == 0).all()
    score = Linear().log_prob(params, content[0])[0]
    assert score.tolist() == [0, 0, 0]
    assert np.isneginf(Linear().log_prob(params, content[0] + 1e-3)[0]).all()


def test_directions_that_were_not_read_about_stay_where_the_model_stands():
    content = human(1, 30, step=3, features=2, coefficients=(2, 3))
    content[..., 1] = 0
    standing = fitted(Linear(), human(1, 30, step=4, features=2, coefficients=(5, 6)))
    after = fitted(Linear(), content, params=standing)
    assert after["coefficients"][0, 1] == pytest.approx(standing["coefficients"][0, 1], abs=1e-12)
    assert after["coefficients"][0, 0] == pytest.approx(
        (content[0, :, 0] @ content[0, :, 2]) / (content[0, :, 0] ** 2).sum()
    )
    assert fitted(Linear(), content)["coefficients"][0, 1] == 0, "a fresh model knows nothing of that direction"


def test_log_density_is_that_of_the_target_given_the_features():
    content = human(1, 30, step=5)
    learner = Linear(noise=0.7, intercept=True)
    params = fitted(learner, content)
    expected = norm(content[0, :, :3] @ params["coefficients"][0] + params["intercept"][0], 0.7).logpdf(
        content[0, :, 3]
    )
    np.testing.assert_allclose(learner.log_prob(params, content[0])[0], expected, rtol=1e-10)


def test_a_reused_design_is_the_first_diet_in_its_order_again_and_again():
    content, weight = human(2, 5, step=6), np.ones((2, 5))
    weight[1, [0, 3]] = 0
    learner = Linear()
    params = fitted(learner, content, weight)
    for step in range(2):  # the second time after reading something else, which does not touch the design
        written = learner.sample(params, 8, draws("sample", step, 2))
        np.testing.assert_array_equal(written[0, :, :3], content[0, [0, 1, 2, 3, 4, 0, 1, 2], :3])
        np.testing.assert_array_equal(written[1, :, :3], content[1, [1, 2, 4, 1, 2, 4, 1, 2], :3])
        params = fitted(learner, human(2, 9, step=7), params=params)


def test_a_fresh_design_is_new_each_time_and_drawn_as_stated():
    content = human(1, 4000, step=8, features=2, spread=(1, 3))
    for learner, spread in ((Linear(design="fresh"), (1, 3)), (Linear(design="fresh", spread=0.5), (0.5, 0.5))):
        written = learner.sample(fitted(learner, content), 4000, draws("sample", 3, 1))[0]
        assert not np.isin(written[:, 0], content[0, :, 0]).any()
        for r in range(2):
            # 8%: more than 1e-6 quantiles of the variance of 4,000 numbers, fitted from 4,000 others
            assert written[:, r].var() == pytest.approx(spread[r] ** 2, rel=0.16)


N, T, D, GENERATIONS = 2000, 12, 3, 5


def errors(design: str, keep_all: bool):
    """Coefficient errors (N, d) after 1 to GENERATIONS fits, designs (N, T, d): known noise 1, truth 0."""
    learner = Linear(design=design, noise=1.0, spread=1.0)
    first = diet = human(N, T, step=9, features=D, coefficients=0)
    params, found = None, []
    for k in range(GENERATIONS):
        params = fitted(learner, diet, params=params)
        found.append(params["coefficients"])
        written = learner.sample(params, T, draws(f"publish/{design}", k, N))
        diet = np.concatenate([diet, written], axis=1) if keep_all else written
    return np.array(found), first[..., :D]


def squares(error_nd, design_ntd):
    """|X e|^2 for each replicate."""
    return (np.einsum("ntd,nd->nt", design_ntd, error_nd) ** 2).sum(axis=1)


def test_replacing_with_a_reused_design_adds_one_share_of_error_a_generation():
    """Law 8, exact: after k fits |X e|^2 / k is chi-square with d degrees of freedom. False alarm 5 x 1e-6."""
    found, design = errors("reuse", keep_all=False)
    for k in range(1, GENERATIONS + 1):
        assert is_chi_square(squares(found[k - 1], design).sum() / k, N * D)
        assert not is_chi_square(squares(found[k - 1], design).sum() / (k + 1), N * D)


def test_accumulating_with_a_reused_design_adds_the_sum_of_inverse_squares():
    """Law 8 for accumulate, an equality: |X e|^2 / sum_{i<=k} 1/i^2 is chi-square. False alarm 5 x 1e-6."""
    found, design = errors("reuse", keep_all=True)
    for k in range(1, GENERATIONS + 1):
        total = squares(found[k - 1], design).sum()
        assert is_chi_square(total / (1 / np.arange(1, k + 1) ** 2).sum(), N * D)
        if k > 1:
            assert not is_chi_square(total / k, N * D), "the law of replacing must be rejected"
            assert not is_chi_square(total, N * D), "no growth at all must be rejected"


@pytest.mark.parametrize("design", ["reuse", "fresh"])
def test_replacing_raises_the_error_by_the_same_constant_whether_the_design_is_reused_or_fresh(design):
    """E |e|^2 = d k / (T - d - 1) for normal features, in both. False alarm 5 x 1e-6 (z-test over replicates)."""
    found, _ = errors(design, keep_all=False)
    for k in range(1, GENERATIONS + 1):
        error = (found[k - 1] ** 2).sum(axis=1)
        assert mean_is(error, D * k / (T - D - 1))
        assert not mean_is(error, D * k / (T - D + 5))


def test_accumulating_fresh_designs_adds_less_than_reusing_one():
    """Exact: e_k = e_{k-1} + (sum X'X)^-1 X_k' noise, so generation k adds d / (k (k T - d - 1)). False alarm 4 x 1e-6.

    Compared from the first fit on, which is the same in both; the law for a reused design is rejected.
    """
    found, _ = errors("fresh", keep_all=True)
    for k in range(2, GENERATIONS + 1):
        i, moved = np.arange(2, k + 1), ((found[k - 1] - found[0]) ** 2).sum(axis=1)
        assert mean_is(moved, (D / (i * (i * T - D - 1))).sum())
        assert not mean_is(moved, D / (T - D - 1) * (1 / i**2).sum())
