"""SQLite databases of folders: read whatever a killed process left behind, and written in transactions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

HALF_WRITTEN = (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """For reading only; sqlite3.DatabaseError where it is damaged.

    A process that is killed where it writes without a log (a table is made, a log is folded in at the end of a run)
    leaves a journal of what stood there before. Only a connection that may write puts that back; then it can be read.
    """
    with _opened(path, "ro") as db:
        try:
            _look(db)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in HALF_WRITTEN:
                raise
            fold_in(path)
        yield db


def fold_in(path: Path) -> None:
    """What a killed process left beside a database, a log or a journal, is made part of it or undone."""
    with _opened(path, "rw") as db:
        _look(db)


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """In autocommit mode: what is written inside is kept if the block ends well, and undone if it does not, whatever
    stops it."""
    db.execute("BEGIN")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _opened(path: Path, mode: str) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True))


def _look(db: sqlite3.Connection) -> None:
    db.execute("SELECT count(*) FROM sqlite_master").fetchone()
