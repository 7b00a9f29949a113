"""What was run, read back: one run (a seed folder), or a study (arms and seeds beside each other), as pandas frames.

Any state of a run can be read: finished, still running, failed, interrupted or killed. A frame is read once, when it
is first asked for.
"""

from __future__ import annotations

import html
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecosystem.errors import InputError, suggestion
from ecosystem.runs import database, graphml, provenance, summary, tables
from ecosystem.runs import folder as run_folder
from ecosystem.runs.record import COLUMNS
from ecosystem.runs.tables import Tables

if TYPE_CHECKING:
    import networkx as nx
    import xarray as xr
    from matplotlib.figure import Figure

    from ecosystem.scenario import Scenario


NEEDED = ("scenario", "arm", "seed", "status", "reason")  # of a run's provenance
SWEEP = "sweep.json"
ANOTHER = "was written by another version of this program"


@dataclass(frozen=True)
class Run(Tables):
    """One run: a scenario, an arm and a seed."""

    folder: Path

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Who, when, with what, and how it ended."""
        path = self.folder / provenance.FILE
        try:
            told = provenance.read(self.folder)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}: not a JSON file ({error}).") from None
        except ValueError as error:
            raise InputError(f"{path}: is damaged, or {ANOTHER.removeprefix('was ')} ({error}).") from None
        lacks = [key for key in NEEDED if key not in told]
        if lacks:
            raise InputError(f"{path}: {ANOTHER} (it lacks {', '.join(lacks)}).")
        return told

    @cached_property
    def spec(self) -> Scenario:
        """The resolved scenario of this run, its arm applied."""
        return _spec(self.folder)

    @property
    def arm(self) -> str:
        return self.provenance["arm"]

    @property
    def seed(self) -> int:
        return self.provenance["seed"]

    @property
    def status(self) -> str:
        """complete, running (also: killed), failed or interrupted."""
        return self.provenance["status"]

    def frame(self, table: str, step: int | None = None) -> pd.DataFrame:
        """The rows of a table, of one step where one is given."""
        where, given = ("", ()) if step is None else (" WHERE step = ?", (step,))
        return self._read(table, f"SELECT * FROM {table}{where}", given)

    def group_means(self, metric: str, group: str) -> pd.DataFrame:
        """Mean of a metric over the models of a group: columns step and the metric; no such column: step alone."""
        # SQLite would take an unknown name in double quotes for a text
        known = self._read("agents", "SELECT name AS kind FROM pragma_table_info('agents')")["kind"]
        if metric not in set(known):
            return tables.typed(["step"], [])
        name = metric.replace('"', '""')
        query = f'SELECT step, avg("{name}") AS "{name}" FROM agents WHERE group_name = ? GROUP BY step'
        return self._read("steps", query, (group,))

    @cached_property
    def graph(self) -> nx.DiGraph:
        """Who reads whom: an edge runs from reader to author; nodes are model numbers."""
        return graphml.read(self.folder / run_folder.GRAPH)

    def to_xarray(self) -> xr.Dataset:
        """The metrics as labelled arrays over step and, where a metric is a model's, agent."""
        return tables.arrays(self.steps, self.agents, [])

    def plot(self, metric: str, **more) -> Figure:
        """A metric over time."""
        return Study(self.folder.parent.parent, ((self.arm, self.seed),)).plot(metric, **more)

    def _read(self, table: str, query: str, given: tuple = ()) -> pd.DataFrame:
        path = self.folder / run_folder.DB
        if not path.is_file():  # failed before the first step
            return tables.typed(list(COLUMNS[table]), [])
        try:
            with database.reading(path) as db:
                cursor = db.execute(query, given)
                return tables.typed([name for name, *_ in cursor.description], cursor.fetchall())
        except sqlite3.DatabaseError as error:
            if str(error).startswith("no such "):  # table or column
                raise InputError(f"{path}: {ANOTHER} ({error}); run it again, or read it with that one.") from None
            raise InputError(f"{path}: cannot be read ({error}); remove {self.folder} and run it again.") from None

    def _repr_html_(self) -> str:
        told = self.provenance
        head = f"<b>{html.escape(told['scenario'])}</b>, arm {html.escape(self.arm)}, seed {self.seed}: {self.status}"
        why = f" ({html.escape(told['reason'])})" if told["reason"] else ""
        ends = self.steps.iloc[[0, -1]] if len(self.steps) > 1 else self.steps
        return f"<p>{head}{why}</p>{ends.to_html(index=False, float_format='{:.4g}'.format)}"


