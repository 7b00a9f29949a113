"""Small components whose every number is plain to see."""

from __future__ import annotations

import numpy as np

from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Diverged, HumanSource, Learner, Params, Writer
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


class Frail(Counter):
    """Counts, until one model's fit diverges: row `fails` of those that are fed in step `at`."""

    fails: int = 1
    at: int = 2

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        if int(rng.step) == self.at:
            raise Diverged(self.fails, "the loss is not a finite number; lower learning_rate (now 9)")
        return super().train(params, content, weight, rng)


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


class Letters(Learner):
    """Reads and writes text: letters drawn alike by their frequency, until the end is drawn or `longest` are there.

    A smoothed frequency of each of `alphabet`, and of the end (last); other letters are passed over.
    """

    reads = ("text",)
    alphabet: str = "abc d"
    longest: int = 40

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        return {"p": np.full((n, len(self.alphabet) + 1), 1 / (len(self.alphabet) + 1))}

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        counts = np.full(params["p"].shape, 0.1)
        for i, b in np.ndindex(weight.shape):
            for letter in content[i, b].replace("\0", ""):
                counts[i, self.alphabet.index(letter)] += weight[i, b]
            counts[i, -1] += weight[i, b] * content[i, b].endswith("\0")
        return {"p": counts / counts.sum(axis=1, keepdims=True)}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        drawn = (rng.uniform(k, self.longest)[..., None] >= params["p"].cumsum(axis=1)[:, None, None]).sum(axis=-1)
        letters = np.array([*self.alphabet, "\0", "\0"], object)
        written = np.empty(drawn.shape[:2], object)
        for i, j in np.ndindex(written.shape):
            text, end, _ = "".join(letters[drawn[i, j]]).partition("\0")
            written[i, j] = text + end
        return written

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        letters = [*self.alphabet, "\0"]
        counts = np.array([[text.count(letter) for letter in letters] for text in content]).reshape(-1, len(letters))
        strange = [bool(set(text) - set(letters)) for text in content]
        return np.where(strange, -np.inf, (np.log(params["p"])[:, None] * counts).sum(axis=-1))
