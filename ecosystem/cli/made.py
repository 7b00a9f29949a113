"""Making the runs of a command: what is wrong is found before, what stops them is told, a page is written after."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ecosystem import machine
from ecosystem.cli.options import How, Until, command_line
from ecosystem.cli.progress import Progress, shown
from ecosystem.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from ecosystem.runs.enough import Enough
    from ecosystem.runs.opened import Study
    from ecosystem.scenario import Scenario

Pairs = list[tuple[str, int]]


def made(spec: Scenario, arms: Sequence[str], seeds: Sequence[int], how: How) -> Study:
    """The runs of every arm with every seed, and the page about them."""
    return made_runs(spec, [(arm, seed) for seed in seeds for arm in arms], how)


def made_runs(spec: Scenario, pairs: Pairs, how: How) -> Study:
    """The runs (arm, seed), and the page about them."""
    from ecosystem.report import write
    from ecosystem.runs.runner import execute

    with prepared(spec, pairs, how) as progress:
        study = execute(spec, pairs, progress=progress, command=command_line(), **how.made())
        write(study.folder)
    return study


def made_until(spec: Scenario, arms: Sequence[str], until: Until, paired: bool, how: How) -> Enough:
    """Runs with ever more seeds until a metric is known as well as asked, and the page about them."""
    from ecosystem.report import write
    from ecosystem.runs.enough import parsed_target, sequential
    from ecosystem.runs.runner import execute

    try:
        target = parsed_target(until.text, spec)
    except InputError as error:
        raise InputError(f"--{error}") from None
    pairs = [(arm, seed) for seed in range(until.most) for arm in arms]
    with prepared(spec, pairs, how) as progress:
        told = {"progress": progress, "command": command_line(), **how.made()}
        found = sequential(target, arms, paired, until.least, until.most, lambda some: execute(spec, some, **told))
        write(found.study.folder)
    return found


def say_known(found: Enough, quiet: bool, aside: bool = False) -> None:
    """How well each arm (or the difference) is known, and why no more seeds were added.

    On standard error where it is not known well enough, or where standard output is for a table (`aside`).
    """
    for known in found.known:
        short = known.state in ("wide", "unknown")
        if short or not quiet:
            print(known.says, file=sys.stderr if short or aside else sys.stdout)


@contextlib.contextmanager
def prepared(spec: Scenario, pairs: Pairs, how: How) -> Iterator[Progress | None]:
    """Everything that can be known to be wrong is found before the first run; inside, what stops the runs is told."""
    from ecosystem.runs import folder as run_folder
    from ecosystem.runs import preflight, provenance

    folder = run_folder.digest_folder(how.out, spec)
    provenance.check_writable(folder)
    arms, jobs = list(dict.fromkeys(arm for arm, _ in pairs)), min(how.jobs, len(pairs))
    try:
        machine.use(machine.placed(how.device, how.threads, jobs))
        here = how.engine.get("engine", "local") == "local"
        preflight.check(spec, arms, here)
        lines = preflight.large(spec, arms, jobs) if here else []
        lines += preflight.idle(spec, arms) + _made_anew(spec, pairs, folder, how.device)
        if lines and not how.quiet:
            print(*lines, sep="\n", file=sys.stderr)
        with shown(lambda: _steps_ahead(spec, pairs, folder, how.device), how.quiet) as progress:
            yield progress
    except KeyboardInterrupt:
        left = folder.exists() and _steps_ahead(spec, pairs, folder, how.device)
        there = f"; every run is complete: {folder}" if folder.exists() else ""
        where = f"; go on with: ecosystem resume {folder}" if left else there
        print(f"Interrupted{where}.", file=sys.stderr)
        raise typer.Exit(130) from None
    except provenance.OutputError as error:  # the disk was fine before and is not any more
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def say_failures(study: Study) -> int:
    """Each run that failed, in a line; 1 where there was one."""
    from ecosystem.runs.opened import failure

    for run in study.failed:
        print(failure(run), file=sys.stderr)
    return int(bool(study.failed))


def as_table(frame: pd.DataFrame) -> str:
    """A frame for people where they look, else as CSV."""
    if sys.stdout.isatty():
        return frame.to_string(index=False, float_format="{:.6g}".format)
    return frame.to_csv(index=False).rstrip("\n")


def _made_anew(spec: Scenario, pairs: Pairs, folder: Path, device: str) -> list[str]:
    """A line where runs of another version lie in the folder: they are replaced."""
    from ecosystem.runs import folder as run_folder
    from ecosystem.runs.wording import counted, listed

    arms = {arm: spec.arm(arm) for arm, _ in pairs} if folder.is_dir() else {}
    found = [run_folder.outdated(run_folder.seed_folder(folder, a, k), arms[a], device) for a, k in pairs if arms]
    old = [keys for keys in found if keys]
    if not old:
        return []
    other = listed(list(dict.fromkeys(key for keys in old for key in keys)))
    return [f"{folder} holds {counted(len(old), 'run')} of another version (of {other}); made anew."]


def _steps_ahead(spec: Scenario, pairs: Pairs, folder: Path, device: str) -> int:
    """Steps of the runs that are not there yet, step 0 of each included."""
    from ecosystem.runs import folder as run_folder

    arms = {arm: spec.arm(arm) for arm, _ in pairs}
    folders = [(run_folder.seed_folder(folder, arm, seed), arms[arm], seed) for arm, seed in pairs]
    return sum(
        arm.steps + 1
        for place, arm, seed in folders
        if not run_folder.complete(place, arm.model_copy(update={"seed": seed}), device)
    )
