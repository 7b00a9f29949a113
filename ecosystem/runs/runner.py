"""Run a scenario once, over seeds and arms, and compare arms; every run leaves a folder.

A run that is already there, complete and made by the same code, data and libraries, is not made again. A run that fails
leaves a folder that says why, and the others go on.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem import machine
from ecosystem.errors import InputError
from ecosystem.runs import checkpoints, engines, provenance, stopping, summary, workers
from ecosystem.runs import folder as run_folder
from ecosystem.runs.attempt import Progress, RunFailed, Task, attempt
from ecosystem.runs.opened import Run, Study

if TYPE_CHECKING:
    import pandas as pd

    from ecosystem.scenario import Scenario


TELL_EVERY = 0.1  # seconds between two words of a worker


def run(
    spec: Scenario,
    seed: int | None = None,
    out: str | Path = "outputs",
    arm: str = "base",
    progress: Progress | None = None,
    command: str = "",
    fresh: bool = False,
    device: str = "cpu",
    threads: int | None = None,
    checkpoint: float = checkpoints.EVERY,
    **engine: Any,
) -> Run:
    """One run of a scenario; `seed` defaults to the scenario's.

    InputError where the scenario fits no world or the output folder cannot be written (then nothing is left behind);
    RunFailed where the run ended in an error. A run that is there is not made again, and one that was stopped goes on;
    `fresh` begins anew. Models compute on `device` (cpu or cuda) with so many `threads` (default: as many as this
    process may use cores). `checkpoint`: seconds after which the state is kept, and again; 0: after every step.
    `engine`, `shards`, `address`: see `execute`.
    """
    seed = spec.seed if seed is None else seed
    how: dict[str, Any] = {"out": out, "progress": progress, "command": command, "fresh": fresh} | engine
    how |= {"checkpoint": checkpoint}
    study = execute(spec, [(arm, seed)], device=device, threads=threads, **how)
    made = study.every[0]
    if made.status == "failed":
        raise RunFailed(arm, seed, made.provenance["reason"])
    return made


def replicate(
    spec: Scenario, seeds: int | Iterable[int], arms: Sequence[str] = ("base",), jobs: int = 1, **how: Any
) -> Study:
    """Every arm with every seed (N: seeds 0 to N - 1), on `jobs` processes.

    `how`: out, progress, command, fresh, device, threads (of each process; default: they share the cores), engine,
    shards, address (see `execute`).
    Runs that failed are in `Study.failed`, with the reason.
    """
    numbers = range(seeds) if isinstance(seeds, int) else list(seeds)
    return execute(spec, [(arm, seed) for seed in numbers for arm in arms], jobs=jobs, **how)


def compare(
    spec: Scenario, arms: tuple[str, str], seeds: int | Iterable[int] = 8, at: Any = "end", **how: Any
) -> pd.DataFrame:
    """First arm minus second, seed by seed: a row a metric, see `comparison.table`; `how` as in `replicate`."""
    from ecosystem.runs import comparison

    first, second = arms
    return comparison.table(replicate(spec, seeds, arms, **how), first, second, at)


def execute(
    spec: Scenario,
    pairs: Sequence[tuple[str, int]],
    jobs: int = 1,
    out: str | Path = "outputs",
    progress: Progress | None = None,
    command: str = "",
    fresh: bool = False,
    device: str = "cpu",
    threads: int | None = None,
    checkpoint: float = checkpoints.EVERY,
    engine: str = "local",
    shards: int | None = None,
    address: str | None = None,
) -> Study:
    """Makes the runs (arm, seed) that are not there yet, goes on with those that were stopped, and writes summary.csv;
    gives the study of these runs.

    `engine`: local, or ray: one run after the other, its models dealt to so many `shards` (default: one on each core)
    of the cluster at `address` (`auto`: the one that this machine is a node of; None: this machine's own cores). The
    numbers are the same. A world over shards keeps no checkpoints: one that was stopped begins anew, and compares.
    """
    study = run_folder.digest_folder(out, spec)
    machine.check_device(device)
    engines.check(engine, spec, [arm for arm, _ in pairs], jobs, shards, address, device)
    tasks = _tasks(spec, dict.fromkeys(pairs), study, command)
    provenance.check_writable(study)
    for task in tasks:
        run_folder.free(task.folder)
    todo = [task for task in tasks if fresh or not run_folder.complete(task.folder, task.spec, device)]
    where = machine.placed(device, threads, min(jobs, len(todo)))
    todo = [replace(task, machine=where, fresh=fresh, checkpoint=checkpoint) for task in todo]
    with engines.founder(engine, spec, shards, address, bool(todo)) as found, _studied(study, spec, pairs):
        _make(todo, jobs, progress or (lambda *_: None), found)
    return Study(study, tuple(dict.fromkeys(pairs)))


def _tasks(spec: Scenario, pairs: Iterable[tuple[str, int]], study: Path, command: str) -> list[Task]:
    pairs = list(pairs)
    specs = {arm: spec.arm(arm) for arm in dict.fromkeys(arm for arm, _ in pairs)}
    seeded = [(specs[arm].model_copy(update={"seed": int(seed)}), arm) for arm, seed in pairs]
    return [Task(s, arm, run_folder.seed_folder(study, arm, s.seed), command) for s, arm in seeded]


def _make(tasks: Sequence[Task], jobs: int, progress: Progress, found: engines.Founder | None) -> None:
    if min(jobs, len(tasks)) <= 1:
        for task in tasks:
            attempt(task, progress, found)
        return
    keep_main = needs_main({task.arm: task.spec for task in tasks}.values())
    events = workers.deal(_at_work, tasks, min(jobs, len(tasks)), keep_main)
    with stopping.raising(), contextlib.closing(events):  # whatever stops us stops the workers
        for event in events:
            if isinstance(event, workers.Told):
                progress(*event.message)
            elif isinstance(event, workers.Died):
                _record_death(event.task, event.exitcode)
            elif isinstance(event.result, InputError):
                raise event.result


def _at_work(task: Task, tell: workers.Tell) -> InputError | None:
    """What a worker does with a task; progress is told at most every TELL_EVERY seconds."""
    last = 0.0

    def progress(arm: str, seed: int, step: int, steps: int, documents: int) -> None:
        nonlocal last
        if step == steps or time.monotonic() - last >= TELL_EVERY:
            last = time.monotonic()
            tell((arm, seed, step, steps, documents))

    try:
        attempt(task, progress)
    except InputError as error:
        return error
    return None


def needs_main(specs: Iterable[Scenario]) -> bool:
    """True when a scenario uses classes of the user's script itself, which workers must then import."""
    if not any("__main__:" in str(spec.plain()) for spec in specs):
        return False
    if not hasattr(sys.modules["__main__"], "__file__"):
        raise InputError("Components defined in a notebook run with jobs=1; for more, put them into a module file.")
    return True


def _record_death(task: Task, exitcode: int | None) -> None:
    """Says in its folder that the process of a run has died; what it had measured stays."""
    if run_folder.complete(task.folder, task.spec, task.machine.device):  # it died with nothing left to do
        return
    reason = f"its process ended with exit code {exitcode} (out of memory, or killed)"
    if (task.folder / provenance.FILE).is_file() and Run(task.folder).status == "running":
        told = Run(task.folder).provenance
        provenance.write(task.folder, told | {"status": "failed", "reason": reason})
    else:
        machine.use(task.machine)  # the record says where it was made
        failed = (task.folder, task.spec, task.arm, task.command, time.time(), reason)
        run_folder.record_failure(*failed, task.machine.device, task.fresh)


@contextlib.contextmanager
def _studied(study: Path, spec: Scenario, pairs: Iterable[tuple[str, int]]) -> Iterator[None]:
    """Beside the arms: the scenario with arms and claims and, in the end, summary.csv; nothing where no run began."""
    from ecosystem.files.scenario_file import to_yaml

    with run_folder.naming(study):
        study.mkdir(parents=True, exist_ok=True)
        provenance.replace_text(study / run_folder.SCENARIO, to_yaml(spec))
        run_folder.note_asked(study, pairs)
    try:
        yield
    finally:
        if any(study.glob(f"*/seed-*/{provenance.FILE}")):
            with run_folder.naming(study):
                summary.write(study, Study(study).steps)
        else:
            (study / run_folder.SCENARIO).unlink()
            (study / run_folder.ASKED).unlink()
            run_folder.prune(study)
