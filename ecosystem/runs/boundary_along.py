"""A boundary in two keys: sought in one of them at each point of a design over others.

    checkers = grid({"verifiers.checker.probabilities": [[0.2, 0.9], [0.3, 0.9]]})
    along(spec, checkers, "world.exponent", (1.0, 2.4), "tail_coverage < 0.5", precision=0.1).table

Each search is a sweep folder of its own, as `boundary` makes it: more points, or more precision, go on from what is
there. What was asked lies beside them in OUT/<scenario>/curve-<digest>, from which `boundary_curve` reads it back.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.machine import Machine
from ecosystem.runs import folder as run_folder
from ecosystem.runs import provenance, stopping, workers
from ecosystem.runs import sweep as sweeps
from ecosystem.runs.boundary import MOST, Question, question, seek
from ecosystem.runs.boundary_curve import CURVE, TABLE, Curve
from ecosystem.runs.boundary_search import Crossing
from ecosystem.runs.runner import RunFailed, needs_main
from ecosystem.runs.sweep_design import Design

if TYPE_CHECKING:
    from ecosystem.scenario import Scenario

Told = Callable[[int, dict[str, Any], Crossing | None], None]
"""progress(searches that have ended, the point of one of the others, how far that is: None where it has just ended)"""


@dataclass(frozen=True)
class Task:
    """One search, for whoever makes its runs."""

    point: dict[str, Any]
    asked: Question
    where: Machine
    most: int
    command: str


def along(
    spec: Scenario,
    design: Design,
    key: str,
    between: Any,
    event: str,
    precision: float,
    out: str | Path = "outputs",
    most: int = MOST,
    progress: Told | None = None,
    command: str = "",
    device: str = "cpu",
    threads: int = 1,
    jobs: int = 1,
) -> Curve:
    """The boundary in `key` at each point of the design, `jobs` searches at a time; arguments as of `boundary`.

    InputError where any of it is wrong, before anything runs. Where there is no boundary between the bounds, or a run
    failed, the note of that point says so, and the others go on.
    """
    points = list(design.points())
    asked = _questions(spec, points, (key, between, event, precision, out, device))
    folder = _asked(spec, design, asked, points, most, command)
    where = machine.placed(device, threads)
    tasks = [Task(point, each, where, most, command) for point, each in zip(points, asked, strict=True)]
    _seek(tasks, min(jobs, len(tasks)), progress or (lambda *_: None))
    found = Curve(folder)
    with run_folder.naming(folder):
        found.save(folder / TABLE)
    return found


def _questions(spec: Scenario, points: list[dict[str, Any]], how: tuple) -> list[Question]:
    """The searches, or the mistakes of all of them."""
    made: list[Question] = []
    lines: dict[str, None] = {}
    for point in points:
        try:
            made.append(question(spec.with_(point), *how))
        except InputError as error:
            lines |= dict.fromkeys(error.lines)
    if lines:
        raise InputError(list(lines))
    first = made[0]
    if len(made) > 1 and len({each.spec.with_(first.ends[0]).digest for each in made}) == 1:
        raise InputError(f"{', '.join(points[0])}: makes no difference where {first.key} is given; vary another key")
    return made


def _asked(
    spec: Scenario, design: Design, asked: list[Question], points: list[dict[str, Any]], most: int, command: str
) -> Path:
    """Writes down what was asked; gives the folder."""
    from ecosystem.files.scenario_file import to_yaml

    spec, first = spec.arm("base"), asked[0]
    between = [first.bounds.low, first.bounds.high, first.bounds.whole]
    digest = sweeps.digest(spec, first.key, between, first.event, first.precision, points)
    folder = first.folder.with_name(f"curve-{digest}")
    told = {
        "scenario": spec.name, "scenario_digest": spec.digest, "keys": list(design.keys), "key": first.key,
        "between": between, "event": first.event, "precision": first.precision, "most": most,
        "searches": [{"point": p, "folder": each.folder.name} for p, each in zip(points, asked, strict=True)],
        "origin": first.told["origin"], "command": command,
    }  # fmt: skip
    provenance.check_writable(folder)
    with run_folder.naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        provenance.replace_text(folder / run_folder.SCENARIO, to_yaml(spec))
        provenance.replace_text(folder / CURVE, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return folder


def _seek(tasks: list[Task], jobs: int, progress: Told) -> None:
    """The searches, in this process or dealt out; why one could not go on stands in its folder."""
    if jobs == 1:
        for ended, task in enumerate(tasks):
            _check(_at_work(task, partial(progress, ended, task.point)))
            progress(ended + 1, task.point, None)
        return
    ended, dealt = 0, workers.deal(_at_work, tasks, jobs, needs_main([task.asked.spec for task in tasks]))
    with stopping.raising(), contextlib.closing(dealt) as events:
        for event in events:
            if isinstance(event, workers.Told):
                progress(ended, event.task.point, event.message)
                continue
            if isinstance(event, workers.Died):
                _record_death(event.task, event.why)
            else:
                _check(event.result)
            ended += 1
            progress(ended, event.task.point, None)


def _at_work(task: Task, tell: workers.Tell) -> InputError | None:
    """A search, to its end or to a run that fails; what was wrong all the same (a folder in use, a full disk)."""
    try:
        seek(task.asked, task.where, task.most, tell, task.command)
    except InputError as error:
        return error
    except RunFailed:
        pass  # its folder says why
    return None


def _check(wrong: InputError | None) -> None:
    if wrong is not None:
        raise wrong


def _record_death(task: Task, why: str) -> None:
    """Says in its folder that the process of a search has died; what it had found stays."""
    told = task.asked.told | {"command": task.command}
    with sweeps.opened(task.asked.folder, task.asked.spec, told, lambda: iter(())) as cells:
        number = cells.count("cells")
        if number < cells.count("points"):  # else it died between two runs
            cells.write(number, number, (), why)
