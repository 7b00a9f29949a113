"""Documents: what was published, by whom, when, and how far from human writing; the append-only corpus is `corpus.py`.

A *source* is whoever writes: models 0 .. N-1, then human communities N .. N+H-1, then (where models archive their
pretraining documents) one private archive a model, N+H .. 2N+H-1. Within a step documents lie sorted by source, so the
author of a row follows from counts and reading never searches.

Letters: S sources, G kept steps, M documents, x the trailing shape of one document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from ecosystem.grammar import Grammar


class Codec(Protocol):
    """Documents of tokens as text and back, for models with a tokenizer of their own.

    As text a document is a str. "\\0" says that the document ends there; without it, it was cut at so many tokens.
    """

    def decode(self, content: np.ndarray) -> np.ndarray:
        """Documents (*leading, L) int32 as an object array (*leading,) of str."""

    def encode(self, texts: np.ndarray, length: int) -> np.ndarray:
        """Texts (*leading,) as documents (*leading, length) int32, cut or filled up with 0."""


@dataclass(frozen=True)
class DocumentShape:
    """What one document is; every group of a scenario shares it.

    kind       content of M documents                       `size`                      `length`
    items      (M,) int32, values 0 .. size-1               number of items K           1
    vectors    (M, size) float64                            dimensions d                1
    pairs      (M, size) float64: features, then the target features + 1                1
    tokens     (M, length) int32, values 0 .. size-1        vocabulary, 0 ends/pads     tokens a document
    """

    kind: Literal["items", "vectors", "pairs", "tokens"]
    size: int
    length: int = 1
    codec: Codec | None = field(default=None, compare=False, repr=False)  # of tokens that stand for text
    grammar: Grammar | None = field(default=None, compare=False, repr=False)  # of tokens that make claims

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it can be read as: its kind, and `claims` where tokens make some."""
        return (self.kind,) if self.grammar is None else (self.kind, "claims")

    @property
    def trailing(self) -> tuple[int, ...]:
        return {"items": (), "tokens": (self.length,)}.get(self.kind, (self.size,))

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.int32 if self.kind in ("items", "tokens") else np.float64)

    def empty(self, *leading: int) -> np.ndarray:
        return np.empty((*leading, *self.trailing), self.dtype)

    def check(self, content: np.ndarray, leading: tuple[int, ...], author: str) -> None:
        """ValueError where content (*leading, *x) is not of this shape; compiled loops rely on it."""
        wanted = (*leading, *self.trailing)
        if content.shape != wanted:
            raise ValueError(f"{author} must write content of shape {wanted}. Got {content.shape}.")
        if self.kind in ("items", "tokens") and content.size:
            low, high = int(content.min()), int(content.max())
            if low < 0 or high >= self.size:
                wrong = low if low < 0 else high
                raise ValueError(f"{author} must write {self.kind} from 0 to {self.size - 1}. Got {wrong}.")


