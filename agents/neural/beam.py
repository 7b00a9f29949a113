"""Beam search: the most likely documents that a few running candidates lead to.

As transformers' `generate` with num_beams, length_penalty 1 and early_stopping False: a document's score is its
log-probability by number of tokens written; a search goes on while the best running candidate could still beat the
worst one kept. (Of candidates that reach the end of a step, only those among the best `beams` are kept.)

Letters: n agents, k documents of each, b beams, l tokens of a prompt, L of a document, V vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from agents.neural.cached import Cached
from agents.neural.choice import penalised
from agents.neural.gpt import GptShape, Weights

NEVER = -1e9  # a score below all others


class Found(NamedTuple):
    """The best b documents that have ended."""

    documents: Tensor  # (n, k, b, L)
    score: Tensor  # (n, k, b), NEVER where there is none yet
    real: Tensor  # (n, k, b) bool: whether there is one


def search(shape: GptShape, w: Weights, prompt: Tensor, length: int, beams: int, penalty: float) -> Tensor:
    """(n, k, L) int64: the best continuation found of each prompt (n, k, l)."""
    n, k, given = prompt.shape
    running = F.pad(prompt, (0, length - given))[:, :, None].repeat(1, 1, beams, 1)
    score = torch.full((n, k, beams), NEVER, device=prompt.device)
    found = Found(running, score.clone(), torch.zeros_like(score, dtype=torch.bool))
    score[..., 0] = 0.0  # at first all beams are alike: one counts
    hopeful = unfinished = (prompt != 0).all(-1, keepdim=True)
    if given == length or not hopeful.any():
        return running[:, :, 0]
    models = Cached(shape, w, k, length)
    logits = models.read(F.pad(prompt, (1, 0))).repeat_interleave(beams, 1)
    origin = torch.zeros((n, k, beams), dtype=torch.int64, device=prompt.device)
    first = torch.arange(k, device=prompt.device)[:, None]
    models.take((origin + first).view(n, -1))
    for t in range(given, length):
        candidate, total, origin = _candidates(running, score, logits.view(n, k, beams, -1), t, penalty)
        ends = (candidate[..., t] == 0) | (t + 1 == length)
        found = _best(found, candidate, total / (t + 1 - given), ends, hopeful)
        score, best = (total + ends * NEVER).topk(beams)
        running, origin = _rows(candidate, best), origin.gather(2, best)
        worst = torch.where(found.real, found.score.amin(-1, keepdim=True), NEVER)
        hopeful = hopeful & (score[..., :1] / (t + 1 - given) > worst).any(-1, keepdim=True)
        if t + 1 == length or not hopeful.any():
            break
        models.take((origin + first * beams).view(n, -1))
        logits = models.read(running[..., t].reshape(n, -1, 1))
    return torch.where(unfinished, found.documents[:, :, 0], F.pad(prompt, (0, length - given)))


def _candidates(running: Tensor, score: Tensor, logits: Tensor, t: int, penalty: float) -> tuple[Tensor, ...]:
    """The best 2 b documents with one token more, (n, k, 2 b, L); their log-probabilities and beams (n, k, 2 b).

    Twice as many as beams: with one end token, at least b of them go on.
    """
    log_p = logits.log_softmax(-1)
    if penalty != 1:
        log_p = penalised(log_p, penalty, F.pad(running[..., :t], (1, 0)))  # of the logits only in `choice`
    total, which = (log_p + score[..., None]).flatten(2).topk(2 * score.shape[-1])
    candidate = _rows(running, which // logits.shape[-1])
    candidate[..., t] = which % logits.shape[-1]
    return candidate, total, which // logits.shape[-1]


def _best(found: Found, candidate: Tensor, score: Tensor, ends: Tensor, hopeful: Tensor) -> Found:
    """Documents found before and candidates that end now, the best b of them."""
    beams = found.score.shape[-1]
    joins = ends & (torch.arange(2 * beams, device=ends.device) < beams)
    score, best = torch.cat([found.score, score + ~hopeful * NEVER + ~joins * NEVER], 2).topk(beams)
    documents = _rows(torch.cat([found.documents, candidate], 2), best)
    return Found(documents, score, torch.cat([found.real, joins], 2).gather(2, best))


def _rows(documents: Tensor, which: Tensor) -> Tensor:
    """documents (n, k, m, L) at which (n, k, b)."""
    return documents.gather(2, which[..., None].expand(*which.shape, documents.shape[-1]))
