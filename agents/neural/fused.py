"""Two steps of a language model with their gradients written out: fewer passes over memory than torch's own.

Letters: m documents of all agents, L tokens, h heads, e numbers a head, R rows, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable


class Attention(Function):
    """Causal self-attention (m, L, h e) from queries, keys and values side by side (m, L, 3 h e).

    `mask` (1, L, L) is added to scores; `kept` (m h, L, L) or None multiplies what is attended to (dropout). Vaswani et
    al. 2017, arXiv:1706.03762, equation 1.
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, mask: Tensor, heads: int, kept: Tensor | None) -> Tensor:
        m, length, wide = qkv.shape
        e = wide // (3 * heads)
        q, k, v = qkv.view(m, length, 3, heads, e).permute(2, 0, 3, 1, 4).reshape(3, m * heads, length, e)
        share = torch.baddbmm(mask, q, k.mT, alpha=1 / math.sqrt(e)).softmax(-1)
        ctx.save_for_backward(q, k, v, share, kept)
        ctx.heads = heads
        mixed = torch.bmm(share if kept is None else share * kept, v)
        return mixed.view(m, heads, length, e).transpose(1, 2).reshape(m, length, heads * e)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        q, k, v, share, kept = ctx.saved_tensors
        m, length, e = len(q) // ctx.heads, q.shape[1], q.shape[2]
        g = gradient.view(m, length, ctx.heads, e).transpose(1, 2).reshape(m * ctx.heads, length, e)
        of_share = torch.bmm(g, v.mT) if kept is None else torch.bmm(g, v.mT).mul_(kept)
        of_score = torch._softmax_backward_data(of_share, share, -1, share.dtype).mul_(1 / math.sqrt(e))
        out = torch.empty(m, length, 3, ctx.heads, e, dtype=g.dtype, device=g.device)
        parts = out.permute(2, 0, 3, 1, 4)
        parts[0] = torch.bmm(of_score, k).view(m, ctx.heads, length, e)
        parts[1] = torch.bmm(of_score.mT, q).view(m, ctx.heads, length, e)
        parts[2] = torch.bmm((share if kept is None else share * kept).mT, g).view(m, ctx.heads, length, e)
        return out.view(m, length, -1), None, None, None


class Surprise(Function):
    """(R,) nats of the target (R,) int64 under scores (R, V): minus the log of its softmax."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, target: Tensor) -> Tensor:
        highest, place = scores.max(-1, keepdim=True)
        share = scores.softmax(-1)
        # the share of the highest never vanishes, so its logarithm is exact however unlikely the target is
        nats = highest - share.gather(1, place).log() - scores.gather(1, target[:, None])
        ctx.save_for_backward(share, target)
        return nats.squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        share, target = ctx.saved_tensors
        of_scores = share.mul_(gradient[:, None])  # a graph is gone through once
        return of_scores.scatter_add_(1, target[:, None], -gradient[:, None]), None
