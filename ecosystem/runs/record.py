"""What a run measured, written as it happens: the tables of run.db, one transaction a step.

run.db keeps a write-ahead log while the run goes on: a view or a report may read while the run writes, a commit costs
no wait for the disk (0.7 ms for 1,000 models with 8 metrics; TRUNCATE takes half as long again and shuts readers out),
and a killed run leaves whole steps. When the run ends the log is folded in, so that a finished run.db is one plain
file, also on a disk that cannot be written. NaN is stored as NULL; infinities are kept.

Letters: N models, M documents of the step, P prompts, k answers, L tokens of one.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosystem.errors import InputError
from ecosystem.runs import answered as answered_rows
from ecosystem.runs import folder as run_folder
from ecosystem.runs import graphml, provenance, rows
from ecosystem.runs.database import transaction

if TYPE_CHECKING:
    from ecosystem.frame import Frame
    from ecosystem.model import Ecosystem
    from ecosystem.scenario import Scenario

COLUMNS = {
    "steps": {"step": "INTEGER"},
    "agents": {"step": "INTEGER", "agent": "INTEGER", "group_name": "TEXT", "kind": "TEXT"},
    "pairs": {"step": "INTEGER", "agent": "INTEGER", "other": "INTEGER", "similarity": "REAL"},
    "documents": {
        "document": "INTEGER", "step": "INTEGER", "author": "INTEGER", "author_kind": "TEXT", "depth": "REAL",
        "parent": "INTEGER",
    },
    "judgements": {
        "document": "INTEGER", "step": "INTEGER", "verifier": "TEXT", "gate": "TEXT", "reader": "INTEGER",
        "verdict": "REAL",
    },
    "verifiers": {
        "step": "INTEGER", "verifier": "TEXT", "gate": "TEXT", "guarded": "INTEGER", "judged_human": "INTEGER",
        "rejected_human": "INTEGER", "judged_model": "INTEGER", "rejected_model": "INTEGER", "unjudged": "INTEGER",
        "cost": "REAL", "judged_true": "INTEGER", "rejected_true": "INTEGER", "judged_false": "INTEGER",
        "rejected_false": "INTEGER",
    },
    "ledger": {"step": "INTEGER", "kind": "TEXT", "whom": "TEXT", "units": "REAL", "cost": "REAL"},
    "events": {"step": "INTEGER", "agent": "INTEGER", "kind": "TEXT", "detail": "TEXT"},
    "answers": {"step": "INTEGER", "agent": "INTEGER", "prompt": "TEXT", "answer": "INTEGER", "text": "TEXT"},
    "questions": {
        "step": "INTEGER", "agent": "INTEGER", "fact": "INTEGER", "subject": "TEXT", "relation": "TEXT",
        "value": "TEXT", "confidence": "REAL", "supported": "INTEGER", "right": "INTEGER", "published": "INTEGER",
        "document": "INTEGER", "cited": "TEXT",
    },
}  # fmt: skip
VALUES_AT_ONCE = 1_000  # in one statement; SQLite takes 32,766
CONTENT = {"tokens": {"text": "TEXT"}, "items": {"content": "INTEGER"}}  # others: a JSON list


class Differs(RuntimeError):
    """A run that goes on came to other numbers than it had recorded before it was stopped."""


class Recorder:
    """Writes the frames of one world into one run folder."""

    def __init__(
        self, folder: Path, world: Ecosystem, arm="base", command: str = "", began: float | None = None,
        goes_on: bool = False,
    ):  # fmt: skip
        """Makes the folder (anew where there was one); `began`: time.time() when the work on the run began.

        `goes_on`: adds to the record that is there (see `ecosystem.runs.folder.unfinished`); steps that it has already
        are compared and not written again, and `Differs` is raised where they are others.
        """
        self.folder = Path(folder)
        self._began = time.time() if began is None else began
        self._written = -1
        self._group_N, self._kind_N = (np.asarray(world.agent_table[k]).tolist() for k in ("group_name", "kind"))
        tables = _tables(world)
        self._columns = {table: tuple(columns) for table, columns in tables.items()}
        spec = world.spec.model_copy(update={"seed": int(world.seed)})
        with run_folder.naming(self.folder):
            self._told = run_folder.about(spec, arm, command, self._began)
            if not goes_on:
                with run_folder.appearing(self.folder) as hidden:
                    run_folder.describe(hidden, spec, self._told)
                    graphml.write(hidden / run_folder.GRAPH, world.network, _node_columns(world), _rule(spec))
                    _create(hidden / run_folder.DB, tables)
            self._lock = run_folder.lock(self.folder)
            try:
                if goes_on:
                    self._go_on(world, spec)
                self._db = _connect(self.folder / run_folder.DB)
                self._written = run_folder.last_step(self._db)
            except BaseException:
                run_folder.unlock(self._lock)
                raise

    def _go_on(self, world: Ecosystem, spec: Scenario) -> None:
        """What stands beside the tables is as of now, and whole."""
        self._told = run_folder.going_on(self.folder, self._told, world.t)
        run_folder.describe(self.folder, spec, self._told)
        if not graphml.readable(self.folder / run_folder.GRAPH):
            graphml.write(self.folder / run_folder.GRAPH, world.network, _node_columns(world), _rule(spec))

    def write(self, world: Ecosystem) -> None:
        """The world's newest frame, in one transaction; a frame that is already there is left alone."""
        frame = _frame(world)
        if frame.t <= self._written:
            self._compare(frame)
            return
        with run_folder.naming(self.folder), transaction(self._db):
            self._add("steps", [(frame.t, *map(float, frame.values.values()))])
            self._add("agents", self._agent_rows(frame.t, frame.agents))
            if frame.pairs is not None:
                self._add("pairs", rows.pairs(frame.t, frame.pairs))
            for documents in frame.documents:
                self._add("documents", rows.documents(documents, world))
            self._add("verifiers", frame.worked)
            self._add("ledger", frame.ledger)
            for step, judgements in frame.judgements:
                self._add("judgements", rows.judgements(step, judgements, world))
            if frame.answers is not None:
                self._add("answers", rows.answers(frame.t, frame.answers, world))
            for step, answered, document in frame.questions:
                self._add("questions", answered_rows.of(step, answered, document, world))
            self._add("events", ((e.step, e.agent, e.kind, e.detail) for e in frame.events))
        self._written = frame.t

    def settle(self) -> None:
        """What is recorded is on the disk, whatever happens to the machine from now on."""
        with run_folder.naming(self.folder):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _compare(self, frame: Frame) -> None:
        """What a recorded step measured, of the world and of each model, is the same to the last bit."""
        self._compare_rows("steps", frame.t, {name: [float(value)] for name, value in frame.values.items()})
        self._compare_rows("agents", frame.t, {name: np.asarray(v, float).tolist() for name, v in frame.agents.items()})

    def _compare_rows(self, table: str, step: int, measured: dict[str, list[float]]) -> None:
        """By metric, in the order of rows."""
        names, order = ", ".join(map(_quoted, measured)), "agent" if table == "agents" else "step"
        query = f"SELECT {names or 'step'} FROM {table} WHERE step = ? ORDER BY {order}"
        told = zip(*self._db.execute(query, (step,)), strict=True)
        for (name, here), there in zip(measured.items(), told, strict=False):
            for i, (now, before) in enumerate(zip(here, there, strict=False)):
                if now != before and not (np.isnan(now) and before is None):
                    whose = f" of model {i}" if table == "agents" else ""
                    raise Differs(
                        f"step {step} came out otherwise than it is recorded: {name}{whose} {now!r}, recorded "
                        f"{before!r}; run it anew in another folder (--out)"
                    )

    def close(self, status: str, reason: str = "", **more: Any) -> None:
        """Ends the record: status is complete, failed (with the reason) or interrupted; `more` goes into provenance."""
        try:
            with run_folder.naming(self.folder):
                # a reader that is still there keeps the log: then it stays, and is read, as a log
                with contextlib.suppress(sqlite3.OperationalError):
                    self._db.execute("PRAGMA journal_mode = DELETE")
                self._db.close()
                ending = run_folder.ending(self._began, status, reason, self._told)
                provenance.write(self.folder, self._told | ending | more)
        finally:
            run_folder.unlock(self._lock)

    def _add(self, table: str, rows: Iterable[tuple]) -> None:
        """Inserts rows, many in a statement: two thirds of the time of one by one."""
        columns = self._columns[table]
        values, width = list(chain.from_iterable(rows)), len(columns) * max(1, VALUES_AT_ONCE // len(columns))
        for start in range(0, len(values), width):
            part = values[start : start + width]
            self._db.execute(_insert(table, columns, len(part) // len(columns)), part)

    def _agent_rows(self, step: int, metrics: dict[str, np.ndarray]) -> Iterator[tuple]:
        columns = [np.asarray(values, float).tolist() for values in metrics.values()]
        return zip(repeat(step), range(len(self._kind_N)), self._group_N, self._kind_N, *columns, strict=False)


def _tables(world: Ecosystem) -> dict[str, dict[str, str]]:
    """Columns of every table and their types, the metrics' included."""
    tables, frame = {name: dict(columns) for name, columns in COLUMNS.items()}, _frame(world)
    tables["steps"] |= dict.fromkeys(frame.values, "REAL")
    tables["agents"] |= dict.fromkeys(frame.agents, "REAL")
    tables["documents"] |= CONTENT.get(world.shape.kind, {"content": "TEXT"})
    for name in frame.values:
        _check_name(name, frame.values)
    return tables


def _frame(world: Ecosystem) -> Frame:
    """The world's newest frame."""
    assert world.frame is not None  # a world has one from step 0 on
    return world.frame


def _check_name(name: str, names: Iterable[str]) -> None:
    """SQLite takes names that differ in case only for the same."""
    taken = {c.casefold() for c in COLUMNS["agents"]} | {n.casefold() for n in names if n != name}
    if name.casefold() in taken:
        raise InputError(f"metrics: '{name}' cannot be recorded: another column of that name (in any case) is there.")


@cache
def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    marks = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(map(_quoted, columns))}) VALUES {', '.join([marks] * rows)}"


def _create(path: Path, tables: dict[str, dict[str, str]]) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db, transaction(db):
        for table, columns in tables.items():
            db.execute(f"CREATE TABLE {table} ({', '.join(f'{_quoted(c)} {t}' for c, t in columns.items())})")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")  # refused where there is no shared memory: the default journal then serves
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA wal_autocheckpoint = 4000")  # pages (16 MB): the disk is waited for four times less often
    return db



def _rule(spec: Scenario) -> str:
    given = spec.graph.model_dump(exclude_none=True)
    return "an edge runs from reader to author; " + ", ".join(f"{key}: {value}" for key, value in given.items())


def _node_columns(world: Ecosystem) -> dict[str, Sequence[Any]]:
    """Attributes of the nodes: those of its file; group, kind, humans read, number of models read and of
    readers, verifiers that guard it.
    """
    network = world.network
    columns = {str(name): np.asarray(values).tolist() for name, values in network.attributes.items()}
    if network.labels:
        columns["label"] = [str(label) for label in network.labels]
    return columns | {
        "group_name": np.asarray(world.agent_table["group_name"]).tolist(),
        "kind": np.asarray(world.agent_table["kind"]).tolist(),
        "humans": _names([c.name for c in world.spec.humans], world.humans.reach_NH),
        "reads": network.degree_N().tolist(),
        "readers": network.audience_N().tolist(),
        "verifiers": _names([desk.name for desk in world.gates.standing], _guards(world)),
    }


def _guards(world: Ecosystem) -> np.ndarray:
    """(N, V) bool: which verifiers stand before which models."""
    guards = [desk.guarded_N for desk in world.gates.standing]
    return np.stack(guards, axis=1) if guards else np.zeros((world.n, 0), bool)


def _names(names: list[str], chosen_NH: np.ndarray) -> list[str]:
    """The names chosen in each row, as 'a, b'; rows that are alike are spelled out once."""
    rows, which = np.unique(chosen_NH, axis=0, return_inverse=True)
    told = [", ".join(name for name, yes in zip(names, row, strict=True) if yes) for row in rows]
    return [told[i] for i in which.ravel().tolist()]
