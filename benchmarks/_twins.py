"""The same models on both sides of the neural benchmarks: ours in a stack, theirs one by one, from the same weights.

Letters: n models, T tokens of a document.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.learners.transformer import Transformer
from agents.neural import gpt
from benchmarks import _gpt2
from benchmarks._gpt2 import Size
from ecosystem import machine
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import Params
from ecosystem.streams import Streams

STREAMS = Streams(0)
READ = 64  # documents of a diet
FAR = 10.0  # in the last norm's shift and in the end token's output weight: its logit is then FAR^2 lower, at least


@dataclass(frozen=True)
class Ours:
    """n models as the world holds them, and what it does with them, on so many threads (None: as it is)."""

    learner: Transformer
    shape: DocumentShape
    params: Params

    def train(self, content: np.ndarray, threads: int | None = None) -> Params:
        n = len(content)
        with_threads(threads)
        return self.learner.train(self.params, content, np.ones(content.shape[:2]), STREAMS.rows("train", 0, n))

    def write(self, params: Params, k: int, threads: int | None = None) -> np.ndarray:
        with_threads(threads)
        return self.learner.sample(params, k, STREAMS.rows("write", 0, len(params["weights"])))

    def loss(self, params: Params, content: np.ndarray) -> float:
        """Mean nats a token of each model's own documents."""
        rows = ({name: of[i : i + 1] for name, of in params.items()} for i in range(len(content)))
        scores = [self.learner.log_prob(one, x).mean() for one, x in zip(rows, content, strict=True)]
        return -float(np.mean(scores)) / content.shape[2]


def ours(size: Size, n: int, updates: int = 1) -> Ours:
    """n fresh models under the regime of `_gpt2.train`."""
    learner = Transformer(
        layers=size.layers, width=size.width, heads=size.heads, batch=size.batch, updates=updates,
        learning_rate=_gpt2.RATE, schedule="constant", warmup=0, weight_decay=_gpt2.DECAY, clip=_gpt2.CLIP,
    )  # fmt: skip
    shape = DocumentShape("tokens", size.vocabulary, size.context)
    return Ours(learner, shape, learner.init(n, shape, STREAMS.rows("init", 0, n)))


def twins(size: Size, n: int, updates: int = 1, endless: bool = False, theirs: int | None = None) -> tuple[Ours, list]:
    """n models of ours, and the same of transformers (or the first `theirs` of them).

    `endless`: models that never draw the end token, so that all documents have T tokens on both sides.
    """
    mine = ours(size, n, updates)
    layout = gpt.layout(gpt.GptShape(size.vocabulary, size.context, size.layers, size.width, size.heads))
    named = layout.views(mine.params["weights"])
    if endless:
        named["transformer.ln_f.bias"][:, 0] = FAR + size.width**0.5  # no normed number is below -sqrt(d)
        named["transformer.wte.weight"][:, 0, 0] = -FAR
    return mine, _gpt2.fresh(size, theirs or n, named)


def diets(size: Size, n: int, read: int = READ) -> np.ndarray:
    """(n, read, T) int32: tokens as frequent as words (1 / rank); none ends early, so that all sides do as much."""
    share = 1 / np.arange(1, size.vocabulary)
    drawn = np.random.default_rng(0).choice(size.vocabulary - 1, (n, read, size.context), p=share / share.sum())
    return (drawn + 1).astype(np.int32)


def with_threads(threads: int | None) -> None:
    """From now on tiles of agents go to so many threads of the CPU; None: everything stays as it is."""
    if threads is not None:
        machine.use(machine.Machine(threads=threads))
