"""The tabular belief learner: how often it has read each value of each fact."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numba import njit
from pydantic import Field

from agents.kernels.numerics import pick
from ecosystem.documents import DocumentShape
from ecosystem.grammar import Grammar, unpacked
from ecosystem.interfaces import Learner, Params
from ecosystem.streams import Draws, fill_units


class Belief(Learner):
    """Counts claims, believes what it has read most, and confuses a subject it knows little of with the others.

    p(v | f) = (c_fv + confusion p_r(v)) / (c_f + confusion), sharpened by the temperature: c_fv how often value v of
    fact f was read, p_r the values read of the same relation, whatever the subject (with a pseudo-count of every
    value). So a fact that was never read is answered by what is usual among others: a plausible guess, which is what a
    hallucination is (calibrated models must make some: Kalai & Vempala 2024, arXiv:2311.14648). The Dirichlet prior of
    a language model that backs off (MacKay & Peto 1995, doi:10.1017/S1351324900000218).

    It writes of facts as often as it read of them, each claim by its belief. With temperature 1 and confusion 0 writing
    is drawing from the claims read: neutral drift, as of the categorical model (theory laws 2 to 7).

    State: count (n, F, V) claims read by fact and slot; claims (n, C + 1) documents by how many claims they make;
    grammar (n, X) what can be claimed (`Grammar.packed`, a view of one row).
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)

    confusion: float = Field(1.0, ge=0, le=1e6, description="Claims of a fact that outweigh what is usual for others.")
    smoothing: float = Field(0.01, gt=0, le=1000, description="Pseudo-count of every value of a relation.")
    temperature: float = Field(1.0, ge=0.05, le=20, description="Below 1 beliefs are sharpened; above 1 flattened.")
    keep: float = Field(1.0, ge=0, le=1, description="start: continue: share of earlier counts kept in a fit.")

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        grammar = shape.grammar
        if grammar is None:
            raise ValueError("A Belief reads claims; these documents make none.")
        packed = np.broadcast_to(grammar.packed, (n, len(grammar.packed)))
        return {
            "count": np.zeros((n, grammar.facts, grammar.slots)),
            "claims": np.zeros((n, grammar.claims + 1)),
            "grammar": packed,
        }

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        grammar = unpacked(params["grammar"][0])
        read = grammar.read(np.where(weight[..., None] > 0, content, 0))
        count, claims = params["count"] * self.keep, params["claims"] * self.keep
        _count(read.fact, read.slot, np.ascontiguousarray(weight, np.float64), count, claims)
        return {"count": count, "claims": claims, "grammar": params["grammar"]}

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray:
        grammar = unpacked(params["grammar"][0])
        n, count = len(params["count"]), params["count"]
        cumulative_nF = np.cumsum(count.sum(axis=2), axis=1)
        fact = np.full((n, k, grammar.claims), -1, np.int32)
        slot = np.zeros((n, k, grammar.claims), np.int32)
        call = rng.next_call()
        prior_nRV = self._prior(count, grammar)
        _write(
            rng.key, call, rng.step, rng.agents, cumulative_nF, np.cumsum(params["claims"], axis=1), count, prior_nRV,
            grammar.relation_F, self.confusion, 1 / self.temperature, fact, slot,
        )  # fmt: skip
        return grammar.write(fact, slot)

    def beliefs(self, params: Params, grammar: Grammar, fact_nQ: np.ndarray, rng: Draws) -> np.ndarray:
        count = np.take_along_axis(params["count"], fact_nQ[..., None], axis=1)
        prior_nRV = self._prior(params["count"], grammar)
        prior = np.take_along_axis(prior_nRV, grammar.relation_F[fact_nQ][..., None], axis=1)
        return self._sharpened(count + self.confusion * prior, prior)

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        return self._nats(params, np.broadcast_to(content, (len(params["count"]), *content.shape)))

    def log_prob_own(self, params: Params, content: np.ndarray) -> np.ndarray:
        return self._nats(params, content)

    def memory(self, n: int, shape: DocumentShape, read: int) -> int:
        """The counts, before and after a fit."""
        return 2 * 8 * n * shape.grammar.facts * shape.grammar.slots if shape.grammar is not None else 0

    def _prior(self, count: np.ndarray, grammar: Grammar) -> np.ndarray:
        """(n, R, V): the values read of each relation, whatever the subject."""
        width_R = grammar.high_R - grammar.low_R
        possible_RV = np.arange(grammar.slots) < width_R[:, None]
        prior = np.zeros((len(count), len(width_R), grammar.slots))
        for relation in range(len(width_R)):
            prior[:, relation] = count[:, grammar.relation_F == relation].sum(axis=1)
        prior = np.where(possible_RV, prior + self.smoothing, 0)
        return prior / prior.sum(axis=2, keepdims=True)

    def _sharpened(self, weight: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """(..., V) probabilities; what was never read is believed by the prior where nothing is confused."""
        weight = np.where(weight.sum(axis=-1, keepdims=True) > 0, weight, prior)
        weight = (weight / weight.max(axis=-1, keepdims=True)) ** (1 / self.temperature)
        return weight / weight.sum(axis=-1, keepdims=True)

    def _nats(self, params: Params, content: np.ndarray) -> np.ndarray:
        """(n, b) nats of documents (n, b, L), each row under its own agent."""
        grammar = unpacked(params["grammar"][0]) if len(content) else None
        if grammar is None or not content.size:
            return np.zeros(content.shape[:2])
        fact, slot = grammar.read(content)
        n, b, c = fact.shape
        made, slot_at = fact >= 0, np.maximum(slot, 0)
        flat = np.maximum(fact, 0).reshape(n, -1)
        prior_nRV = self._prior(params["count"], grammar)
        prior = np.take_along_axis(prior_nRV, grammar.relation_F[flat][..., None], axis=1)
        count = np.take_along_axis(params["count"], flat[..., None], axis=1)
        belief = self._sharpened(count + self.confusion * prior, prior).reshape(n, b, c, -1)
        read_nF = params["count"].sum(axis=2)
        share_nF = read_nF / np.maximum(read_nF.sum(axis=1, keepdims=True), 1e-300)
        share = np.take_along_axis(share_nF, flat, axis=1).reshape(n, b, c)
        of_value = np.take_along_axis(belief, slot_at[..., None], axis=3)[..., 0]
        none = np.arange(grammar.claims + 1) == 0  # who has read no claim writes none
        length = np.where(params["claims"].any(axis=1, keepdims=True), params["claims"], none)
        length = length / length.sum(axis=1, keepdims=True)
        claimed = made.sum(axis=2)
        whole = (content != 0).sum(axis=2) == 3 * claimed  # nothing but claims
        with np.errstate(divide="ignore"):
            nats = np.where(made, np.log(share * np.where(slot >= 0, of_value, 0)), 0).sum(axis=2)
            nats = nats + np.log(np.take_along_axis(length, claimed, axis=1))
        return np.where(whole, nats, -np.inf)


@njit(nogil=True, cache=True)
def _count(fact, slot, weight, count, claims):
    """Adds claims (n, b, C) to count (n, F, V), and documents by their number of claims to claims (n, C + 1)."""
    for i in range(fact.shape[0]):
        for j in range(fact.shape[1]):
            if weight[i, j] <= 0:
                continue
            made = 0
            for c in range(fact.shape[2]):
                if fact[i, j, c] >= 0 and slot[i, j, c] >= 0:
                    count[i, fact[i, j, c], slot[i, j, c]] += weight[i, j]
                    made += 1
            claims[i, made] += weight[i, j]


@njit(nogil=True, cache=True)
def _write(
    key, call, step, agents, cumulative_nF, claims_nC, count, prior_nRV, relation_F, confusion, power, fact, slot
):  # fmt: skip
    """Fills fact and slot (n, k, C): facts as often as read, values by belief; a fact -1 ends a document."""
    n, k, most = fact.shape
    slots = count.shape[2]
    weight, u = np.empty(slots), np.empty(k * (1 + 2 * most))
    for i in range(n):
        if cumulative_nF[i, -1] <= 0:
            continue  # it has read no claim: empty documents
        fill_units(key, call, step, agents[i], u, u.size)
        for j in range(k):
            first = j * (1 + 2 * most)
            for c in range(pick(claims_nC[i], u[first])):
                f = pick(cumulative_nF[i], u[first + 1 + 2 * c])
                total, highest = 0.0, 0.0
                for v in range(slots):
                    weight[v] = count[i, f, v] + confusion * prior_nRV[i, relation_F[f], v]
                    highest = max(highest, weight[v])
                for v in range(slots):
                    total += (weight[v] / highest) ** power
                    weight[v] = total
                fact[i, j, c] = f
                slot[i, j, c] = pick(weight, u[first + 2 + 2 * c])
