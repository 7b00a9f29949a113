"""Items by Zipf's law: the world of a few common things and a long tail of rare ones."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Writer
from ecosystem.streams import Draws


class Zipf(HumanSource):
    """Each document is one of `items` items; the r-th most frequent has probability proportional to r^-exponent.

    A community may write about a part of the items only (`first`, `span`), most frequent first: a minority with rare
    content of its own. Zipf 1949; exponent 0 is uniform.
    """

    items: int = Field(100, ge=1, le=100_000_000, description="Number of items, K.")
    exponent: float = Field(1.0, ge=0, le=20, description="Zipf's exponent; 0: uniform.")
    first: int = Field(0, ge=0, description="The most frequent item.")
    span: int | None = Field(None, ge=1, description="Items written about, from `first` on (default: the rest).")

    @model_validator(mode="after")
    def _within_items(self) -> Zipf:
        if self.first + (self.span or 1) > self.items:
            raise ValueError(f"first + span must be at most items, {self.items}; got {self.first} + {self.span or 1}")
        return self

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        return [ItemWriter(c.items, c.item_probabilities()) for c in communities if isinstance(c, Zipf)]

    def item_probabilities(self) -> np.ndarray:
        """(K,) float64, sums to 1."""
        span = self.span if self.span is not None else self.items - self.first
        mass = np.arange(1, span + 1, dtype=float) ** -self.exponent
        probabilities = np.zeros(self.items)
        probabilities[self.first : self.first + span] = mass / mass.sum()
        return probabilities


class ItemWriter(Writer):
    """Writes items drawn from known probabilities (K,)."""

    probabilities: np.ndarray

    def __init__(self, items: int, probabilities: np.ndarray):
        self.shape = DocumentShape("items", items)
        self.probabilities = probabilities
        self._cumulative = np.cumsum(probabilities)
        self._last = int(np.flatnonzero(probabilities)[-1])

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        drawn = np.searchsorted(self._cumulative, rng.uniform(k) * self._cumulative[-1], side="right")
        # rounding may run past the last item that has any mass
        return np.minimum(drawn, self._last).astype(np.int32)

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(self.probabilities)[content]

    def show(self, content: np.ndarray) -> list[str]:
        return [str(item) for item in content]
