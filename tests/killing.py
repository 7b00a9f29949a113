"""Runs that are killed at random moments, and files of stopped runs that are spoilt: what is left, and does it go on?

A run is made in a process of its own that tells every step once it is recorded. It is killed (SIGKILL) within the time
of two steps after a step drawn uniformly from all, or, one time in three and once all steps are recorded, at a moment
drawn uniformly from the time of a whole run with its report; half of those that have recorded all are left alone. What
was told must be in the record, and whoever goes on must end with the tables of a run that was never killed, to the last
digit.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ecosystem.errors import InputError
from ecosystem.files import scenario_file
from ecosystem.report import write
from ecosystem.runs import folder as run_folder
from ecosystem.runs.opened import Run, open_run
from ecosystem.runs.record import COLUMNS
from ecosystem.runs.runner import RunFailed, run
from ecosystem.scenario import Scenario

LONGER = 1.1  # times the time of a whole run: the last moment of a kill
WAIT = 0.0005  # seconds
EVERY = (0.0, 0.0, 0.05, 1e9)  # seconds between checkpoints: often, sometimes, never
SMALL: dict[str, dict[str, Any]] = {  # scenarios of different kinds, cut to seconds
    "guarded": {"steps": 24, "claims": []},
    "rumour": {"steps": 16, "claims": []},
    "moratorium": {"steps": 24, "claims": []},
    "town": {
        "steps": 5, "claims": [], "models.small.count": 4, "models.large.count": 2, "humans.writers.rate": 40,
    },
    "curse_of_recursion": {
        "steps": 6, "claims": [], "models.mixtures.count": 2, "models.autoencoders.count": 2,
        "models.mixtures.pretrain": 60, "models.autoencoders.pretrain": 60, "measure.documents": 100,
    },
}  # fmt: skip


@dataclass
class Survival:
    """What became of a scenario's kills: `lost` steps that were told and not there, `unread` folders that could not be
    read, `other` runs that ended with other tables than one that was never killed."""

    kills: int = 0
    runs: int = 0
    lost: int = 0
    unread: int = 0
    other: int = 0
    resumed: int = 0  # times that a run went on from a checkpoint past step 0

    @property
    def survived(self) -> int:
        return self.kills - self.lost - self.unread - self.other


def small(name: str) -> Scenario:
    """A scenario of ours, cut to seconds."""
    return scenario_file.read(name, [], **SMALL[name])


def tables(made: Run) -> dict[str, pd.DataFrame]:
    return {table: made.frame(table) for table in COLUMNS}


def same(one: Mapping[str, pd.DataFrame], other: Mapping[str, pd.DataFrame]) -> bool:
    """Every table equal to the last digit."""
    return all(one[table].equals(other[table]) for table in one)


def killed(spec: Scenario, out: Path, kills: int, seed: int = 0) -> Survival:
    """Kills runs of a scenario until so many kills are tried; each run is killed and resumed until it is complete."""
    found, luck = Survival(), random.Random(seed)
    wanted = tables(_made(spec, out / "whole", 1e9, lambda step: None))
    stepping, lasts = _times(spec, out / "timed")
    a_step = stepping / (spec.steps + 1)
    while found.kills < kills:
        place = out / f"run-{found.runs}"
        study = run_folder.digest_folder(place, spec)
        folder, told = run_folder.seed_folder(study, "base", spec.seed), -1
        while True:
            every, by_time = luck.choice(EVERY), told == spec.steps or luck.random() < 1 / 3
            after, most = (-1, lasts * LONGER) if by_time else (luck.randint(0, spec.steps), 2 * a_step)
            alone = found.kills == kills or (told == spec.steps and luck.random() < 1 / 2)
            moment = float("inf") if alone else luck.uniform(0, most)
            ended, said = _killed_at(spec, place, every, after, moment)
            told = max(told, said)
            if ended:
                break
            found.kills += 1
            found.lost += _last(folder) < told
            found.unread += not readable(study, folder)
        found.runs += 1
        found.other += not same(wanted, tables(Run(folder)))
        found.resumed += sum(part["from_step"] > 0 for part in Run(folder).provenance.get("resumed", []))
        shutil.rmtree(place)
    return found


def readable(study: Path, folder: Path) -> bool:
    """Whether a folder is whole where it is there at all: its database, its steps one after the other, its reading."""
    if not (folder / run_folder.DB).exists():
        return True
    with closing(sqlite3.connect(folder / run_folder.DB)) as db:
        if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return False
    try:
        made = open_run(study)
        steps = Run(folder).steps["step"].tolist()
        agents = Run(folder).agents.groupby("step").size()
        return steps == list(range(len(steps))) and agents.nunique() <= 1 and len(made.summary) >= 0
    except InputError:
        return False


def spoilt(spec: Scenario, out: Path, rounds: int, seed: int = 0) -> dict[str, dict[str, int]]:
    """By the file that is cut short, emptied, filled with zeros or removed, as by a power cut: how often, how often a
    command then ended in anything but its result or one line, and how often going on came to other tables."""
    luck, found = random.Random(seed), {}
    wanted = tables(_made(spec, out / "whole", 1e9, lambda step: None))
    stopped = out / "stopped"
    _stop(spec, stopped)
    folder = run_folder.seed_folder(run_folder.digest_folder(stopped, spec), "base", spec.seed)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    for name in names:
        counts = found.setdefault(_kind(name), {"tried": 0, "uncaught": 0, "other": 0})
        for _ in range(rounds):
            place = out / "spoilt"
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(stopped, place)
            there = run_folder.seed_folder(run_folder.digest_folder(place, spec), "base", spec.seed)
            _spoil(there / name, luck)
            counts["tried"] += 1
            try:
                _read_all(run_folder.digest_folder(place, spec))
                made = run(spec, out=place)
                counts["other"] += not same(wanted, tables(made))
            except (InputError, RunFailed):
                counts["other"] += 1
            except Exception as error:
                print(f"{name}: {type(error).__name__}: {error}")
                counts["uncaught"] += 1
    return found


def _times(spec: Scenario, out: Path) -> tuple[float, float]:
    """Seconds until the last step is recorded, and until the report is written, once all is loaded and compiled."""
    began, steps = time.monotonic(), []
    _made(spec, out, 0.0, lambda step: steps.append(time.monotonic() - began))
    return steps[-1], time.monotonic() - began


def _made(spec: Scenario, out: Path, every: float, tell: Callable[[int], None]) -> Run:
    made = run(spec, out=out, checkpoint=every, progress=lambda arm, seed, step, steps, documents: tell(step))
    write(made.folder.parent.parent)
    return made


def _killed_at(spec: Scenario, out: Path, every: float, after: int, moment: float) -> tuple[bool, int]:
    """Whether a run came to its end before it was killed so many seconds after it told of a step (-1: after it began),
    and the last step that it told of."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    child = os.fork()
    if child == 0:
        try:
            os.close(reads)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            _made(spec, out, every, lambda step: os.write(writes, bytes([step])) and None)
            os._exit(0)
        except BaseException:
            os._exit(3)
    os.close(writes)
    said, ended, since = -1, False, time.monotonic()
    while not ended and (said < after or time.monotonic() < since + moment):
        before, said = said, max(said, _told(reads))
        if before < after <= said:
            since = time.monotonic()
        ended = os.waitpid(child, os.WNOHANG)[0] != 0
        time.sleep(WAIT)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    said = max(said, _told(reads))
    os.close(reads)
    return ended, said


