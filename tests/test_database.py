"""Databases of folders that a process was killed over: what they held before is read, by every way of reading."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from ecosystem.cli import main
from ecosystem.runs import database, integrity, sweep_store
from ecosystem.runs import folder as run_folder
from ecosystem.runs.opened import Run
from ecosystem.runs.runner import run
from ecosystem.runs.sweep import sweep
from ecosystem.runs.sweep_design import grid


def killed_over(path, table):
    """A process writes so much that half of it is in the file, with a journal of what stood there, and is gone."""
    child = os.fork()
    if child == 0:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute(f"DELETE FROM {table}")
        db.execute("CREATE TABLE more (text)")
        db.executemany("INSERT INTO more VALUES (?)", [("x" * 2_000,)] * 200)
        os._exit(0)
    os.waitpid(child, 0)
    assert path.with_name(f"{path.name}-journal").stat().st_size
    reads = closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))
    with reads as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute(f"SELECT count(*) FROM {table}")


@pytest.fixture
def made(small_world, tmp_path):
    return run(small_world().with_({"steps": 3}), out=tmp_path)


def test_a_run_reads_as_before_what_was_half_written(made):
    before = Run(made.folder).steps
    killed_over(made.folder / run_folder.DB, "steps")
    assert Run(made.folder).steps.equals(before)
    assert not (made.folder / f"{run_folder.DB}-journal").exists()


@pytest.mark.parametrize("command", ["report", "export --format csv", "verify", "resume"])
def test_every_command_takes_it(made, command, capsys):
    killed_over(made.folder / run_folder.DB, "steps")
    name, *more = command.split()
    assert main([name, str(made.folder), *more]) == 0
    assert "cannot be read" not in capsys.readouterr().err


def test_its_last_step_is_known_and_it_is_whole(made):
    killed_over(made.folder / run_folder.DB, "steps")
    assert integrity.last_step(made) == 3
    killed_over(made.folder / run_folder.DB, "steps")
    assert run_folder.complete(made.folder, made.spec)


def test_a_sweep_reads_as_before_what_was_half_written(small_world, tmp_path):
    found = sweep(small_world(), grid({"humans.0.rate": [1, 2]}), 2, out=tmp_path)
    before = found.table
    killed_over(found.folder / sweep_store.DB, "cells")
    with sweep_store.reading(found.folder) as db:
        assert db.execute("SELECT count(*) FROM cells").fetchone() == (4,)
    assert len(before) == 4


def test_what_is_damaged_is_not_taken_for_half_written(made):
    path = made.folder / run_folder.DB
    shutil.copy(path, copy := path.with_name("copy.db"))
    copy.write_bytes(b"SQLite format 3\0" + b"x" * 4_000)
    with pytest.raises(sqlite3.DatabaseError), database.reading(copy):
        pass
