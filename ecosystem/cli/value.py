"""The command `value`: what human documents are worth, by how many, when, where, whose and about what."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer

from ecosystem.cli import value_sources as sources
from ecosystem.cli.options import (
    Arm,
    Device,
    How,
    Jobs,
    Out,
    Quiet,
    Seeds,
    Sets,
    Source,
    Steps,
    asked,
    command_line,
    parsed_seeds,
)
from ecosystem.cli.progress import cells_shown
from ecosystem.errors import InputError, suggestion

TAKES = {
    "rate": ("rates", "community", "at"),
    "time": ("times", "documents", "lag", "community"),
    "place": ("places", "documents", "community", "at"),
    "community": ("documents", "at"),
    "rarity": ("documents", "community", "at"),
    **sources.TAKES,
}


def value(
    source: Source,
    metric: Annotated[str, typer.Option("--metric", help="What is to be kept; by default the scenario's first.")] = "",
    by: Annotated[str, typer.Option("--by", metavar="|".join(TAKES), help="What is varied.")] = "rate",
    rates: Annotated[str | None, typer.Option("--rates", metavar="0,5,20", help="Human documents a step.")] = None,
    times: Annotated[str | None, typer.Option("--times", metavar="1,10,20", help="Steps of a batch.")] = None,
    lag: Annotated[int | None, typer.Option("--lag", help="Steps after a batch at which it is looked at.")] = None,
    places: Annotated[
        str | None,
        typer.Option("--places", metavar="PLACE,...", help="most_read, least_read, all, shares, [lists] of models."),
    ] = None,
    documents: Annotated[
        int | None, typer.Option("--documents", help="Human documents more: in the batch, or a step.")
    ] = None,
    community: Annotated[str | None, typer.Option("--community", help="Who writes them.")] = None,
    at: Annotated[int | None, typer.Option("--at", help="The step that counts; by default the last.")] = None,
    since: sources.Since = None,
    sampled: sources.Sampled = False,
    precision: sources.Precision = None,
    pairs: sources.Pairs = None,
    vary: sources.Vary = None,
    wanted: sources.Wanted = None,
    price: sources.Price = None,
    judgement: sources.Judgement = None,
    sets: Sets = None,
    arm: Arm = "",
    steps: Steps = None,
    seeds: Seeds = "8",
    out: Out = "outputs",
    jobs: Jobs = 1,
    device: Device = "cpu",
    again: Annotated[bool, typer.Option("--again", help="Run failed runs again, too.")] = False,
    quiet: Quiet = False,
) -> int:
    """What human documents are worth, with intervals; resumable.

    By rate, by time of a batch, by the place they reach, by community, by rarity; Shapley values of communities, and
    what verification takes the place of. Ends with the folder of a table and a
    policy brief. Exit status 1 where a run failed.
    """
    how = How(out, jobs, device, 1, quiet)
    if by not in TAKES:
        raise InputError(f"--by: must be one of {', '.join(TAKES)}; got '{by}'.{suggestion(by, TAKES)}")
    given = {
        "rates": _listed("rates", rates), "times": _listed("times", times), "places": _listed("places", places),
        "lag": lag, "documents": documents, "community": community, "at": at,
        "since": since, "sampled": sampled or None, "precision": precision, "pairs": pairs, "vary": vary,
        "wanted": _listed("wanted", wanted), "price": price, "judgement": judgement,
    }  # fmt: skip
    for name, what in given.items():
        if what is not None and name not in TAKES[by]:
            where = " or ".join(kind for kind, names in TAKES.items() if name in names)
            raise InputError(f"--{name}: goes with --by {where}; got --by {by}")
    spec = asked(source, sets, steps)
    spec = spec.arm(arm) if arm else spec
    told = {name: what for name, what in given.items() if what is not None and name != "vary"}
    return _said(spec, by, metric, told | sources.levels(vary) | {"again": again}, seeds or "8", how)


def _said(spec, by: str, metric: str, given: dict[str, Any], seeds: str, how: How) -> int:
    from ecosystem import metrics
    from ecosystem.runs.runner import RunFailed
    from ecosystem.value import EXPERIMENTS

    metric = metric or metrics.column(spec.metrics[0])
    try:
        with cells_shown(how.quiet) as progress:
            found = (EXPERIMENTS | sources.experiments())[by](
                spec, metric, seeds=parsed_seeds(seeds), jobs=how.jobs, out=how.out, progress=progress,
                command=command_line(), device=how.device, **given,
            )  # fmt: skip
    except RunFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    folder = found.save()
    if not how.quiet:
        print(*(f"- {sentence}" for sentence in found.findings), sep="\n")
        print(f"Brief: {folder / 'brief.html'}")
    print(folder)
    return 0


def _listed(name: str, text: str | None) -> list[Any] | None:
    from ecosystem.files.yaml_positions import scalar

    if text is None:
        return None
    try:
        return cast(list[Any], scalar(f"[{text}]"))
    except ValueError as error:
        raise InputError(f"--{name} {text}: {error}") from None
