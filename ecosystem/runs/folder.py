"""The folder of a run: where it lies, how it appears whole, who may write there, and how its ending is told.

A folder is made beside its place and moved there, provenance.json is replaced and never rewritten: a run that is killed
leaves a folder with whole files and `status: running`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.runs import provenance
from ecosystem.runs.provenance import OutputError

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

try:
    import fcntl
except ImportError:  # Windows: two runs into one folder are then the user's to avoid
    fcntl = None  # type: ignore[assignment]

DB, SCENARIO, GRAPH = "run.db", "scenario.yaml", "graph.graphml"


def digest_folder(out: str | Path, spec: Scenario) -> Path:
    """OUT/<scenario name>/<digest>: all arms and seeds of a scenario."""
    return Path(out).absolute() / spec.name / spec.digest


def seed_folder(study: Path, arm: str, seed: int) -> Path:
    """<study>/<arm>/seed-NNN: one run."""
    return study / arm / f"seed-{seed:03d}"


def about(spec: Scenario, arm: str, command: str, began: float) -> dict[str, Any]:
    """Provenance of a run that has begun, at time.time() `began`."""
    return {
        "scenario": spec.name,
        "arm": arm,
        "seed": spec.seed,
        "steps": spec.steps,
        "status": "running",
        "reason": "",
        "command": command,
        "start": provenance.moment(began),
        "end": None,
        "wall_seconds": None,
        "peak_memory_bytes": None,
        **provenance.computer(),
        **provenance.origin(spec.plain()),
    }


def ending(began: float, status: str, reason: str = "") -> dict[str, Any]:
    """What provenance gains when a run ends."""
    now = time.time()
    return {
        "status": status,
        "reason": reason,
        "end": provenance.moment(now),
        "wall_seconds": round(now - began, 3),
        "peak_memory_bytes": provenance.peak_memory(),
    }


def describe(folder: Path, spec: Scenario, told: dict[str, Any]) -> None:
    """Writes scenario.yaml and provenance.json."""
    from ecosystem.files.scenario_file import to_yaml

    provenance.replace_text(folder / SCENARIO, to_yaml(spec))
    provenance.write(folder, told)


def record_failure(folder: Path, spec: Scenario, arm: str, command: str, began: float, reason: str) -> None:
    """A run folder that says why there was no first step."""
    with naming(folder), appearing(folder) as hidden:
        describe(hidden, spec, about(spec, arm, command, began) | ending(began, "failed", reason))


def complete(folder: Path, spec: Scenario, device: str = "cpu") -> bool:
    """True when the folder holds the finished run of this scenario and seed by the same code, data and libraries.

    Made on this device, too: the last bits differ between devices. Of the number of threads nothing depends.
    """
    try:
        told = provenance.read(folder)
    except (OSError, ValueError):
        return False
    origin = provenance.origin(spec.plain()) | {"device": device}
    same = told.get("status") == "complete" and all(told.get(key) == value for key, value in origin.items())
    return same and _last_step(folder) == spec.steps


def _last_step(folder: Path) -> int | None:
    """The last recorded step; None where the database is gone or damaged."""
    try:
        with contextlib.closing(sqlite3.connect(f"{(folder / DB).absolute().as_uri()}?mode=ro", uri=True)) as db:
            ((step,),) = db.execute("SELECT max(step) FROM steps")
    except sqlite3.DatabaseError:
        return None
    return step


@contextlib.contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A hidden folder to fill; then it takes the place of whatever run stood at `folder`, or nothing is left of it."""
    hidden = folder.with_name(f".{folder.name}-{os.getpid()}")
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    try:
        yield hidden
        if folder.exists():
            free(folder)
            shutil.rmtree(folder)
        os.rename(hidden, folder)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        prune(folder.parent, 1)
        raise


def prune(folder: Path, levels: int = 3) -> None:
    """Removes a folder and those above it (digest, scenario, OUT) as far as they are empty."""
    for empty in [folder, *folder.parents][:levels]:
        try:
            empty.rmdir()
        except OSError:  # not empty, or not there
            return


def lock(folder: Path) -> int | None:
    """A lock on the folder that ends with the process; OutputError where another process is writing there."""
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise OutputError(f"{folder} is being written by another run; wait for it or give another --out.") from None
    except OSError:
        pass  # a file system without locks
    return handle


def unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


def free(folder: Path) -> None:
    """OutputError where another process is writing a run into the folder."""
    if folder.is_dir():
        unlock(lock(folder))


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Says which run folder a full disk or a lost folder has stopped."""
    try:
        yield
    except OutputError:
        raise
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"The run folder {folder} cannot be written: {reason}.") from error
