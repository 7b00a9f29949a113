"""Numbers in sentences, in characters that any terminal shows."""

from __future__ import annotations

import math
from collections.abc import Sequence


def number(value: float) -> str:
    """Three significant digits, thousands separated: 0.412, 12.3, 1,490, 2.1e-05."""
    if not math.isfinite(value):
        return "not measured" if math.isnan(value) else "infinite" if value > 0 else "-infinite"
    size = abs(value)
    if size != 0 and not 5e-4 <= size < 1e6:
        return f"{value:.2e}"
    return f"{value:,.0f}" if size >= 999.5 else f"{value:.3g}"


def counted(n: int, thing: str) -> str:
    """'1 seed', '8 seeds'."""
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def interval(low: float, high: float, n: int, things: str = "seed") -> str:
    """'95% interval 0.38 to 0.44, 8 seeds'; says so where there is none."""
    if math.isnan(low) or math.isnan(high):
        return f"{counted(n, things)}: no interval"
    return f"95% interval {number(low)} to {number(high)}, {counted(n, things)}"


def listed(words: Sequence[object], most: int = 8) -> str:
    """'a, b and c'; longer lists end in 'and 5 more'."""
    told = [str(word) for word in words]
    if len(told) > most:
        told = [*told[: most - 1], f"{len(told) - most + 1} more"]
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told)
