"""A watermark that authors are to put into what they write, and the detector that looks for it.

Texts: the watermark of favoured ("green") tokens by Kirchenbauer et al. 2023, arXiv:2301.10226, as transformers has it
(lefthash, one token of context). Other documents: its counterpart, a score that is normal with variance 1.

Letters: M documents, N models, L tokens of a document, V vocabulary, T thresholds.
"""

from __future__ import annotations

import functools

import numpy as np
from pydantic import Field
from scipy.stats import norm

from ecosystem.errors import InputError
from ecosystem.interfaces import Params
from ecosystem.marks import Mark
from ecosystem.parts import Share
from ecosystem.verifier import Sight, Submitted, Verifier

LARGEST = 32_768  # tokens of a vocabulary; the green lists take so many bytes squared
AT_ONCE = 512  # green lists asked of transformers together


class Watermark(Verifier):
    """Rejects what scores above `threshold` for the watermark that it obliges models to write with.

    A share `compliance` of the models, drawn once, does as it is told: `bias` is added to the logits of the tokens that
    are green after the last one, a seeded share of the vocabulary, after all other rules of decoding. Learners that
    draw no tokens from logits of the world's vocabulary cannot; the world says so at its start. What people write, and
    what the others write, carries no mark.

    A text's score is z = (g - share T) / sqrt(T share (1 - share)) of its T pairs of neighbouring tokens, g of them
    green: over all texts near N(0, 1) where there is no mark, with more spread where pairs are repeated, and with a
    mean of its own where the vocabulary is small. Texts too short to be told pass, unless `shortest` says otherwise:
    models that learn from what passes learn to write them.

    In other worlds an unmarked document scores N(0, 1) and a marked one N(strength, 1): it is accepted with probability
    Phi(threshold), or Phi(threshold - strength).
    """

    green_share: float = Field(0.25, gt=0, lt=1, description="Share of the vocabulary that is favoured after a token.")
    bias: float = Field(2.0, ge=0, le=100, description="Added to the logits of favoured tokens by those who comply.")
    key: int = Field(15485863, ge=1, lt=2**63, description="Key from which the favoured tokens follow.")
    threshold: float = Field(3.0, description="Documents with a larger score are rejected.")
    compliance: Share = Field(1.0, description="Share of the models that write with the watermark.")
    shortest: int = Field(
        0, ge=0, description="Texts of fewer tokens are rejected too: of them no score can tell much (default: none)."
    )
    strength: float = Field(6.0, ge=0, description="Mean score of a marked document in worlds that do not write texts.")

    def mandate(self, sight: Sight) -> Mark | None:
        """The watermark of texts, and the bias of every model; other documents carry theirs without being changed."""
        if sight.shape.kind != "tokens":
            return None
        marked_N = self._complies(np.arange(sight.models), sight)
        return Mark(self._green(sight), np.where(marked_N, self.bias, 0.0))

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        """1 or 0 for a text, else the probability that a score is at most the threshold."""
        if sight.shape.kind == "tokens":
            long_M = np.cumprod(seen.content != 0, axis=1, dtype=bool).sum(axis=1) >= self.shortest
            return (long_M & (self.scores(seen.content, sight) <= self.threshold)).astype(float)
        marked_M = ~seen.human & self._complies(seen.source, sight)
        return norm.cdf(self.threshold - self.strength * marked_M)

    def scores(self, content: np.ndarray, sight: Sight) -> np.ndarray:
        """(M,) the score z of texts (M, L); 0 for those without two tokens."""
        return z_scores(content, self._green(sight), self.green_share)

    def pass_rates(self) -> tuple[float, float] | None:
        """Acceptance of people and of models, where all models comply or none does (not of texts)."""
        if self.compliance not in (0, 1):
            return None
        return float(norm.cdf(self.threshold)), float(norm.cdf(self.threshold - self.strength * self.compliance))

    def _complies(self, source_M: np.ndarray, sight: Sight) -> np.ndarray:
        return sight.chance("compliance", source_M) < self.compliance

    def _green(self, sight: Sight) -> np.ndarray:
        size = sight.shape.size
        if int(size * self.green_share) < 1 or size > LARGEST:
            raise InputError(
                f"verifiers.{self.name}: a watermark needs a vocabulary of {int(np.ceil(1 / self.green_share))} to "
                f"{LARGEST:,} tokens (with green_share {self.green_share:g}). Got {size:,}."
            )
        return green_lists(size, self.green_share, self.key)


@functools.lru_cache(maxsize=4)
def green_lists(vocabulary: int, share: float, key: int) -> np.ndarray:
    """(V, V) bool, kept and not to be changed: which tokens transformers favours after each token."""
    import torch
    from transformers import WatermarkLogitsProcessor

    processor = WatermarkLogitsProcessor(vocabulary, "cpu", greenlist_ratio=share, bias=1.0, hashing_key=key)
    green_VV = np.zeros((vocabulary, vocabulary), bool)
    for first in range(0, vocabulary, AT_ONCE):
        before = torch.arange(first, min(first + AT_ONCE, vocabulary))[:, None]
        green_VV[first : first + AT_ONCE] = processor(before, torch.zeros(len(before), vocabulary)).numpy() > 0
    return green_VV


def z_scores(content: np.ndarray, green_VV: np.ndarray, share: float) -> np.ndarray:
    """(M,) how many standard deviations more green tokens texts (M, L) hold than chance would give; ends do not count.

    As transformers' WatermarkDetector has it; 0 for texts without two tokens, of which it says nothing.
    """
    words_ML = np.cumprod(content != 0, axis=1, dtype=bool)
    pairs_M = np.maximum(words_ML.sum(axis=1) - 1, 0)
    hits_M = (green_VV[content[:, :-1], content[:, 1:]] & words_ML[:, 1:]).sum(axis=1)
    return (hits_M - share * pairs_M) / np.sqrt(np.maximum(pairs_M, 1) * share * (1 - share))


def operating_curve(unmarked_M: np.ndarray, marked_M: np.ndarray, threshold_T: np.ndarray) -> np.ndarray:
    """(T, 2): the shares of unmarked and of marked texts, by their scores, that are rejected at each threshold."""
    return np.stack([(s[:, None] > threshold_T).mean(axis=0) for s in (unmarked_M, marked_M)], axis=1)
