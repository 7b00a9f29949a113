"""The folder of a run: where it lies, how it appears whole, who may write there, and how its ending is told.

A folder is made beside its place and moved there, provenance.json is replaced and never rewritten: a run that is killed
leaves a folder with whole files and `status: running`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem.runs import computer, database, provenance
from ecosystem.runs.provenance import OutputError

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

try:
    import fcntl
except ImportError:  # Windows: two runs into one folder are then the user's to avoid
    fcntl = None  # type: ignore[assignment]

DB, SCENARIO, GRAPH = "run.db", "scenario.yaml", "graph.graphml"
ASKED = "asked.json"  # of a study: the runs that were asked for


def digest_folder(out: str | Path, spec: Scenario) -> Path:
    """OUT/<scenario name>/<digest>: all arms and seeds of a scenario."""
    return Path(out).absolute() / spec.name / spec.digest


def seed_folder(study: Path, arm: str, seed: int) -> Path:
    """<study>/<arm>/seed-NNN: one run."""
    return study / arm / f"seed-{seed:03d}"


def asked(study: Path) -> list[tuple[str, int]]:
    """The (arm, seed) that were asked for of a study so far; none where it does not say."""
    try:
        return [(str(arm), int(seed)) for arm, seed in json.loads((study / ASKED).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def note_asked(study: Path, pairs: Iterable[tuple[str, int]]) -> None:
    """Adds to what was asked for."""
    every = dict.fromkeys([*asked(study), *pairs])
    provenance.replace_text(study / ASKED, json.dumps([list(pair) for pair in every]) + "\n")


def about(spec: Scenario, arm: str, command: str, began: float) -> dict[str, Any]:
    """Provenance of a run that has begun, at time.time() `began`."""
    return {
        "scenario": spec.name,
        "scenario_digest": spec.digest,
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
        **computer.told(),
        "git": computer.commit(provenance.ROOT),
        **provenance.origin(spec.plain()),
    }


def going_on(folder: Path, told: dict[str, Any], step: int) -> dict[str, Any]:
    """Provenance of a run that was stopped and goes on from a step; `told` as of one that begins now. Where the steps
    before were made elsewhere, it says on what."""
    with contextlib.suppress(OSError, ValueError):  # a power cut may have spoilt it
        before = provenance.read(folder)
        now = {"at": told["start"], "from_step": step, "command": told["command"], "stopped": before["status"]}
        made_on = {k: before[k] for k in computer.told() if k in before and before[k] != told[k]}
        now |= {"made_on": made_on} if made_on else {}
        spent = {key: before[key] for key in ("wall_seconds", "peak_memory_bytes", "start", "command")}
        return told | spent | {"resumed": [*before.get("resumed", []), now]}
    return told


def ending(began: float, status: str, reason: str = "", told: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What provenance gains when a run ends; `told` before. Seconds of a part that was killed are not known."""
    now, before = time.time(), told or {}
    return {
        "status": status,
        "reason": reason,
        "end": provenance.moment(now),
        "wall_seconds": round(now - began + (before.get("wall_seconds") or 0.0), 3),
        "peak_memory_bytes": max(provenance.peak_memory() or 0, before.get("peak_memory_bytes") or 0) or None,
    }


def describe(folder: Path, spec: Scenario, told: dict[str, Any]) -> None:
    """Writes scenario.yaml and provenance.json."""
    from ecosystem.files.scenario_file import to_yaml

    provenance.replace_text(folder / SCENARIO, to_yaml(spec))
    provenance.write(folder, told)


def record_failure(
    folder: Path, spec: Scenario, arm: str, command: str, began: float, reason: str, device: str = "cpu",
    fresh: bool = False,
) -> None:  # fmt: skip
    """A run folder that says why there was no first step, or why a run that was stopped did not go on: what that had
    recorded stays, unless it was to begin anew (`fresh`)."""
    told = about(spec, arm, command, began)
    with naming(folder):
        if not fresh and unfinished(folder, spec, device) is not None:
            with contextlib.suppress(OSError, ValueError):  # a power cut may have spoilt it
                told |= provenance.read(folder)
            provenance.write(folder, told | ending(began, "failed", reason, told))
            return
        with appearing(folder) as hidden:
            describe(hidden, spec, told | ending(began, "failed", reason))


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


def scenario_of(folder: Path) -> Scenario:
    """The scenario that a results folder holds; InputError, in one line, where it is of another version."""
    from ecosystem.errors import InputError
    from ecosystem.scenario import Scenario

    try:
        return Scenario.from_file(folder / SCENARIO)
    except InputError as error:
        first, *more = error.lines
        rest = f" (and {len(more)} more)" if more else ""
        raise InputError(f"{folder} does not fit this version of the program: {first}{rest}") from None


def outdated(folder: Path, spec: Scenario, device: str = "cpu") -> list[str]:
    """What the run that lies there was made with otherwise: versions, code, data, device; [] where nothing."""
    try:
        told = provenance.read(folder)
    except (OSError, ValueError):
        return []
    origin = provenance.origin(spec.plain()) | {"device": device}
    return [key for key, value in origin.items() if told.get(key) != value]


def unfinished(folder: Path, spec: Scenario, device: str = "cpu") -> int | None:
    """The last step (-1: none) of a run that was stopped and can go on: it is of this scenario and seed, by the same
    code, data and libraries on this device, and its record is whole. None where there is none.
    """
    from ecosystem.runs import checkpoints

    try:
        told, same = provenance.read(folder), _same_scenario(folder, spec)
    except OSError:
        return None  # before data files are read through for their digests
    except ValueError:
        told, same = None, True  # spoilt: then a checkpoint may say whose run it is
    origin = provenance.origin(spec.plain()) | {"device": device}
    if told is None:
        if checkpoints.newest(folder, spec.digest, spec.seed, origin, spec.steps) is None:
            return None
    else:
        wanted = origin | {"seed": spec.seed}
        if not same or told.get("status") == "complete" or any(told.get(key) != wanted[key] for key in wanted):
            return None
    return _last_step(folder, whole=True)


def _same_scenario(folder: Path, spec: Scenario) -> bool:
    from ecosystem.files.scenario_file import to_yaml

    return (folder / SCENARIO).read_text(encoding="utf-8") == to_yaml(spec)


def last_step(db: sqlite3.Connection) -> int:
    """The last recorded step; -1 where there is none."""
    ((step,),) = db.execute("SELECT max(step) FROM steps")
    return -1 if step is None else int(step)


def _last_step(folder: Path, whole: bool = False) -> int | None:
    """The last recorded step; None where the database is gone or damaged. `whole`: every page of it is looked at."""
    if not (folder / DB).is_file():
        return None
    try:
        if whole:
            database.fold_in(folder / DB)
        with database.reading(folder / DB) as db:
            if whole and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return None
            return last_step(db)
    except sqlite3.DatabaseError:
        return None


@contextlib.contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A hidden folder to fill; then it takes the place of whatever run stood at `folder`, or nothing is left of it."""
    hidden = folder.with_name(f".{folder.name}-{os.getpid()}")
    _sweep_up(folder, hidden)
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


def _sweep_up(folder: Path, hidden: Path) -> None:
    """What processes have left that were killed while they made this folder."""
    for left in folder.parent.glob(f".{folder.name}-*"):
        if left == hidden or not _alive(left.name.rpartition("-")[2]):
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:  # another user's
        return True
    return True


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
