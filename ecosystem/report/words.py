"""Numbers and names as a page shows them; sentences come from `ecosystem.runs.wording`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ecosystem.metrics import titles
from ecosystem.runs import wording


def heading(metric: str) -> str:
    """What a metric is called on a page, with a capital: 'Diversity within models'."""
    words = titles.title(metric).title
    return words[:1].upper() + words[1:]


def axis_label(metric: str) -> str:
    """Title and unit for an axis."""
    words, unit = heading(metric), titles.title(metric).unit
    return words if not unit or unit in words.casefold() else f"{words} ({unit})"


def number(value: float) -> str:
    """Three significant digits with a real minus sign; an en dash for nothing."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return wording.number(value).replace("-", "−")


def between(counts: Sequence[int]) -> str:
    """'8', or '3 to 8' where they differ."""
    low, high = min(counts, default=0), max(counts, default=0)
    return f"{high:,}" if low == high else f"{low:,} to {high:,}"


def span(low: float, high: float) -> str:
    """An interval: '0.21 to 0.34'; empty where there is none."""
    return "" if math.isnan(low) or math.isnan(high) or math.isinf(low) else f"{number(low)} to {number(high)}"


def duration(seconds: float | None) -> str:
    """Wall time: '4.2 s', '3 min 5 s', '2 h 10 min'."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
