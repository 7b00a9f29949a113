"""The commands that run something or look at what ran: run, check, theory, report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ecosystem.cli.made import as_table, made, made_until, prepared, say_failures, say_known
from ecosystem.cli.options import (
    Address,
    Arm,
    Arms,
    Checkpoint,
    Device,
    Engine,
    How,
    Jobs,
    LeastSeeds,
    MostSeeds,
    Out,
    Quiet,
    Seed,
    Seeds,
    Sets,
    Shards,
    Source,
    Steps,
    Threads,
    UntilText,
    asked,
    asked_until,
    chosen_arms,
    chosen_seeds,
    command_line,
)
from ecosystem.errors import InputError, one_line

if TYPE_CHECKING:
    from ecosystem.runs.opened import Study
    from ecosystem.scenario import Scenario


def run(
    source: Source,
    sets: Sets = None,
    steps: Steps = None,
    seed: Seed = None,
    seeds: Seeds = None,
    until: UntilText = None,
    least: LeastSeeds = None,
    most: MostSeeds = None,
    arm: Arms = None,
    out: Out = "outputs",
    jobs: Jobs = 1,
    device: Device = "cpu",
    threads: Threads = None,
    checkpoint: Checkpoint = 30.0,
    engine: Engine = "local",
    shards: Shards = None,
    address: Address = None,
    quiet: Quiet = False,
) -> int:
    """Runs a scenario; ends with its folder and main findings.

    All arms are run unless --arm names some, with the scenario's own seed unless --seed or --seeds say others, or with
    as many seeds as --until asks for. Runs that are already there, complete and made by the same code, are not made
    again; one that was stopped goes on.
    """
    by = {"engine": engine, "shards": shards, "address": address}
    how = How(out, jobs, device, threads, quiet, checkpoint, by)
    spec = asked(source, sets, steps)
    arms, wanted = chosen_arms(spec, arm), asked_until(until, least, most, seed is not None or seeds is not None)
    if wanted is None:
        return told(made(spec, arms, chosen_seeds(spec, seed, seeds), how), quiet)
    found = made_until(spec, arms, wanted, False, how)
    say_known(found, quiet)
    return told(found.study, quiet)


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
    print(as_table(found.agents if agents else found.pairs if pairs else found.steps))
    return 0


def report(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, a study or a sweep.")],
) -> int:
    """One self-contained page for a run, a study or a sweep.

    Written as report.html into the folder given.
    """
    from ecosystem.report import write

    print(write(folder))
    return 0


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
    with prepared(spec, list(dict.fromkeys(pairs)), how) as progress:
        verdicts = claims.check(spec, progress=progress, command=command_line(), **how.made())
        page = write(digest_folder(how.out, spec))
    print(f"{spec.name}: {page}")
    for verdict in verdicts:
        print(f"  {verdict.outcome:<9}  {one_line(verdict.claim.says)}\n             {verdict.figures}")
    failed = say_failures(Study(page.parent, tuple(pairs)))
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


def told(study: Study, quiet: bool) -> int:
    """Says what was found, in a screenful, and where the rest lies; 1 where a run failed."""
    from ecosystem.runs.findings import findings

    if not quiet:
        print(*(f"- {sentence}" for sentence in findings(study, most=3)), sep="\n")
        print(f"Report: {study.folder / 'report.html'}")
    print(study.folder)
    return say_failures(study)
