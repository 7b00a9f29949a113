"""The figure of a brief: the curve with the law beside it and what one more document is worth, or the ways compared."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ecosystem.report.bands import within
from ecosystem.report.figures import DASHED, MARK
from ecosystem.report.style import INK, line_style, look, panels, shortened, value_limits, wrapped
from ecosystem.report.words import axis_label
from ecosystem.value.valued import Value

LEAST = 1.0  # of an axis of rates that is even in the logarithm, for most of the curve lies at few documents


@look()
def drawn(value: Value) -> Figure:
    """For rates the curve and the worth of one more; for times the worth over the step; else ways side by side."""
    return _rates(value) if value.by == "rate" else _times(value) if value.by == "time" else _ways(value)


def _rates(value: Value) -> Figure:
    table = value.table
    figure, axes = panels(1, 2, 8.6, 3.2)
    curve, marginal = axes[0]
    x, style = table["documents"].to_numpy(float), line_style(0)
    low, high = within(value.metric, table["value_low"].to_numpy(), table["value_high"].to_numpy())
    curve.fill_between(x, low, high, color=style["color"], alpha=0.2, lw=0)
    curve.plot(x, table["value"], **style, **MARK, lw=1.6)
    curve.plot(x, table["law"], color=INK, lw=1.1, ls=DASHED)
    _limits(curve, [table["value"], low, high, table["law"]], value.metric)
    curve.set_ylabel(wrapped(axis_label(value.metric)))
    steps = table.iloc[1:]
    left, right = x[:-1], x[1:]
    colour = line_style(1)["color"]
    for a, b, each, bottom, top, law in zip(
        left, right, steps["each"], steps["each_low"], steps["each_high"], steps["each_law"], strict=True
    ):
        if np.isfinite(bottom):
            marginal.fill_between([a, b], bottom, top, color=colour, alpha=0.2, lw=0)
        marginal.plot([a, b], [each, each], color=colour, lw=1.8)
        marginal.plot([a, b], [law, law], color=INK, lw=1.1, ls=DASHED)
    if (steps[["each", "each_law"]].fillna(1) > 0).all().all():
        marginal.set_yscale("log")
        marginal.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    marginal.set_ylabel(wrapped(f"{axis_label(value.metric)}, for one more document a step"))
    for ax in (curve, marginal):
        ax.set_xlabel("human documents a step")
        if x[-1] > 20 * max(np.diff(x).min(), LEAST):
            ax.set_xscale("symlog", linthresh=max(x[x > 0].min(), LEAST), linscale=0.5)
            ax.set_xlim(0, None)
            ax.set_xticks(x, [f"{v:g}" for v in x], fontsize=7)
            ax.minorticks_off()
    _key(figure, value, Line2D([], [], **style, **MARK, lw=1.6))
    return figure


def _times(value: Value) -> Figure:
    """The worth of the batch by the step at which it was given, a line for each way of looking."""
    table = value.table[value.table["gain"].notna()]
    figure, axes = panels(1, 1, 5.4, 3.3)
    ax, seen = axes[0, 0], []
    handles = []
    for i, (when, rows) in enumerate(table.groupby("when", sort=False)):
        x, style = rows["name"].str.removeprefix("step ").astype(float).to_numpy(), line_style(i)
        ax.fill_between(x, rows["gain_low"], rows["gain_high"], color=style["color"], alpha=0.15, lw=0)
        ax.plot(x, rows["gain"], **style, **MARK, lw=1.6)
        ax.plot(x, rows["gain_law"], color=INK, lw=1.1, ls=DASHED)
        seen += [rows["gain"], rows["gain_low"], rows["gain_high"], rows["gain_law"]]
        handles.append(Line2D([], [], **style, **MARK, lw=1.6, label=str(when)))
    ax.axhline(0, color=INK, lw=0.6)
    _limits(ax, seen)
    ax.set_xlabel("step of the batch")
    ax.set_ylabel(wrapped(f"change in {axis_label(value.metric)[:1].lower()}{axis_label(value.metric)[1:]}"))
    _legend(figure, value, handles)
    return figure


def _ways(value: Value) -> Figure:
    """What a document is worth each way, with intervals, beside each other."""
    table = value.table[value.table["gain"].notna()].iloc[::-1]
    figure, axes = panels(1, 1, 5.4, 1.3 + 0.32 * len(table))
    ax, place, style = axes[0, 0], np.arange(len(table)), line_style(0)
    ax.hlines(place, table["each_low"], table["each_high"], color=style["color"], lw=1.4, alpha=0.7)
    ax.plot(table["each"], place, color=style["color"], marker="o", ls="", ms=5)
    ax.plot(table["each_law"], place, color=INK, marker="|", ls="", ms=12, mew=1.4)
    ax.axvline(0, color=INK, lw=0.6)
    ax.set_yticks(place, [shortened(name, 30) for name in table["name"]])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.set_xlabel(wrapped(f"{axis_label(value.metric)}, for one document {value.per}", 60))
    law = [] if value.lawless else [Line2D([], [], color=INK, marker="|", ls="", ms=10, mew=1.4, label="closed form")]
    mean = Line2D([], [], color=style["color"], marker="o", ls="-", lw=1.4, ms=5, label="mean and 95% interval")
    figure.legend(handles=[mean, *law], loc="outside upper left", ncols=2)
    return figure


def _limits(ax: Axes, seen: list, metric: str = "") -> None:
    values = np.concatenate([np.asarray(part, float) for part in seen])
    values = values[np.isfinite(values)]
    ax.set_ylim(*value_limits(float(values.min(initial=np.inf)), float(values.max(initial=-np.inf)), metric))


def _key(figure: Figure, value: Value, line: Line2D) -> None:
    line.set_label(f"mean of {len(value.seeds)} seeds")
    _legend(figure, value, [line])


def _legend(figure: Figure, value: Value, handles: list) -> None:
    if len(value.seeds) > 1:
        handles.append(Patch(color=INK, alpha=0.15, lw=0, label="95% interval"))
    if not value.lawless:
        handles.append(Line2D([], [], color=INK, lw=1.1, ls=DASHED, label="closed form"))
    figure.legend(handles=handles, loc="outside upper left", ncols=4)
