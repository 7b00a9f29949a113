"""The categorical model: word frequencies, the simplest generative model, for which the theory is exact."""

from __future__ import annotations

import numpy as np
from numba import njit
from pydantic import Field

from agents.kernels.numerics import pick
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Atoms, Learner, Params
from ecosystem.streams import Draws, fill_units
from ecosystem.tally import row_sums, tally


class Categorical(Learner):
    """Estimates the probability of each item by its frequency in the diet, and writes items from that.

    Without smoothing, temperature and top-p, writing is picking one of the documents read: the Wright-Fisher model of
    neutral drift (theory laws 2 to 7). State is the distinct items of the diet and their probabilities, (n, b): cost
    and memory follow documents, not items; `smoothing` gives every item mass and so needs (n, K).

    Order of changes: frequencies, + smoothing, ^ (1 / temperature), top-p. Temperature below 1 sharpens
    (arXiv:2404.02325); top-p keeps the fewest most probable items that hold the share p (arXiv:1904.09751).
    """

    temperature: float = Field(1.0, gt=0, le=100, description="Probabilities are raised to 1 / temperature.")
    top_p: float = Field(1.0, gt=0, le=1, description="Only the most probable items holding this share are written.")
    smoothing: float = Field(0.0, ge=0, le=1e6, description="Pseudo-documents of every item (Dirichlet).")

    @property
    def copies(self) -> bool:
        return self.temperature == 1 and self.top_p == 1 and self.smoothing == 0

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        """Everything alike under smoothing; else item 0, until something is read."""
        if self.smoothing:
            return {"mass": np.full((n, shape.size), 1.0 / shape.size)}
        # `size` travels with the state: how many items there are is needed for counting
        return {
            "item": np.zeros((n, 1), np.int32), "mass": np.ones((n, 1)), "size": np.full(n, shape.size, np.int64),
        }  # fmt: skip

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        if self.smoothing:
            return {"mass": self._reshaped(_table(content, weight, params["mass"].shape[1]) + self.smoothing)}
        if self.copies:
            return _diet(params["size"], content, weight)
        item, mass = tally(content, weight, int(params["size"][0]))
        return {"item": item, "mass": self._reshaped(mass), "size": params["size"]}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        place = _drawn(rng.key, rng.next_call(), rng.step, rng.agents, params["mass"], k)
        if self.smoothing:
            return place
        item = _items_at(params["item"], place)
        return (item, place) if self.copies else item

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        atoms = self.atoms(params)
        with np.errstate(divide="ignore"):
            if self.smoothing:
                return np.log(atoms.mass_NU[:, content])
            return np.log(_looked_up(atoms.item_NU, atoms.mass_NU, content, int(params["size"][0])))

    def log_prob_own(self, params: Params, content: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            if self.smoothing:
                return np.log(np.take_along_axis(params["mass"], content, axis=1))
            size = int(params["size"][0]) if len(content) else 1
            return np.log(_looked_up_own(params["item"], params["mass"], content, size))

    def atoms(self, params: Params) -> Atoms:
        if self.smoothing:
            n, k = params["mass"].shape
            return Atoms(np.broadcast_to(np.arange(k, dtype=np.int32), (n, k)), params["mass"])
        if self.copies:
            return Atoms(*tally(params["item"], params["mass"], int(params["size"][0])))
        return Atoms(params["item"], params["mass"])

    def _reshaped(self, mass_NU: np.ndarray) -> np.ndarray:
        """Probabilities from masses, sharpened and cut as the hyperparameters say. Rows are filled up with zeros to the
        longest of any model: sums go through them in order, so that not even rounding depends on who else there is."""
        mass = mass_NU / mass_NU.max(axis=1, keepdims=True)
        if self.temperature != 1:
            mass = np.where(mass > 0, mass ** (1 / self.temperature), 0.0)
        mass /= row_sums(mass)[:, None]
        if self.top_p < 1:
            order = np.argsort(-mass, axis=1, kind="stable")
            ranked = np.take_along_axis(mass, order, axis=1)
            # sums of shares may miss the share asked for by rounding
            ranked[np.cumsum(ranked, axis=1) - ranked >= self.top_p - 1e-12] = 0
            np.put_along_axis(mass, order, ranked, axis=1)
            mass /= row_sums(mass)[:, None]
        return mass


def _diet(size: np.ndarray, content: np.ndarray, weight: np.ndarray) -> Params:
    """The documents themselves: a maximum-likelihood categorical model needs no counting to write.

    Weights that are a view of one number (nothing left out, all alike) stay such a view: no (n, b) array is written.
    """
    n, b = content.shape
    if weight.strides == (0, 0) and weight[0, 0] > 0:
        return {"item": content, "mass": np.broadcast_to(1.0 / b, (n, b)), "size": size}
    item, mass = np.where(weight > 0, content, 0), weight / weight.sum(axis=1, keepdims=True)
    return {"item": item.astype(np.int32), "mass": mass, "size": size}


@njit(nogil=True, cache=True)
def _drawn(key, call, step, agents, mass, k):
    """k places of each row drawn by mass, (n, k) int32: one number each."""
    n, b = mass.shape
    place = np.empty((n, k), np.int32)
    cumulative, u_k = np.empty(b), np.empty(k)
    for i in range(n):
        fill_units(key, call, step, agents[i], u_k, k)
        total, even = 0.0, True
        for u in range(b if mass.strides[1] else 0):  # a view of one number needs no summing
            even = even and mass[i, u] == mass[i, 0]
            total += mass[i, u]
            cumulative[u] = total
        if even:
            for j in range(k):
                place[i, j] = int(u_k[j] * b)
        else:
            for j in range(k):
                place[i, j] = pick(cumulative, u_k[j])
    return place


@njit(nogil=True, cache=True)
def _items_at(item, place):
    """item (n, b) at place (n, k): numpy's take_along_axis makes index arrays of eight times the size."""
    found = np.empty(place.shape, np.int32)
    for i in range(place.shape[0]):
        for j in range(place.shape[1]):
            found[i, j] = item[i, place[i, j]]
    return found


@njit(nogil=True, cache=True)
def _table(content, weight, size):
    """Weight of every item, (n, K)."""
    table = np.zeros((content.shape[0], size))
    for i in range(content.shape[0]):
        for j in range(content.shape[1]):
            if weight[i, j] > 0:
                table[i, content[i, j]] += weight[i, j]
    return table


@njit(nogil=True, cache=True)
def _looked_up(item, mass, content, size):
    """Probability of content (M,) under each row: (n, M)."""
    found = np.zeros((item.shape[0], content.size))
    dense = np.zeros(size)
    for i in range(item.shape[0]):
        for u in range(item.shape[1]):
            dense[item[i, u]] += mass[i, u]
        for m in range(content.size):
            found[i, m] = dense[content[m]]
        for u in range(item.shape[1]):
            dense[item[i, u]] = 0
    return found


@njit(nogil=True, cache=True)
def _looked_up_own(item, mass, content, size):
    """Probability of content (n, b), each row under its own model."""
    found = np.empty(content.shape)
    dense = np.zeros(size)
    for i in range(content.shape[0]):
        total = 0.0  # as in `tally`: sums first, then shares
        for u in range(item.shape[1]):
            dense[item[i, u]] += mass[i, u]
            total += mass[i, u]
        for j in range(content.shape[1]):
            found[i, j] = dense[content[i, j]] / total
        for u in range(item.shape[1]):
            dense[item[i, u]] = 0
    return found
