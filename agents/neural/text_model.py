"""What one agent does with a pretrained language model: its loss on a minibatch, scores of texts, writing.

Letters: B documents at a time, T tokens of one (each plus 1 in tables, 0 where there is none), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from torch import Tensor

from agents.kernels.choice import Rules, choose
from agents.neural.pretrained_lm import PretrainedLm
from agents.neural.spelling import table
from ecosystem import machine

SCORED = 1 << 25  # logits computed at once
KEPT = 1 << 26  # logits, keys and values kept at once while documents are written


def surprise(lm: PretrainedLm, weights_1P: Tensor, content: Tensor, before: Tensor) -> Tensor:
    """(B, T) nats of each token of content (B, T), 0 where there is none; `before` (B,): the token before the first."""
    there = content > 0
    tokens = (content.long() - 1).clamp_(min=0)
    seen = torch.cat([before[:, None], tokens[:, :-1]], dim=1)
    mask = torch.cat([torch.ones_like(seen[:, :1]), there[:, :-1].long()], dim=1)
    logits = lm.run(weights_1P, input_ids=seen, attention_mask=mask, use_cache=False).logits
    nats = F.cross_entropy(logits.float().flatten(0, 1), tokens.flatten(), reduction="none")
    return nats.view(tokens.shape) * there


def loss(lm: PretrainedLm, weights_1P: Tensor, content_1BT: Tensor, weight_1B: Tensor) -> Tensor:
    """(1,) mean nats over the tokens of a minibatch, documents by weight."""
    counts = weight_1B[0] > 0
    used, weight = content_1BT[0, counts], weight_1B[0, counts]
    if not len(used):
        return 0 * weights_1P.sum(1)
    content = used[:, : max(int((used > 0).sum(1).max()), 1)]  # a model's sums do not depend on others' long documents
    nats = surprise(lm, weights_1P, content, _begins(lm, content))
    tokens = (content > 0).sum(1) * weight
    return ((nats.sum(1) * weight).sum() / tokens.sum().clamp(min=1e-9))[None]


@torch.no_grad()
def log_prob(lm: PretrainedLm, weights_1P: Tensor, tokens: Sequence[np.ndarray]) -> np.ndarray:
    """(M,) nats of whole documents. Longer ones than the context are read in windows that overlap by half."""
    rows, document, skip = _windows(lm, tokens)
    out = np.zeros(len(tokens))
    order = np.argsort([len(row) for row in rows], kind="stable")
    for some in _blocks(rows, order, lm.vocabulary):
        content = torch.from_numpy(table([rows[i][1:] for i in some], lm.context)).to(weights_1P.device)
        before = torch.tensor([int(rows[i][0]) for i in some], device=content.device)
        nats = surprise(lm, weights_1P, content, before).double().cpu().numpy()
        nats[np.arange(nats.shape[1]) < skip[some, None]] = 0
        np.subtract.at(out, document[some], nats.sum(axis=1))
    return out


@torch.no_grad()
def write(lm: PretrainedLm, weights_1P: Tensor, prompt_kQ: np.ndarray, u_kT: np.ndarray, rules: Rules) -> np.ndarray:
    """(k, T) tokens that follow the prompts (k, Q) in k documents, by numbers u_kT in [0, 1); then end tokens.

    Prompts that leave no room in the context are cut at their beginning.
    """
    (k, length), asked = u_kT.shape, prompt_kQ.shape[1]
    room = prompt_kQ[:, max(asked - max(lm.context - length, 0), 0) :]
    given = np.concatenate([np.full((k, 1), lm.spelling.begin), room], axis=1).astype(np.int64)
    rows = max(1, KEPT // (lm.vocabulary + (asked + length) * lm.kept_a_token))
    blocks = [slice(first, first + rows) for first in range(0, k, rows)]
    written = [_block(lm, weights_1P, given[some], u_kT[some], rules) for some in blocks]
    return np.concatenate(written) if written else np.zeros((0, length), np.int64)


def _block(lm: PretrainedLm, weights: Tensor, first: np.ndarray, u_kT: np.ndarray, rules: Rules) -> np.ndarray:
    k, length = u_kT.shape
    given = torch.from_numpy(first).to(weights.device)
    out = np.full((k, length), lm.spelling.end, np.int64)
    seen = np.zeros((k, lm.vocabulary if rules.repetition_penalty != 1 else 1), np.bool_)
    if rules.repetition_penalty != 1:
        np.put_along_axis(seen, first, True, axis=1)
    ended, kept = np.zeros(k, np.bool_), None
    for t in range(length):
        machine.go_on()
        cache: dict[str, object] = {} if kept is None else {"past_key_values": kept}
        step = lm.run(weights, input_ids=given, use_cache=True, **cache)
        kept = getattr(step, "past_key_values", None)
        logits = np.ascontiguousarray(step.logits[:, -1].float().cpu().numpy())
        _choose_all(logits, rules, seen, u_kT[:, t], ended, lm.spelling.end, out[:, t])
        ended |= out[:, t] == lm.spelling.end
        if ended.all():
            break
        new = torch.from_numpy(out[:, t : t + 1]).to(weights.device)
        # models that keep nothing between tokens read all of it again
        given = new if kept is not None else torch.cat([given, new], dim=1)
    return out


@njit(nogil=True, cache=True)
def _choose_all(logits, rules, seen, u_k, ended, end, out_k):
    """The next token of every document; those that have ended get end tokens."""
    size = logits.shape[1]
    chance, order = np.empty(size, np.float64), np.empty(size, np.int32)
    for r in range(len(logits)):
        out_k[r] = end if ended[r] else choose(logits, r, size, rules, seen, r, u_k[r], chance, order)
        if seen.shape[1] == size:
            seen[r, out_k[r]] = True


def _windows(lm: PretrainedLm, tokens: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Rows to score, each with the token before it in front; of which document; tokens not to count again."""
    rows, document, skip = [], [], []
    step = max(lm.context // 2, 1)
    for m, row in enumerate(tokens):
        whole, first = np.concatenate([[lm.spelling.begin], row]), 0
        while first == 0 or first + lm.context - step < len(row):
            rows.append(whole[first : first + lm.context + 1])
            document.append(m)
            skip.append(lm.context - step if first else 0)
            first += step
    return rows, np.array(document, np.int64), np.array(skip, np.int64)


def _blocks(rows: list[np.ndarray], order: np.ndarray, vocabulary: int):
    """Rows in the order of their lengths, so many at a time that their logits fit."""
    first = 0
    while first < len(order):
        last = first + 1
        while last < len(order) and (last + 1 - first) * len(rows[order[last]]) * vocabulary <= SCORED:
            last += 1
        yield order[first:last]
        first = last


def _begins(lm: PretrainedLm, content: Tensor) -> Tensor:
    return torch.full((len(content),), lm.spelling.begin, device=content.device)
