"""A pretrained model's own tokenizer: documents as text to its tokens and back.

Letters: M documents, T tokens of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.neural.model_folder import ModelError

ENDED = "\0"  # at the end of a text: the document is whole
UNREADABLE = "\ufffd"


class Spelling:
    """How one tokenizer spells documents. Every document begins after the token `begin`; whole ones end with `end`.

    These are the tokenizer's bos and eos; one of them serves as both where it has only one. A pad token is not needed.
    Text that looks like a special token is spelt out: reading "</s>" ends nothing.
    """

    def __init__(self, tokenizer: Any, folder: Path):
        self._tokenizer = tokenizer
        bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
        if bos is None and eos is None:
            raise ModelError(f"{folder}: its tokenizer must have a token that begins or ends a text (bos or eos).")
        if not self._spelt(["text"])[0]:
            raise ModelError(f"{folder}: its tokenizer has no tokens; is tokenizer.json missing?")
        self.begin, self.end = (int(eos if bos is None else bos), int(bos if eos is None else eos))
        self.size = len(tokenizer)

    def tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Tokens of each text, int32, with the end token where it is whole; each different text is spelt once."""
        different = list(dict.fromkeys(texts))
        spelt = self._spelt([text.removesuffix(ENDED) for text in different])
        found = {
            text: np.array([*tokens, self.end] if text.endswith(ENDED) else tokens, np.int32)
            for text, tokens in zip(different, spelt, strict=True)
        }
        return [found[text] for text in texts]

    def texts(self, tokens: np.ndarray) -> list[str]:
        """Texts of M rows of tokens (M, T), each up to its first end token. Special tokens stand for nothing."""
        if not len(tokens):
            return []
        ended_MT = np.pad(tokens == self.end, ((0, 0), (0, 1)), constant_values=True)
        length_M = ended_MT.argmax(axis=1).tolist()
        rows = [row[:length].tolist() for row, length in zip(tokens, length_M, strict=True)]
        texts = self._tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        whole = (ENDED if length < tokens.shape[1] else "" for length in length_M)
        return [text.replace(ENDED, UNREADABLE) + end for text, end in zip(texts, whole, strict=True)]

    def _spelt(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        return self._tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def table(rows: Sequence[np.ndarray], most: int) -> np.ndarray:
    """(M, T) int32 of M rows of tokens, each plus 1 and cut at `most`; 0 where there is none."""
    cut = [row[:most] for row in rows]
    lengths = np.array([len(row) for row in cut], np.int64)
    out = np.zeros((len(rows), max(int(lengths.max(initial=0)), 1)), np.int32)
    if lengths.any():
        out[np.arange(out.shape[1]) < lengths[:, None]] = np.concatenate(cut) + 1
    return out
