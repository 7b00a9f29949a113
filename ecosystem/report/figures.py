"""The curves of a study as matplotlib figures, for the page, for papers and for notebooks.

    from ecosystem.report import figures
    figures.curves(study, "within_diversity").savefig("within_diversity.pdf")

Every function takes a study (what `open_run` gives) and the name of a metric, and gives a Figure of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ecosystem.report.bands import Band, bands, metrics_in, numbers, quantiles
from ecosystem.report.style import (
    FAINT,
    INK,
    end_labels,
    line_style,
    look,
    marks,
    panels,
    shortened,
    step_axis,
    text_colour,
    value_limits,
    wrapped,
)
from ecosystem.report.words import axis_label, between

FEW_SEEDS, FEW_ARMS = 10, 2  # up to so many, every seed has its own thin line
LABELLED = 9  # up to so many lines carry their name at the end
MOST_PANELS = 6
DASHED = (0, (4, 2.2))
LIKENESS = {"answer_repetition": "one model", "answer_similarity": "different models"}
PEOPLE = "human_answer_similarity"
RECALL = {"fact_recall": "all facts", "tail_fact_recall": "asked for least", "derivable_fact_recall": "derivable"}
MARK: dict[str, Any] = {"ms": 4, "mec": "white", "mew": 0.6}


@look()
def curves(study, metric: str, exact: pd.DataFrame | None = None) -> Figure:
    """Mean over seeds with its 95% interval, an arm a line; `exact` (columns arm, step, metric) is drawn over it."""
    drawn = bands(study.steps, metric, list(study.arms))
    thin = len(drawn) <= FEW_ARMS and all(len(b.seeds_ST) <= FEW_SEEDS for b in drawn)
    below = -(-min(len(drawn), 24) // 3) if len(drawn) > LABELLED else 0  # lines of the legend under the curves
    figure, axes = panels(1, 1, 4.7, 3.0 + 0.18 * below)
    ax, place = axes[0, 0], _places(study, drawn)
    for index, band in zip(place, drawn, strict=True):
        _band(ax, band, index, thin)
    theory = _exact(ax, exact, metric, [b.arm for b in drawn])
    _frame(ax, study.steps["step"], _extent(drawn, thin) + theory, metric)
    ax.set_ylabel(wrapped(axis_label(metric)))
    _legend(figure, _key(drawn, thin, bool(theory)))
    if 1 < len(drawn) <= LABELLED:
        end_labels(ax, [(float(b.mean_T[b.last]), b.arm, text_colour(i)) for i, b in zip(place, drawn, strict=True)])
    elif len(drawn) > LABELLED:
        named = list(zip(place, drawn, strict=True))[:24]
        _legend(figure, [_sample(i, b.arm) for i, b in named], "lower")
    return figure


def _places(study, drawn: list[Band]) -> list[int]:
    """Each arm's place among all arms: it looks alike in every figure, also where others have no value."""
    arms = list(study.arms)
    return [arms.index(band.arm) for band in drawn]


def _band(ax: Axes, band: Band, index: int, thin: bool) -> None:
    style = line_style(index)
    if thin and len(band.seeds_ST) > 1:
        ax.plot(band.step_T, band.seeds_ST.T, color=style["color"], lw=0.5, alpha=0.28, zorder=2)
    if np.isfinite(band.low_T).any():
        ax.fill_between(band.step_T, band.low_T, band.high_T, color=style["color"], alpha=0.18, lw=0, zorder=3)
    every = marks(band.step_T, index) if len(band.step_T) > 1 else None
    ax.plot(band.step_T, band.mean_T, **style, **MARK, lw=1.7, markevery=every, zorder=4, clip_on=False)


def _sample(index: int, name: str) -> Line2D:
    """A line in a legend."""
    return Line2D([], [], **line_style(index), **MARK, lw=1.5, label=shortened(name))


def _legend(figure: Figure, handles: list, side: str = "upper") -> None:
    place: Any = f"outside {side} left"
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = 4 if longest < 13 else 3  # of what fits the width of a figure
    figure.legend(handles=handles, loc=place, ncols=columns, borderpad=0.1, columnspacing=1.4)


def _exact(ax: Axes, exact: pd.DataFrame | None, metric: str, arms: list[str]) -> list[float]:
    """Draws the exact curves; gives their lowest and highest value."""
    if exact is None or metric not in exact:
        return []
    seen: list[float] = []
    for arm in arms:
        rows = exact[exact["arm"] == arm].sort_values("step")
        values = numbers(rows[metric])
        if np.isfinite(values).any():
            ax.plot(rows["step"], values, color=INK, lw=1.1, ls=DASHED, zorder=5)
            seen += [np.nanmin(values), np.nanmax(values)]
    return seen


