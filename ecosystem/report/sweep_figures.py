"""Figures of a sweep: lines and maps of a grid, dots of a list, scatters of a sampled design, its indices.

    from ecosystem.report.sweep_figures import lines
    from ecosystem.report.swept import Swept
    lines(Swept(open_sweep(folder)), "tail_coverage").savefig("tail.pdf")
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecosystem.report.bands import within
from ecosystem.report.figures import LABELLED, MARK, _legend, _sample
from ecosystem.report.response import key_words
from ecosystem.report.style import FAINT, RAMP, line_style, look, panels, shortened, value_limits, wrapped
from ecosystem.report.swept import Swept, logarithmic, named
from ecosystem.report.words import axis_label, number
from ecosystem.runs.statistics import Interval

ROWS = 40  # points that a figure of dots shows
IN_A_ROW = 3  # panels
TICKS = 6  # values of a key up to which each has its tick
WRITTEN = 64  # cells of a map up to which each carries its figures


@look()
def lines(swept: Swept, metric: str) -> Figure:
    """Means over seeds with 95% intervals along the key with most values, a line for each value of the other key.

    Of more than two keys a panel each, averaged over the others.
    """
    keys = swept.several_keys or swept.keys[:1]
    if len(keys) > 2:
        return _effects(swept, metric, keys)
    over, by = keys[0], keys[1] if len(keys) > 1 else None
    figure, axes = panels(1, 1, 4.7, 3.0)
    ends = swept.values(by)[:LABELLED] if by else [None]
    seen: list[float] = []
    for index, end in enumerate(ends):
        chosen = {} if by is None else {by: end}
        seen += _line(axes[0, 0], swept, metric, over, chosen, index, len(ends))
    _dress(axes[0, 0], swept, over, metric, seen)
    axes[0, 0].set_ylabel(wrapped(axis_label(metric)))
    if by:
        _legend(figure, [_sample(i, f"{key_words(by)} {named(end)}") for i, end in enumerate(ends)])
    return figure


def _effects(swept: Swept, metric: str, keys: list[str]) -> Figure:
    """A panel a key: means over all points with a value, and their intervals over seeds."""
    figure, drawn = _row(keys, 2.6)
    seen: list[float] = []
    for ax, key in zip(drawn, keys, strict=True):
        seen += _line(ax, swept, metric, key, {}, 0, 1)
    for ax, key in zip(drawn, keys, strict=True):
        _dress(ax, swept, key, metric, seen)
    drawn[0].set_ylabel(wrapped(axis_label(metric), 26))
    return figure


def _row(keys: list[str], height: float) -> tuple[Figure, list[Axes]]:
    """A panel a key, on a common axis of values."""
    columns = min(len(keys), IN_A_ROW)
    rows = -(-len(keys) // columns)
    figure, axes = panels(rows, columns, max(4.7, 0.7 + 2.7 * columns), height * rows, sharey=True)
    flat = [ax for row in axes for ax in row]
    for ax in flat[len(keys) :]:
        ax.set_visible(False)
    return figure, flat[: len(keys)]


def _line(ax: Axes, swept: Swept, metric: str, over: str, chosen: dict, index: int, of: int) -> list[float]:
    """One line with its intervals; gives the values that the axis must hold."""
    found = [swept.where(metric, {**chosen, over: value}) for value in swept.values(over)]
    x = np.array(places(swept, over), float)
    aside = 0.006 * (index - (of - 1) / 2)  # lines are set apart so that their intervals do not hide each other
    x = x * (x.max() / x.min()) ** aside if logarithmic_key(swept, over) else x + np.ptp(x) * aside
    mean, low, high = _columns(metric, found)
    known, style = np.isfinite(mean), line_style(index)
    ax.vlines(x[known], low[known], high[known], color=style["color"], lw=1.2, alpha=0.6)
    dashes = style if swept.numeric(over) else style | {"linestyle": ""}
    ax.plot(x[known], mean[known], **dashes, **MARK, lw=1.6, zorder=4)
    return [v for v in (*mean, *low, *high) if np.isfinite(v)]


def places(swept: Swept, key: str) -> list[float]:
    """Where the values of a key stand on its axis: numbers where they are, others in a row."""
    values = swept.values(key)
    return [float(v) for v in values] if swept.numeric(key) else list(map(float, range(len(values))))


def logarithmic_key(swept: Swept, key: str) -> bool:
    return swept.numeric(key) and logarithmic(swept.values(key))


def _dress(ax: Axes, swept: Swept, key: str, metric: str, seen: list[float]) -> None:
    key_axis(ax, swept, key)
    if seen:
        ax.set_ylim(*value_limits(min(seen), max(seen), metric))


def key_axis(ax: Axes, swept: Swept, key: str) -> None:
    """The axis of a key: its name, its scale and, where it has words for values, the words."""
    ax.set_xlabel(wrapped(key_words(key)))
    if not swept.numeric(key):
        values = [shortened(named(v), 16) for v in swept.values(key)]
        ax.set_xticks(range(len(values)), values, rotation=25 if len(values) > 3 else 0)
        ax.set_xlim(-0.5, len(values) - 0.5)
    elif logarithmic_key(swept, key):
        ax.set_xscale("log")
        if len(swept.values(key)) <= TICKS:
            ax.set_xticks(swept.values(key))
            ax.minorticks_off()
        ax.xaxis.set_major_formatter("{x:g}")


def _columns(metric: str, found: list[Interval]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean = np.array([f.estimate for f in found])
    low, high = within(metric, [f.low for f in found], [f.high for f in found])
    return mean, np.where(np.isfinite(low), low, mean), np.where(np.isfinite(high), high, mean)


@look()
def chart(swept: Swept, metric: str) -> Figure | None:
    """Two keys as a map, each cell with its mean and half its interval; None unless both have three values or more."""
    keys = swept.several_keys
    if len(keys) != 2 or len(swept.values(keys[1])) < 3:
        return None
    across, up = keys
    found = [[swept.where(metric, {across: x, up: y}) for x in swept.values(across)] for y in swept.values(up)]
    mean = np.array([[f.estimate for f in row] for row in found])
    mean = np.where(np.isfinite(mean), mean, np.nan)
    rows, columns = mean.shape
    figure, axes = panels(1, 1, max(4.7, 1.6 + 0.62 * columns), max(2.6, 0.9 + 0.42 * rows))
    ax = axes[0, 0]
    picture = ax.imshow(mean, cmap=RAMP, aspect="auto", origin="lower")
    ax.set_xticks(range(columns), [shortened(named(v), 12) for v in swept.values(across)])
    ax.set_yticks(range(rows), [shortened(named(v), 16) for v in swept.values(up)])
    ax.set(xlabel=wrapped(key_words(across)), ylabel=wrapped(key_words(up)))
    ax.grid(False)
    figure.colorbar(picture, ax=ax, label=wrapped(axis_label(metric)))
    if mean.size <= WRITTEN:
        _written(ax, found, mean)
    return figure


def _written(ax: Axes, found: list[list[Interval]], mean: np.ndarray) -> None:
    """The figures in the cells, light on dark and dark on light."""
    middle = (np.nanmin(mean) + np.nanmax(mean)) / 2
    for y, row in enumerate(found):
        for x, cell in enumerate(row):
            half = cell.high - cell.estimate
            text = number(cell.estimate) + (f"\n±{number(half)}" if np.isfinite(half) and half > 0 else "")
            colour = "white" if cell.estimate < middle else "black"
            ax.text(x, y, text, ha="center", va="center", fontsize=6.5, color=colour)


@look()
def dots(swept: Swept, metric: str) -> Figure:
    """The points of a list one below the other, means with 95% intervals; the first forty."""
    shown = swept.points[:ROWS]
    mean, low, high = _columns(metric, swept.each(metric)[:ROWS])
    figure, axes = panels(1, 1, 4.7, 0.9 + 0.2 * len(shown))
    ax, style = axes[0, 0], line_style(0)
    ax.hlines(range(len(shown)), low, high, color=style["color"], lw=1.6)
    ax.plot(mean, range(len(shown)), **style | {"linestyle": ""}, **MARK)
    ax.set_yticks(range(len(shown)), [shortened(point_words(swept, point), 44) for point in shown])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.grid(axis="x")
    ax.set_xlabel(axis_label(metric))
    return figure


def point_words(swept: Swept, point: dict[str, Any]) -> str:
    """A point by what it varies: 'rate 10, kind ring'."""
    keys = swept.several_keys or swept.keys
    return ", ".join(f"{key.rpartition('.')[2]} {named(point[key])}" for key in keys)


@look()
def scatter(swept: Swept, metric: str) -> Figure:
    """Every point's mean against each key, a panel a key: of sampled designs."""
    keys = swept.several_keys or swept.keys[:1]
    figure, drawn = _row(keys, 2.5)
    means = swept.cells.groupby("point")[metric].mean().reindex(swept.numbers).to_numpy(float)
    means = np.where(np.isfinite(means), means, np.nan)
    for ax, key in zip(drawn, keys, strict=True):
        place = dict(zip(map(str, swept.values(key)), places(swept, key), strict=True))
        x = [place[str(point[key])] for point in swept.points]
        ax.scatter(x, means, s=11, color=line_style(0)["color"], alpha=0.55, lw=0, rasterized=len(x) > 800)
        _dress(ax, swept, key, metric, means[np.isfinite(means)].tolist())
    drawn[0].set_ylabel(wrapped(axis_label(metric), 26))
    return figure


@look()
def importance(table: pd.DataFrame, metric: str) -> Figure:
    """Indices of a metric with their 95% intervals, a row a key: `table` as `sensitivity.indices` gives it."""
    names = [name for name in ("total", "first", "mu_star") if name in table]
    figure, axes = panels(1, 1, 4.7, 0.9 + 0.34 * len(table))
    ax = axes[0, 0]
    for index, name in enumerate(names):
        rows = np.arange(len(table)) + 0.22 * (index - (len(names) - 1) / 2)
        style = line_style(index)
        ax.hlines(rows, table[f"{name}_low"], table[f"{name}_high"], color=style["color"], lw=1.6)
        ax.plot(table[name], rows, **style | {"linestyle": ""}, **MARK)
    ax.axvline(0, color=FAINT, lw=0.7)
    ax.set_yticks(range(len(table)), [shortened(key_words(key), 34) for key in table["key"]])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.grid(axis="x")
    ax.set_xlabel(f"{axis_label(metric)}: " + ("mean size of change" if names == ["mu_star"] else "share of variance"))
    if len(names) > 1:
        words = {"total": "with interactions", "first": "alone"}
        _legend(figure, [_sample(i, words[name]) for i, name in enumerate(names)])
    return figure
