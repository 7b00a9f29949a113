"""The commands about results that are there: export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecosystem.errors import InputError

if TYPE_CHECKING:
    from ecosystem.runs.opened import Run, Study
    from ecosystem.runs.sweep_opened import Sweep

Results = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, a study or a sweep.")]


def export(
    folder: Results,
    kind: Annotated[str, typer.Option("--format", metavar="parquet|csv|netcdf", help="Of the files.")] = "parquet",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Where files go; by default export/ in RUN.")
    ] = None,
) -> int:
    """The tables of a run, a study or a sweep in other formats.

    One file a table, in full precision; NetCDF holds the metrics as labelled arrays. Prints the files.
    """
    from ecosystem.runs import provenance
    from ecosystem.runs.export import export as written

    found = opened(folder)
    for run in getattr(found, "outdated", ()):
        print(f"left out: {run.folder} was made with other code, libraries or data than the newest", file=sys.stderr)
    try:
        print(*written(found, kind, to), sep="\n")
    except provenance.OutputError as error:
        print(error, file=sys.stderr)
        return 1
    except InputError as error:
        raise InputError([f"--{line}" if line.startswith("format:") else line for line in error.lines]) from None
    return 0


def opened(folder: str) -> Run | Study | Sweep:
    """What lies in a folder; InputError where it is nothing of the kind."""
    from ecosystem.runs.opened import open_run
    from ecosystem.runs.sweep_opened import TOLD, open_sweep

    return open_sweep(folder) if (Path(folder) / TOLD).is_file() else open_run(folder)
