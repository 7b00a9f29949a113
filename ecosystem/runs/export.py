"""The tables of a run, a study or a sweep written out as Parquet, CSV or NetCDF.

    open_run("outputs/baseline/0123456789ab").export("parquet")

Parquet and CSV are one file a table (those that have rows), read as a stream: memory does not grow with the run.
Numbers are written to the last digit; no value is null in Parquet, an empty field in CSV, NaN in NetCDF. Every file
appears whole or not at all, and every table of a run that still goes on ends at the same step.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecosystem.errors import InputError, did_you_mean
from ecosystem.runs import database
from ecosystem.runs import folder as run_folder
from ecosystem.runs.opened import Run, Study
from ecosystem.runs.record import COLUMNS

if TYPE_CHECKING:
    from ecosystem.runs.boundary_curve import Curve
    from ecosystem.runs.sweep_opened import Sweep

FORMATS = ("parquet", "csv", "netcdf")
LIBRARIES = {"parquet": "pyarrow", "netcdf": "xarray"}
BATCH = 20_000  # rows held at a time
FOLDER = "export"  # in the run folder, where no other is given


@dataclass(frozen=True)
class Table:
    """A table to be written: its columns with their SQLite types, and its rows, read when they are asked for."""

    name: str
    columns: dict[str, str]
    rows: Callable[[], Iterator[tuple]]


def export(what: Run | Study | Sweep | Curve, kind: str = "parquet", to: str | Path | None = None) -> list[Path]:
    """Writes the tables of a run, of the runs of a study that count, or the one table of a sweep; gives the files.

    `kind`: parquet, csv or netcdf. `to`: a folder, made where there is none; default: `export` in the run's own.
    InputError for an unknown format, or one whose library is missing.
    """
    if kind not in FORMATS:
        known = (*FORMATS, "transformers")  # for one model: see `export_weights`
        raise InputError(f"format: must be one of {', '.join(known)}; got '{kind}'{did_you_mean(kind, known)}")
    folder = (Path(to) if to is not None else what.folder / FOLDER).absolute()
    _check_library(kind)
    if kind == "netcdf":
        from ecosystem.runs import export_netcdf

        return export_netcdf.write(what, folder)
    if not isinstance(what, (Run, Study)):
        with appearing(folder / f"table.{kind}") as hidden:
            what.save(hidden)
        return [folder / f"table.{kind}"]
    return list(_written(tables(what), kind, folder))


def tables(what: Run | Study) -> list[Table]:
    """The tables of run.db that have rows (and always `steps` and `agents`), the columns arm and seed in front where it
    is a study.
    """
    runs = [what] if isinstance(what, Run) else what.runs
    labels = {} if isinstance(what, Run) else {"arm": "TEXT", "seed": "INTEGER"}
    last = {run: _last(run) for run in runs}
    made = [_one(table, runs, labels, last) for table in COLUMNS]
    return [table for table in made if table.name in ("steps", "agents") or any(True for _ in table.rows())]


@contextlib.contextmanager
def appearing(file: Path) -> Iterator[Path]:
    """A hidden file to write, which then takes the place of `file`; OutputError where nothing can be written."""
    hidden = file.with_name(f".{os.getpid()}-{file.name}")
    with run_folder.naming(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield hidden
            os.replace(hidden, file)
        finally:
            hidden.unlink(missing_ok=True)


def _written(found: Sequence[Table], kind: str, folder: Path) -> Iterator[Path]:
    for table in found:
        with appearing(folder / f"{table.name}.{kind}") as hidden:
            (_parquet if kind == "parquet" else _csv)(hidden, table)
        yield folder / f"{table.name}.{kind}"


def _one(name: str, runs: Sequence[Run], labels: dict[str, str], last: dict[Run, int]) -> Table:
    declared = {run: _declared(run, name) for run in runs}
    columns: dict[str, str] = {}
    for found in declared.values():
        for column, kind in found.items():
            same = columns.get(column, kind) == kind
            columns[column] = kind if same else "TEXT"  # arms may write different things
    columns = columns or dict(COLUMNS[name])

    def rows() -> Iterator[tuple]:
        for run in runs:
            before = (run.arm, run.seed) if labels else ()
            places = [(c, declared[run].get(c), columns[c]) for c in columns]
            for row in _selected(run, name, places, last[run]):
                yield before + row

    return Table(name, labels | columns, rows)


def _declared(run: Run, table: str) -> dict[str, str]:
    """Names and types of a table's columns; none where the run has no database."""
    with _database(run) as db:
        return dict(db.execute("SELECT name, type FROM pragma_table_info(?)", (table,))) if db is not None else {}


def _last(run: Run) -> int:
    """The last step of a run that is written; -1 where there is none."""
    with _database(run) as db:
        ((step,),) = db.execute("SELECT coalesce(max(step), -1) FROM steps") if db is not None else [(-1,)]
    return step


def _selected(run: Run, table: str, places: list[tuple[str, str | None, str]], last: int) -> Iterator[tuple]:
    """Rows up to a step in the order in which they were written; NULL for a column that this run does not have."""
    named = [
        (_quoted(c) if had == kind else f"CAST({_quoted(c)} AS TEXT)") if had else "NULL" for c, had, kind in places
    ]
    with _database(run) as db:
        if db is not None and any(had for _, had, _ in places):
            yield from db.execute(f"SELECT {', '.join(named)} FROM {table} WHERE step <= ? ORDER BY rowid", (last,))


@contextlib.contextmanager
def _database(run: Run) -> Iterator[sqlite3.Connection | None]:
    """The database of a run for reading; None where it failed before the first step."""
    path = run.folder / run_folder.DB
    if not path.is_file():
        yield None
        return
    try:
        with database.reading(path) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path}: cannot be read ({error}); remove {run.folder} and run it again.") from None


def _check_library(kind: str) -> None:
    library = LIBRARIES.get(kind)
    if library is not None and importlib.util.find_spec(library) is None:
        raise InputError(f"{library} is not installed; install it with: pip install 'model-ecosystem[data]'")


def _csv(path: Path, table: Table) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        written = csv.writer(file)
        written.writerow(table.columns)
        written.writerows(table.rows())


def _parquet(path: Path, table: Table) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}
    schema = pa.schema([(name, types[kind]) for name, kind in table.columns.items()])
    with pq.ParquetWriter(path, schema) as written:
        for rows in _batches(table.rows()):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            written.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _batches(rows: Iterator[tuple]) -> Iterator[list[tuple]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