def _extent(drawn: list[Band], thin: bool) -> list[float]:
    """Lowest and highest value that the axis must hold: of means, of intervals, and of single seeds where drawn."""
    seen = [x for b in drawn for x in (b.mean_T, b.low_T, b.high_T, b.seeds_ST.ravel() if thin else b.mean_T)]
    values = np.concatenate(seen) if seen else np.array([])
    values = values[np.isfinite(values)]
    return [float(values.min()), float(values.max())] if values.size else []


def _frame(ax: Axes, steps, seen: list[float], metric: str) -> None:
    step_axis(ax, np.asarray(steps))
    ax.set_ylim(*value_limits(min(seen, default=np.nan), max(seen, default=np.nan), metric))


def _key(drawn: list[Band], thin: bool, theory: bool) -> list:
    """What line, band and dashes are."""
    counts = [len(b.seeds_ST) for b in drawn]
    seeds = max(counts, default=0)
    colour = line_style(0)["color"] if len(drawn) == 1 else FAINT
    label = f"mean of {between(counts)} seeds" if seeds > 1 else "one seed"
    entries: list = [Line2D([], [], color=colour, lw=1.7, label=label)]
    if seeds > 1:
        entries.append(Patch(color=colour, alpha=0.25, lw=0, label="95% interval"))
    if seeds > 1 and thin:
        entries.append(Line2D([], [], color=colour, lw=0.5, alpha=0.5, label="seeds"))
    if theory:
        entries.append(Line2D([], [], color=INK, lw=1.1, ls=DASHED, label="exact"))
    return entries


@look()
def spread(study, metric: str) -> Figure | None:
    """How models differ: median model, middle half and middle 80% of the models of all seeds, a panel an arm.

    None where no value is finite.
    """
    order, agents = list(study.arms), study.agents
    found = {arm: quantiles(agents[agents["arm"] == arm], metric, (0.1, 0.25, 0.5, 0.75, 0.9)) for arm in order}
    found = {arm: q for arm, q in found.items() if np.isfinite(q[0.5]).any()}
    if not found:
        return None
    figure, drawn = _grid(list(found)[:MOST_PANELS], len(order) > 1)
    for ax, (arm, q) in zip(drawn, found.items(), strict=False):
        _fan(ax, q, line_style(order.index(arm))["color"])
    values = pd.concat(found.values())
    _finish(drawn, agents["step"], [np.nanmin(values), np.nanmax(values)], metric)
    colour = line_style(order.index(next(iter(found))))["color"] if len(found) == 1 else FAINT
    shades = [Patch(color=colour, alpha=0.5, lw=0, label="middle half")]
    shades.append(Patch(color=colour, alpha=0.2, lw=0, label="middle 80%"))
    _legend(figure, [Line2D([], [], color=colour, lw=1.6, label="median model"), *shades])
    return figure


def _grid(arms: list[str], titled: bool) -> tuple[Figure, list[Axes]]:
    """A row of panels with equal axes; up to two are as wide as one curve."""
    n = max(len(arms), 1)
    width, height = (4.7, 3.0) if n <= 2 else (0.7 + min(2.5 * n, 8.7), 2.5)
    figure, axes = panels(1, n, width, height, sharex=True, sharey=True)
    for ax, arm in zip(axes[0], arms, strict=False):
        ax.set_title(shortened(arm, 66 // n) if titled else "")
    return figure, list(axes[0, : len(arms)])


def _finish(drawn: list[Axes], steps, seen: list[float], metric: str) -> None:
    """Limits, step axes and the one value label of a row."""
    for ax in drawn:
        _frame(ax, steps, seen, metric)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=max(3, 7 - len(drawn)), steps=[1, 2, 5, 10], integer=True))
    drawn[0].set_ylabel(wrapped(axis_label(metric), 34 if len(drawn) <= 2 else 26))


def _fan(ax: Axes, q: pd.DataFrame, colour: str) -> None:
    """Quantiles (index step, columns 0.1 to 0.9) as a line in two bands."""
    steps = q.index.to_numpy()
    ax.fill_between(steps, q[0.1], q[0.9], color=colour, alpha=0.18, lw=0)
    ax.fill_between(steps, q[0.25], q[0.75], color=colour, alpha=0.32, lw=0)
    ax.plot(steps, q[0.5], color=colour, lw=1.6)


