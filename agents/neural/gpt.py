"""GPT-2 for many agents at once: every weight has the agent axis first, every product is a batched matrix product.

The architecture, initialisation and names of weights are those of transformers' GPT2LMHeadModel (Radford et al. 2019):
pre-norm blocks, learned positions, the tanh form of GELU, LayerNorm with epsilon 1e-5, output weights tied to the
embedding unless said otherwise. Token 0 begins, ends and pads a document.

Letters: n agents, B documents, L tokens, d width, h heads, e = d / h, V vocabulary.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agents.neural.flat import Layout
from agents.neural.fused import Attention
from ecosystem.streams import Draws

EPSILON = 1e-5  # of LayerNorm
SPREAD = 0.02  # standard deviation of initial weights

Weights = dict[str, Tensor]
Keep = Callable[[tuple[int, ...]], Tensor | None]
"""keep(shape): what multiplies an array of a shape where GPT-2 drops out; None: nothing does."""


@dataclass(frozen=True)
class GptShape:
    """What decides the weights of a model: vocabulary V, context C (positions), layers, width d, heads, tied output."""

    vocabulary: int
    context: int
    layers: int
    width: int
    heads: int
    tied: bool = True


@functools.lru_cache(maxsize=64)
def layout(shape: GptShape) -> Layout:
    """Names and shapes of the weights; matrices are (in, out), as in transformers' Conv1D."""
    d = shape.width
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (shape.vocabulary, d),
        "transformer.wpe.weight": (shape.context, d),
    }
    for i in range(shape.layers):
        at = f"transformer.h.{i}."
        shapes |= {f"{at}ln_1.weight": (d,), f"{at}ln_1.bias": (d,)}
        shapes |= {f"{at}attn.c_attn.weight": (d, 3 * d), f"{at}attn.c_attn.bias": (3 * d,)}
        shapes |= {f"{at}attn.c_proj.weight": (d, d), f"{at}attn.c_proj.bias": (d,)}
        shapes |= {f"{at}ln_2.weight": (d,), f"{at}ln_2.bias": (d,)}
        shapes |= {f"{at}mlp.c_fc.weight": (d, 4 * d), f"{at}mlp.c_fc.bias": (4 * d,)}
        shapes |= {f"{at}mlp.c_proj.weight": (4 * d, d), f"{at}mlp.c_proj.bias": (d,)}
    shapes |= {"transformer.ln_f.weight": (d,), "transformer.ln_f.bias": (d,)}
    if not shape.tied:
        shapes["lm_head.weight"] = (shape.vocabulary, d)
    return Layout(shapes)


def first_weights(shape: GptShape, rng: Draws) -> np.ndarray:
    """(n, P) float32: normal with standard deviation 0.02, of what joins the residual stream 0.02 / sqrt(2 layers).

    Biases and shifts are 0, scales 1.
    """
    named = {}
    for name, of in layout(shape).shapes.items():
        if len(of) == 1:
            named[name] = np.full((rng.n, *of), 1.0 if "ln_" in name and name.endswith("weight") else 0.0)
        else:
            into_residual = name.endswith("c_proj.weight")
            named[name] = rng.normal(*of) * SPREAD / (math.sqrt(2 * shape.layers) if into_residual else 1.0)
    return layout(shape).flat(named)


def logits(shape: GptShape, w: Weights, tokens: Tensor, keep: Keep = lambda of: None) -> Tensor:
    """(n, B, L, V): what follows each of tokens (n, B, L) int; `keep` is asked where GPT-2 drops out."""
    n, batch, length = tokens.shape
    x = _embedded(w["transformer.wte.weight"], tokens) + w["transformer.wpe.weight"][:, None, :length]
    x = _dropped(x.reshape(n, batch * length, shape.width), keep)
    for i in range(shape.layers):
        at = f"transformer.h.{i}."
        normed = norm(x, w, at + "ln_1")
        x = x + _dropped(_attention(shape, w, at + "attn.", normed, batch, keep), keep)
        inner = F.gelu(linear(norm(x, w, at + "ln_2"), w, at + "mlp.c_fc"), approximate="tanh")
        x = x + _dropped(linear(inner, w, at + "mlp.c_proj"), keep)
    return torch.bmm(norm(x, w, "transformer.ln_f"), output(w).mT).view(n, batch, length, shape.vocabulary)


def linear(x: Tensor, w: Weights, name: str) -> Tensor:
    """(n, M, out) of x (n, M, in)."""
    return torch.baddbmm(w[name + ".bias"][:, None], x, w[name + ".weight"])


def norm(x: Tensor, w: Weights, name: str) -> Tensor:
    """LayerNorm over the width of x (n, M, d)."""
    return torch.addcmul(
        w[name + ".bias"][:, None], F.layer_norm(x, x.shape[-1:], eps=EPSILON), w[name + ".weight"][:, None]
    )


def output(w: Weights) -> Tensor:
    """(n, V, d) output weights."""
    return w["lm_head.weight"] if "lm_head.weight" in w else w["transformer.wte.weight"]


def follows(content: Tensor) -> Tensor:
    """What a model sees when it predicts content (..., L): token 0, then all but the last."""
    return F.pad(content[..., :-1], (1, 0))


def counted(content: Tensor) -> Tensor:
    """(..., L) bool: tokens of documents up to and including the first end token."""
    before = F.pad((content == 0).cumsum(-1)[..., :-1], (1, 0))
    return before == 0


def _dropped(x: Tensor, keep: Keep) -> Tensor:
    kept = keep(tuple(x.shape))
    return x if kept is None else x * kept


def _embedded(wte: Tensor, tokens: Tensor) -> Tensor:
    """(n, B, L, d): agent i's row of the table for each of its tokens."""
    n, size, d = wte.shape
    first = torch.arange(0, n * size, size, device=tokens.device)
    return F.embedding(tokens + first[:, None, None], wte.reshape(n * size, d))


def _attention(shape: GptShape, w: Weights, at: str, x: Tensor, batch: int, keep: Keep) -> Tensor:
    """Causal self-attention of x (n, B L, d) as batched products: faster on small models than torch's fused one."""
    n, rows, d = x.shape
    length = rows // batch
    qkv = linear(x, w, at + "c_attn").view(n * batch, length, 3 * d)
    kept = keep((n * batch * shape.heads, length, length))
    mixed: Tensor = Attention.apply(qkv, causal(length, x.device), shape.heads, kept)
    return linear(mixed.view(n, rows, d), w, at + "c_proj")


@functools.lru_cache(maxsize=64)
def causal(length: int, device: torch.device) -> Tensor:
    """(1, L, L): 0 where a token may be seen, -infinity where it comes later."""
    return torch.full((length, length), -torch.inf, device=device).triu(1)[None]
