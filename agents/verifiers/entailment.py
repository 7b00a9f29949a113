"""Entailment: does the text of what was retrieved entail what is said, as a model of language inference sees it?"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from agents.neural.entailing import entailing
from agents.neural.model_folder import ModelError
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Params
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier


class Entailment(Verifier):
    """Accepts an answer that what was retrieved for it entails with at least so much probability.

    The premise is the text of all retrieved documents, each different one once, in the order of retrieval; the
    hypothesis is the answer as text. Any sequence classifier of transformers that names one of its labels `entailment`
    judges; it reads the beginning of premises that are too long for it. The threshold is that of bidirectional
    retrieval (arXiv:2512.22199).

    Whether it is true is not asked: what the web has wrong passes. An answer for which nothing was retrieved is
    refused; what answers nothing (free writing, people's) rests on nothing that could be looked at, and passes. What it
    refuses goes on record as a critique.

    Weights are read from safetensors only, code of a model's own is never run, and a local folder needs no network. A
    hub id is looked for in the local cache first, then fetched.
    """

    reads: ClassVar[tuple[str, ...]] = ("claims",)
    critiques: ClassVar[bool] = True
    of_answers: ClassVar[bool] = True

    gate: Literal["publish", "panel"] = Field(
        "publish", description="publish: what was retrieved is known then; panel: judges only as a member of one."
    )
    model: str = Field(min_length=1, description="A local folder as saved by transformers, or a hub id.")
    threshold: Share = Field(0.65, description="Probability of entailment from which on an answer is accepted.")

    def misfit(self, shape: DocumentShape) -> str | None:
        try:
            entailing(self.model)
        except ModelError as error:
            return f"model: {error}".rstrip(".")
        return None

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """1 where the model sees entailment, and for what is no answer; else 0."""
        if seen.answered is None:
            return np.ones(len(seen))
        premise = _premises(seen.answered.retrieved, sight)
        grounded = np.flatnonzero([bool(text) for text in premise])
        hypothesis = sight.texts(seen.content[grounded])
        pairs = [(premise[i], text) for i, text in zip(grounded, hypothesis, strict=True)]
        score_M = np.zeros(len(seen))
        score_M[grounded] = entailing(self.model).probability(pairs)
        return ((score_M >= self.threshold) & (score_M > 0)).astype(float)


def _premises(retrieved_Mr: np.ndarray, sight: Sight) -> list[str]:
    """The text of what was retrieved for each answer, a document a line; empty where there is nothing."""
    number_U, place = np.unique(retrieved_Mr, return_inverse=True)
    content, there_U = sight.stored(number_U)
    text_U = [text if there else "" for text, there in zip(sight.texts(content), there_U, strict=True)]
    rows = place.reshape(retrieved_Mr.shape)
    return ["\n".join(dict.fromkeys(text_U[u] for u in row if text_U[u])) for row in rows]
