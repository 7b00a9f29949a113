"""The append-only corpus: everything published and still kept, as columns.

Letters: S sources, G kept steps, P places of a step's documents of a source, M documents, x the trailing shape of one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ecosystem.documents import NEW, Batch, Documents, DocumentShape, Keep, Pool

RESERVED = 2**32  # bytes of content reserved at once at most; more is taken when it is needed


class Corpus:
    """Everything published and still kept, as contiguous columns; appending is linear, forgetting is free."""

    STATE: ClassVar[tuple[str, ...]] = (
        "keep", "_row0", "_rows", "_number0", "_steps", "_start_GS", "_cumulative_GS", "_columns",
    )  # fmt: skip

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

    def stored_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: of the columns the rows that are kept, and how much room there is."""
        kept, steps = slice(self._row0, self._rows), len(self._steps)
        return {name: getattr(self, name) for name in self.STATE} | {
            "_start_GS": self._start_GS[:steps], "_cumulative_GS": self._cumulative_GS[: steps + 1],
            "_columns": {name: column[kept] for name, column in self._columns.items()},
            "room": len(self._columns["depth"]),
        }  # fmt: skip

    def restore_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `stored_state` gave: every kept document lies where it lay."""
        columns, room = dict(state["_columns"]), int(state["room"])
        kept = slice(state["_row0"], state["_rows"])
        if columns.keys() != self._columns.keys() or any(len(c) != kept.stop - kept.start for c in columns.values()):
            raise ValueError(f"a corpus of {len(self._columns)} columns of {kept.stop - kept.start} documents")
        for name in self.STATE[:-1]:
            setattr(self, name, state[name])
        for name, column in columns.items():
            if len(self._columns[name]) != room:
                self._columns[name] = np.empty((room, *column.shape[1:]), column.dtype)
            self._columns[name][kept] = column

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

    def kept_at(self, step: int, keep: Keep) -> np.ndarray:
        """(S,) documents of now that a rule will still keep in a later step."""
        gone = 0 if keep.window is None else sum(s <= step - keep.window for s in self._steps)
        return (self._cumulative_GS[len(self._steps)] - self._cumulative_GS[gone]).copy()

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