def _told(reads: int) -> int:
    """The last step told since this was last asked; -1: none."""
    try:
        return max(os.read(reads, 1 << 16), default=-1)
    except BlockingIOError:
        return -1


def _last(folder: Path) -> int:
    if not (folder / run_folder.DB).exists():
        return -1
    steps = Run(folder).steps["step"]
    return int(steps.max()) if len(steps) else -1


def _stop(spec: Scenario, out: Path) -> None:
    """A run that is stopped after half of its steps, with checkpoints of the last two."""

    def tell(step: int) -> None:
        if step >= spec.steps // 2:
            raise KeyboardInterrupt

    try:
        _made(spec, out, 0.0, tell)
    except KeyboardInterrupt:
        return


def _spoil(path: Path, luck: random.Random) -> None:
    size, way = path.stat().st_size, luck.choice(["cut", "empty", "zeros", "gone"])
    if way == "gone":
        path.unlink()
    elif way == "zeros":
        path.write_bytes(bytes(size))
    else:
        os.truncate(path, 0 if way == "empty" else luck.randrange(max(size, 1)))


def _read_all(study: Path) -> None:
    """Every way of reading a folder, which may refuse in words."""
    for look in (lambda: open_run(study).summary, lambda: write(study)):
        try:
            look()
        except InputError:
            continue


def _kind(name: str) -> str:
    return "checkpoints/" + Path(name).name if name.startswith("checkpoints") else name
