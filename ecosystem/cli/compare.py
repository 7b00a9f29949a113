"""The command `compare`: two arms paired by seed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ecosystem.cli.made import as_table, made, made_until, say_failures, say_known
from ecosystem.cli.options import (
    Device,
    How,
    Jobs,
    LeastSeeds,
    MostSeeds,
    Out,
    Quiet,
    Seeds,
    Sets,
    Source,
    Steps,
    Threads,
    UntilText,
    asked,
    asked_until,
    chosen_arms,
    chosen_seeds,
)
from ecosystem.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SHOWN = [  # of the columns, in a terminal
    "metric", "first", "second", "difference", "low", "high", "effect", "p_holm", "seeds", "saving",
]  # fmt: skip


def compare(
    source: Source,
    arms: Annotated[str, typer.Option("--arms", metavar="A,B", help="First minus second, paired by seed.")],
    sets: Sets = None,
    steps: Steps = None,
    seeds: Seeds = None,
    until: UntilText = None,
    least: LeastSeeds = None,
    most: MostSeeds = None,
    out: Out = "outputs",
    jobs: Jobs = 1,
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
) -> int:
    """Two arms paired by seed: differences with intervals.

    First minus second at the last step, a row a metric: 95% t intervals, effect sizes, p values adjusted for the number
    of metrics, and how many times as many runs independent seeds would have needed. Eight seeds, or with --until as
    many as it takes for a metric's difference. The whole table is written to comparison-A-B.csv.
    """
    how = How(out, jobs, device, threads, quiet)
    spec = asked(source, sets, steps)
    pair = chosen_arms(spec, [name.strip() for name in arms.split(",")])
    if len(pair) != 2:
        raise InputError(f"--arms: must be two different arms, A,B; got '{arms}'")
    wanted = asked_until(until, least, most, seeds is not None)
    found = None if wanted is None else made_until(spec, pair, wanted, True, how)
    study = made(spec, pair, chosen_seeds(spec, None, seeds or "8"), how) if found is None else found.study
    from ecosystem.runs import comparison

    table = comparison.table(study, *pair)
    comparison.save(study, table, *pair)
    if quiet:
        print(study.folder)
    else:
        print(as_table(_shown(table)))
        print(study.folder / "report.html", file=sys.stderr)
    if found is not None:
        say_known(found, quiet, aside=True)
    return say_failures(study)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    return table[SHOWN] if sys.stdout.isatty() else table
