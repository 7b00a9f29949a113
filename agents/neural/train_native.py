"""Training GPT-2s on the CPU: the compiled loss and gradient of one model after another.

Letters: n agents, B documents of a minibatch, L tokens, P weights.
"""

from __future__ import annotations

import threading

import numpy as np
import torch
from torch import Tensor

from agents.kernels.tiles import LANES, PANEL, padded
from agents.neural.attention_kernel import Heads
from agents.neural.gpt import GptShape, layout
from agents.neural.places import places
from agents.neural.train_kernel import TrainRoom, TrainSizes, loss_and_gradient
from ecosystem.streams import Draws

ROWS = 64  # tokens that go forward and back together where models are small; else as many as the width


class NativeLoss:
    """loss(weights (n, P), content (n, B, L), weight (n, B), rng): each model's mean nats a token, and the gradient."""

    def __init__(self, shape: GptShape):
        self._shape, self._own = shape, threading.local()

    def __call__(self, weights: Tensor, content: Tensor, weight: Tensor, rng: Draws) -> tuple[Tensor, Tensor]:
        sizes, room, gradient_nP = self._room(*content.shape)
        flat_nP, content_nBL = weights.detach().numpy(), np.require(content.numpy(), np.int32, ("C", "W"))
        loss_n = np.empty(len(flat_nP))
        for i, weight_B in enumerate(weight.numpy()):
            loss_n[i] = loss_and_gradient(
                flat_nP[i], sizes, places(self._shape), room, content_nBL[i], weight_B, gradient_nP[i]
            )
        return torch.from_numpy(loss_n), torch.from_numpy(gradient_nP)

    def _room(self, n: int, batch: int, length: int) -> tuple[TrainSizes, TrainRoom, np.ndarray]:
        """A thread's own, kept from update to update."""
        if getattr(self._own, "of", None) != (n, batch, length):
            shape = self._shape
            rows = _rows_at_once(shape, batch, length)
            sizes = TrainSizes(shape.vocabulary, shape.layers, shape.width, shape.heads, rows)
            gradient_nP = np.zeros((n, layout(shape).size), np.float32)
            self._own.of, self._own.room = (n, batch, length), (sizes, _room(sizes, length), gradient_nP)
        return self._own.room


def numbers_at_work(shape: GptShape, n: int, batch: int, length: int) -> int:
    """How many a thread holds besides weights and optimiser of n models: gradients, packed matrices, a block's rows."""
    a_row = shape.layers * (16 * shape.width + shape.heads * padded(length, PANEL))
    a_row += 8 * shape.width + shape.vocabulary
    return (n + 2) * layout(shape).size + _rows_at_once(shape, batch, length) * a_row + length**2


def _rows_at_once(shape: GptShape, batch: int, length: int) -> int:
    """As many tokens as keep pace with reading the weights, of whole documents: one at least, the minibatch at most."""
    return max(length, min(batch * length, max(ROWS, shape.width)))


def _room(sizes: TrainSizes, length: int) -> TrainRoom:
    layers, d, heads, rows, size = sizes.layers, sizes.width, sizes.heads, sizes.rows, sizes.vocabulary
    norms, longest, e = (2 * layers + 1) * rows, padded(length, PANEL), padded(d // heads, LANES)
    one, three, four, tokens = (padded(k, LANES) for k in (d, 3 * d, 4 * d, size))
    packed = layers * d * (three + 2 * four + 13 * one) + d * tokens + size * one  # every matrix, and its transpose
    return TrainRoom(
        packed=np.zeros(packed, np.float32),
        at=np.zeros((2, layers + 1, 4), np.int64),
        x=_rows(rows, d),
        normed=_rows(norms, d),
        factor=np.zeros(norms, np.float32),
        fed=_rows(norms, d),
        qkv=_rows(layers * rows, 3 * d),
        share=_rows(layers * heads * rows, longest),
        mixed=_rows(layers * rows, d),
        inner=_rows(layers * rows, 4 * d),
        slope=_rows(layers * rows, 4 * d),
        scores=_rows(rows, size),
        y=_rows(rows, d),
        wide=_rows(rows, 4 * d),
        heads=Heads(_rows(e, longest), _rows(longest, longest), _rows(longest, e)),
        share_row=np.zeros(heads, np.int64),
        rows=np.zeros((3, rows), np.int64),
        weight=np.zeros(rows, np.float32),
        documents=np.zeros((2, rows), np.int64),
    )


def _rows(rows: int, columns: int) -> np.ndarray:
    """Rows of whole vectors and one more, so that neighbours do not fall on the same lines of a cache."""
    size = rows * (padded(columns, LANES) + LANES)
    whole = np.zeros(size + LANES, np.float32)
    first = -whole.ctypes.data // 4 % LANES  # whole vectors lie on whole lines of the cache
    return whole[first : first + size].reshape(rows, -1)
