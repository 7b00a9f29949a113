"""Vectors from one normal distribution: the world in which a Gaussian model is exactly right."""

from __future__ import annotations

from typing import Annotated, Any, Union

import numpy as np
from pydantic import Field, model_validator

from agents.kernels.normals import draw_normals, log_normals
from agents.kernels.numerics import contiguous
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Moments, Writer
from ecosystem.streams import Draws

Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Deviation = Annotated[float, Field(ge=0, le=1e9)]
Numbers = tuple[Number, ...]
SYMMETRIC, POSITIVE = 1e-9, -1e-9  # of the largest entry: how far a covariance may miss for rounding in a file


class Gaussian(HumanSource):
    """Each document is a point drawn from a normal distribution with a given mean and spread.

    The spread is `deviation` (independent coordinates) or `covariance` (a full matrix), not both. A community with its
    own `mean` writes elsewhere; one with a small `deviation` writes about little.
    """

    dimensions: int = Field(1, ge=1, le=1000, description="Numbers in a document, d.")
    mean: Union[Number, Numbers] = Field(0.0, description="One number for all dimensions, or one for each.")
    deviation: Union[Deviation, tuple[Deviation, ...], None] = Field(
        None, description="Standard deviation: one number for all dimensions, or one for each (default: 1)."
    )
    covariance: tuple[Numbers, ...] | None = Field(None, description="d rows of d numbers, in place of `deviation`.")

    @model_validator(mode="after")
    def _lengths_agree(self) -> Gaussian:
        per_dimension("mean", self.mean, self.dimensions)
        per_dimension("deviation", self.deviation, self.dimensions)
        if self.covariance is None:
            return self
        if self.deviation is not None:
            raise ValueError("covariance: stands in place of deviation; give one of them")
        rows, d = [len(row) for row in self.covariance], self.dimensions
        if rows != [d] * d:
            raise ValueError(f"covariance: must have {d} rows of {d} numbers, as dimensions says; got rows of {rows}")
        _check_positive(np.array(self.covariance))
        return self

    def open(self, communities: list[Any]) -> list[Writer]:
        return [NormalWriter(c.means(), c.covariances()) for c in communities]

    def means(self) -> np.ndarray:
        """(d,)"""
        return np.broadcast_to(np.asarray(self.mean, float), self.dimensions)

    def covariances(self) -> np.ndarray:
        """(d, d)"""
        if self.covariance is not None:
            return np.array(self.covariance)
        deviation = 1.0 if self.deviation is None else self.deviation
        return np.diag(np.broadcast_to(np.asarray(deviation, float) ** 2, self.dimensions))


class NormalWriter(Writer):
    """Writes points from one normal distribution, mean (d,) and covariance (d, d)."""

    moments: Moments

    def __init__(self, mean_d: np.ndarray, covariance_dd: np.ndarray):
        self.shape = DocumentShape("vectors", mean_d.size)
        self.moments = Moments(contiguous(mean_d)[None], contiguous(covariance_dd)[None])

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        x_nkd = rng.normal(k, self.shape.size)
        draw_normals(self.moments.mean_ND, self.moments.covariance_NDD, x_nkd.reshape(1, -1, self.shape.size))
        return x_nkd

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        return log_normals(self.moments.mean_ND, self.moments.covariance_NDD, contiguous(content))[0]


def per_dimension(name: str, value: object, dimensions: int, counted_by: str = "dimensions") -> None:
    """A list must be as long as `counted_by` says; a single number (or None) always fits."""
    if isinstance(value, tuple) and len(value) != dimensions:
        raise ValueError(f"{name}: must be one number, or as many as {counted_by}, {dimensions}; got {len(value)}")


def _check_positive(covariance: np.ndarray) -> None:
    size = max(np.abs(covariance).max(), 1e-300)
    if np.abs(covariance - covariance.T).max() > SYMMETRIC * size:
        r, c = np.unravel_index(np.abs(covariance - covariance.T).argmax(), covariance.shape)
        raise ValueError(
            f"covariance: must be symmetric; row {r}, column {c} is {covariance[r, c]:g}, "
            f"row {c}, column {r} is {covariance[c, r]:g}"
        )
    lowest = np.linalg.eigvalsh(covariance)[0]
    if lowest < POSITIVE * size:
        raise ValueError(f"covariance: must have no negative eigenvalue; got {lowest:.3g}")
