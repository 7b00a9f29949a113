"""Refuses what is on the web already, word for word or nearly."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from agents.kernels.copies import alike_before, alike_sets_before, near_before, same_before, signatures
from ecosystem.documents import DocumentShape
from ecosystem.grammar import Grammar
from ecosystem.interfaces import Params
from ecosystem.verifier import Sight, Submitted, Verifier

SAMPLE = 1000  # human documents by which vectors are measured


class Novelty(Verifier):
    """Accepts a document of which at most `copies` copies came before it, on the web as it is or just now.

    Items are copies where they are the same. Vectors and pairs are where they lie within `distance`, in standard
    deviations of human writing (each dimension by its own, from 1,000 human documents). Texts are where their sets of
    three words in a row have a Jaccard similarity of `similarity`, by MinHash signatures of `permutations` numbers.
    Documents that make claims are where their sets of claims lie nearer than `apart` (Jaccard distance, exact); those
    that claim nothing are copies of each other.

    Before reading, what came before a document is what the web still keeps of lower number, whether it was let through
    or not; before publishing it is the web, and what was let through before it in the step. Who wrote it does not
    matter, so people who repeat each other are refused too.

    State: number (W,) of the documents it has seen come onto the web, -1 before they have one; trace (W, ...) what it
    keeps of each: the item, the vector in its units, the signature, its claims (numbers, then -1);
    unit (1, d).
    """

    reads: ClassVar[tuple[str, ...]] = ("items", "vectors", "pairs", "tokens", "claims")

    copies: int = Field(0, ge=0, le=1000, description="Copies before it that a document may have.")
    distance: float = Field(
        0.01, gt=0, le=1e6, description="vectors, pairs: a copy lies at most so far away, in human standard deviations."
    )
    similarity: float = Field(0.8, gt=0, le=1, description="texts: a copy is at least so alike (Jaccard, three words).")
    permutations: int = Field(128, ge=16, le=1024, description="texts: numbers of a signature.")
    apart: float = Field(
        0.1, gt=0, le=1, description="claims: a copy is nearer than this (1 - Jaccard similarity; arXiv:2512.22199)."
    )

    @property
    def ranks(self) -> bool:
        return True

    def open(self, sight: Sight) -> Params:
        shape = sight.shape
        unit = sight.human_writing(SAMPLE).std(axis=0)[None] if shape.kind in ("vectors", "pairs") else np.ones((1, 1))
        unit = np.where(unit > 0, unit, 1.0)
        return {"number": np.zeros(0, np.int64), "unit": unit} | {"trace": self._traces(shape.empty(0), unit, shape)}

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """1 for what is new, 0 for what is not."""
        state = _still_there(state, sight.first())
        if (seen.document < 0).any():
            trace = np.concatenate([state["trace"], self._traces(seen.content, state["unit"], sight.shape)])
            asked = np.arange(len(trace)) >= len(state["trace"])
            return (self._before(trace, asked, sight.shape)[asked] <= self.copies).astype(float)
        number_U, first_U, place_M = np.unique(seen.document, return_index=True, return_inverse=True)
        missing = first_U[~np.isin(number_U, state["number"])]
        state = self._with(state, seen.take(missing), sight.shape)
        order = np.argsort(state["number"], kind="stable")
        asked = np.isin(state["number"][order], number_U)
        count_U = self._before(state["trace"][order], asked, sight.shape)[asked]
        return (count_U <= self.copies).astype(float)[place_M]

    def remember(self, state: Params, seen: Submitted, sight: Sight) -> Params:
        """With these documents; what had no number when it was let through now comes again with one."""
        state = _still_there(state, sight.first())
        if (seen.document >= 0).any():
            state = _of(state, state["number"] >= 0)
        return self._with(state, seen, sight.shape)

    def _with(self, state: Params, seen: Submitted, shape: DocumentShape) -> Params:
        more = {"number": seen.document, "trace": self._traces(seen.content, state["unit"], shape)}
        return state | {name: np.concatenate([state[name], new]) for name, new in more.items()}

    def _traces(self, content: np.ndarray, unit: np.ndarray, shape: DocumentShape) -> np.ndarray:
        """(M, ...) what is kept of documents."""
        if shape.grammar is not None:
            return _claims(content, shape.grammar)
        if shape.kind == "items":
            return content
        if shape.kind != "tokens":
            return content / unit
        if shape.codec is not None:
            return signatures((text.rstrip("\0") for text in shape.codec.decode(content)), self.permutations)
        words = (" ".join(map(str, row[: _length(row)])) for row in content.tolist())
        return signatures(words, self.permutations)

    def _before(self, trace: np.ndarray, asked_M: np.ndarray, shape: DocumentShape) -> np.ndarray:
        if shape.kind == "items":
            return same_before(trace)
        if shape.grammar is not None:
            return alike_sets_before(trace, asked_M, self.apart)
        if shape.kind == "tokens":
            return alike_before(trace, asked_M, self.similarity)
        return near_before(trace, asked_M, self.distance, self.copies)


def _claims(content: np.ndarray, grammar: Grammar) -> np.ndarray:
    """(M, C) int64: the different claims of each document as numbers in descending order, then -1."""
    fact, slot = grammar.read(content)
    number = np.where(fact >= 0, fact.astype(np.int64) * (grammar.slots + 1) + slot + 1, -1)
    number = -np.sort(-number, axis=1)
    number[:, 1:][number[:, 1:] == number[:, :-1]] = -1
    return -np.sort(-number, axis=1)


def _length(row: list[int]) -> int:
    return row.index(0) if 0 in row else len(row)


def _still_there(state: Params, first: int) -> Params:
    """Without what the web has forgotten: all numbers below the first it keeps."""
    return _of(state, (state["number"] >= first) | (state["number"] < 0))


def _of(state: Params, kept: np.ndarray) -> Params:
    return state if kept.all() else state | {name: state[name][kept] for name in ("number", "trace")}