@look()
def groups(study, metric: str) -> Figure | None:
    """The groups of models beside each other: mean over a group's models, then over seeds; a panel an arm."""
    means = study.agents.assign(**{metric: numbers(study.agents[metric])})
    means = means.groupby(["arm", "seed", "step", "group_name"], sort=False)[metric].mean().reset_index()
    return _split(study, means.rename(columns={"group_name": "part"}), metric)


@look()
def communities(study, metric: str) -> Figure | None:
    """A metric measured against each human community (columns `metric@community`): a line each, a panel an arm."""
    columns = [c for c in metrics_in(study.steps) if c.startswith(f"{metric}@")]
    long = study.steps[["arm", "seed", "step", *columns]].melt(["arm", "seed", "step"], columns, "part", metric)
    return _split(study, long.assign(part=long["part"].str.split("@", n=1).str[1]), metric)


@look()
def likeness(study) -> Figure | None:
    """Answers to the same prompts: likeness within models and between them, people dashed; a panel an arm.

    None where neither was measured.
    """
    return _together(study, LIKENESS, "Cosine of two answers to a prompt", {PEOPLE: "two people"})


@look()
def recall(study) -> Figure | None:
    """What models know of facts: of all, of those asked for least, of those that follow; a panel an arm.

    None where not at least two of these were measured.
    """
    several = sum(metric in study.steps for metric in RECALL) > 1
    return _together(study, RECALL, "Share of facts given correctly") if several else None


def _together(study, names: dict[str, str], label: str, constant: dict[str, str] | None = None) -> Figure | None:
    """Several metrics by what their lines are called, a panel an arm; those that are `constant` dashed."""
    lines = {m: name for m, name in names.items() if m in study.steps}
    dashed = {m: name for m, name in (constant or {}).items() if m in study.steps}
    found = {arm: [b for m in lines for b in bands(study.steps, m, [arm])] for arm in study.arms} if lines else {}
    found = {arm: drawn for arm, drawn in found.items() if drawn}
    if not found:
        return None
    figure, axes = _grid(list(found)[:MOST_PANELS], len(study.arms) > 1)
    seen = [x for drawn in found.values() for x in _extent(drawn, thin=False)]
    for ax, arm in zip(axes, found, strict=False):
        for i, metric in enumerate(lines):
            for band in bands(study.steps, metric, [arm]):
                _band(ax, band, i, thin=False)
        for band in [b for m in dashed for b in bands(study.steps, m, [arm])]:
            ax.axhline(band.mean_T[0], color=INK, lw=1.1, ls=DASHED, zorder=5)
            seen.append(float(band.mean_T[0]))
    _finish(axes, study.steps["step"], seen, next(iter(lines)))
    axes[0].set_ylabel(label)
    key = [Line2D([], [], color=INK, lw=1.1, ls=DASHED, label=name) for name in dashed.values()]
    _legend(figure, [_sample(i, name) for i, name in enumerate(lines.values())] + key)
    return figure


def _split(study, long: pd.DataFrame, metric: str) -> Figure | None:
    """Lines named `part` of a table (arm, seed, step, part, metric), a panel an arm; None where no value is finite."""
    parts = list(dict.fromkeys(long["part"]))
    found = {arm: bands(long[long["arm"] == arm].assign(arm=long["part"]), metric, parts) for arm in study.arms}
    found = {arm: drawn for arm, drawn in found.items() if drawn}
    if not found:
        return None
    figure, axes = _grid(list(found)[:MOST_PANELS], len(study.arms) > 1)
    for ax, drawn in zip(axes, found.values(), strict=False):
        for band in drawn:
            _band(ax, band, parts.index(band.arm), thin=False)
    _finish(axes, long["step"], [x for drawn in found.values() for x in _extent(drawn, thin=False)], metric)
    _legend(figure, [_sample(i, p) for i, p in enumerate(parts[:12])])
    return figure


@look()
def final_values(study, metric: str) -> Figure:
    """Last values of the arms, dots with 95% intervals: for more arms than curves can show."""
    drawn = bands(study.steps, metric, list(study.arms))
    figure, axes = panels(1, 1, 4.7, 0.9 + 0.2 * len(drawn))
    ax = axes[0, 0]
    for row, (index, band) in enumerate(zip(_places(study, drawn), drawn, strict=True)):
        mean, low, high = (values[band.last] for values in (band.mean_T, band.low_T, band.high_T))
        ax.plot([low, high], [row, row], color=line_style(index)["color"], lw=1.6)
        ax.plot([mean], [row], **line_style(index) | {"linestyle": ""}, **MARK)
    ax.set_yticks(range(len(drawn)), [shortened(b.arm, 34) for b in drawn])
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.grid(axis="x")
    ax.set_xlabel(axis_label(metric))
    return figure
