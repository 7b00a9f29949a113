"""Documents and the append-only corpus: what was published, by whom, when, and how far from human writing.

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
    documents have 0); parent (M,) int64: the document it copies, -1 where a learner does not copy whole documents or
    the document is human.
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
    """What is published together: content (M, *x), depth (M,) and parent (M,) or one for all (see `Documents`)."""

    content: np.ndarray
    depth: np.ndarray | float = 0.0
    parent: np.ndarray | int = -1


@dataclass(frozen=True)
class Keep:
    """What stays readable: the last `window` steps (None: everything), or a uniform sample of `subsample` documents."""

    window: int | None = 1
    subsample: int | None = None


NEW, ACCEPTED, REJECTED, EXEMPT = range(4)  # verdicts; exempt: not for this verifier to judge
RESERVED = 2**32  # bytes of content reserved at once at most; more is taken when it is needed


class Corpus:
    """Everything published and still kept, as contiguous columns; appending is linear, forgetting is free."""

    def __init__(
        self, shape: DocumentShape, sources: int, keep: Keep, expected: int = 0, verifiers: tuple[str, ...] = ()
    ):
        """`expected`: documents that will be kept at once, if known: memory is then reserved and nothing is moved.
        `verifiers`: names of those whose verdicts are kept beside the documents.
        """
        self.shape, self.sources, self.keep = shape, sources, keep
        capacity = max(min(int(expected), RESERVED // shape.empty(1).nbytes), 1024)
        self._columns = {
            "content": shape.empty(capacity),
            "depth": np.empty(capacity, np.float32),
            "parent": np.empty(capacity, np.int64),
            **{_verdict(name): np.zeros(capacity, np.int8) for name in verifiers},
        }
        self._verifiers = verifiers
        self._row0 = 0  # first kept row
        self._rows = 0  # rows in use, forgotten ones included
        self._number0 = 0  # document number of row 0 of the columns
        self._steps: list[int] = []  # the G kept steps
        self._start_GS = np.zeros((1, sources), np.int64)  # as in Pool, with room for more steps
        self._cumulative_GS = np.zeros((1, sources), np.int64)

    def __len__(self) -> int:
        """Documents kept."""
        return self._rows - self._row0

    @property
    def published(self) -> int:
        """Documents ever published."""
        return self._number0 + self._rows

    def counts_S(self) -> np.ndarray:
        """Kept documents of every source, (S,)."""
        return self._cumulative_GS[len(self._steps)].copy()

    def append(self, step: int, batches: list[Batch], counts_S: np.ndarray) -> None:
        """Publish the documents of a step: batches in the order of their sources; counts_S (S,) documents of each."""
        m = sum(len(batch.content) for batch in batches)
        if counts_S.sum() != m:
            raise ValueError(f"counts_S must add up to the number of documents, {m}. Got {counts_S.sum()}.")
        self._forget(step)
        self._reserve(m)
        self._lay_out(step, counts_S.astype(np.int64))
        for batch in batches:
            rows = slice(self._rows, self._rows + len(batch.content))
            self._columns["content"][rows] = batch.content
            self._columns["depth"][rows] = batch.depth
            self._columns["parent"][rows] = batch.parent
            for name in self._verifiers:
                self._columns[_verdict(name)][rows] = NEW
            self._rows = rows.stop

    def verdicts(self, verifier: str) -> np.ndarray:
        """(M,) int8 of every kept document in the order of their numbers: NEW, ACCEPTED, REJECTED or EXEMPT.

        A view: verdicts are written into it. Document d stands at place d - `first`.
        """
        return self._columns[_verdict(verifier)][self._row0 : self._rows]

    @property
    def first(self) -> int:
        """Number of the first kept document."""
        return self._number0 + self._row0

    def readable(self, rng: np.random.Generator | None = None) -> Pool:
        """The pool that readers of this step draw from; `rng` is needed by `subsample`."""
        steps, content = len(self._steps), self._columns["content"][: self._rows]
        start_GS, cumulative_GS = self._start_GS[:steps], self._cumulative_GS[: steps + 1]
        none = cumulative_GS[0]
        newest = (start_GS[-1], cumulative_GS[-1] - cumulative_GS[-2]) if steps else (none, none)
        whole = Pool(content, self._columns["depth"], start_GS, cumulative_GS, self._number0, newest)
        # only archives are of step 0: private, so not among what the sample is of
        archived = int(cumulative_GS[1].sum()) if self._steps[:1] == [0] else 0
        if self.keep.subsample is None or self.keep.subsample >= len(self) - archived:
            return whole
        if rng is None:
            raise ValueError("A subsampled corpus needs a random generator to be read.")
        return self._sampled(whole, archived, rng)

    def documents(self, step: int) -> Documents:
        """The documents of a kept step; KeyError when it is no longer kept."""
        if step not in self._steps:
            raise KeyError(f"Step {step} is no longer kept; kept steps are {self._steps}.")
        g = self._steps.index(step)
        counts_S = self._cumulative_GS[g + 1] - self._cumulative_GS[g]
        return self.at(self._start_GS[g, 0] - self._row0 + np.arange(counts_S.sum()))

    def newest(self) -> Documents:
        """The documents of the last step in which anything was published; KeyError before."""
        return self.documents(self._steps[-1] if self._steps else 0)

    def earlier(self, step: int) -> Documents:
        """The kept documents from before a step."""
        kept = sum(s < step for s in self._steps)
        return self.at(np.arange(self._cumulative_GS[kept].sum()))

    def layout(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where kept documents lie: first place (as in `at`) and number of each step's of each source, and the steps.

        (G, S), (G, S) and (G,) int64; a step's documents of a source lie in the order in which it wrote them.
        """
        steps = len(self._steps)
        counts_GS = np.diff(self._cumulative_GS[: steps + 1], axis=0)
        return self._start_GS[:steps] - self._row0, counts_GS, np.array(self._steps, np.int64)

    def at(self, place: np.ndarray) -> Documents:
        """Kept documents by their places, 0 for the first that is kept."""
        rows, steps = self._row0 + place, len(self._steps)
        start = self._start_GS[:steps].ravel()
        source_P = np.tile(np.arange(self.sources, dtype=np.int32), steps)
        step_P = np.repeat(np.array(self._steps, np.int32), self.sources)
        source, step, first = _of_places(start, rows, source_P, step_P, start)
        return Documents(
            content=self._columns["content"].take(rows, axis=0),
            document=rows + self._number0,
            source=source,
            step=step,
            rank=rows - first,
            depth=self._columns["depth"].take(rows),
            parent=self._columns["parent"].take(rows),
        )

    def _sampled(self, whole: Pool, archived: int, rng: np.random.Generator) -> Pool:
        web, m = len(self) - archived, int(self.keep.subsample or 0)
        picked = archived + np.sort(rng.choice(web, m, replace=False, shuffle=False))
        private = np.flatnonzero(rng.random(archived) < m / web)  # what is archived stays as likely as what is not
        picked = self._row0 + np.concatenate([private, picked])
        source = whole.sources(picked)
        own = np.arange(whole.newest[0][0], self._rows)  # whatever is sampled, the newest step stays at hand
        rows = np.concatenate([picked[np.argsort(source, kind="stable")], own])
        counts_S = np.bincount(source, minlength=self.sources).astype(np.int64)
        cumulative_GS = np.vstack([np.zeros_like(counts_S), counts_S])
        start_GS = (np.cumsum(counts_S) - counts_S)[None]
        newest = (whole.newest[0] - self._rows + len(rows), whole.newest[1])
        return Pool(whole.content[rows], whole.depth[rows], start_GS, cumulative_GS, rows + self._number0, newest)

    def _lay_out(self, step: int, counts_S: np.ndarray) -> None:
        """Notes where the next documents will lie. A pool handed out earlier sees its own steps only."""
        g = len(self._steps)
        if len(self._cumulative_GS) < g + 2:
            room = np.empty((g + 1, self.sources), np.int64)
            self._start_GS = np.concatenate([self._start_GS, room])
            self._cumulative_GS = np.concatenate([self._cumulative_GS, room])
        self._start_GS[g] = self._rows + np.cumsum(counts_S) - counts_S
        self._cumulative_GS[g + 1] = self._cumulative_GS[g] + counts_S
        self._steps.append(step)

    def _forget(self, step: int) -> None:
        gone = 0 if self.keep.window is None else sum(s <= step - self.keep.window for s in self._steps)
        if gone:
            self._row0 += int(self._cumulative_GS[gone].sum())
            self._steps = self._steps[gone:]
            self._start_GS = self._start_GS[gone:].copy()
            self._cumulative_GS = self._cumulative_GS[gone:] - self._cumulative_GS[gone]

    def _reserve(self, m: int) -> None:
        """Room for m more rows: kept rows move to the front when that suffices, else the columns double."""
        capacity = len(self._columns["depth"])
        if self._rows + m <= capacity:
            return
        kept = slice(self._row0, self._rows)
        roomier = capacity if 2 * (len(self) + m) <= capacity else 2 * (len(self) + m)
        for name, column in self._columns.items():
            fresh = np.empty((roomier, *column.shape[1:]), column.dtype)
            fresh[: len(self)] = column[kept]
            self._columns[name] = fresh
        self._number0 += self._row0
        self._start_GS = self._start_GS - self._row0
        self._rows, self._row0 = len(self), 0


def _of_places(start_P: np.ndarray, rows: np.ndarray, *values_P: np.ndarray) -> list[np.ndarray]:
    """Values of the place of each row, the last that begins at or before it (as in `Pool.sources`)."""
    if not (rows[1:] >= rows[:-1]).all():
        place = np.searchsorted(start_P, rows, side="right") - 1
        return [value.take(place) for value in values_P]
    # rows in order: it is the places, of which there are fewer, that are searched for
    counts = np.diff(np.searchsorted(rows, start_P), append=len(rows))
    return [np.repeat(value, counts) for value in values_P]


def _verdict(verifier: str) -> str:
    """The column of a verifier's verdicts."""
    return f"verdict of {verifier}"
