"""The commands about results that are there: export, verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecosystem.cli.options import How, Quiet
from ecosystem.cli.progress import steps_shown
from ecosystem.errors import InputError

if TYPE_CHECKING:
    from ecosystem.runs.boundary_curve import Curve
    from ecosystem.runs.opened import Run, Study
    from ecosystem.runs.sweep_opened import Sweep

Results = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, a study or a sweep.")]


def export(
    folder: Results,
    kind: Annotated[
        str, typer.Option("--format", metavar="parquet|csv|netcdf|transformers", help="Of the files.")
    ] = "parquet",
    agent: Annotated[
        int | None, typer.Option("--agent", min=0, metavar="N", help="Take this model out of a run (transformers).")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Where files go; by default export/ in RUN.")
    ] = None,
) -> int:
    """Tables of a run, a study or a sweep in other formats, or a neural model's weights.

    One file a table, in full precision; NetCDF holds the metrics as labelled arrays. Prints what it has written.
    """
    from ecosystem.runs import provenance

    if (kind == "transformers") != (agent is not None):
        raise InputError("--agent: goes with --format transformers, and only with it")
    found = opened(folder)
    for run in getattr(found, "outdated", ()):
        print(f"left out: {run.folder} was made with other code, libraries or data than the newest", file=sys.stderr)
    try:
        print(*_written(found, kind, agent, to), sep="\n")
    except provenance.OutputError as error:
        print(error, file=sys.stderr)
        return 1
    except InputError as error:
        options = ("format:", "agent:", "to:")
        raise InputError([f"--{line}" if line.startswith(options) else line for line in error.lines]) from None
    return 0


def _written(found: Run | Study | Sweep | Curve, kind: str, agent: int | None, to: Path | None) -> list[Path]:
    if agent is not None:
        from ecosystem.runs.export_weights import export_weights

        return [export_weights(found, agent, to)]
    from ecosystem.runs.export import export as tables

    return tables(found, kind, to)


def verify(
    folder: Results,
    steps: Annotated[
        int | None, typer.Option("--steps", min=0, metavar="N", help="Make anew steps 0 to N only; by default all.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, metavar="K", help="Only K of the runs, or cells; by default all.")
    ] = None,
    files: Annotated[bool, typer.Option("--files", help="Check the files only; make nothing anew.")] = False,
    device: Annotated[
        str | None, typer.Option("--device", metavar="cpu|cuda", help="By default where the run was made.")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Makes runs anew and compares every number; checks that files are whole.

    A line a run: equal, or what differs first. Exit status 1 where anything does. Equality is promised for the same
    code, libraries and kind of machine (docs/reproducibility.md).
    """
    from ecosystem.runs.boundary_curve import Curve
    from ecosystem.runs.opened import Run, Study
    from ecosystem.runs.verify import verify as verdicts
    from ecosystem.runs.verify_sweep import verify_curve, verify_sweep

    if device is not None:
        How("", 1, device, None, quiet)
    what, held = opened(folder), True
    with steps_shown(quiet) as progress:
        if isinstance(what, (Run, Study)):
            found = verdicts(what, steps, sample, not files, device, progress)
        else:
            if steps is not None:
                raise InputError("--steps: goes with runs; the cells of a sweep are made anew whole")
            how = (sample, not files, device, progress)
            found = verify_curve(what, *how) if isinstance(what, Curve) else iter([verify_sweep(what, *how)])
        for verdict in found:
            print(verdict, flush=True)
            held = held and verdict.holds
    return int(not held)


def opened(folder: str) -> Run | Study | Sweep | Curve:
    """What lies in a folder; InputError where it is nothing of the kind."""
    from ecosystem.runs.boundary_curve import CURVE, open_curve
    from ecosystem.runs.opened import open_run
    from ecosystem.runs.sweep_opened import TOLD, open_sweep

    if (Path(folder) / CURVE).is_file():
        return open_curve(folder)
    return open_sweep(folder) if (Path(folder) / TOLD).is_file() else open_run(folder)
