"""The design `boundary` of the command `sweep`: where a chance crosses one half, in one key or along another."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ecosystem.cli.options import How, command_line, interruptible
from ecosystem.cli.progress import search_shown, searches_shown
from ecosystem.errors import InputError

if TYPE_CHECKING:
    from ecosystem.runs.boundary_curve import Curve
    from ecosystem.scenario import Scenario

FORM = (
    "takes one range KEY=LOW:HIGH, in which the boundary is sought, and at most one other key with values A,B,C, at "
    "each of which it is sought"
)


def boundary(spec: Scenario, given: dict[str, Any], event: str, precision: float | None, how: How) -> int:
    """`given`: the keys of --vary, ranges as tuples. Exit status 1 where a run failed."""
    from ecosystem.runs.boundary import parsed_event

    key, values = _chosen(given)
    parsed_event(event, spec)
    if precision is None:
        raise InputError(f"--precision X: must be given with --design boundary: +-, in units of {key}")
    asked_for = (key, given[key], event, precision)
    return _along(spec, values, *asked_for, how) if values else _one(spec, *asked_for, how)


def _chosen(given: dict[str, Any]) -> tuple[str, dict[str, list]]:
    """The key in which the boundary is sought, and the other one with its values, if there is one."""
    ranges = [key for key, values in given.items() if isinstance(values, tuple)]
    if len(given) == 1:
        return next(iter(given)), {}
    if len(ranges) != 1 or len(given) != 2:
        got = f"{len(given)} keys" if len(given) > 2 else "two ranges" if ranges else "no range"
        raise InputError(f"--design boundary: {FORM}; got {got if given else 'no --vary'}")
    return ranges[0], {key: values for key, values in given.items() if key not in ranges}


def _one(spec: Scenario, key: str, between: Any, event: str, precision: float, how: How) -> int:
    from ecosystem.runs.boundary import boundary
    from ecosystem.runs.runner import RunFailed
    from ecosystem.runs.sweep_design import checked_range

    if how.jobs > 1:
        raise InputError("--jobs: a boundary in one key is sought run after run in this process; leave it out")
    bounds = checked_range(key, between)
    asked_for = (spec, key, between, event, precision)
    try:
        with interruptible(how, spec), search_shown(how.quiet, precision, bounds.high - bounds.low) as progress:
            found = boundary(*asked_for, out=how.out, progress=progress, command=command_line(), device=how.device)
    except RunFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(found.folder)
    print(found.says)
    if not found.precise:
        print(f"the precision asked for was not reached in {found.runs} runs", file=sys.stderr)
    return 0


def _along(
    spec: Scenario, values: dict[str, list], key: str, between: Any, event: str, precision: float, how: How
) -> int:
    from ecosystem.runs.boundary_along import along
    from ecosystem.runs.sweep_design import checked_range, grid

    bounds, design = checked_range(key, between), grid(values)
    shown = searches_shown(how.quiet, precision, bounds.high - bounds.low, design.size)
    with interruptible(how, spec), shown as progress:
        found = along(
            spec, design, key, between, event, precision, out=how.out, progress=progress, command=command_line(),
            device=how.device, jobs=how.jobs,
        )  # fmt: skip
    return _say(found, how.quiet)


def _say(found: Curve, quiet: bool) -> int:
    """The folder, a line a value, and where more of it lies."""
    from ecosystem.runs.boundary_curve import TABLE

    print(found.folder)
    status = 0
    for place in found.places:
        at = ", ".join(f"{key} = {value}" for key, value in place.point.items())
        if place.found is not None and place.ended:
            print(f"{at}: {place.found.says}{f'; {place.note}' if place.note else ''}")
        elif place.nowhere:
            print(f"{at}: {place.note}")
        else:
            print(f"failed: {at}: {place.note}", file=sys.stderr)
            status = 1
    if not quiet:
        runs, needed = sum(place.runs for place in found.places), found.grid_runs * len(found.places)
        print(f"{runs:,} runs in all; a grid of this precision: {needed:,}", file=sys.stderr)
        print(f"the table: {found.folder / TABLE}; a page of it: ecosystem report {found.folder}", file=sys.stderr)
    return status
