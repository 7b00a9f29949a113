"""One run: a world made, or taken up where it was stopped, and every step of it recorded."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosystem import machine
from ecosystem.errors import InputError, one_line
from ecosystem.interfaces import Diverged
from ecosystem.machine import Machine
from ecosystem.runs import checkpoints, provenance, stopping, workers
from ecosystem.runs import folder as run_folder
from ecosystem.runs.engines import Founder
from ecosystem.runs.record import Recorder

if TYPE_CHECKING:
    from ecosystem.model import Ecosystem
    from ecosystem.scenario import Scenario

Progress = Callable[[str, int, int, int, int], None]
"""progress(arm, seed, step, steps, documents published so far)"""

STOPPING = "Stopping when the step is done; once more drops it."


class RunFailed(RuntimeError):
    """A run that ended in an error; its folder holds what it had measured and says why it ended."""

    def __init__(self, arm: str, seed: int, reason: str):
        super().__init__(f"arm {arm}, seed {seed}: {reason}")
        self.arm, self.seed, self.reason = arm, seed, reason

    def __reduce__(self):
        return type(self), (self.arm, self.seed, self.reason)


@dataclass(frozen=True)
class Task:
    """One run to be made: its scenario with arm and seed applied, and where it goes."""

    spec: Scenario
    arm: str
    folder: Path
    command: str = ""
    machine: Machine = field(default_factory=Machine)
    fresh: bool = False  # begins anew whatever lies in the folder
    checkpoint: float = checkpoints.EVERY  # seconds between checkpoints, at least

def attempt(task: Task, progress: Progress, found: Founder | None = None) -> RunFailed | None:
    """Makes one run, or what is missing of it; gives the failure it ended in, or None.

    Wrong input and interrupts are raised, also one that came in the last step. `found`: makes the world, where it is
    not of one process.
    """
    with stopping.listening(STOPPING) as stop:
        try:
            failure = _attempted(task, progress, stop, found)
        except InputError:
            if stop.asked:  # whoever asked knows what is wrong from another run
                raise KeyboardInterrupt from None
            raise
        if stop.asked:  # nothing is left of this run, but the next one is not to begin
            raise KeyboardInterrupt
        return failure


def _attempted(
    task: Task, progress: Progress, stop: stopping.Stop, found: Founder | None
) -> RunFailed | None:
    began = time.time()
    machine.use(task.machine)
    try:
        world, recorder = _begun(task, began, found)
    except (InputError, KeyboardInterrupt):
        raise
    except Exception as error:  # any component of anyone's may fail in any way; the other runs go on
        if workers.interrupted(error):
            raise KeyboardInterrupt from error
        reason = why(error)
        failed = (task.folder, task.spec, task.arm, task.command, began, reason)
        run_folder.record_failure(*failed, task.machine.device, task.fresh)
        return RunFailed(task.arm, task.spec.seed, reason)
    keeper = checkpoints.Keeper(task.folder, _origin(task), task.checkpoint, recorder.settle, resumes=found is None)
    return _stepped(task, world, recorder, keeper, progress, stop)


def _begun(task: Task, began: float, found: Founder | None) -> tuple[Ecosystem, Recorder]:
    """A world and its record: of a run that was stopped as they stood at its last checkpoint, else at step 0."""
    from ecosystem.model import Ecosystem

    spec, device = task.spec, task.machine.device
    there = None if task.fresh else run_folder.unfinished(task.folder, spec, device)
    if there is None or found is not None:
        world = (found or Ecosystem)(spec)
        return world, Recorder(task.folder, world, task.arm, task.command, began, goes_on=there is not None)
    until = there + spec.record.every - 1
    state = checkpoints.newest(task.folder, spec.digest, spec.seed, _origin(task), until) if there >= 0 else None
    try:
        world = Ecosystem(spec, state=state)
    except InputError:
        if state is None:
            raise
        world = Ecosystem(spec)  # a whole checkpoint that does not fit: the record is gone on with from step 0
    return world, Recorder(task.folder, world, task.arm, task.command, began, goes_on=True)


def _origin(task: Task) -> dict[str, Any]:
    return provenance.origin(task.spec.plain()) | {"device": task.machine.device}


def _stepped(
    task: Task, world: Ecosystem, recorder: Recorder, keeper: checkpoints.Keeper, progress: Progress,
    stop: stopping.Stop,
) -> RunFailed | None:  # fmt: skip
    """All steps that are left, each recorded when it is done."""
    seed, steps = task.spec.seed, task.spec.steps
    try:
        recorder.write(world)
        progress(task.arm, seed, world.t, steps, world.corpus.published)
        while world.t < steps and not stop.asked:
            world.step()
            recorder.write(world)
            keeper.after(world)
            progress(task.arm, seed, world.t, steps, world.corpus.published)
        whole = world.t == steps
        (keeper.end if whole else keeper.stopped)(world)
    except Exception as error:
        if workers.interrupted(error):
            recorder.close("interrupted")
            raise KeyboardInterrupt from error
        recorder.close("failed", why(error))
        if isinstance(error, provenance.OutputError):
            raise
        return RunFailed(task.arm, seed, why(error))
    except BaseException:
        recorder.close("interrupted")
        raise
    recorder.close("complete" if whole else "interrupted", **keeper.told())
    if not whole:
        raise KeyboardInterrupt
    return None


def why(error: Exception) -> str:
    """Type, message and place of an error in one line; of a fit that diverged its own line says it all."""
    if isinstance(error, Diverged):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {one_line(' '.join(str(error).split()))}{place}"
