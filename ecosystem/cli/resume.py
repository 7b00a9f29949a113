"""The command `resume`: goes on where runs of a study, or one run, were stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ecosystem.cli.options import Checkpoint, Device, How, Jobs, Quiet, Threads


def resume(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, or of a study.")],
    jobs: Jobs = 1,
    device: Device = "cpu",
    threads: Threads = None,
    checkpoint: Checkpoint = 30.0,
    quiet: Quiet = False,
) -> int:
    """Goes on where a stopped run stood.

    Of a study all runs that are not complete. Each goes on from its last checkpoint, comes to the numbers that it would
    have come to without the stop, and compares them with what it had recorded.
    """
    from ecosystem.cli.made import made_runs
    from ecosystem.cli.run import told
    from ecosystem.runs.resuming import resumable

    study, spec, pairs = resumable(Path(folder), device)
    how = How(str(study.parent.parent), jobs, device, threads, quiet, checkpoint)
    if not pairs:  # whoever resumes until all is done is done
        print(f"{folder}: is complete; there is nothing to go on with", file=sys.stderr)
        print(study)
        return 0
    return told(made_runs(spec, pairs, how), quiet)
