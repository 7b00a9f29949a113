"""The command `sweep`: a scenario over a design, resumable; indices of it; or a boundary in one or two keys."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecosystem.cli.options import (
    Address,
    Device,
    Engine,
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
    interruptible,
    parsed_seeds,
)
from ecosystem.cli.progress import cells_shown
from ecosystem.errors import InputError, suggestion

if TYPE_CHECKING:
    from ecosystem.runs.sweep import Sweep
    from ecosystem.runs.sweep_design import Design
    from ecosystem.scenario import Scenario

DESIGNS = ("grid", "list", "latin", "sobol", "morris", "boundary")
POINTS, MAX_POINTS = 16, 1_000_000
RANGE = re.compile(r"([^:\[\]{},]+):([^:\[\]{},]+?)(:log)?")


def sweep(
    source: Source,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="PATH=VALUES",
            help="A key and its values A,B,C or range LOW:HIGH[:log]; repeatable. Of a boundary: the range of the key "
            "in which it is sought and, if wanted, values of one other key, at each of which it is sought.",
        ),
    ] = None,
    rows: Annotated[
        Path | None, typer.Option("--rows", metavar="FILE", help="Points as rows of a CSV or YAML file (design list).")
    ] = None,
    design: Annotated[
        str,
        typer.Option(
            "--design",
            metavar="|".join(DESIGNS),
            help="How points are chosen; by default grid, or list. boundary: where the chance of --event is one half.",
        ),
    ] = "",
    points: Annotated[
        int, typer.Option("--points", min=1, max=MAX_POINTS, help="Points, or trajectories, of a sampled design.")
    ] = POINTS,
    event: Annotated[
        str, typer.Option("--event", metavar="'METRIC < X'", help="Whose chance of one half is sought.")
    ] = "",
    precision: Annotated[
        float | None, typer.Option("--precision", metavar="X", help="Of a boundary: +-, in units of its key.")
    ] = None,
    at: Annotated[str, typer.Option("--at", metavar="end|0,10,20", help="Steps that the table keeps.")] = "end",
    sets: Sets = None,
    steps: Steps = None,
    seeds: Seeds = "1",
    out: Out = "outputs",
    jobs: Jobs = 1,
    device: Device = "cpu",
    engine: Engine = "local",
    address: Address = None,
    again: Annotated[bool, typer.Option("--again", help="Run failed cells again, too.")] = False,
    quiet: Quiet = False,
) -> int:
    """Runs a scenario at many values of its keys; resumable.

    Every point is run with the same seeds; a boundary is sought with a new seed a run. Stopped at any moment and run
    again, only what is missing is run. Exit status 1 where a cell failed.
    """
    how = How(out, jobs, device, 1, quiet)
    kind = design or ("list" if rows is not None else "grid")
    if kind not in DESIGNS:
        raise InputError(f"--design: must be one of {', '.join(DESIGNS)}; got '{kind}'.{suggestion(kind, DESIGNS)}")
    spec = asked(source, sets, steps)
    where = {"engine": engine, "address": address}
    if kind == "boundary":
        from ecosystem.cli.boundary import boundary

        idle = {"--engine": engine != "local" or address is not None, "--rows": rows is not None, "--again": again}
        idle |= {"--seeds": seeds != "1", "--at": at != "end", "--points": points != POINTS}
        for name in (name for name, there in idle.items() if there):
            raise InputError(f"{name}: does not go with --design boundary, which chooses its runs itself; leave it out")
        return boundary(spec, _given(vary), event, precision, how)
    return _sweep(spec, _design(kind, vary, rows, points), _at(at), seeds or "1", how, where | {"again": again})


def _sweep(spec: Scenario, design: Design, at: Any, seeds: str, how: How, more: dict[str, Any]) -> int:
    from ecosystem.runs import sweep as sweeps
    from ecosystem.runs.cluster import ClusterLost

    try:
        with interruptible(how, spec), cells_shown(how.quiet) as progress:
            found = sweeps.sweep(
                spec, design, parsed_seeds(seeds), at, how.jobs, how.out, progress, command_line(), how.device, **more
            )
    except ClusterLost as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(found.folder)
    if not how.quiet:
        print(f"a page of it: ecosystem report {found.folder}", file=sys.stderr)
    if design.kind in ("sobol", "morris") and not found.failed:
        _say_indices(found, how.quiet)
    for point, seed, reason in found.failed[:10]:
        print(f"failed: point {point}, seed {seed}: {reason}", file=sys.stderr)
    if len(found.failed) > 10:
        print(f"failed: {len(found.failed):,} cells in all; the table has every reason", file=sys.stderr)
    return 1 if found.failed else 0


def _say_indices(found: Sweep, quiet: bool) -> None:
    """Writes sensitivity.csv, and shows it where someone watches."""
    import pandas as pd

    from ecosystem.runs.sensitivity import indices

    table = pd.concat([indices(found, metric) for metric in found.metrics], ignore_index=True)
    table.to_csv(found.folder / "sensitivity.csv", index=False)
    if not quiet:
        print(table.to_string(index=False, float_format=lambda v: f"{v:.3g}"))


def _design(kind: str, vary: list[str] | None, rows: Path | None, points: int) -> Design:
    from ecosystem.runs import sweep_design
    from ecosystem.runs.sweep_rows import read_rows

    if (kind == "list") != (rows is not None):
        raise InputError("--rows FILE: goes with --design list, and only with it")
    if rows is not None:
        if vary:
            raise InputError("--vary: goes without --rows")
        return sweep_design.listed(read_rows(rows))
    given = _given(vary)
    if kind == "grid":
        for key, values in given.items():
            if isinstance(values, tuple):
                raise InputError(f"--vary {key}: a grid needs values A,B,C; got a range")
        return sweep_design.grid(given)
    made = {"latin": sweep_design.latin, "sobol": sweep_design.sobol, "morris": sweep_design.morris}[kind]
    return made(given, points)


def _given(vary: list[str] | None) -> dict[str, Any]:
    """The keys with their values, or ranges as tuples; InputError where a key is given twice."""
    given: dict[str, Any] = {}
    for text in vary or []:
        key, equals, values = text.partition("=")
        key = key.strip()
        if not equals or not key or not values.strip():
            raise InputError(f"--vary {text}: must be PATH=A,B,C or PATH=LOW:HIGH")
        if key in given:
            raise InputError(f"--vary {text}: {key} is given twice")
        given[key] = _values(values.strip(), text)
    return given


def _values(values: str, text: str) -> Any:
    from ecosystem.files.yaml_positions import scalar

    try:
        as_range = RANGE.fullmatch(values)
        if as_range:
            ends = (scalar(as_range[1]), scalar(as_range[2]))
            return (*ends, "log") if as_range[3] else ends
        return scalar(f"[{values}]")
    except ValueError as error:
        raise InputError(f"--vary {text}: {error}") from None


def _at(text: str) -> Any:
    if text == "end":
        return text
    try:
        return [int(step) for step in text.split(",")]
    except ValueError:
        raise InputError(f"--at: must be end or steps such as 0,10,20; got '{text}'") from None
