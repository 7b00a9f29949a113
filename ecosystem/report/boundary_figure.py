"""A boundary search as a figure: every run along the key, the chance believed, and where it crosses one half."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ecosystem.report.figures import DASHED, _legend
from ecosystem.report.response import key_words
from ecosystem.report.style import FAINT, INK, line_style, look, panels, wrapped
from ecosystem.runs.boundary import Searched

PLACES = 161
STACK = 0.02  # of the axis: runs at one place stand above each other


@look()
def boundary(searched: Searched) -> Figure:
    """Runs in which the event happened on top, others at the bottom; the curve is believed, the band its crossing."""
    figure, axes = panels(1, 1, 6.4, 3.1)
    ax, colour = axes[0, 0], line_style(0)["color"]
    values, happened = np.array(searched.values), np.array(searched.happened)
    for seen, level, sign in ((True, 1.0, -1), (False, 0.0, 1)):
        x = values[happened == seen]
        ax.plot(x, level + sign * STACK * _order(x), "o", ms=3.6, color=colour, alpha=0.7, mew=0, zorder=4)
    entries: list = [Line2D([], [], color=colour, marker="o", ls="", ms=3.6, label="a run")]
    if searched.search.rising is not None:
        grid = np.linspace(searched.bounds.low, searched.bounds.high, PLACES)
        ax.plot(grid, [searched.chance(v) for v in grid], color=INK, lw=1.4)
        estimate, low, high = searched.found
        ax.axvspan(low, high, color=FAINT, alpha=0.22, lw=0)
        ax.axvline(estimate, color=FAINT, lw=1.2, ls=DASHED)
        entries += [
            Line2D([], [], color=INK, lw=1.4, label="chance, as believed"),
            Line2D([], [], color=FAINT, lw=1.2, ls=DASHED, label="where it is one half"),
            Patch(color=FAINT, alpha=0.22, lw=0, label="95% interval"),
        ]
    ax.set(xlabel=wrapped(key_words(searched.key)), ylabel=wrapped(f"chance of {searched.event}"), ylim=(-0.04, 1.04))
    _legend(figure, entries)
    return figure


def _order(x: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... of the runs at one value."""
    seen: dict[float, int] = {}
    order = []
    for value in x.tolist():
        seen[value] = seen.get(value, -1) + 1
        order.append(seen[value])
    return np.array(order, float)
