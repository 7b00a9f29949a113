"""The contract checks reject worlds and metrics that break a rule."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest

from agents.humans.gaussian import Gaussian as GaussianWorld
from agents.humans.gaussian import NormalWriter
from agents.humans.zipf import ItemWriter, Zipf
from ecosystem.checks import CheckFailed, check_metric, check_source
from ecosystem.streams import Streams


class UnevenWriters(GaussianWorld):
    def open(self, communities):
        return [NormalWriter(np.zeros(1 + i), np.eye(1 + i)) for i in range(len(communities))]


class OneWriter(GaussianWorld):
    def open(self, communities):
        return super().open(communities[:1])


class OneSeedWriter(NormalWriter):
    def sample(self, k, rng):
        return super().sample(k, Streams(0).rows("mine", 0, rng.n))


class FloatItems(ItemWriter):
    def sample(self, k, rng):
        return super().sample(k, rng).astype(float)


class RowsAlike(NormalWriter):
    def sample(self, k, rng):
        return super().sample(k, rng.take(np.zeros(rng.n, np.int64)))


class MovingMean(NormalWriter):
    opened: ClassVar[list[int]] = []

    def __init__(self, mean, covariance):
        self.opened.append(1)
        super().__init__(mean + len(self.opened), covariance)


class NeverWritten(NormalWriter):
    def log_prob(self, content):
        return np.full(len(content), -np.inf)


class HalfProbabilities(ItemWriter):
    def __init__(self, items, probabilities):
        super().__init__(items, probabilities)
        self.probabilities = probabilities / 2


class Elsewhere(NormalWriter):
    def __init__(self, mean, covariance):
        super().__init__(mean, covariance)
        self.moments = dataclasses.replace(self.moments, mean_ND=self.moments.mean_ND + 1)

    def sample(self, k, rng):
        return super().sample(k, rng) - 1


class Dense(NormalWriter):
    def log_prob(self, content):
        return super().log_prob(content) + 1


class Unreadable(NormalWriter):
    def show(self, content):
        return [1 for _ in content]


class NoDocuments(NormalWriter):
    def __init__(self, mean, covariance):
        super().__init__(mean, covariance)
        self.documents = np.empty((0, 1))


class WrittenBy(GaussianWorld):
    """A Gaussian world whose writer is of another class."""

    writer: ClassVar[type[NormalWriter]] = NormalWriter

    def open(self, communities):
        return [self.writer(c.means(), c.covariances()) for c in communities]


class ItemsWrittenBy(Zipf):
    writer: ClassVar[type[ItemWriter]] = ItemWriter

    def open(self, communities):
        return [self.writer(c.items, c.item_probabilities()) for c in communities]


class HoldsASet(GaussianWorld):
    topics: set[str] = set()


def written_by(writer):
    base = ItemsWrittenBy if issubclass(writer, ItemWriter) else WrittenBy
    return type(writer.__name__, (base,), {"writer": writer, "__module__": __name__, "__annotations__": {}})()


@pytest.mark.parametrize(
    "source, says",
    [
        (HoldsASet(), "plain, hashable values"),
        (OneWriter(), "a writer for each of 2 communities"),
        (UnevenWriters(), "must have one shape"),
        (written_by(FloatItems), "must be int32, got float64"),
        (written_by(NoDocuments), "documents must not be empty"),
        (written_by(MovingMean), "must write the same"),
        (written_by(OneSeedWriter), "another seed"),
        (written_by(RowsAlike), "a row must get alone"),
        (written_by(NeverWritten), "must be finite"),
        (written_by(HalfProbabilities), "must sum to 1"),
        (written_by(Elsewhere), "the mean of its documents"),
        (written_by(Dense), "must add up to 1"),
        (written_by(Unreadable), "show must return"),
    ],
    ids=lambda x: type(x).__name__ if not isinstance(x, str) else "",
)
def test_a_world_that_breaks_a_rule_is_rejected(source, says):
    with pytest.raises(CheckFailed, match=says):
        check_source(source)


# Broken metrics.


def two_numbers(world):
    return np.zeros(2)


def words(world):
    return "much"


def by_chance(world):
    return np.random.rand()  # noqa: NPY002 - the mistake itself


def changes_models(world):
    for population in world.populations:
        population.params["mass"] = population.params["mass"] * 0.5
    return 1.0


@pytest.mark.parametrize(
    "metric, says",
    [
        (two_numbers, "a number or one for each of 3 models"),
        (words, "must give numbers"),
        (by_chance, "looks at the same world twice"),
        (changes_models, "must not change the models"),
    ],
)
def test_a_metric_that_breaks_a_rule_is_rejected(metric, says):
    with pytest.raises(CheckFailed, match=says):
        check_metric(metric, kinds=("items",))
