"""How the next token is chosen, on torch's tensors: `agents.kernels.choice` has the rules, and the same compiled.

Letters: n agents, k documents, T tokens so far, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.kernels.choice import Rules


def choose(logits: Tensor, rules: Rules, tokens: Tensor, u: Tensor, gain: Tensor | None = None) -> Tensor:
    """(n, k) int64: the next tokens, from logits (n, k, V) float32, tokens seen (n, k, T) and uniform u (n, k).

    gain (n, k, V): what a watermark adds to the logits of tokens that the rules allow.
    """
    score = allowed(logits, rules, tokens)
    if gain is not None:
        score = score.double() + gain
    if rules.temperature == 0:
        return score.argmax(-1)
    cumulative = (score.double() - score.amax(-1, keepdim=True).double()).exp().cumsum(-1)
    whole = cumulative[..., -1:].contiguous()
    token = torch.searchsorted(cumulative, u[..., None] * whole, right=True)
    return torch.minimum(token, torch.searchsorted(cumulative, whole))[..., 0]  # the last of any chance, at most


def allowed(logits: Tensor, rules: Rules, tokens: Tensor) -> Tensor:
    """Logits (..., V) after the rules; the next token is drawn from their softmax. tokens (..., T): seen so far."""
    if rules.repetition_penalty != 1:
        logits = penalised(logits, rules.repetition_penalty, tokens)
    if rules.temperature == 0:
        return logits
    logits = logits / rules.temperature
    if 0 < rules.top_k < logits.shape[-1]:
        logits = _at_least(logits, logits.topk(rules.top_k).values[..., -1:])
    if rules.top_p < 1:
        ranked = logits.sort(descending=True).values
        chance = ranked.double().softmax(-1)
        kept = chance.cumsum(-1) - chance < rules.top_p  # what is more likely does not suffice
        logits = _at_least(logits, ranked.masked_fill(~kept, torch.inf).amin(-1, keepdim=True))
    return logits


def penalised(logits: Tensor, penalty: float, tokens: Tensor) -> Tensor:
    """The repetition penalty: logits (..., V) of tokens (..., T) that were seen."""
    score = logits.gather(-1, tokens)
    return logits.scatter(-1, tokens, torch.where(score < 0, score * penalty, score / penalty))


def _at_least(logits: Tensor, lowest: Tensor) -> Tensor:
    return logits.masked_fill(logits < lowest, -torch.inf)
