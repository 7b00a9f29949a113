"""How the benchmarks measure."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds of a call, after one call that warms caches and compiles."""
    work()
    return statistics.median(once(work) for _ in range(repeats))


def once(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternating(one: Callable[[], object], other: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Median seconds of two calls, taken in turn so that a drifting machine is fair to both."""
    first, second = in_turn(one, other, repeats=repeats)
    return first, second


def in_turn(*works: Callable[[], object], repeats: int = 5) -> list[float]:
    """Median seconds of several calls, taken in turn, after one of each that warms caches and compiles."""
    for work in works:
        work()
    rounds = [[once(work) for work in works] for _ in range(repeats)]
    return [statistics.median(taken) for taken in zip(*rounds, strict=True)]


def peak_gib() -> float:
    """Peak memory of this process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def row(*cells: object) -> None:
    """One line of a table."""
    print(" | ".join(f"{c:>12.4g}" if isinstance(c, float) else f"{c!s:>12}" for c in cells), flush=True)
