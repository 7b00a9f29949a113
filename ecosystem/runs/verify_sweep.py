"""A sweep's folder is checked, and cells of it are made anew and compared to the last digit."""

from __future__ import annotations

import filecmp
import json
import math
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.runs import folder as run_folder
from ecosystem.runs import sweep_cells
from ecosystem.runs import sweep_store as store
from ecosystem.runs.differing import shown
from ecosystem.runs.sweep_opened import TABLE, TOLD, Sweep
from ecosystem.runs.verify import Progress, Verdict, differences, drawn

if TYPE_CHECKING:
    from ecosystem.runs.boundary_curve import Curve
    from ecosystem.scenario import Scenario


def verify_sweep(
    sweep: Sweep,
    sample: int | None = None,
    anew: bool = True,
    device: str | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """The verdict on a sweep; `sample`: so many cells are made anew, drawn from those that are complete."""
    from ecosystem.scenario import Scenario

    about, notes = sweep.folder.name, []
    try:
        spec = Scenario.from_file(sweep.folder / run_folder.SCENARIO)
        faults = list(_files(sweep, spec))
        with store.reading(sweep.folder) as db:
            query = "SELECT point, seed FROM cells WHERE status = 'complete' ORDER BY point, seed"
            cells = list(db.execute(query))
        chosen = drawn(cells, sample) if anew else []
        if chosen:
            origin = sweep.told["origin"]
            device = device or origin["device"]
            machine.use(machine.placed(device, 1))
            notes = list(differences(origin, spec, device))
        for done, (point, seed) in enumerate(chosen):
            faults += _cell(sweep, spec, point, seed)
            if progress is not None:
                progress(about, done + 1, len(chosen))
    except (InputError, OSError, ValueError, KeyError, sqlite3.DatabaseError) as error:
        return Verdict(about, "", (f"cannot be read: {' '.join(str(error).split())}",))
    says = f"equal: {len(chosen)} of {len(cells)} complete cells made anew" if anew else "whole; not made anew"
    return Verdict(about, says, tuple(faults), tuple(notes))


def verify_curve(
    curve: Curve,
    sample: int | None = None,
    anew: bool = True,
    device: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Verdict]:
    """The verdicts on the searches of a boundary in two keys, and on its table; `sample`: cells of each search."""
    yield from (verify_sweep(sweep, sample, anew, device, progress) for sweep in curve.sweeps)
    faults, table = [], curve.folder / TABLE
    try:
        faults = [f"{place.folder.name}: the search is not there" for place in curve.places if place.search is None]
        if table.is_file() and not _says(curve, table):
            faults.append(f"{TABLE}: does not say what the searches say; `ecosystem sweep` writes it anew")
    except (InputError, OSError, ValueError, KeyError, sqlite3.DatabaseError) as error:
        faults = [f"cannot be read: {' '.join(str(error).split())}"]
    yield Verdict(curve.folder.name, "its table is that of the searches", tuple(faults))


def _says(found: Sweep | Curve, table: Path) -> bool:
    """Does the table that was written hold what would be written now?"""
    with tempfile.TemporaryDirectory(prefix="ecosystem-verify-") as place:
        return filecmp.cmp(table, found.save(Path(place) / TABLE), shallow=False)


def _files(sweep: Sweep, spec: Scenario) -> Iterator[str]:
    """The database is whole, the scenario the one that was asked about, table.csv what the database says."""
    if spec.digest != sweep.told["scenario_digest"]:
        yield f"{run_folder.SCENARIO}: its digest is {spec.digest}; {TOLD} says {sweep.told['scenario_digest']}"
    with store.reading(sweep.folder) as db:
        said = [line for (line,) in db.execute("PRAGMA integrity_check")]
        if said != ["ok"]:
            raise InputError(f"{store.DB}: damaged: {said[0]}")
        query = "SELECT c.point FROM cells c LEFT JOIN points p ON p.point = c.point WHERE p.point IS NULL LIMIT 1"
        if (lost := db.execute(query).fetchone()) is not None:
            yield f"{store.DB}: cells of point {lost[0]}, which is not in the design"
    table = sweep.folder / TABLE
    if table.is_file() and not _says(sweep, table):
        yield f"{TABLE}: does not say what {store.DB} says; `ecosystem sweep` writes it anew"


def _cell(sweep: Sweep, spec: Scenario, point: int, seed: int) -> Iterator[str]:
    """The first difference of a cell."""
    at = None if sweep.told["at"] == "end" else tuple(sweep.told["at"])
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in ("step", *sweep.metrics))
    with store.reading(sweep.folder) as db:
        ((keys,),) = db.execute("SELECT keys FROM points WHERE point = ?", (point,))
        query = f"SELECT {names} FROM results WHERE point = ? AND seed = ? ORDER BY step"
        recorded = {step: values for step, *values in db.execute(query, (point, seed))}
    try:
        made = dict(sweep_cells.measured(spec.with_(json.loads(keys)), seed, at))
    except Exception as error:  # any component of anyone's may fail in any way
        yield f"point {point}, seed {seed}: cannot be made anew: {' '.join(str(error).split())}"
        return
    if recorded.keys() != made.keys():
        yield f"point {point}, seed {seed}: steps {sorted(recorded)} are recorded, steps {sorted(made)} made anew"
        return
    for step, values in made.items():
        for name, here, there in zip(sweep.metrics, recorded[step], values, strict=True):
            if here != there and not (here is None and math.isnan(there)):
                about = f"point {point}, seed {seed}, step {step}, {name}"
                yield f"{about}: recorded {shown(here)}, made anew {shown(there)}"
                return
