"""Features and a target that depends on them linearly: the world of the linear learner."""

from __future__ import annotations

from typing import Any, Literal, Union

import numpy as np
from pydantic import Field, model_validator

from agents.humans.gaussian import Deviation, Number, Numbers, per_dimension
from agents.kernels.linear_pairs import joint_moments, log_targets, predict
from agents.kernels.numerics import contiguous
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Writer
from ecosystem.streams import Draws


class Regression(HumanSource):
    """Each document is d features and then the target: features . coefficients + noise.

    Features are independent with mean 0 and standard deviation `spread`. The log-probability of a document is that of
    its target given its features. A community with its own `coefficients` holds another view of the same matter.
    """

    features: int = Field(3, ge=1, le=1000, description="Features in a document, d; the target comes after them.")
    coefficients: Union[Number, Numbers] = Field(1.0, description="One number for all features, or one for each.")
    noise: Deviation = Field(1.0, description="Standard deviation of the target around its expectation.")
    design: Literal["normal", "uniform"] = Field("normal", description="Distribution of the features.")
    spread: Union[Deviation, tuple[Deviation, ...]] = Field(
        1.0, description="Standard deviation of the features: one number for all, or one for each."
    )

    @model_validator(mode="after")
    def _lengths_agree(self) -> Regression:
        per_dimension("coefficients", self.coefficients, self.features, "features")
        per_dimension("spread", self.spread, self.features, "features")
        return self

    def open(self, communities: list[Any]) -> list[Writer]:
        return [PairWriter(c) for c in communities]


class PairWriter(Writer):
    """Writes pairs of features and target; `coefficients` (d,) is the truth that a learner may be measured against."""

    def __init__(self, world: Regression):
        self.world = world
        self.shape = DocumentShape("pairs", world.features + 1)
        self.coefficients = np.broadcast_to(np.asarray(world.coefficients, float), world.features).copy()
        self.spread = np.broadcast_to(np.asarray(world.spread, float), world.features)
        self._line = (self.coefficients[None], np.zeros(1), np.array([world.noise]))
        self.moments = joint_moments(*self._line, np.zeros((1, world.features)), np.diag(self.spread**2)[None])

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        d = self.world.features
        pair_nkp = np.empty((rng.n, k, d + 1))
        pair_nkp[..., :d] = self.spread * self._standard(k, rng)
        pair_nkp[..., d] = rng.normal(k)
        predict(*self._line, pair_nkp.reshape(1, -1, d + 1))
        return pair_nkp

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        return log_targets(*self._line, contiguous(content))[0]

    def _standard(self, k: int, rng: Draws) -> np.ndarray:
        """Features (n, k, d) of mean 0 and variance 1."""
        if self.world.design == "uniform":
            return (2 * rng.uniform(k, self.world.features) - 1) * np.sqrt(3)
        return rng.normal(k, self.world.features)
