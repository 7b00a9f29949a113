"""Measures of classes and Frechet distances against definitions written out as loops, and scipy's matrix root."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.mixture import Mixture as MixtureWorld
from agents.learners.gaussian import Gaussian
from agents.learners.mixture import Mixture
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Judge, Learner, Params, Writer
from ecosystem.metrics import MetricError, find
from ecosystem.metrics.classes import _frechet
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Measuring, Scenario
from ecosystem.streams import Draws

NAMES = ("class_coverage", "rare_class_coverage", "class_divergence", "unrecognised_share", "judge_accuracy")


class Heights(HumanSource):
    """Numbers whose whole part is their class; `shares` of 0, 1, 2, ... ."""

    shares: tuple[float, ...] = (0.6, 0.3, 0.06, 0.04)

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        return [Measured(c.shares) for c in communities]


class Floor(Judge):
    """Errs on nothing but negative numbers, in which it sees no class."""

    def __init__(self, share_C: np.ndarray):
        self.names, self.share_C = tuple("abcd"), share_C

    def classes(self, content: np.ndarray) -> np.ndarray:
        return np.where(content[:, 0] < 0, -1, content[:, 0]).astype(int)

    def features(self, content: np.ndarray) -> np.ndarray:
        return np.concatenate([content, content**2], axis=1)

    def confusion(self) -> np.ndarray:
        return np.array([[9, 0, 0, 0, 1], [0, 5, 0, 0, 0], [0, 1, 3, 0, 0], [0, 0, 0, 1, 0]])


class Measured(Writer):
    def __init__(self, shares: tuple[float, ...]):
        self.shape, self._cumulative = DocumentShape("vectors", 1), np.cumsum(shares)
        self.judge = Floor(np.array(shares))
        random = np.random.default_rng(0)
        self.held_out = (np.searchsorted(self._cumulative, random.uniform(size=300)) + 0.5)[:, None]

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        return np.searchsorted(self._cumulative, rng.uniform(k, 1)) + 0.5


class Fixed(Learner):
    """Model i writes these numbers over and over, whatever it reads."""

    reads = ("vectors",)
    numbers: tuple[tuple[float, ...], ...] = ((0.5, 1.5), (-1.0, 2.2))

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        return {"i": np.arange(n)}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        return params

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        return np.array([np.resize(self.numbers[i], k) for i in params["i"]])[..., None]


def world(source: HumanSource, learner: Learner, n: int, k: int = 100, **parts) -> Ecosystem:
    group = Group(name="models", count=n, publish=5, read=60, learner=learner)
    return Ecosystem(
        Scenario(world=source, models=(group,), steps=0, metrics=(), graph=Graph(kind="isolated"),
                 measure=Measuring(documents=k), **({"humans": (Community(rate=20),)} | parts))
    )  # fmt: skip


def many(*written: tuple[float, int]) -> tuple[float, ...]:
    return tuple(number for number, times in written for _ in range(times))


WRITTEN = (
    many((0.5, 60), (1.5, 30), (2.5, 6), (3.5, 4)),  # as humans do
    many((0.5, 97), (1.5, 2), (3.5, 1)),  # 1: 2 of 100 is less than a tenth of 30
    many((0.5, 94), (1.5, 3), (2.5, 1), (-1.0, 2)),
)


@pytest.fixture(scope="module")
def judged() -> Ecosystem:
    return world(Heights(), Fixed(numbers=WRITTEN), 3)


def test_coverage_counts_classes_written_a_tenth_as_often_as_humans_do(judged):
    share = (0.6, 0.3, 0.06, 0.04)
    for name, wanted in (("class_coverage", range(4)), ("rare_class_coverage", (2, 3))):
        expected = [
            np.mean([sum(int(x) == c and x > 0 for x in own) >= max(0.1 * share[c] * 100, 1) for c in wanted])
            for own in WRITTEN
        ]
        assert find(name)(judged).tolist() == expected
    assert find("class_coverage")(judged).tolist() == [1.0, 0.5, 0.75]


def test_divergence_of_shares_is_total_variation_and_no_class_is_one_more(judged):
    expected = []
    for own in WRITTEN:
        counts = [sum(x > 0 and int(x) == c for x in own) / 100 for c in range(4)] + [sum(x < 0 for x in own) / 100]
        expected.append(0.5 * sum(abs(p - q) for p, q in zip(counts, (0.6, 0.3, 0.06, 0.04, 0.0), strict=True)))
    assert find("class_divergence")(judged) == pytest.approx(expected)
    assert find("unrecognised_share")(judged).tolist() == [0, 0, 0.02]
    assert find("judge_accuracy")(judged) == 18 / 20


def test_measures_of_modes_and_tails_look_at_classes_where_there_is_a_judge(judged):
    for name, other in (
        ("tail_coverage", "rare_class_coverage"),
        ("mode_coverage", "class_coverage"),
        ("hallucination_share", "unrecognised_share"),
    ):
        assert find(name)(judged).tolist() == find(other)(judged).tolist()


def test_a_community_is_measured_by_its_own_classes():
    humans = (Community(name="many", rate=30), Community(name="few", rate=10, writes={"shares": (0, 0, 0.5, 0.5)}))
    found = world(Heights(shares=(0.7, 0.3, 0, 0)), Fixed(numbers=WRITTEN), 3, humans=humans)
    assert found.reference.class_share_C == pytest.approx([0.525, 0.225, 0.125, 0.125])
    assert find("class_coverage@few")(found).tolist() == [1.0, 0.0, 0.0]
    assert find("class_coverage@many")(found).tolist() == [1.0, 0.5, 1.0]
    assert find("class_divergence@few")(found)[0] == pytest.approx(0.5 * (0.6 + 0.3 + 0.44 + 0.46))


def test_modes_are_the_classes_of_a_mixture():
    found = world(MixtureWorld(), Mixture(components=8), 4, k=500)
    assert find("unrecognised_share")(found).tolist() == find("hallucination_share")(found).tolist()
    assert find("rare_class_coverage")(found).tolist() == find("tail_coverage")(found).tolist()
    assert find("judge_accuracy")(found) == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_a_world_without_classes_says_so(name):
    with pytest.raises(MetricError, match="no classes"):
        find(name)(world(GaussianWorld(), Gaussian(), 2))


def test_frechet_distance_is_that_with_a_matrix_root():
    random = np.random.default_rng(0)
    factor, mean = random.standard_normal((6, 5, 5)), random.standard_normal((6, 5))
    factor[5, :, 2:] = 0  # of rank 2
    covariance = factor @ np.swapaxes(factor, 1, 2)
    expected = [
        ((m - mean[0]) ** 2).sum() + np.trace(c + covariance[0] - 2 * sqrtm(c @ covariance[0]).real)
        for m, c in zip(mean, covariance, strict=True)
    ]
    found = _frechet(mean, covariance, mean[0], covariance[0])
    assert found == pytest.approx(expected, abs=1e-6)
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found[1:].min() > 1


def test_without_a_judge_the_distance_is_exact_where_moments_are():
    found = world(GaussianWorld(deviation=2, mean=1), Gaussian(), 3)
    params = found.populations[0].params
    expected = [
        ((m - 1) ** 2).sum() + np.trace(c + 4 * np.eye(len(m)) - 4 * sqrtm(c).real)
        for m, c in zip(params["mean"], params["covariance"], strict=True)
    ]
    assert find("frechet_distance")(found) == pytest.approx(expected)


def test_with_a_judge_the_distance_is_taken_in_its_features(judged):
    human = judged.writers[0].judge.features(judged.writers[0].held_out)
    for own, value in zip(WRITTEN, find("frechet_distance")(judged), strict=True):
        seen = judged.writers[0].judge.features(np.array(own)[:, None])
        root = sqrtm(np.cov(seen.T) @ np.cov(human.T)).real
        apart = ((seen.mean(axis=0) - human.mean(axis=0)) ** 2).sum()
        assert value == pytest.approx(apart + np.trace(np.cov(seen.T) + np.cov(human.T) - 2 * root), abs=1e-6)


def test_people_are_nearer_to_people_than_a_model_that_errs(judged):
    people, models = find("human_frechet_distance")(judged), find("frechet_distance")(judged)
    assert 0 < people < 0.1 * models[1]
    assert people == find("human_frechet_distance")(judged)
