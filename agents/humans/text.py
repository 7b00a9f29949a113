"""Human text: what people wrote, cut into documents of so many tokens, some of it never published."""

from __future__ import annotations

import functools
import hashlib
from typing import Union

import numpy as np
from pydantic import Field

from agents.learners.ngram import Ngram
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import HumanSource, Params, Writer
from ecosystem.streams import Streams
from ecosystem.text.codec import TextCodec
from ecosystem.text.files import Stamp, TextError, name_of, read, select, stamp
from ecosystem.text.tokens import END, Tokenizer, Vocabulary, harmless

REFERENCE = Ngram(order=5)
"""The model of human writing by which the text of models is judged."""

Value = Union[bool, int, float, str]
Conditions = tuple[tuple[str, tuple[str, ...]], ...]
"""(field, wanted values as text), in order of field."""
Part = tuple[Stamp, Conditions, float]
"""What one community writes: files, which of their texts, share held out."""


class Text(HumanSource):
    """Text that people wrote: each document once, in pieces of `length` tokens.

    A text longer than `length` tokens is cut into consecutive pieces, each a document of its own; the last one is
    shorter and ends with the end token 0, which also pads it. A piece that fills `length` has no end token.

    Held-out texts are never published, nor is the tokenizer trained on them: they are for measuring. They are chosen
    whole, by a hash of their content: the same ones whatever their order and the seed, and copies of a text go the same
    way. A text that one community holds out is published by none.

    Communities may write from other files (`writes: {path: ...}`) or other documents of a file
    (`writes: {where: {author: [...]}}`); tokenizer and length are the same for all, and the tokenizer is trained on
    what any of them publishes.
    """

    path: str | None = Field(
        None,
        min_length=1,
        description='JSON Lines with "text", plain text (documents between blank lines), Parquet with a column "text", '
        "or a folder of those; none: the language reference that comes with Python.",
    )
    where: dict[str, Union[Value, tuple[Value, ...]]] = Field(
        {}, description="Only documents with these fields: {field: value or list of values}."
    )
    tokenizer: Tokenizer = Field(Tokenizer(), description="How text is cut into tokens.")
    length: int = Field(64, ge=1, le=65536, description="Tokens a document.")
    held_out: float = Field(0.1, ge=0, lt=1, description="Share of texts kept for measuring only (0: none).")

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        parts = tuple(self._part(community) for community in communities)
        return list(_open(parts, self.tokenizer, self.length))

    def _part(self, community: HumanSource) -> Part:
        assert isinstance(community, Text)
        for key in ("tokenizer", "length"):
            mine, other = getattr(self, key), getattr(community, key)
            if mine != other:
                raise TextError(f"The '{key}' of Text must be the same for all communities: {mine!r}. Got {other!r}.")
        listed = {field: v if isinstance(v, tuple) else (v,) for field, v in sorted(community.where.items())}
        where = tuple((field, tuple(map(str, values))) for field, values in listed.items())
        return stamp(community.path), where, community.held_out


class TextWriter(Writer):
    """What one community wrote. Probabilities are token frequencies of what it publishes, end tokens not counted."""

    def __init__(self, vocabulary: Vocabulary, published: np.ndarray, held_out: np.ndarray):
        self.shape = DocumentShape("tokens", vocabulary.size, published.shape[1], TextCodec(vocabulary))
        self.vocabulary = vocabulary
        self.documents = self._published = _fixed(published)
        self.held_out = _fixed(held_out) if len(held_out) else None
        counts = np.bincount(published.ravel(), minlength=vocabulary.size).astype(float)
        counts[END] = 0.0
        self.probabilities = _fixed(counts / counts.sum())

    def log_prob(self, content: np.ndarray) -> np.ndarray:
        """(M,) nats, up to and including the end token, under a 5-gram model of what the community publishes."""
        return REFERENCE.log_prob(self._reference, content)[0]

    def show(self, content: np.ndarray) -> list[str]:
        return [harmless(self.raw(document).decode("utf-8", "replace")) for document in content]

    def raw(self, tokens: np.ndarray) -> bytes:
        """The bytes of one document (L,), as they are."""
        return self.vocabulary.decode(tokens)

    @functools.cached_property
    def _reference(self) -> Params:
        rng = Streams(0).rows("human reference", 0, 1)  # an n-gram model draws nothing when it is fitted
        weight = np.ones((1, len(self._published)))
        return REFERENCE.train(REFERENCE.init(1, self.shape, rng), self._published[None], weight, rng)


def _fixed(array: np.ndarray) -> np.ndarray:
    """Read-only, since all worlds of a process share it."""
    array.flags.writeable = False
    return array


@functools.lru_cache(maxsize=8)
def _open(parts: tuple[Part, ...], tokenizer: Tokenizer, length: int) -> tuple[TextWriter, ...]:
    """The writers of some communities; kept while the process lives, so that replicates tokenise once."""
    texts_H = [[found.text for found in select(read(files), dict(where), name_of(files))] for files, where, _ in parts]
    secret_H = [_held_out(texts, share, files) for texts, (files, _, share) in zip(texts_H, parts, strict=True)]
    secret = set().union(*secret_H)
    public = list(dict.fromkeys(text for texts in texts_H for text in texts if text not in secret))
    vocabulary = tokenizer.train(public)
    known = [*public, *sorted(secret)]
    tokens = dict(zip(known, vocabulary.encode(known), strict=True))
    writers = []
    for texts, (files, _, _) in zip(texts_H, parts, strict=True):
        published = [tokens[text] for text in texts if text not in secret]
        if not published:
            raise TextError(f"{name_of(files)}: nothing is left to publish; another community holds all of it out.")
        held_out = [tokens[text] for text in texts if text in secret]
        writers.append(TextWriter(vocabulary, _pieces(published, length), _pieces(held_out, length)))
    return tuple(writers)


def _held_out(texts: list[str], share: float, files: Stamp) -> list[str]:
    """The texts of lowest hash: a share of the different texts, at least one and not all."""
    if share == 0:
        return []
    ranked = sorted(set(texts), key=lambda text: hashlib.blake2b(text.encode()).digest())
    if len(ranked) < 2:
        raise TextError(f"{name_of(files)}: to hold any out needs 2 different texts. Got 1; or say held_out: 0.")
    return ranked[: min(max(1, round(share * len(ranked))), len(ranked) - 1)]


def _pieces(tokens: list[np.ndarray], length: int) -> np.ndarray:
    """Documents (M, length) of texts, each text in consecutive pieces; the rest of its last piece is 0."""
    rows = [-(-len(found) // length) for found in tokens]
    pieces = np.full((sum(rows), length), END, np.int32)
    start = 0
    for found, many in zip(tokens, rows, strict=True):
        pieces[start : start + many].ravel()[: len(found)] = found
        start += many
    return pieces
