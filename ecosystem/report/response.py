"""Response curves: a metric at the end against the number that arms turn up, a line for each of their settings.

from ecosystem.report.response import curve
curve(study, "attack_rate").savefig("containment.pdf")
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ecosystem.metrics import titles
from ecosystem.report.bands import within
from ecosystem.report.figures import LABELLED, MARK, _legend, _sample
from ecosystem.report.style import end_labels, line_style, look, panels, text_colour, value_limits, wrapped
from ecosystem.report.words import axis_label
from ecosystem.runs.response import Response, ends, response

SHIFT = 0.004  # of the axis: lines are set apart so that their intervals do not hide each other


@look()
def curve(study, metric: str, along: Response | None = None) -> Figure | None:
    """Means over seeds at the end with 95% intervals; None where arms vary no number, or no value is finite."""
    along = along or response(study)
    if along is None:
        return None
    figure, axes = panels(1, 1, 4.7, 3.0)
    ax, seen, labels = axes[0, 0], [], []
    span = np.ptp([value for line in along.lines.values() for value, _ in line])
    for index, (name, line) in enumerate(along.lines.items()):
        points = ends(study, metric, line)
        x = np.array([value for value, _ in points]) + span * SHIFT * (index - (len(along.lines) - 1) / 2)
        mean = np.array([found.estimate for _, found in points])
        low, high = within(metric, [found.low for _, found in points], [found.high for _, found in points])
        known = np.isfinite(mean)
        if not known.any():
            continue
        style = line_style(index)
        ax.vlines(x[known], low[known], high[known], color=style["color"], lw=1.1, alpha=0.6)
        ax.plot(x[known], mean[known], **style, **MARK, lw=1.6, zorder=4)
        seen += [v for v in (*mean, *low, *high) if np.isfinite(v)]
        labels.append((float(mean[known][-1]), name, text_colour(index)))
    if not seen:
        return None
    ax.set_ylim(*value_limits(min(seen), max(seen), metric))
    ax.set_xlabel(key_words(along.over))
    ax.set_ylabel(wrapped(axis_label(metric)))
    if 1 < len(labels) <= LABELLED:
        _legend(figure, [_sample(i, name) for i, name in enumerate(along.lines)])
    elif len(labels) > LABELLED:
        end_labels(ax, labels)
    return figure


def key_words(address: str) -> str:
    """A key for an axis: its last two parts, 'placement share'; three where it ends in the number of an item."""
    parts = address.split(".")
    return " ".join(parts[-3 if parts[-1].isdigit() else -2 :]).replace("_", " ")


def worse_when_high(metric: str) -> bool:
    """Is the metric a share of something bad, so that it can be said to be contained below a level?"""
    known = titles.title(metric)
    return known.worse == "higher" and known.range == titles.SHARE
