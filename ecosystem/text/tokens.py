"""Tokenizers: how human text becomes the integers that models read and write, and back.

All are byte-level: every single byte is a token, so that any text has tokens and decoding gives it back byte for byte.
Token 0 ends a document and pads it; no text contains it.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ecosystem.interfaces import Component

END = 0
BYTES = 256
LONGEST_WORD = 64  # bytes; longer words are cut, since splitting a word into tokens takes time quadratic in its length


class Tokenizer(Component):
    """How text is cut into tokens.

    byte       every byte
    character  frequent characters; rare ones as bytes
    word       frequent words with the space before them; rare ones as the longest words that spell them, at worst bytes
    bpe        byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909) on bytes, as in GPT-2
    """

    kind: Literal["byte", "character", "word", "bpe"] = Field("bpe", description="What a token is.")
    vocabulary: int = Field(
        512,
        ge=BYTES + 1,
        le=1_000_000,
        description="Tokens at most: 256 bytes, the end token, then what the human text makes worth while.",
    )

    def train(self, texts: Sequence[str]) -> Vocabulary:
        """The vocabulary of some texts; the same texts always give the same one."""
        more = self.vocabulary - BYTES - 1
        if self.kind == "bpe":
            return _byte_pairs(texts, more)
        if self.kind == "word":
            return _words(texts, more)
        return Vocabulary(SINGLE + (_characters(texts, more) if self.kind == "character" else ()))


SINGLE = (b"", *(bytes([b]) for b in range(BYTES)))
"""The end token and the bytes, in order."""


@dataclass(frozen=True)
class Vocabulary:
    """pieces[i] is what token i stands for. Without a model these are SINGLE and then whole characters."""

    pieces: tuple[bytes, ...]
    model: Any = None  # a tokenizers.Tokenizer whose token i is our token i + 1

    @property
    def size(self) -> int:
        return len(self.pieces)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Tokens of each text, int32, without end tokens."""
        if self.model is not None:
            encode = getattr(self.model, "encode_batch_fast", self.model.encode_batch)
            return [np.array(found.ids, np.int32) + 1 for found in encode(list(texts), add_special_tokens=False)]
        if len(self.pieces) == len(SINGLE):
            return [_bytes(text) for text in texts]
        return [self._encode_characters(text) for text in texts]

    def decode(self, tokens: np.ndarray) -> bytes:
        """The bytes of the tokens of one document, up to its first end token. May end inside a character."""
        ends = np.flatnonzero(tokens == END)
        tokens = tokens[: ends[0]] if ends.size else tokens
        return b"".join([self.pieces[i] for i in tokens.tolist()])

    def _encode_characters(self, text: str) -> np.ndarray:
        code, (known, known_token) = np.frombuffer(text.encode("utf-32-le"), np.uint32), self._characters
        place = np.minimum(np.searchsorted(known, code), len(known) - 1)
        token = np.where(known[place] == code, known_token[place], -1).astype(np.int32)
        parts, start = [], 0
        for at in np.flatnonzero(token < 0).tolist():  # rare characters
            parts += [token[start:at], _bytes(text[at])]
            start = at + 1
        return np.concatenate([*parts, token[start:]]) if parts else token

    @functools.cached_property
    def _characters(self) -> tuple[np.ndarray, np.ndarray]:
        """Code points of the characters that are tokens, rising, and their tokens."""
        more = enumerate(self.pieces[len(SINGLE) :], start=len(SINGLE))
        known = sorted([(b, b + 1) for b in range(128)] + [(ord(piece.decode()), i) for i, piece in more])
        return np.array([c for c, _ in known], np.uint32), np.array([i for _, i in known], np.int32)


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8).astype(np.int32) + 1


def harmless(text: str) -> str:
    """Text whose control, direction and other invisible characters are shown as U+FFFD; newlines and tabs stay."""
    return _SUSPECT.sub(lambda found: "\ufffd" if _hidden(found.group()) else found.group(), text)


_SUSPECT = re.compile(r"[^\n\t\x20-\x7e\xa1-\xac\xae-\u02ff]")


@functools.lru_cache(maxsize=65536)
def _hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _characters(texts: Sequence[str], more: int) -> tuple[bytes, ...]:
    """The most frequent characters of more than one byte; of equals, the lower code point."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    ranked = sorted((c for c in counts if ord(c) > 127), key=lambda c: (-counts[c], c))
    return tuple(c.encode() for c in ranked[:more])


def _byte_pairs(texts: Sequence[str], more: int) -> Vocabulary:
    from tokenizers import Tokenizer as Model
    from tokenizers import models, pre_tokenizers, trainers

    model = Model(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=BYTES + more,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    return _vocabulary(model)


def _words(texts: Sequence[str], more: int) -> Vocabulary:
    """Frequent words by counting; a WordPiece model without prefixes then spells words with the longest of them."""
    from tokenizers import Regex, models, pre_tokenizers, trainers
    from tokenizers import Tokenizer as Model

    counter = Model(models.WordLevel(unk_token=""))
    counter.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.Split(Regex(f"[\\s\\S]{{1,{LONGEST_WORD}}}"), "isolated"),
        ]
    )
    trainer = trainers.WordLevelTrainer(vocab_size=BYTES + more, special_tokens=[], show_progress=False)
    counter.train_from_iterator(texts, trainer)
    ranked = sorted(counter.get_vocab().items(), key=lambda found: found[1])
    pieces = list(byte_of()) + [word for word, _ in ranked if len(word) > 1][:more]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    model = Model(
        models.WordPiece(vocabulary, unk_token="", max_input_chars_per_word=LONGEST_WORD, continuing_subword_prefix="")
    )
    model.pre_tokenizer = counter.pre_tokenizer
    return _vocabulary(model)


def _vocabulary(model: Any) -> Vocabulary:
    known = byte_of()
    ranked = sorted(model.get_vocab().items(), key=lambda found: found[1])
    return Vocabulary((b"", *(bytes(known[c] for c in piece) for piece, _ in ranked)), model)


@functools.cache
def byte_of() -> dict[str, int]:
    """How `tokenizers`, like GPT-2, writes bytes as characters: printable ones as themselves, others from U+0100 up."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(BYTES) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
