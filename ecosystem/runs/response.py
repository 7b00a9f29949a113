"""Response curves: what becomes of a metric when arms turn one number of the scenario up, perhaps at several settings.

A study has one where its arms give some key of numbers three values or more (the scenario's own counts), and change at
most one other key besides: arms with the same value of that are one line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecosystem.errors import InputError
from ecosystem.files.addresses import path_of
from ecosystem.runs import comparison
from ecosystem.runs.opened import Study
from ecosystem.runs.statistics import Interval, t_interval

FEWEST = 3  # values that make a curve


@dataclass(frozen=True)
class Response:
    """The arms of a study by the key that is turned up (`over`) and the one that tells lines apart (None: one line).

    `lines`: for each value of the other key, arms by rising value of the first, one arm a value.
    """

    over: str
    by: str | None
    lines: dict[str, list[tuple[float, str]]]


def response(study) -> Response | None:
    """The response that a study (or what figures need of one) shows, along the key with most values.

    None where none has enough of them.
    """
    spec = study.spec
    changed = {arm: spec.arms.get(arm, {}) for arm in study.arms}
    base: dict[str, Any] = spec.plain()
    found = [_along(key, changed, base) for key in dict.fromkeys(key for keys in changed.values() for key in keys)]
    kept = [r for r in found if r is not None]
    return max(kept, key=lambda r: sum(len(line) for line in r.lines.values()), default=None)


def ends(study: Study, metric: str, line: list[tuple[float, str]]) -> list[tuple[float, Interval]]:
    """A metric at the end along a line: (value of the key, mean over seeds with its 95% interval)."""
    return [(value, t_interval(comparison.values(study, metric, arm))) for value, arm in line]


def least_below(study: Study, metric: str, line: list[tuple[float, str]], level: float) -> float | None:
    """Least value of the key from which on the whole interval lies below a level; None where there is none.

    From which on: also at all larger values that were tried. An arm with a single seed has no interval and does not
    count.
    """
    least = None
    for value, found in reversed(ends(study, metric, line)):
        if not found.high < level:
            break
        least = value
    return least


def _along(key: str, changed: dict[str, dict[str, Any]], base: dict[str, Any]) -> Response | None:
    own = _value(base, key)
    values = {arm: keys.get(key, own) for arm, keys in changed.items()}
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values.values()):
        return None
    others = {arm: [k for k in keys if k != key] for arm, keys in changed.items()}
    count = Counter(o[0] for arm, o in others.items() if len(o) == 1 and key in changed[arm])
    by = count.most_common(1)[0][0] if count else None
    lines: dict[str, dict[float, str]] = {}
    for arm, keys in changed.items():
        if set(others[arm]) <= {by}:
            line = str(keys.get(by, _value(base, by)) if by else "")
            lines.setdefault(line, {}).setdefault(float(values[arm]), arm)
    kept = {line: sorted(arms.items()) for line, arms in lines.items() if len(arms) >= FEWEST}
    return Response(key, by, kept) if kept else None


def _value(plain: dict[str, Any], address: str) -> Any:
    """What stands at an address of a scenario; NaN where nothing does."""
    here: Any = plain
    try:
        for step in path_of(plain, address):
            here = here[step]
    except (InputError, KeyError, IndexError, TypeError):
        return np.nan
    return here
