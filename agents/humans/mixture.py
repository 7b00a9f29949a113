"""Vectors from a mixture of normals with small far components: a few common modes and some rare ones."""

from __future__ import annotations

import math
from typing import Annotated, Any, Union

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from agents.humans.gaussian import Numbers, per_dimension
from agents.kernels.normals import LOG_2PI
from agents.kernels.numerics import contiguous, pick
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Modes, Moments, Writer
from ecosystem.streams import Draws

Positive = Annotated[float, Field(gt=0, le=1e9)]
Weight = Annotated[float, Field(ge=0, le=1e9)]
OF_THE_LAYOUT = {"components": 4, "rare": 4, "rare_weight": 0.02, "radius": 4.0, "distance": 12.0}


class Mixture(HumanSource):
    """Each document is a point of one of several round components: common ones near the middle, rare ones far out.

    Without `centres` they are laid out by rule, the same in every run: in the plane of the first two dimensions common
    ones stand evenly on a circle of `radius`, rare ones on a circle of `distance`, turned by half a place; in one
    dimension common ones stand evenly from -radius to radius, rare ones right and left of them from `distance` on.
    With `centres` the layout's keys (components, rare, rare_weight, radius, distance) are left out.

    A minority with rare content of its own: {rare_weight: 0} for the world and {rare_weight: 0.02} in its `writes`.
    """

    dimensions: int = Field(2, ge=1, le=1000, description="Numbers in a document, d.")
    components: int | None = Field(None, ge=1, le=10_000, description="Common components, of one weight (default: 4).")
    rare: int | None = Field(None, ge=0, le=10_000, description="Rare components (default: 4).")
    rare_weight: float | None = Field(None, ge=0, lt=1, description="Share of each rare component (default: 0.02).")
    radius: float | None = Field(None, ge=0, le=1e9, description="Distance of common ones from 0 (default: 4).")
    distance: float | None = Field(None, ge=0, le=1e9, description="Distance of rare ones from 0 (default: 12).")
    centres: tuple[Numbers, ...] | None = Field(None, description="A point for each component, in place of the layout.")
    weights: tuple[Weight, ...] | None = Field(
        None, description="Relative share of each component, common ones first (default: by the layout; alike)."
    )
    scale: Union[Positive, tuple[Positive, ...]] = Field(
        1.0, description="Standard deviation of each component: one number for all, or one for each."
    )

    @model_validator(mode="after")
    def _lists_agree(self) -> Mixture:
        given = [name for name in OF_THE_LAYOUT if getattr(self, name) is not None]
        if self.centres is not None and given:
            raise ValueError(f"centres: stand in place of the layout; leave out {', '.join(given)}")
        if self.centres is not None and (not self.centres or {len(c) for c in self.centres} != {self.dimensions}):
            raise ValueError(
                f"centres: must be points of {self.dimensions} numbers, as dimensions says; "
                f"got lengths {[len(c) for c in self.centres]}"
            )
        counted_by = "centres" if self.centres is not None else "components + rare"
        per_dimension("weights", self.weights, self.count, counted_by)
        per_dimension("scale", self.scale, self.count, counted_by)
        if self.weights is not None and (sum(self.weights) <= 0 or self.rare_weight is not None):
            raise ValueError("weights: must not all be 0, and stand in place of rare_weight")
        rare, each = self._key("rare"), self._key("rare_weight")
        if self.centres is None and self.weights is None and rare * each >= 1:
            raise ValueError(f"rare_weight: must be below 1 / rare, {1 / rare:g}; got {each:g}")
        return self

    def open(self, communities: list[Any]) -> list[Writer]:
        return [MixtureWriter(c.modes()) for c in communities]

    @property
    def count(self) -> int:
        """Number of components."""
        return len(self.centres) if self.centres is not None else self._key("components") + self._key("rare")

    def modes(self) -> Modes:
        """Centres (C, d), deviations (C,) and shares (C,) of the components that are written about (share > 0)."""
        centre_cd = np.array(self.centres, float) if self.centres is not None else self._laid_out()
        scale_c = np.broadcast_to(np.asarray(self.scale, float), self.count).copy()
        share_c = self._shares()
        written = share_c > 0
        return Modes(centre_cd[written], scale_c[written], share_c[written] / share_c.sum())

    def _key(self, name: str):
        value = getattr(self, name)
        return OF_THE_LAYOUT[name] if value is None else value

    def _shares(self) -> np.ndarray:
        if self.weights is not None:
            return np.array(self.weights, float)
        if self.centres is not None:
            return np.ones(self.count)
        common, rare, each = self._key("components"), self._key("rare"), self._key("rare_weight")
        return np.append(np.full(common, (1 - rare * each) / common), np.full(rare, each))

    def _laid_out(self) -> np.ndarray:
        common, rare = self._key("components"), self._key("rare")
        radius, distance = self._key("radius"), self._key("distance")
        centre_cd = np.zeros((common + rare, self.dimensions))
        if self.dimensions == 1:
            centre_cd[:common, 0] = np.linspace(-radius, radius, common) if common > 1 else 0.0
            place = np.arange(rare)
            centre_cd[common:, 0] = np.where(place % 2, -1, 1) * distance * (1 + place // 2 / 2)
            return centre_cd
        for start, number, far, turn in ((0, common, radius, 0.0), (common, rare, distance, 0.5)):
            angle = 2 * math.pi * (np.arange(number) + turn) / max(number, 1)
            centre_cd[start : start + number, 0] = far * np.cos(angle)
            centre_cd[start : start + number, 1] = far * np.sin(angle)
        return centre_cd


class MixtureWriter(Writer):
    """Writes points of a mixture of round normals."""

    modes: Modes

    def __init__(self, modes: Modes):
        self.modes = modes
        self.shape = DocumentShape("vectors", modes.centre_CD.shape[1])
        mean = modes.weight_C @ modes.centre_CD
        spread = (modes.centre_CD - mean).T @ (modes.weight_C[:, None] * (modes.centre_CD - mean))
        within = (modes.weight_C @ modes.scale_C**2) * np.eye(self.shape.size)
        self.moments = Moments(mean[None], (spread + within)[None])

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        u_nk, x_nkd = rng.uniform(k), rng.normal(k, self.shape.size)
        x_md, cumulative_c = x_nkd.reshape(-1, self.shape.size), np.cumsum(self.modes.weight_C)
        _put_on_components(u_nk.ravel(), cumulative_c, self.modes.centre_CD, self.modes.scale_C, x_md)
        return x_nkd

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        modes = self.modes
        return _log_mixture(contiguous(content), modes.centre_CD, modes.scale_C, np.log(modes.weight_C))


@njit(nogil=True, cache=True)
def _put_on_components(u_m, cumulative_c, centre_cd, scale_c, x_md):
    """Turns standard normals (M, d) into points of the components that u (M,) picks, in place."""
    for m in range(u_m.size):
        c = pick(cumulative_c, u_m[m])
        for r in range(x_md.shape[1]):
            x_md[m, r] = centre_cd[c, r] + scale_c[c] * x_md[m, r]


@njit(nogil=True, cache=True)
def _log_mixture(x_md, centre_cd, scale_c, log_weight_c):
    """(M,) log-densities, nats."""
    count, d = centre_cd.shape
    out_m, part_c = np.empty(x_md.shape[0]), np.empty(count)
    for m in range(x_md.shape[0]):
        highest = -np.inf
        for c in range(count):
            square = 0.0
            for r in range(d):
                square += ((x_md[m, r] - centre_cd[c, r]) / scale_c[c]) ** 2
            part_c[c] = log_weight_c[c] - d * (0.5 * LOG_2PI + math.log(scale_c[c])) - 0.5 * square
            highest = max(highest, part_c[c])
        total = 0.0
        for c in range(count):
            total += math.exp(part_c[c] - highest) if highest > -np.inf else 0.0
        out_m[m] = highest + math.log(total) if highest > -np.inf else -np.inf
    return out_m
