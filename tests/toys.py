"""Small components whose every number is plain to see."""

from __future__ import annotations

import numpy as np

from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Learner, Params, Writer
from ecosystem.streams import Draws


class Counter(Learner):
    """Counts its fits and keeps the sum of what it read; writes items 0, 1, 2, ..."""

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        return {"fits": np.zeros(n, int), "sum": np.zeros(n), "luck": rng.uniform(), "items": np.full(n, shape.size)}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        read, luck = (content * weight).sum(axis=1), params["luck"] + rng.uniform()
        return {"fits": params["fits"] + 1, "sum": params["sum"] + read, "luck": luck, "items": params["items"]}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        return (np.arange(k) % params["items"][:, None]).astype(np.int32)


class Speaker(Learner):
    """Writes tokens (or items) of fixed probabilities, whatever it reads; says nothing exact about itself."""

    reads = ("items", "tokens")
    probabilities: tuple[tuple[float, ...], ...] = ((0.5, 0.3, 0.2), (0.1, 0.1, 0.8))
    length: int = 0  # tokens a document; 0: items

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        return {"p": np.array(self.probabilities)[:n]}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        return params

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        u = rng.uniform(k, self.length) if self.length else rng.uniform(k)
        cumulative = np.cumsum(params["p"], axis=1).reshape(len(u), *(1,) * (u.ndim - 1), -1)
        return (u[..., None] >= cumulative).sum(axis=-1).clip(0, params["p"].shape[1] - 1).astype(np.int32)


class Shelf(HumanSource):
    """So many different documents, each the item of its number (from `first` on)."""

    size: int = 10
    first: int = 0
    items: int = 1000

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        return [Shelved(c) for c in communities]


class Shelved(Writer):
    def __init__(self, shelf: Shelf):
        self.shape = DocumentShape("items", shelf.items)
        self.documents = shelf.first + np.arange(shelf.size, dtype=np.int32)


class Murmur(HumanSource):
    """Tokens drawn alike: a world of texts without files."""

    vocabulary: int = 4
    length: int = 6

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        return [Murmured(c) for c in communities]


class Murmured(Writer):
    def __init__(self, murmur: Murmur):
        self.shape = DocumentShape("tokens", murmur.vocabulary, murmur.length)
        self.probabilities = np.full(murmur.vocabulary, 1 / murmur.vocabulary)

    def sample(self, k: int, rng: Draws) -> np.ndarray:
        return rng.integers(self.shape.size, k, self.shape.length).astype(np.int32)