@dataclass(frozen=True)
class Documents:
    """M documents as parallel columns.

    content (M, *x); document (M,) int64 running numbers; source (M,) int32; step (M,) int32; rank (M,) int64: its place
    among what its source published in that step; depth (M,) float32: model generations since human writing (human
    documents have 0); parent (M,) int64: the document it copies or has its claim from, -1 where that is not known
    or the document is human.
    """

    content: np.ndarray
    document: np.ndarray
    source: np.ndarray
    step: np.ndarray
    rank: np.ndarray
    depth: np.ndarray
    parent: np.ndarray

    def __len__(self) -> int:
        return len(self.document)

    def take(self, which: np.ndarray) -> Documents:
        """Some of them."""
        return Documents(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Pool:
    """What is readable in one step, addressed by (source, number within that source's readable documents).

    Document r of source j lies in kept step g with cumulative_GS[g, j] <= r < cumulative_GS[g + 1, j], at row
    start_GS[g, j] + r - cumulative_GS[g, j] of the columns.
    """

    content: np.ndarray  # (rows, *x)
    depth: np.ndarray  # (rows,) float32
    start_GS: np.ndarray  # (G, S) int64
    cumulative_GS: np.ndarray  # (G + 1, S) int64
    number: int | np.ndarray  # document number of row 0, or of every row
    newest: tuple[np.ndarray, np.ndarray]  # first row and number of the newest step's documents of each source, (S,)

    @property
    def counts_S(self) -> np.ndarray:
        """Readable documents of each source."""
        return self.cumulative_GS[-1]

    @property
    def rows(self) -> np.ndarray:
        """Rows of all readable documents."""
        first = int(self.start_GS[0, 0]) if len(self.start_GS) else 0
        return first + np.arange(int(self.counts_S.sum()))

    def public(self, sources: int) -> np.ndarray:
        """Rows of those that more than their author may read: by sources below a number, archives left out."""
        rows = self.rows
        return rows[self.sources(rows) < sources] if len(rows) else rows

    def sources(self, rows: np.ndarray) -> np.ndarray:
        """Who wrote the documents of rows."""
        if len(self.content) <= 4 * rows.size:  # looked up for all rows at once: a tenth of the time of searching
            return self.source.take(rows)
        # the last place that begins at or before a row; those without documents begin where the next one does
        return (np.searchsorted(self.start_GS.ravel(), rows, side="right") - 1) % self.start_GS.shape[1]

    @cached_property
    def source(self) -> np.ndarray:
        """(rows,) int32: who wrote each; rows that are no longer kept are the first source's."""
        groups, sources = self.start_GS.shape
        counts = np.diff(self.start_GS.ravel(), append=len(self.content))
        source = np.zeros(len(self.content), np.int32)
        source[self.start_GS[0, 0] :] = np.repeat(np.tile(np.arange(sources, dtype=np.int32), groups), counts)
        return source

    def documents(self, rows: np.ndarray) -> np.ndarray:
        """Document numbers of rows."""
        return self.number[rows] if isinstance(self.number, np.ndarray) else rows + self.number


@dataclass(frozen=True)
class Batch:
    """What is published together: content (M, *x), depth (M,) and parent (M,) or one for all (see `Documents`).

    Of answers also what was asked (`ecosystem.answering`).
    """

    content: np.ndarray
    depth: np.ndarray | float = 0.0
    parent: np.ndarray | int = -1
    answered: Answered | None = None

    def take(self, which: np.ndarray) -> Batch:
        """Some of them."""

        def of(column):
            return column[which] if isinstance(column, np.ndarray) else column

        answered = None if self.answered is None else self.answered.take(which)
        return Batch(self.content[which], of(self.depth), of(self.parent), answered)


@dataclass(frozen=True)
class Answered:
    """M answers to questions, as columns.

    agent (M,): who was asked; fact, slot (M,): what was asked, and the answer (slot -1: none was given); confidence
    (M,) in [0, 1]; retrieved (M, r) and cited (M, c): numbers of documents, -1 where there are fewer; supported (M,)
    bool: what was retrieved states the answer, itself or by composition; withheld (M,) bool: not to be published;
    place (M,): which of the answers given together each is (default: in this order).
    """

    agent: np.ndarray
    fact: np.ndarray
    slot: np.ndarray
    confidence: np.ndarray
    retrieved: np.ndarray
    cited: np.ndarray
    supported: np.ndarray
    withheld: np.ndarray
    place: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self):
        if self.place is None:  # frozen, and known only now
            object.__setattr__(self, "place", np.arange(len(self.fact)))

    def __len__(self) -> int:
        return len(self.fact)

    def take(self, which: np.ndarray) -> Answered:
        """Some of them."""
        return Answered(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: list[Answered]) -> Answered:
        """All of them, one after the other; columns of numbers are filled up with -1."""
        return cls(*(_stacked([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Keep:
    """What stays readable: the last `window` steps (None: everything), or a uniform sample of `subsample` documents."""

    window: int | None = 1
    subsample: int | None = None


NEW, ACCEPTED, REJECTED, EXEMPT = range(4)  # verdicts; exempt: not for this verifier to judge


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    if parts[0].ndim == 1:
        return np.concatenate(parts)
    wide = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(p, ((0, 0), (0, wide - p.shape[1])), constant_values=-1) for p in parts])
