"""Is a run folder whole and of one piece? Looked up in its files alone; nothing is computed anew (see `verify`)."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem import metrics
from ecosystem.components import kind_of
from ecosystem.errors import InputError
from ecosystem.runs import checkpoints, database, provenance
from ecosystem.runs import folder as run_folder
from ecosystem.runs.opened import Run
from ecosystem.runs.record import COLUMNS

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

STATUS = ("complete", "running", "failed", "interrupted")
TOLD = ("steps", "versions", "code", "data")  # beside what every reader of a run needs
SAME_MEAN = 1e-9  # relative; the mean of a step is that of its models, added up in whatever order


def faults(run: Run) -> list[str]:
    """What is wrong with the files of a run, a line each; none where all is well."""
    try:
        told, spec = run.provenance, run.spec
    except (InputError, OSError, UnicodeDecodeError) as error:
        return [" ".join(str(error).split())]
    missing = [key for key in TOLD if key not in told]
    if missing:
        return [f"{provenance.FILE}: lacks {', '.join(missing)}"]
    found = [*_scenario(told, spec), *_data(told, spec)]
    if not (run.folder / run_folder.DB).is_file():
        began = told["status"] != "failed"
        return found + [f"{run_folder.DB}: is not there, though the run is {told['status']}"] * began
    found += [*_graph(run.folder / run_folder.GRAPH, spec), *_database(run, told["status"], spec)]
    return found + list(_checkpoints(run, spec))


def last_step(run: Run) -> int:
    """The last step that is recorded; -1 where none is. sqlite3.DatabaseError where the database cannot be read."""
    path = run.folder / run_folder.DB
    if not path.is_file():
        return -1
    with database.reading(path) as db:
        ((step,),) = db.execute("SELECT coalesce(max(step), -1) FROM steps")
    return int(step)


def _scenario(told: dict[str, Any], spec: Scenario) -> Iterator[str]:
    """Provenance and scenario.yaml speak of one run."""
    here = {"scenario": spec.name, "seed": spec.seed, "steps": spec.steps, "scenario_digest": spec.digest}
    for key, value in here.items():
        if told.get(key, value) != value:
            named = f"{run_folder.SCENARIO}: its {key.removeprefix('scenario_')} is {value}"
            yield f"{named}; {provenance.FILE} says {told[key]}"
    if told["status"] not in STATUS:
        yield f"{provenance.FILE}: status must be one of {', '.join(STATUS)}; got {told['status']!r}"


def _data(told: dict[str, Any], spec: Scenario) -> Iterator[str]:
    """The data files are there and what they were."""
    now = {entry["path"]: entry for entry in provenance.data_files(spec.plain())}
    for entry in told["data"]:
        path, found = entry["path"], now.get(entry["path"])
        if found is None:
            yield f"data: {path} is not there any more"
        elif found["sha256"] != entry["sha256"]:
            yield f"data: {path} has changed since (SHA-256 {found['sha256'][:12]}..., was {entry['sha256'][:12]}...)"
    for path in sorted(now.keys() - {entry["path"] for entry in told["data"]}):
        yield f"data: {path} was not there when the run was made"


def _graph(path: Path, spec: Scenario) -> Iterator[str]:
    """graph.graphml is whole and has a node for every model."""
    try:
        text = path.read_bytes()
    except OSError as error:
        yield f"{path.name}: {(error.strerror or str(error)).lower()}"
        return
    nodes = text.count(b"<node id=")
    if not text.rstrip().endswith(b"</graphml>") or nodes != spec.agents:
        yield f"{path.name}: must be whole and have a node for each of the {spec.agents} models; got {nodes}"


def _checkpoints(run: Run, spec: Scenario) -> Iterator[str]:
    """Each has its checksums and is of this run."""
    for place in checkpoints.there(run.folder / checkpoints.FOLDER):
        try:
            about, state = checkpoints.read(place)
        except ValueError as error:
            yield f"{checkpoints.FOLDER}: {' '.join(str(error).split())}"
            continue
        if (about["digest"], about["seed"]) != (spec.digest, spec.seed) or place.name != f"step-{state.t:06d}":
            yield f"{checkpoints.FOLDER}: {place.name} is of another run, or of another step"


def _database(run: Run, status: str, spec: Scenario) -> Iterator[str]:
    path = run.folder / run_folder.DB
    try:
        with database.reading(path) as db:
            db.execute("BEGIN")  # a run that goes on is seen as it stands now
            said = [line for (line,) in db.execute("PRAGMA integrity_check")]
            if said != ["ok"]:
                yield f"{path.name}: damaged: {' '.join(said[0].split())}"
                return
            wrong = list(_schema(db, spec))
            yield from wrong or [f"{path.name}: {line}" for line in _rows(db, status, spec)]
    except sqlite3.DatabaseError as error:
        yield f"{path.name}: cannot be read ({error})"


def _schema(db: sqlite3.Connection, spec: Scenario) -> Iterator[str]:
    """The tables have the columns of this scenario."""
    measured = [metrics.column(name) for name in spec.metrics]
    for table, columns in COLUMNS.items():
        there = _columns(db, table)
        if table == "steps":
            expected = [*columns, *measured]
        elif table == "agents":
            expected = [*columns, *(name for name in measured if name in there)]
        else:
            expected = [*columns, *(name for name in ("text", "content") if table == "documents" and name in there)]
        if there != expected:
            got = ", ".join(there) or "none"
            yield f"{run_folder.DB}: {table}: must have the columns {', '.join(expected)}; got {got}"


def _rows(db: sqlite3.Connection, status: str, spec: Scenario) -> Iterator[str]:
    steps = [step for (step,) in db.execute("SELECT step FROM steps ORDER BY rowid")]
    last = spec.steps if status == "complete" else max(steps, default=-1)
    due = [t for t in range(last + 1) if t % spec.record.every == 0 or t == spec.steps]
    if steps != due:
        yield _wrong_steps(steps, due, spec)
        return
    for table in COLUMNS:
        lost = db.execute(f"SELECT step FROM {table} WHERE step NOT BETWEEN 0 AND ? LIMIT 1", (last,)).fetchone()
        if lost is not None:
            yield f"{table}: holds a row of step {lost[0]}; the last step is {last}"
    yield from _models(db, due, spec)
    yield from _counts(db, due, spec)
    yield from _means(db)


def _wrong_steps(steps: list[int], due: list[int], spec: Scenario) -> str:
    """The first step that is not where it belongs."""
    for t in due:
        if steps.count(t) != 1:
            return f"steps: step {t} {'stands there more than once' if t in steps else 'is missing'}"
    other = next((t for t in steps if t not in due), None)
    if other is not None:
        return f"steps: holds step {other}, which is not measured (every {spec.record.every}, to {spec.steps})"
    return "steps: are not in their order"


def _models(db: sqlite3.Connection, due: list[int], spec: Scenario) -> Iterator[str]:
    """A row for every model in every step, with its group and kind."""
    query = "SELECT step, count(*), count(DISTINCT agent), min(agent), max(agent) FROM agents GROUP BY step"
    counted = {t: tuple(counts) for t, *counts in db.execute(query)}
    for t in due:
        if counted.get(t) != (spec.agents, spec.agents, 0, spec.agents - 1):
            got = counted.get(t, (0,))[0]
            yield f"agents: step {t} must have one row for each of the {spec.agents} models; got {got} rows"
            return
    of = [(group.name, kind_of(group.learner)) for group in spec.models for _ in range(group.count)]
    for agent, *named in db.execute("SELECT DISTINCT agent, group_name, kind FROM agents"):
        if tuple(named) != of[agent]:
            must, got = (" of kind ".join(map(str, each)) for each in (of[agent], named))
            yield f"agents: model {agent} must be {must}; got {got}"
            return


def _counts(db: sqlite3.Connection, due: list[int], spec: Scenario) -> Iterator[str]:
    """Pairs of every step where asked for, every document once, nothing that was not asked for."""
    pairs = spec.agents * (spec.agents - 1) if spec.record.pairs else 0
    found = dict(db.execute("SELECT step, count(*) FROM pairs GROUP BY step"))
    wrong = next((t for t in due if found.get(t, 0) != pairs), None)
    if wrong is not None:
        yield f"pairs: step {wrong} must have {pairs} rows; got {found.get(wrong, 0)}"
    ((n, distinct),) = db.execute("SELECT count(*), count(DISTINCT document) FROM documents")
    if n != distinct:
        yield f"documents: {n - distinct} of {n} rows have the number of another"
    if n and spec.record.documents in ("none", 0.0):
        yield f"documents: none were to be recorded; got {n}"


def _means(db: sqlite3.Connection) -> Iterator[str]:
    """What stands in `steps` for a metric of models is their mean."""
    for name in [column for column in _columns(db, "agents") if column not in COLUMNS["agents"]]:
        quoted = '"' + name.replace('"', '""') + '"'
        query = (
            f"SELECT s.step, s.{quoted}, avg(a.{quoted}) FROM steps s JOIN agents a ON a.step = s.step GROUP BY s.step"
        )
        for step, told, mean in db.execute(query):
            if not _same(told, mean):
                yield f"steps: {name} at step {step} is {told!r}; the mean of its models is {mean!r}"
                break


def _same(told: float | None, mean: float | None) -> bool:
    if told is None or mean is None or not (math.isfinite(told) and math.isfinite(mean)):
        return True  # infinities of both signs have no mean
    return math.isclose(told, mean, rel_tol=SAME_MEAN, abs_tol=SAME_MEAN)


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
