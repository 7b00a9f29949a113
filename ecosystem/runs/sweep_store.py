"""What a sweep has found so far: `sweep.db`, SQLite, one transaction a cell.

Tables: `points` (point, its keys as JSON), `cells` (point, seed, status, reason, seconds) and `results` (point, seed,
step, a column a metric). A sweep that is killed leaves whole cells and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ecosystem.errors import InputError
from ecosystem.runs import database
from ecosystem.runs import folder as run_folder
from ecosystem.runs.database import transaction

DB = "sweep.db"
COST = "total_cost"  # the metric of a run's cost so far

Rows = Sequence[tuple[int, tuple[float, ...]]]
"""(step, values of the metrics) at each step that is kept"""


class Store:
    """The results of one sweep folder, open for writing by one process."""

    def __init__(self, folder: Path, metrics: Sequence[str]):
        self.folder, self.metrics = folder, tuple(metrics)
        self._values = ", ".join("?" * (3 + len(self.metrics)))
        with run_folder.naming(folder):
            self._lock = run_folder.lock(folder)
            self._db = sqlite3.connect(folder / DB, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._create()

    def add_points(self, points: Iterable[dict[str, Any]]) -> None:
        """Numbers points in their order and writes them down."""
        with run_folder.naming(self.folder), transaction(self._db):
            known = self.count("points")
            rows = ((known + i, json.dumps(point)) for i, point in enumerate(points))
            self._db.executemany("INSERT INTO points VALUES (?, ?)", rows)

    def point(self, number: int) -> dict[str, Any]:
        """The keys of a point."""
        ((told,),) = self._db.execute("SELECT keys FROM points WHERE point = ?", (number,))
        return json.loads(told)

    def seeds(self, number: int) -> set[int]:
        """Seeds of a point whose cells are there, complete or failed."""
        return {seed for (seed,) in self._db.execute("SELECT seed FROM cells WHERE point = ?", (number,))}

    def value(self, point: int, seed: int, metric: str) -> float:
        """A metric of a complete cell at its last step; NaN where it has none."""
        name = metric.replace('"', '""')
        query = f'SELECT "{name}" FROM results WHERE point = ? AND seed = ? ORDER BY step DESC LIMIT 1'
        ((value,),) = self._db.execute(query, (point, seed))
        return math.nan if value is None else value

    def write(self, point: int, seed: int, rows: Rows, reason: str = "", seconds: float = 0.0) -> None:
        """A cell, in one transaction; with a `reason` it failed."""
        status = "failed" if reason else "complete"
        with run_folder.naming(self.folder), transaction(self._db):
            self._db.execute("INSERT INTO cells VALUES (?, ?, ?, ?, ?)", (point, seed, status, reason, seconds))
            if rows:
                self._db.executemany(
                    f"INSERT INTO results VALUES ({self._values})", ((point, seed, step, *v) for step, v in rows)
                )

    def spent(self) -> tuple[float, float]:
        """Seconds of computing of all cells so far, and what they cost: NaN where `total_cost` is not measured."""
        ((seconds,),) = self._db.execute("SELECT total(seconds) FROM cells")
        if COST not in self.metrics:
            return seconds, math.nan
        last = "SELECT max(step) FROM results WHERE point = r.point AND seed = r.seed"
        ((cost,),) = self._db.execute(f"SELECT total({COST}) FROM results r WHERE step = ({last})")
        return seconds, cost

    def clear(self) -> None:
        """Nothing is left but the empty tables."""
        for table in ("points", "cells", "results"):
            self._db.execute(f"DELETE FROM {table}")

    def forget_failed(self) -> None:
        """Failed cells are to be run again."""
        self._db.execute("DELETE FROM cells WHERE status = 'failed'")

    def count(self, table: str, where: str = "1") -> int:
        ((n,),) = self._db.execute(f"SELECT count(*) FROM {table} WHERE {where}")
        return n

    def close(self) -> None:
        with contextlib.suppress(sqlite3.OperationalError):  # a reader keeps the log
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()
        run_folder.unlock(self._lock)

    def _create(self) -> None:
        columns = "".join(f', "{name}" REAL' for name in (m.replace('"', '""') for m in self.metrics))
        with transaction(self._db):
            self._db.execute("CREATE TABLE IF NOT EXISTS points (point INTEGER PRIMARY KEY, keys TEXT)")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS cells (point INTEGER, seed INTEGER, status TEXT, reason TEXT, "
                "seconds REAL, PRIMARY KEY (point, seed)) WITHOUT ROWID"
            )
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS results (point INTEGER, seed INTEGER, step INTEGER{columns}, "
                "PRIMARY KEY (point, seed, step)) WITHOUT ROWID"
            )


def read(folder: Path, metrics: Sequence[str]) -> Iterator[tuple]:
    """Rows (point, its keys, seed, status, reason, step, metrics ...) in the order of points, seeds and steps.

    A cell that failed has one row, whose step and metrics are None. Rows are streamed: memory does not grow with them.
    """
    columns = "".join(', r."' + name.replace('"', '""') + '"' for name in metrics)
    query = (
        f"SELECT c.point, p.keys, c.seed, c.status, c.reason, r.step{columns} "
        "FROM cells c JOIN points p ON p.point = c.point "
        "LEFT JOIN results r ON r.point = c.point AND r.seed = c.seed ORDER BY c.point, c.seed, r.step"
    )
    with reading(folder) as db:
        for point, keys, *others in db.execute(query):
            yield point, json.loads(keys), *others


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database of a sweep folder, for reading; InputError where it is damaged, or of another version."""
    try:
        with database.reading(folder / DB) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise InputError(f"{folder / DB}: cannot be read ({error}); another --out begins anew.") from None
