"""Documents of tokens as text and back: how they travel between models with tokenizers of their own.

Letters: M documents, L tokens of one.
"""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np

from ecosystem.text.tokens import END, Vocabulary

ENDED = "\0"
"""Stands at the end of a text that is whole; without it the text was cut at so many tokens."""
UNREADABLE = "\ufffd"


class TextCodec:
    """The tokens of a vocabulary as text (see `ecosystem.documents.Codec`).

    A text that fits comes back as it was. Tokens need not: bytes that are no UTF-8, such as half a character where a
    document was cut, are read as U+FFFD, and so is the NUL byte, since "\\0" means the end; a text spelt in unusual
    tokens comes back in the usual ones. A cut text that does not fill its L tokens ends where it was cut, since token 0
    both ends and fills up; an ended one of L tokens or more has no end token, as among human documents.
    """

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary

    def decode(self, content: np.ndarray) -> np.ndarray:
        """(*leading, L) int32 to (*leading,) of str."""
        rows = content.reshape(-1, content.shape[-1])
        tokens_M, ended_M = _lengths(rows)
        within = np.arange(rows.shape[1]) < tokens_M[:, None]
        texts = self._texts(rows[within], tokens_M)
        out = np.empty(len(rows), object)
        out[:] = [text + ENDED if ended else text for text, ended in zip(texts, ended_M.tolist(), strict=True)]
        return out.reshape(content.shape[:-1])

    def encode(self, texts: np.ndarray, length: int) -> np.ndarray:
        """(*leading,) of str to (*leading, length) int32; what follows a "\\0" is not read."""
        flat = [_readable(text.partition(ENDED)[0]) for text in texts.ravel().tolist()]
        spelt = dict.fromkeys(flat)  # the same text is often written twice, and read by many
        found = dict(zip(spelt, self.vocabulary.encode(list(spelt)), strict=True))
        cut = [found[text][:length] for text in flat]
        tokens_M = np.array([len(tokens) for tokens in cut], np.int64)
        out = np.full((len(flat), length), END, np.int32)
        if flat:
            out[np.arange(length) < tokens_M[:, None]] = np.concatenate(cut)
        return out.reshape(*texts.shape, length)

    def _texts(self, tokens: np.ndarray, tokens_M: np.ndarray) -> list[str]:
        """Texts of M documents, their tokens one after the other. Joined by NUL, all are read in one go."""
        if not tokens_M.size:
            return []
        pieces = self._pieces
        ends = np.cumsum(tokens_M)
        spelt = [pieces[i] for i in tokens.tolist()]
        parts = [b"".join(spelt[end - many : end]) for end, many in zip(ends.tolist(), tokens_M.tolist(), strict=True)]
        return b"\0".join(parts).decode("utf-8", "replace").split("\0")

    @cached_property
    def _pieces(self) -> tuple[bytes, ...]:
        """What tokens stand for, without NUL."""
        return tuple(piece.replace(b"\0", UNREADABLE.encode()) for piece in self.vocabulary.pieces)


def _lengths(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of each document (M, L) before its first end token, (M,), and whether it has one, (M,)."""
    end = rows == END
    ended = end.any(axis=1)
    return np.where(ended, end.argmax(axis=1), rows.shape[1]) if rows.shape[1] else np.zeros(len(rows), int), ended


def _readable(text: str) -> str:
    """Text that can be written as UTF-8: halves of surrogate pairs become U+FFFD."""
    return text if text.isascii() else _HALVES.sub(UNREADABLE, text)


_HALVES = re.compile("[\ud800-\udfff]")
