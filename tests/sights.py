"""What a verifier sees in tests: human items of Zipf's law, and models of one group."""

from __future__ import annotations

import numpy as np

from agents.humans.zipf import Zipf
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Learner
from ecosystem.streams import Streams
from ecosystem.verifier import Submitted

ITEMS = DocumentShape("items", 50)


class Sight:
    """What verifiers look at here: human items of Zipf's law, and models of one group."""

    def __init__(self, shape: DocumentShape = ITEMS, learner: Learner | None = None, params=None, first: int = 0):
        self.shape, self.learner, self.params = shape, learner, params
        self.step, self.models, self._first = 0, 10, first
        self.asked = 0  # documents whose likelihood was asked for

    def draws(self, purpose: str):
        return Streams(0).rows(purpose, self.step, 1)

    def human_writing(self, k: int, community: str | None = None) -> np.ndarray:
        (writer,) = Zipf(items=self.shape.size).open([Zipf(items=self.shape.size)])
        return writer.sample(k, self.draws(f"human/{community}"))[0]

    def log_likelihood(self, model_M: np.ndarray, content: np.ndarray) -> np.ndarray:
        self.asked += len(content)
        own = {name: array[model_M % self.models] for name, array in self.params.items()}
        nats_M = self.learner.log_prob_own(own, content[:, None])[:, 0]
        return np.where(model_M < self.models, nats_M, np.nan)

    def first(self) -> int:
        return self._first


def submitted(content, document=None, source=None, reader=None) -> Submitted:
    m = len(content)
    number = np.full(m, -1) if document is None else np.asarray(document, np.int64)
    source = np.zeros(m, np.int32) if source is None else np.asarray(source, np.int32)
    reader = np.full(m, -1) if reader is None else np.asarray(reader, np.int64)
    return Submitted(np.asarray(content), number, source, np.zeros(m, np.float32), reader, source >= 10)
