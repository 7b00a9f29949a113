"""Where two recordings of a run differ first, compared to the last digit, table by table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ecosystem.runs import database
from ecosystem.runs.record import COLUMNS

SHOWN = 60  # characters of a value
NAMED = ("agent", "other", "document", "verifier", "prompt", "answer", "fact", "kind")  # what a row is about


@dataclass(frozen=True)
class Compared:
    """`difference`: the first one in the order of steps, in words; None where all is equal. Values: how many are."""

    difference: str | None
    tables: int
    values: int


def compared(recorded: Path, made: Path, last: int) -> Compared:
    """All rows up to a step of two files run.db; sqlite3.DatabaseError where one cannot be read."""
    found, tables, values = [], 0, 0
    with database.reading(recorded) as one, database.reading(made) as other:
        for table in COLUMNS:
            columns, others = _columns(one, table), _columns(other, table)
            if columns != others:
                told = f"{table}: the columns are {_listed(columns)}; made anew they are {_listed(others)}"
                return Compared(told, tables, values)
            rows, difference = _first(_rows(one, table, last), _rows(other, table, last))
            tables, values = tables + (rows > 0), values + rows * len(columns)
            if difference is not None:
                step, told = _told([name for name, _ in columns], *difference)
                found.append((step, f"{table}, {told}"))
    if not found:
        return Compared(None, tables, values)
    first = min(found, key=lambda each: each[0])
    more = f" (and {len(found) - 1} more tables differ)" if len(found) > 1 else ""
    return Compared(first[1] + more, tables, values)


def _first(one: Iterator[tuple], other: Iterator[tuple]) -> tuple[int, tuple[tuple | None, tuple | None] | None]:
    """How many rows are equal, and the first two that are not."""
    rows = 0
    for here, there in zip_longest(one, other):
        if here != there:
            return rows, (here, there)
        rows += 1
    return rows, None


def _told(columns: list[str], here: tuple | None, there: tuple | None) -> tuple[int, str]:
    """The step of a difference, and what it is in words."""
    if there is None or (here is not None and here[columns.index("step")] < there[columns.index("step")]):
        assert here is not None
        step, about = _about(columns, here)
        return step, f"{about}: this row is recorded, and is not made anew"
    step, about = _about(columns, there)
    if here is None or here[columns.index("step")] != there[columns.index("step")]:
        return step, f"{about}: this row is made anew, and is not recorded"
    at = next(i for i, (a, b) in enumerate(zip(here, there, strict=True)) if a != b)
    return step, f"{about}, {columns[at]}: recorded {shown(here[at])}, made anew {shown(there[at])}"


def _about(columns: list[str], row: tuple) -> tuple[int, str]:
    named = dict(zip(columns, row, strict=True))
    about = [f"{key} {shown(named[key])}" for key in NAMED if named.get(key) is not None]
    return named["step"], ", ".join([f"step {named['step']}", *about])


def shown(value: Any) -> str:
    """A value as Python writes it, nothing of it for a terminal to act on."""
    text = "nothing (NaN)" if value is None else ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _listed(columns: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns) or "none"


def _columns(db: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    return list(db.execute("SELECT name, type FROM pragma_table_info(?)", (table,)))


def _rows(db: sqlite3.Connection, table: str, last: int) -> Iterator[tuple]:
    return iter(db.execute(f"SELECT * FROM {table} WHERE step <= ? ORDER BY rowid", (last,)))
