"""The worlds of vectors and pairs: what they write, how communities differ, and what they say of wrong keys."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from agents.humans.gaussian import Gaussian
from agents.humans.mixture import Mixture
from agents.humans.regression import Regression
from ecosystem.streams import Streams


def opened(world):
    return world.open([world])[0]


def some(world, k=50):
    return opened(world).sample(k, Streams(3).rows("humans", 0, 1))[0]


def test_log_density_of_a_gaussian_world_is_that_of_scipy():
    world = Gaussian(dimensions=2, mean=(1, -1), covariance=((2, 0.5), (0.5, 1)))
    x = some(world)
    np.testing.assert_allclose(opened(world).log_prob(x), multivariate_normal([1, -1], [[2, 0.5], [0.5, 1]]).logpdf(x))


def test_one_number_stands_for_all_dimensions():
    world = Gaussian(dimensions=3, mean=2, deviation=0.5)
    moments = opened(world).moments
    assert moments.mean_ND.tolist() == [[2, 2, 2]]
    np.testing.assert_array_equal(moments.covariance_NDD[0], 0.25 * np.eye(3))


def test_a_community_writes_elsewhere_with_a_mean_of_its_own():
    world = Gaussian(dimensions=2)
    writers = world.open([world, Gaussian.model_validate(world.model_dump() | {"mean": [5, 0]})])
    assert [w.moments.mean_ND[0].tolist() for w in writers] == [[0, 0], [5, 0]]


def test_log_density_of_a_mixture_is_that_of_its_components():
    world = Mixture(dimensions=3, scale=(1, 2, 1, 2, 1, 1, 3, 1))
    x, modes = some(world), opened(world).modes
    parts = [
        np.log(w) + multivariate_normal(c, s**2 * np.eye(3)).logpdf(x)
        for c, s, w in zip(modes.centre_CD, modes.scale_C, modes.weight_C, strict=True)
    ]
    np.testing.assert_allclose(opened(world).log_prob(x), logsumexp(parts, axis=0), rtol=1e-10)


@pytest.mark.parametrize("d", [1, 2, 4])
def test_rare_components_lie_apart_from_common_ones_and_from_each_other(d):
    modes = opened(Mixture(dimensions=d)).modes
    assert modes.weight_C.tolist() == pytest.approx([0.23] * 4 + [0.02] * 4)
    distance = np.linalg.norm(modes.centre_CD[:, None] - modes.centre_CD, axis=2) + 99 * np.eye(8)
    assert distance[4:].min() >= 6, "six standard deviations"


def test_the_layout_is_the_same_in_every_run():
    np.testing.assert_array_equal(opened(Mixture()).modes.centre_CD, opened(Mixture()).modes.centre_CD)


def test_components_without_weight_are_no_modes():
    assert len(opened(Mixture(rare_weight=0)).modes.weight_C) == 4
    explicit = Mixture(centres=((0, 0), (9, 9)), weights=(0, 2))
    assert opened(explicit).modes.centre_CD.tolist() == [[9, 9]]


def test_a_minority_may_hold_all_rare_components():
    world = Mixture(rare_weight=0)
    minority = Mixture.model_validate(world.model_dump() | {"rare_weight": 0.1})
    common, rare = (
        np.linalg.norm(w.sample(2000, Streams(5).rows("x", 0, 1))[0], axis=1) > 8 for w in world.open([world, minority])
    )
    assert not common.any()
    assert rare.any()


@pytest.mark.parametrize("design", ["normal", "uniform"])
def test_targets_follow_their_features(design):
    world = Regression(features=2, coefficients=(3, -1), noise=0.1, design=design, spread=(1, 2))
    pair = some(world, 4000)
    expected = pair[:, :2] @ [3, -1]
    np.testing.assert_allclose(opened(world).log_prob(pair), norm(expected, 0.1).logpdf(pair[:, 2]), rtol=1e-9)
    assert np.abs(pair[:, 2] - expected).max() < 0.6, "six standard deviations"
    assert (np.abs(pair[:, 0]).max() < np.sqrt(3)) == (design == "uniform")


def test_without_noise_targets_are_certain():
    world = Regression(noise=0)
    pair = some(world)
    assert (opened(world).log_prob(pair) == 0).all()
    assert np.isneginf(opened(world).log_prob(pair + [0, 0, 0, 1])).all()


@pytest.mark.parametrize(
    "world, keys, says",
    [
        (Gaussian, {"dimensions": 3, "mean": (1, 2)}, "mean: must be one number, or as many as dimensions, 3; got 2"),
        (Gaussian, {"deviation": (1, 2)}, "deviation: must be one number, or as many as dimensions, 1; got 2"),
        (Gaussian, {"deviation": -1}, "greater than or equal to 0"),
        (Gaussian, {"mean": float("nan")}, "finite number|greater than"),
        (Gaussian, {"dimensions": 2, "covariance": ((1, 0),)}, r"covariance: must have 2 rows of 2 numbers.*\[2\]"),
        (Gaussian, {"dimensions": 2, "covariance": ((1, 2), (0, 1))}, "row 0, column 1 is 2, row 1, column 0 is 0"),
        (Gaussian, {"dimensions": 2, "covariance": ((1, 2), (2, 1))}, "no negative eigenvalue; got -1"),
        (Gaussian, {"deviation": 2, "covariance": ((1,),)}, "in place of deviation"),
        (Gaussian, {"dimensions": 0}, "greater than or equal to 1"),
        (Mixture, {"centres": ((0, 0),), "rare": 2, "radius": 1}, "leave out rare, radius"),
        (Mixture, {"centres": ((0, 0, 1), (1, 1))}, r"points of 2 numbers, as dimensions says; got lengths \[3, 2\]"),
        (Mixture, {"centres": ()}, "centres: must be points"),
        (Mixture, {"weights": (1, 2)}, r"weights: .* as many as components \+ rare, 8; got 2"),
        (Mixture, {"centres": ((0, 0), (1, 1)), "scale": (1, 2, 3)}, "scale: .* as many as centres, 2; got 3"),
        (Mixture, {"components": 1, "rare": 0, "weights": (0,)}, "must not all be 0"),
        (Mixture, {"rare": 10, "rare_weight": 0.2}, "below 1 / rare, 0.1; got 0.2"),
        (Mixture, {"scale": 0}, "greater than 0"),
        (Regression, {"coefficients": (1, 2)}, "coefficients: .* as many as features, 3; got 2"),
        (Regression, {"spread": (1, 2)}, "spread: .* as many as features, 3; got 2"),
        (Regression, {"design": "normall"}, "'normal' or 'uniform'"),
        (Regression, {"feature": 3}, "Extra inputs"),
    ],
)
def test_wrong_keys_are_named(world, keys, says):
    with pytest.raises(ValidationError, match=says):
        world(**keys)
