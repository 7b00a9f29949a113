"""Designs: at which values of which keys of a scenario a sweep runs it.

    grid({"humans.people.rate": [10, 100], "graph.kind": ["ring", "complete"]})
    listed([{"models.0.read": 50, "models.0.publish": 10}, ...])        one row a point
    latin({"humans.people.rate": (1, 1000, "log")}, 64)                 ranges: (low, high) or (low, high, "log")
    sobol({...}, 64), morris({...}, 16)                                 for the indices of `sensitivity`

A range whose two ends are whole numbers gives whole numbers, all of them alike. Sampling is SALib's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from ecosystem.errors import InputError
from ecosystem.files.allowed import shown
from ecosystem.streams import Streams

OURS = ("seed", "name", "question", "metrics", "arms", "claims")  # keys that a sweep sets itself or that make no number
CHECKED = 200  # rows of a list, or values of a key, that are looked at before anything runs
MAX_POINTS = 10_000_000
LEVELS = 4  # of Morris' trajectories


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; `whole`: whole numbers; `log`: even in the logarithm."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def at(self, share: float) -> float | int:
        """The value at a share (0 to 1) of the range."""
        if self.whole and not self.log:
            return min(int(self.high), int(self.low + share * (self.high - self.low + 1)))
        a, b = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = a + share * (b - a)
        value = min(max(math.exp(value) if self.log else value, self.low), self.high)
        return round(value) if self.whole else value


@dataclass(frozen=True)
class Design:
    """Points to run: `kind`, the `keys` that vary, how many points (`size`), and the points one by one."""

    kind: str
    keys: tuple[str, ...]
    size: int
    points: Callable[[], Iterator[dict[str, Any]]] = field(repr=False, compare=False)
    extremes: Callable[[], Iterable[dict[str, Any]]] = field(repr=False, compare=False)  # tried before anything runs
    told: dict[str, Any] = field(default_factory=dict, repr=False)  # what it was made from, as JSON knows it
    share_PK: np.ndarray | None = field(default=None, repr=False, compare=False)  # of sampled ones: where in each range


def grid(values: Mapping[str, Sequence[Any]]) -> Design:
    """Every combination; the last key varies fastest."""
    keys = _keys(values)
    for key, given in values.items():
        if isinstance(given, str) or not isinstance(given, Sequence) or not len(given):
            raise InputError(f"{key}: a grid needs a list of at least one value; got {shown(given)}")
        twice = [v for i, v in enumerate(given) if v in given[:i]]
        if twice:
            raise InputError(f"{key}: each value once; got {shown(twice[0])} twice")
    size = math.prod(len(given) for given in values.values())
    _bounded(size)
    first = {key: given[0] for key, given in values.items()}
    extremes = lambda: (first | {key: value} for key, given in values.items() for value in given[:CHECKED])  # noqa: E731
    points = lambda: (dict(zip(keys, point, strict=True)) for point in product(*values.values()))  # noqa: E731
    return Design("grid", keys, size, points, extremes, {key: list(given) for key, given in values.items()})


def listed(rows: Sequence[Mapping[str, Any]]) -> Design:
    """The points as given, each a mapping of the same keys."""
    if not rows:
        raise InputError("The list of points is empty; give at least one row.")
    keys = _keys(rows[0])
    for number, row in enumerate(rows, 1):
        if set(row) != set(keys):
            raise InputError(f"Row {number} must have the keys {', '.join(keys)}; got {', '.join(map(str, row))}")
    _bounded(len(rows))
    given = [{key: row[key] for key in keys} for row in rows]
    return Design("list", keys, len(rows), lambda: iter(given), lambda: given[:CHECKED], {"rows": given})


def latin(ranges: Mapping[str, Any], points: int, draw: int = 0) -> Design:
    """A Latin hypercube of so many points; another `draw` gives another one."""
    return _sampled("latin", ranges, points, draw, lambda s, problem, seed: s.latin.sample(problem, points, seed=seed))


def sobol(ranges: Mapping[str, Any], points: int, draw: int = 0) -> Design:
    """Saltelli's scheme on a Sobol sequence: points x (keys + 2) points; `points` must be a power of two."""
    if points < 2 or points & (points - 1):
        near = 2 ** max(1, round(math.log2(max(points, 1))))
        raise InputError(f"points: of a Sobol design must be a power of two from 2; got {points} (try {near})")

    def sample(salib, problem, seed):
        return salib.sobol.sample(problem, points, calc_second_order=False, seed=seed)

    return _sampled("sobol", ranges, points, draw, sample)


