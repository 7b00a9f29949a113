"""Writing documents with GPT-2s: rules, and the plain path that needs nothing but torch.

Token 0 begins a document, ends it and fills it up. On the CPU sampling runs in a compiled kernel (`decode_native`) that
writes the same tokens from the same random numbers; the two differ only where such a number falls within rounding of a
boundary between two tokens. Beam search is in `beam`.

Letters: n agents, k documents of each, l tokens of a prompt, L of a document, V vocabulary.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agents.kernels.choice import Rules
from agents.neural.beam import search
from agents.neural.cached import Cached
from agents.neural.choice import choose
from agents.neural.decode_native import write_native
from agents.neural.gpt import GptShape, Weights, layout
from agents.neural.products import alone, fast_products
from ecosystem.machine import deal, go_on, here, tiles
from ecosystem.marks import Mark
from ecosystem.streams import Draws

TILE = 8  # agents in a stack on the CPU
MEMORY = {"cpu": 2**28, "cuda": 2**32}  # bytes of keys, values and logits of a stack, at most


def write(
    shape: GptShape, weights: np.ndarray, prompt: np.ndarray, length: int, rules: Rules, rng: Draws,
    mark: Mark | None = None,
) -> np.ndarray:  # fmt: skip
    """(n, k, L) int32: the prompts, continued to their end or to L = `length` tokens, filled up with 0.

    weights (n, P) float32; prompt (n, k, l) int32, l may be 0; a prompt that holds the end token is complete. One call
    of `rng`, whatever the rules: number (j, t) of an agent's (k, L) decides token t of its document j. `mark`: a
    watermark, which beam search cannot carry.
    """
    _, k, given = prompt.shape
    _check(shape, given, length)
    if mark is not None and mark.green_VV.shape != (shape.vocabulary, shape.vocabulary):
        raise ValueError(f"A watermark must be one of {shape.vocabulary} tokens. Got {mark.green_VV.shape[0]}.")
    prompt = prompt * (np.cumsum(prompt == 0, axis=2) == 0)
    if not rules.random and not given and k > 1:  # every document is the same
        return np.repeat(write(shape, weights, prompt[:, :1], length, rules, rng, mark), k, axis=1)
    if here().device == "cpu" and rules.beams == 1:
        return write_native(shape, weights, prompt, length, rules, rng, mark)
    return write_stacked(shape, weights, prompt, length, rules, rng, mark)


def write_stacked(
    shape: GptShape, weights: np.ndarray, prompt: np.ndarray, length: int, rules: Rules, rng: Draws,
    mark: Mark | None = None,
) -> np.ndarray:  # fmt: skip
    """As `write`, in torch: on any device, and with beams."""
    n, k, _ = prompt.shape
    out, device = np.zeros((n, k, length), np.int32), torch.device(here().device)
    weights = np.require(weights, np.float32, ("C", "W"))
    u_nkL = rng.uniform(k, length)
    green = None if mark is None else torch.from_numpy(mark.green_VV).to(device)

    def work(part: tuple[slice, slice]) -> None:
        go_on()
        alone()
        with torch.no_grad():
            w = layout(shape).views(torch.from_numpy(weights[part[0]]).to(device))
            start, u = (torch.from_numpy(array[part]).to(device) for array in (prompt, u_nkL))
            if rules.beams > 1:
                tokens = search(shape, w, start.long(), length, rules.beams, rules.repetition_penalty)
            else:
                gain = None
                if mark is not None and green is not None:
                    gain = functools.partial(_gain, green, torch.from_numpy(mark.bias_n[part[0]]).to(device))
                tokens = _written(shape, w, start.long(), length, rules, u, gain)
            out[part] = tokens.cpu().numpy()

    each = rules.beams * (8 * shape.layers * length * shape.width + (32 if mark is None else 64) * shape.vocabulary)
    with fast_products():
        deal(work, _parts(n, k, MEMORY[device.type] // each, TILE if device.type == "cpu" else n))
    return out


def _gain(green: Tensor, bias: Tensor, before: Tensor) -> Tensor:
    """(n, k, V) what a watermark adds to logits, of each agent's bias (n,), after the tokens `before` (n, k)."""
    return green[before] * bias[:, None, None]


def _written(
    shape: GptShape, w: Weights, prompt: Tensor, length: int, rules: Rules, u: Tensor,
    gain: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:  # fmt: skip
    """(n, k, L) tokens, from prompts (n, k, l) and uniform u (n, k, L); gain: of a watermark, after a token."""
    _, k, given = prompt.shape
    out = F.pad(prompt, (0, length - given))
    ended = (prompt == 0).any(-1)
    models = Cached(shape, w, k, length)
    news = F.pad(prompt, (1, 0))
    for t in range(given, length):
        if ended.all():
            break
        more = None if gain is None else gain(news[..., -1])
        token = choose(models.read(news), rules, F.pad(out[..., :t], (1, 0)), u[..., t], more).masked_fill(ended, 0)
        out[..., t] = token
        ended, news = ended | (token == 0), token[..., None]
    return out


def _check(shape: GptShape, given: int, length: int) -> None:
    if length > shape.context:
        raise ValueError(f"Documents of {length} tokens need a context of at least {length}. Got {shape.context}.")
    if given > length:
        raise ValueError(f"A prompt must leave room in documents of {length} tokens. Got one of {given}.")


def _parts(n: int, k: int, documents: int, agents: int) -> list[tuple[slice, slice]]:
    """(agents, documents) of each stack: so many agents and, together, so many documents at most."""
    agents = max(1, min(agents, documents // max(k, 1)))
    return [(one, some) for one in tiles(n, agents) for some in tiles(k, max(1, documents))]
