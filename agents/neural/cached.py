"""GPT-2 for many agents, read a few tokens at a time: keys and values of earlier tokens are kept.

Letters: n agents, R rows (documents) of each, T new tokens, L at most, d width, h heads, e = d / h, V vocabulary.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from agents.neural.gpt import GptShape, Weights, linear, norm, output


class Cached:
    """Models that have read `place` tokens of n x R documents."""

    def __init__(self, shape: GptShape, weights: Weights, rows: int, length: int):
        self.shape, self.weights, self.rows, self.place = shape, weights, rows, 0
        self._wte = weights["transformer.wte.weight"]
        self.n, self._device = len(self._wte), self._wte.device
        self._length = length
        self._keys, self._values = ([self._empty() for _ in range(shape.layers)] for _ in range(2))

    def read(self, tokens: Tensor) -> Tensor:
        """(n, R, V) float32 logits of what follows after tokens (n, R, T) too."""
        n, rows, new = tokens.shape
        w, last = self.weights, self.place + new
        agent = torch.arange(n, device=self._device)[:, None, None]
        x = self._wte[agent, tokens] + w["transformer.wpe.weight"][:, None, self.place : last]
        x = x.reshape(n, rows * new, -1)
        for i in range(self.shape.layers):
            at = f"transformer.h.{i}."
            x = x + self._attention(i, norm(x, w, at + "ln_1"), new)
            inner = F.gelu(linear(norm(x, w, at + "ln_2"), w, at + "mlp.c_fc"), approximate="tanh")
            x = x + linear(inner, w, at + "mlp.c_proj")
        self.place = last
        return torch.bmm(norm(x.view(n, rows, new, -1)[:, :, -1], w, "transformer.ln_f"), output(w).mT)

    def take(self, row_nR: Tensor) -> None:
        """From now on row r of agent i is what its row row_nR[i, r] was; there may be another number of them."""
        agent = torch.arange(self.n, device=self._device)[:, None]
        flat = (agent * self.rows + row_nR).reshape(-1)
        heads, self.rows = self.shape.heads, row_nR.shape[1]
        for kept in (*self._keys, *self._values):
            old = kept.view(-1, heads, *kept.shape[1:])
            kept.data = old[flat].view(-1, *kept.shape[1:])

    def _empty(self) -> Tensor:
        """(n R h, L, e)"""
        heads, e = self.shape.heads, self.shape.width // self.shape.heads
        return torch.empty(self.n * self.rows * heads, self._length, e, device=self._device)

    def _attention(self, layer: int, x: Tensor, new: int) -> Tensor:
        """Self-attention of x (n, R T, d) over all tokens so far, as two batched products."""
        n, heads, e = len(x), self.shape.heads, self.shape.width // self.shape.heads
        last, at = self.place + new, f"transformer.h.{layer}.attn."
        qkv = linear(x, self.weights, at + "c_attn").view(n * self.rows, new, 3, heads, e)
        q, k, v = (qkv[:, :, j].transpose(1, 2).reshape(-1, new, e) for j in range(3))
        keys, values = self._keys[layer], self._values[layer]
        keys[:, self.place : last], values[:, self.place : last] = k, v
        later = torch.full((new, last), -torch.inf, device=x.device).triu(self.place + 1)
        score = torch.baddbmm(later[None], q, keys[:, :last].mT, alpha=1 / math.sqrt(e))
        mixed = torch.bmm(score.softmax(-1), values[:, :last]).view(n * self.rows, heads, new, e)
        return linear(mixed.transpose(1, 2).reshape(x.shape), self.weights, at + "c_proj")