def morris(ranges: Mapping[str, Any], points: int, draw: int = 0) -> Design:
    """So many of Morris' trajectories through four levels of each key: points x (keys + 1) points."""

    def sample(salib, problem, seed):
        return salib.morris.sample(problem, points, num_levels=LEVELS, seed=seed)

    return _sampled("morris", ranges, points, draw, sample)


def checked_range(key: str, given: Any) -> Range:
    """(low, high) or (low, high, 'log') as a Range; InputError where it is none or the wrong way round."""
    if isinstance(given, Range):
        return given
    parts = list(given) if isinstance(given, tuple) else []
    numbers = [p for p in parts[:2] if isinstance(p, (int, float)) and not isinstance(p, bool) and math.isfinite(p)]
    if len(numbers) < 2 or len(parts) > 3 or parts[2:] not in ([], ["log"]):
        raise InputError(f"{key}: needs a range LOW:HIGH or LOW:HIGH:log; got {shown(given)}")
    low, high = numbers
    if not low < high:
        raise InputError(f"{key}: the lower bound must come first and be smaller; got {low}:{high}")
    log = len(parts) == 3
    if log and low <= 0:
        raise InputError(f"{key}: a range in logarithms must begin above 0; got {low}:{high}:log")
    return Range(low, high, log, whole=isinstance(low, int) and isinstance(high, int))


def _sampled(kind: str, ranges: Mapping[str, Any], points: int, draw: int, sample: Callable) -> Design:
    keys = _keys(ranges)
    if points < 1:
        raise InputError(f"points: a {kind} design needs at least 1; got {points}")
    axes = [checked_range(key, ranges[key]) for key in keys]
    problem = {"num_vars": len(keys), "names": list(keys), "bounds": [[0.0, 1.0]] * len(keys)}
    _bounded(points * (len(keys) + 2))
    share_PK = np.asarray(sample(_salib(), problem, Streams(draw).key(f"design/{kind}") % 2**32), float)

    def each() -> Iterator[dict[str, Any]]:
        for share_K in share_PK.tolist():
            yield {key: axis.at(share) for key, axis, share in zip(keys, axes, share_K, strict=True)}

    first = {key: axis.at(0.0) for key, axis in zip(keys, axes, strict=True)}
    ends = [first | {key: axis.at(end)} for key, axis in zip(keys, axes, strict=True) for end in (0.0, 1.0)]
    ranges_told = {key: [a.low, a.high, a.log, a.whole] for key, a in zip(keys, axes, strict=True)}
    told = {"points": points, "draw": draw, "ranges": ranges_told}
    return Design(kind, keys, len(share_PK), each, lambda: ends, told, share_PK)


def again(kind: str, told: Mapping[str, Any]) -> Design:
    """The sampled design that `told` tells of."""
    ranges = {key: Range(*given) for key, given in told["ranges"].items()}
    return {"latin": latin, "sobol": sobol, "morris": morris}[kind](ranges, told["points"], told["draw"])


def _keys(given: Mapping[str, Any]) -> tuple[str, ...]:
    keys = tuple(given)
    if not keys:
        raise InputError("A design needs at least one key that varies; got none.")
    for key in keys:
        if not isinstance(key, str) or key.partition(".")[0] in OURS:
            raise InputError(f"{key}: cannot vary within a sweep (seeds are given beside the design)")
    return keys


def _bounded(size: int) -> None:
    if size > MAX_POINTS:
        raise InputError(f"A design may have up to {MAX_POINTS:,} points; got {size:,}.")


def _salib() -> Any:
    try:
        import SALib.sample.latin
        import SALib.sample.morris
        import SALib.sample.sobol
    except ImportError:
        raise InputError("SALib is not installed; install it with: pip install 'model-ecosystem[sweep]'") from None
    return SALib.sample