@dataclass(frozen=True)
class Study(Tables):
    """Arms and seeds of one scenario. `only`: the (arm, seed) looked at; all that are there where it is None."""

    folder: Path
    only: tuple[tuple[str, int], ...] | None = None

    @cached_property
    def every(self) -> tuple[Run, ...]:
        """All runs looked at, in whatever state, arms in the scenario's order; not those that are out of date."""
        return tuple(run for run in self._found if run not in self.outdated)

    @cached_property
    def outdated(self) -> tuple[Run, ...]:
        """Runs by other code or libraries than the newest run, or on other data than the newest of their arm.

        They say something about another experiment and are not to be averaged with it.
        """
        by_age = sorted(self._found, key=lambda run: str(run.provenance.get("start")))
        newest = {run.arm: run for run in by_age}
        made = by_age[-1].provenance if by_age else {}
        return tuple(
            run
            for run in self._found
            if any(run.provenance.get(key) != made.get(key) for key in ("code", "versions"))
            or run.provenance.get("data") != newest[run.arm].provenance.get("data")
        )

    @cached_property
    def _found(self) -> tuple[Run, ...]:
        found = [Run(path.parent) for path in self.folder.glob(f"*/seed-*/{provenance.FILE}") if _visible(path)]
        chosen = [run for run in found if self.only is None or (run.arm, run.seed) in self.only]
        order = {arm: i for i, arm in enumerate(("base", *_arms(self.folder)))}
        return tuple(sorted(chosen, key=lambda run: (order.get(run.arm, len(order)), run.arm, run.seed)))

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The runs that count: an arm's complete ones or, where it has none, all that it has."""
        complete = {run.arm for run in self.every if run.status == "complete"}
        return tuple(run for run in self.every if run.status == "complete" or run.arm not in complete)

    @property
    def failed(self) -> tuple[Run, ...]:
        """The runs that ended in an error; `run.provenance["reason"]` says in which."""
        return tuple(run for run in self.every if run.status == "failed")

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.arm for run in self.runs))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({run.seed for run in self.runs}))

    @cached_property
    def spec(self) -> Scenario:
        """The scenario with its arms and claims."""
        whole = (self.folder / run_folder.SCENARIO).is_file()
        return _spec(self.folder) if whole else self.every[0].spec

    def frame(self, table: str, step: int | None = None) -> pd.DataFrame:
        """The rows of a table of all runs that count, the columns arm and seed in front."""
        frames = [tables.labelled(run.arm, run.seed, run.frame(table, step)) for run in self.runs]
        filled = [frame for frame in frames if len(frame)] or frames[:1]
        return pd.concat(filled, ignore_index=True) if filled else tables.typed(["arm", "seed", *COLUMNS[table]], [])

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row an arm, step and metric: mean, median, standard_deviation, low and high (95% t interval), n seeds."""
        return summary.table(self.steps)

    def to_xarray(self) -> xr.Dataset:
        """The metrics as labelled arrays over arm, seed, step and, where a metric is a model's, agent."""
        return tables.arrays(self.steps, self.agents, ["arm", "seed"])

    def plot(self, metric: str, **more) -> Figure:
        """A metric over time, an arm a line, with its interval over seeds."""
        from ecosystem.report import figures

        known = [name for name in self.steps.columns if name not in ("arm", "seed", "step")]
        if metric not in known:
            hint = suggestion(metric, known)
            raise InputError(f"{self.spec.name} has no metric '{metric}'.{hint} It measured {', '.join(known)}.")
        return figures.curves(self, metric, **more)

    def _repr_html_(self) -> str:
        last = self.summary.groupby(["arm", "metric"], sort=False).tail(1).drop(columns="step")
        head = f"<b>{html.escape(self.spec.name)}</b>: {len(self.runs)} runs, arms {html.escape(', '.join(self.arms))}"
        why = "".join(f"<li>{html.escape(failure(run))}</li>" for run in self.failed)
        return f"<p>{head}; last step:</p>{last.to_html(index=False, float_format='{:.4g}'.format)}<ul>{why}</ul>"


def open_run(folder: str | Path) -> Run | Study:
    """The run of a seed folder, or the study of an arm's or a scenario's folder; InputError where there is none."""
    path = Path(folder).absolute()
    if not path.is_dir():
        raise InputError(f"{folder}: no such folder.")
    if (path / provenance.FILE).is_file():
        return Run(path)
    if _runs_below(path, "*/seed-*"):
        return Study(path)
    if below := _runs_below(path, "seed-*"):
        return Study(path.parent, tuple((run.arm, run.seed) for run in map(Run, below)))
    if (path / SWEEP).is_file():
        raise InputError(f"{folder} is the folder of a sweep, not of a run; `ecosystem report` makes its page.")
    found = {run.parent.parent for up in ("*", "*/*") for run in _runs_below(path, f"{up}/*/seed-*")}
    studies = sorted(found, key=lambda study: -study.stat().st_mtime)
    if len(studies) == 1:
        return Study(studies[0])
    if studies:
        names = ", ".join(str(study.relative_to(path)) for study in studies[:5])
        raise InputError(f"{folder} holds {len(studies)} studies; name one of them (newest first): {names}.")
    raise InputError(f"{folder} is not a run folder: no {provenance.FILE} in it, nor in ARM/seed-NNN below it.")


def failure(run: Run) -> str:
    """One line on a run that failed."""
    return f"arm {run.arm}, seed {run.seed} failed: {run.provenance['reason'] or 'no reason known'}"


def _runs_below(folder: Path, pattern: str) -> list[Path]:
    return [path.parent for path in folder.glob(f"{pattern}/{provenance.FILE}") if _visible(path)]


def _visible(path: Path) -> bool:
    """False for a folder in the making."""
    return not path.parent.name.startswith(".")


def _arms(folder: Path) -> Sequence[str]:
    return list(_spec(folder).arms) if (folder / run_folder.SCENARIO).is_file() else []


def _spec(folder: Path) -> Scenario:
    return run_folder.scenario_of(folder)
