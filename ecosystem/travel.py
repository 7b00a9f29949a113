"""How documents of tokens reach learners that read text, and come back: the one place where both meet.

Letters: n agents, b documents read, k written, M scored, P prompts, L tokens of a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ecosystem.documents import Codec, DocumentShape
from ecosystem.grammar import Grammar
from ecosystem.interfaces import Learner, Params, by_likelihood
from ecosystem.streams import Draws

TEXT = "text"
"""In `Learner.reads`: documents as object arrays of str, "\\0" at the end of those that are whole."""


def understands(learner: Learner, shape: DocumentShape) -> bool:
    """Can it read documents of this shape, as they are or as text?"""
    return bool({*shape.kinds} & {*learner.reads}) or (TEXT in learner.reads and shape.codec is not None)


def in_tokens(learner: Learner, shape: DocumentShape) -> Learner | Translated:
    """The learner, spoken to in the world's documents: one that reads text behind a translator."""
    if {*shape.kinds} & {*learner.reads} or shape.codec is None:
        return learner
    return Translated(learner, shape, shape.codec)


@dataclass(frozen=True)
class Translated:
    """A learner that reads text, as one that reads the world's tokens: its documents are translated both ways.

    Documents of weight 0, which may hold anything, reach it as "".
    """

    learner: Learner
    shape: DocumentShape
    codec: Codec

    @property
    def copies(self) -> bool:
        return self.learner.copies

    @property
    def marks(self) -> bool:
        """A watermark is one of the world's tokens; what is written in others cannot carry it."""
        return False

    def init(self, n: int, shape: DocumentShape, rng: Draws) -> Params:
        return self.learner.init(n, shape, rng)

    def train(self, params: Params, content: np.ndarray, weight: np.ndarray, rng: Draws) -> Params:
        texts = np.full(content.shape[:2], "", object)
        read = weight > 0
        texts[read] = self.codec.decode(content[read])
        return self.learner.train(params, texts, weight, rng)

    def sample(self, params: Params, k: int, rng: Draws) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        written = self.learner.sample(params, k, rng)
        if isinstance(written, tuple):
            return self._tokens(written[0]), written[1]
        return self._tokens(written)

    def log_prob(self, params: Params, content: np.ndarray) -> np.ndarray:
        return self.learner.log_prob(params, self.codec.decode(content))

    def log_prob_own(self, params: Params, content: np.ndarray) -> np.ndarray:
        return self.learner.log_prob_own(params, self.codec.decode(content))

    def answer(self, params: Params, prompt_PL: np.ndarray, k: int, rng: Draws) -> np.ndarray:
        """An answer is cut where prompt and answer together have L tokens."""
        prompts = np.array([text.rstrip("\0") for text in self.codec.decode(prompt_PL)], object)
        answer_nPkL = self._tokens(self.learner.answer(params, prompts, k, rng))
        room_P = prompt_PL.shape[1] - (prompt_PL != 0).sum(axis=1)
        answer_nPkL[np.broadcast_to(np.arange(self.shape.length) >= room_P[:, None, None], answer_nPkL.shape)] = 0
        return answer_nPkL

    def beliefs(self, params: Params, grammar: Grammar, fact_nQ: np.ndarray, rng: Draws) -> np.ndarray:
        return by_likelihood(partial(self.log_prob_own, params), grammar, fact_nQ)

    def atoms(self, params: Params) -> None:
        """Its own are of its own tokens."""

    def moments(self, params: Params) -> None:
        """Text has none."""

    def _tokens(self, texts: np.ndarray) -> np.ndarray:
        return self.codec.encode(texts, self.shape.length)
