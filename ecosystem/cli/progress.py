"""How far runs are: steps, documents a second, time left. Silent where nobody watches."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecosystem.runs.boundary_search import Crossing

Progress = Callable[[str, int, int, int, int], None]
Searches = Callable[[int, dict[str, Any], "Crossing | None"], None]


@contextlib.contextmanager
def shown(steps: Callable[[], int], quiet: bool) -> Iterator[Progress | None]:
    """A bar on standard error over the steps of all runs (step 0 of each counts); None where it is not wanted."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} steps  {task.fields[rate]:,.0f} documents/s"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _follower(bar, bar.add_task("starting", total=steps(), rate=0.0))


@contextlib.contextmanager
def cells_shown(quiet: bool) -> Iterator[Callable[[int, int, int, float, float], None] | None]:
    """A bar on standard error over the cells of a sweep, with what they took so far; None where it is not wanted."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} runs, {task.fields[spent]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sweep", total=1, spent="")

        def progress(done: int, total: int, failed: int, seconds: float, cost: float) -> None:
            bar.update(task, completed=done, total=total, spent=spent_words(failed, seconds, cost))

        yield progress


@contextlib.contextmanager
def steps_shown(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on standard error over the steps, or cells, of one thing after the other; None where it is not wanted."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    counted = TextColumn("{task.completed:,.0f} of {task.total:,.0f}")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), counted, TimeRemainingColumn())
    with Progress(*columns, TextColumn("left"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)
        yield lambda about, done, total: bar.update(task, completed=done, total=total, description=about)


@contextlib.contextmanager
def search_shown(quiet: bool, precision: float, scale: float) -> Iterator[Callable[[Crossing], None] | None]:
    """A line on standard error on how far a boundary search is; `scale`: of its axis in units of the key."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        yield lambda now: bar.update(task, description=search_words(now, precision, scale))


@contextlib.contextmanager
def searches_shown(quiet: bool, precision: float, scale: float, total: int) -> Iterator[Searches | None]:
    """A bar on standard error over the searches of a boundary in two keys, with how far the latest one is."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    searches = TextColumn("{task.completed:,.0f} of {task.total:,.0f} values")
    columns = (BarColumn(), searches, TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def progress(ended: int, point: dict[str, Any], now: Crossing | None) -> None:
            at = ", ".join(str(value) for value in point.values())
            words = "done" if now is None else search_words(now, precision, scale)
            bar.update(task, completed=ended, description=f"{at}: {words}")

        yield progress


def search_words(now: Crossing, precision: float, scale: float) -> str:
    """How far a boundary search is."""
    so_far = f"known to +- {scale * now.precision:.3g}" if now.rising is not None else "looking at both ends"
    return f"{now.questions:,} runs: {so_far}, asked for +- {precision:g}"


def spent_words(failed: int, seconds: float, cost: float) -> str:
    """What the cells of a sweep took so far."""
    charged = "" if math.isnan(cost) else f", cost {cost:,.0f}"
    return f"{failed:,} failed, {seconds:,.0f} s of computing{charged}"


def _follower(bar, task) -> Progress:
    began = time.monotonic()
    done: dict[tuple[str, int], tuple[int, int]] = {}

    def progress(arm: str, seed: int, step: int, steps: int, documents: int) -> None:
        done[arm, seed] = (step + 1, documents)
        completed, written = (sum(column) for column in zip(*done.values(), strict=True))
        rate = written / max(time.monotonic() - began, 1e-9)
        bar.update(task, completed=completed, description=f"{arm}, seed {seed}", rate=rate)

    return progress
