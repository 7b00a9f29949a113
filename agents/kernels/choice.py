"""How the next token is chosen: the rules, and their compiled form for one row of logits.

In the order of transformers' `generate`: repetition penalty, temperature, top-k, top-p, watermark; then one uniform
number picks a token from the cumulative distribution, tokens in their order 0 .. V - 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from agents.kernels.numerics import exponential
from agents.kernels.single import larger, ratio
from agents.kernels.sums import part_sum, sum_where

BLOCK = 64  # tokens whose chances are added up together when one is picked


class Rules(NamedTuple):
    """How documents are written; as it stands, by sampling from the model's own distribution.

    temperature         logits are divided by it; 0: always the most likely token (greedy)
    top_k               only the k most likely tokens, and those as likely as the k-th; 0: all
    top_p               only the smallest set of most likely tokens that together have this chance; 1: all (nucleus
                        sampling, Holtzman et al. 2020, arXiv:1904.09751)
    repetition_penalty  logits of tokens that were seen, prompt and begin token included, are divided by it where
                        positive and multiplied where negative; 1: none (CTRL, Keskar et al. 2019, arXiv:1909.05858)
    beams               beam search with as many beams; 1: none. Sampling rules do not apply to it
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    beams: int = 1

    @property
    def random(self) -> bool:
        """False where the same prompt is always answered alike."""
        return self.beams == 1 and self.temperature > 0 and self.top_k != 1

    def check(self) -> None:
        """ValueError where a rule is out of bounds, or two do not go together."""
        bounds = {
            "temperature": (self.temperature >= 0, "0 (greedy) or above"),
            "top_k": (self.top_k >= 0, "0 (all tokens) or above"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "repetition_penalty": (self.repetition_penalty > 0, "above 0"),
            "beams": (self.beams >= 1, "1 (no beam search) or above"),
        }
        for name, (good, allowed) in bounds.items():
            if not good:
                raise ValueError(f"The '{name}' of decoding must be {allowed}. Got {getattr(self, name)} instead.")
        if self.beams > 1 and (self.temperature not in (0, 1) or self.top_k or self.top_p < 1):
            raise ValueError("Beam search does not sample: with 'beams', leave out 'temperature', 'top_k' and 'top_p'")


class Favour(NamedTuple):
    """A watermark: `bias` is added to the logits of tokens that are green after the one before; 0: there is none.

    green (V, V) bool, rows the token before.
    """

    green: np.ndarray
    bias: float


@njit(nogil=True, cache=True)
def choose(logits, r, size, rules, seen, slot, u, chance, order):
    """The next token, from logits[r, :size] (overwritten).

    seen[slot, :size]: tokens that the repetition penalty falls on, if there is one; u: uniform in [0, 1); chance and
    order: float64 and int32 numbers to work on, `size` of each.
    """
    if rules.repetition_penalty != 1.0:
        _penalise(logits, r, size, np.float32(rules.repetition_penalty), seen, slot)
    if rules.temperature == 0.0:
        return _most_likely(logits, r, size)
    _shape(logits, r, size, rules, chance, order)
    return _pick(chance, size, u)


@njit(nogil=True, cache=True)
def choose_marked(logits, r, size, rules, seen, slot, u, chance, order, favour, before):
    """As `choose`, with a watermark after the token `before`: of what the rules allow green tokens gain."""
    if rules.repetition_penalty != 1.0:
        _penalise(logits, r, size, np.float32(rules.repetition_penalty), seen, slot)
    if rules.temperature == 0.0:
        for j in range(size):
            logits[r, j] += np.float32(favour.bias) if favour.green[before, j] else np.float32(0.0)
        return _most_likely(logits, r, size)
    _shape(logits, r, size, rules, chance, order)
    gain = math.exp(favour.bias)
    for j in range(size):
        chance[j] *= gain if favour.green[before, j] else 1.0
    return _pick(chance, size, u)


@njit(nogil=True, cache=True)
def _shape(logits, r, size, rules, chance, order):
    """Chances after temperature, top-k and top-p."""
    if rules.temperature != 1.0:
        _temper(logits, r, size, np.float32(rules.temperature))
    _weigh(logits, r, size, chance)
    if 0 < rules.top_k < size or rules.top_p < 1.0:
        _rank(logits, r, size, order)
        if 0 < rules.top_k < size:
            _keep(chance, order, size, _lowest_kept(chance, order, size, rules.top_k, True))
        if rules.top_p < 1.0:
            wanted = rules.top_p * part_sum(chance, 0, size)
            _keep(chance, order, size, _lowest_kept(chance, order, size, wanted, False))


@njit(nogil=True, cache=True)
def _penalise(logits, r, size, penalty, seen, slot):
    for j in range(size):
        if seen[slot, j]:
            logits[r, j] = logits[r, j] * penalty if logits[r, j] < 0 else ratio(logits[r, j], penalty)


@njit(nogil=True, cache=True)
def _most_likely(logits, r, size):
    """The first of the largest logits."""
    best = 0
    for j in range(size):
        best = j if logits[r, j] > logits[r, best] else best
    return best


@njit(nogil=True, cache=True)
def _temper(logits, r, size, temperature):
    for j in range(size):
        logits[r, j] = ratio(logits[r, j], temperature)


@njit(nogil=True, cache=True)
def _weigh(logits, r, size, chance):
    """Chances, relative to that of the most likely token."""
    highest = logits[r, 0]
    for j in range(size):
        highest = larger(logits[r, j], highest)
    for j in range(size):
        chance[j] = exponential(np.float64(logits[r, j]) - np.float64(highest))


@njit(nogil=True, cache=True)
def _rank(logits, r, size, order):
    """Integers in the order of the logits: a float's bits, those of negative numbers turned round."""
    bits = logits.view(np.int32)
    for j in range(size):
        order[j] = bits[r, j] ^ ((bits[r, j] >> 31) & 0x7FFFFFFF)


@njit(nogil=True, cache=True)
def _lowest_kept(chance, order, size, wanted, count):
    """The largest rank such that tokens at or above it are `wanted` many (`count`) or have that chance together.

    By bisection: 32 passes of vector instructions over the vocabulary, faster than sorting it.
    """
    low, high = np.int64(-(2**31)), np.int64(2**31)  # enough are at or above low, too few at or above high
    while high - low > 1:
        middle = (low + high) >> 1
        if _above(chance, order, size, np.int32(middle), count) >= wanted:
            low = middle
        else:
            high = middle
    return np.int32(low)


@njit(nogil=True, cache=True)
def _above(chance, order, size, rank, count):
    """How many tokens are at or above a rank, or their chance."""
    if not count:
        return sum_where(chance, order, rank, size)
    many = 0
    for j in range(size):
        many += 1 if order[j] >= rank else 0
    return np.float64(many)


@njit(nogil=True, cache=True)
def _keep(chance, order, size, lowest):
    for j in range(size):
        chance[j] = chance[j] if order[j] >= lowest else 0.0


@njit(nogil=True, cache=True)
def _pick(chance, size, u):
    """The first token whose cumulative chance is above u times the whole; tokens of no chance are never picked."""
    target = u * part_sum(chance, 0, size)
    before, first = 0.0, 0
    while first + BLOCK < size:
        block = part_sum(chance, first, BLOCK)
        if before + block > target:
            break
        before += block
        first += BLOCK
    last = 0
    for j in range(first, size):
        before += chance[j]
        if chance[j] > 0.0:
            last = j
            if before > target:
                return j
    return last
