"""The commands that run something or look at what ran: run, compare, check, theory, report."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecosystem import machine
from ecosystem.cli.options import (
    Arm,
    Arms,
    Checkpoint,
    Device,
    How,
    Jobs,
    Out,
    Quiet,
    Seed,
    Seeds,
    Sets,
    Source,
    Steps,
    Threads,
    asked,
    chosen_arms,
    chosen_seeds,
    command_line,
)
from ecosystem.cli.progress import Progress, shown
from ecosystem.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from ecosystem.runs.opened import Study
    from ecosystem.scenario import Scenario


def run(
    source: Source,
    sets: Sets = None,
    steps: Steps = None,
    seed: Seed = None,
    seeds: Seeds = None,
    arm: Arms = None,
    out: Out = "outputs",
    jobs: Jobs = 1,
    device: Device = "cpu",
    threads: Threads = None,
    checkpoint: Checkpoint = 30.0,
    quiet: Quiet = False,
) -> int:
    """Runs a scenario; ends with its folder and main findings.

    All arms are run unless --arm names some, with the scenario's own seed unless --seed or --seeds say others. Runs
    that are already there, complete and made by the same code, are not made again; one that was stopped goes on.
    """
    how = How(out, jobs, device, threads, quiet, checkpoint)
    spec = asked(source, sets, steps)
    study = made(spec, _pairs(chosen_arms(spec, arm), chosen_seeds(spec, seed, seeds)), how)
    return told(study, quiet)


def compare(
    source: Source,
    arms: Annotated[str, typer.Option("--arms", metavar="A,B", help="First minus second, paired by seed.")],
    sets: Sets = None,
    steps: Steps = None,
    seeds: Seeds = "8",
    out: Out = "outputs",
    jobs: Jobs = 1,
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
) -> int:
    """Two arms paired by seed: differences with intervals.

    First minus second at the last step, a row a metric, 95% t intervals; p_holm is adjusted for the number of metrics.
    """
    from ecosystem.runs import comparison

    how = How(out, jobs, device, threads, quiet)
    spec = asked(source, sets, steps)
    pair = chosen_arms(spec, [name.strip() for name in arms.split(",")])
    if len(pair) != 2:
        raise InputError(f"--arms: must be two different arms, A,B; got '{arms}'")
    study = made(spec, _pairs(pair, chosen_seeds(spec, None, seeds)), how)
    print(_table(comparison.table(study, *pair)))
    if not quiet:
        print(study.folder / "report.html", file=sys.stderr)
    return _say_failures(study)


def check(
    source: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A scenario by name or by file.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All scenarios that come with the project.")] = False,
    sets: Sets = None,
    steps: Steps = None,
    out: Out = "outputs",
    jobs: Jobs = 1,
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
) -> int:
    """A scenario's claims: held, failed or undecided.

    Runs the arms and seeds that the claims need. Exit status 1 unless all held.
    """
    from ecosystem.files import scenario_file

    how = How(out, jobs, device, threads, quiet)
    if bool(source) == every:
        raise InputError(f"check: give one scenario or --all; got {'both' if every else 'neither'}")
    specs = _all_asked(scenario_file.names() if every else [source], sets, steps)
    return max([_checked(spec, how) for spec in specs], default=0)


def theory(
    source: Source,
    sets: Sets = None,
    steps: Steps = None,
    seed: Seed = None,
    arm: Arm = "base",
    agents: Annotated[bool, typer.Option("--agents", help="The table of models in place of that of steps.")] = False,
    pairs: Annotated[bool, typer.Option("--pairs", help="The table of pairs, where recorded.")] = False,
) -> int:
    """The exact law of a scenario, or why none applies.

    A table as a run's, of steps unless --agents or --pairs is given; CSV where it is not printed to a terminal. Where
    no law applies the reason is said; that is an answer too (exit status 0).
    """
    from ecosystem.theory import NoLaw, law

    if agents and pairs:
        raise InputError("--agents: goes without --pairs; got both")
    spec = asked(source, sets, steps).arm(arm)
    try:
        found = law(spec, spec.seed if seed is None else seed)
    except NoLaw as error:
        print(f"No law applies: {error}.")
        return 0
    print(f"{found.name} ({found.source})\n{found.says}", file=sys.stderr)
    print(_table(found.agents if agents else found.pairs if pairs else found.steps))
    return 0


def report(folder: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run or of a study.")]) -> int:
    """One self-contained page for a run or a study.

    Written as report.html into the folder given.
    """
    from ecosystem.report import write

    print(write(folder))
    return 0


def _pairs(arms: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, int]]:
    return [(arm, seed) for seed in seeds for arm in arms]


def made(spec: Scenario, pairs: list[tuple[str, int]], how: How) -> Study:
    """The runs (arm, seed), and the page about them."""
    from ecosystem.report import write
    from ecosystem.runs.runner import execute

    with _prepared(spec, pairs, how) as progress:
        study = execute(spec, pairs, progress=progress, command=command_line(), **how.made())
        write(study.folder)
    return study


def _checked(spec: Scenario, how: How) -> int:
    """Judges the claims of one scenario and says how they fared."""
    from ecosystem.report import write
    from ecosystem.runs import claims
    from ecosystem.runs.folder import digest_folder
    from ecosystem.runs.opened import Study

    if not spec.claims:
        print(f"{spec.name}: makes no claims")
        return 0
    pairs = [(arm, seed) for claim in spec.claims for arm in claim.arms for seed in range(claim.seeds)]
    with _prepared(spec, list(dict.fromkeys(pairs)), how) as progress:
        verdicts = claims.check(spec, progress=progress, command=command_line(), **how.made())
        page = write(digest_folder(how.out, spec))
    print(f"{spec.name}: {page}")
    for verdict in verdicts:
        print(f"  {verdict.outcome:<9}  {verdict.claim.says}\n             {verdict.figures}")
    failed = _say_failures(Study(page.parent, tuple(pairs)))
    return int(failed or any(verdict.outcome != "held" for verdict in verdicts))


def _all_asked(sources: list[str], sets: list[str] | None, steps: int | None) -> list[Scenario]:
    """The scenarios, or the mistakes of all of them."""
    specs: list[Scenario] = []
    lines: list[str] = []
    for source in sources:
        try:
            specs.append(asked(source, sets, steps, judging=True))
        except InputError as error:
            lines += error.lines
    if lines:
        raise InputError(lines)
    return specs


@contextlib.contextmanager
def _prepared(spec: Scenario, pairs: list[tuple[str, int]], how: How) -> Iterator[Progress | None]:
    """Everything that can be known to be wrong is found before the first run; inside, what stops the runs is told."""
    from ecosystem.runs import folder as run_folder
    from ecosystem.runs import preflight, provenance

    folder = run_folder.digest_folder(how.out, spec)
    provenance.check_writable(folder)
    arms, jobs = list(dict.fromkeys(arm for arm, _ in pairs)), min(how.jobs, len(pairs))
    try:
        machine.use(machine.placed(how.device, how.threads, jobs))
        preflight.check(spec, arms)
        lines = preflight.large(spec, arms, jobs)
        if lines and not how.quiet:
            print(*lines, sep="\n", file=sys.stderr)
        with shown(lambda: _steps_ahead(spec, pairs, folder, how.device), how.quiet) as progress:
            yield progress
    except KeyboardInterrupt:
        where = f"; go on with: ecosystem resume {folder}" if folder.exists() else ""
        print(f"Interrupted{where}.", file=sys.stderr)
        raise typer.Exit(130) from None
    except provenance.OutputError as error:  # the disk was fine before and is not any more
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def _steps_ahead(spec: Scenario, pairs: list[tuple[str, int]], folder: Path, device: str) -> int:
    """Steps of the runs that are not there yet, step 0 of each included."""
    from ecosystem.runs import folder as run_folder

    arms = {arm: spec.arm(arm) for arm, _ in pairs}
    folders = [(run_folder.seed_folder(folder, arm, seed), arms[arm], seed) for arm, seed in pairs]
    return sum(
        arm.steps + 1
        for place, arm, seed in folders
        if not run_folder.complete(place, arm.model_copy(update={"seed": seed}), device)
    )


def told(study: Study, quiet: bool) -> int:
    """Says what was found, in a screenful, and where the rest lies; 1 where a run failed."""
    from ecosystem.runs.findings import findings

    if not quiet:
        print(*(f"- {sentence}" for sentence in findings(study, most=3)), sep="\n")
        print(f"Report: {study.folder / 'report.html'}")
    print(study.folder)
    return _say_failures(study)


def _say_failures(study: Study) -> int:
    from ecosystem.runs.opened import failure

    for run in study.failed:
        print(failure(run), file=sys.stderr)
    return int(bool(study.failed))


def _table(frame: pd.DataFrame) -> str:
    """A frame for people where they look, else as CSV."""
    if sys.stdout.isatty():
        return frame.to_string(index=False, float_format="{:.6g}".format)
    return frame.to_csv(index=False).rstrip("\n")
