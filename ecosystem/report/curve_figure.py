"""A boundary in two keys as a figure: where it lies in one key along the other, and on which side the event is likely.

    from ecosystem.report.curve_figure import curve
    curve(open_curve(folder)).savefig("boundary.pdf")
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ecosystem.report.figures import DASHED, MARK, _legend
from ecosystem.report.response import key_words
from ecosystem.report.style import FAINT, INK, line_style, look, panels, shortened, text_colour, wrapped
from ecosystem.report.sweep_figures import TICKS
from ecosystem.report.swept import is_number, logarithmic, named
from ecosystem.runs.boundary_curve import Curve, Place

BAR = 0.36  # half the width of a column, where the other key has words for values
ARROW, TIP = 0.1, 0.012  # of the axis
POINTING = {"above": "^", "below": "v"}
COLOUR, LIKELY = line_style(0)["color"], line_style(1)["color"]
BAND: dict[str, Any] = {"color": COLOUR, "alpha": 0.3, "lw": 0}
SIDE: dict[str, Any] = {"color": LIKELY, "alpha": 0.13, "lw": 0}


@look()
def curve(found: Curve) -> Figure | None:
    """The boundary with its 95% intervals at each value of the other key; None where several other keys vary.

    An arrow: both ends answered alike, so that the boundary, if there is one, lies beyond the bounds (a cross: on which
    side cannot be said). Hollow: less precise than asked.
    """
    if len(found.keys) != 1:
        return None
    (key,) = found.keys
    figure, axes = panels(1, 1, 5.9, 3.4)
    ax, places = axes[0, 0], found.places
    values = [place.point[key] for place in places]
    numeric = all(map(is_number, values))
    if numeric:
        places = sorted(places, key=lambda place: place.point[key])
        x = [float(place.point[key]) for place in places]
    else:
        x = [float(number) for number in range(len(places))]
    _axes(ax, found, key, values, x, numeric)
    ways = {place.found.rising for place in places if place.found}
    _sides(ax, found, x, places, numeric)
    for at, place in zip(x, places, strict=True):
        _place(ax, found, at, place, ways)
    if len(ways) == 1:
        _words(ax, found.told["event"], ways == {True})
    _legend(figure, _entries(found, places, ways))
    return figure


def _axes(ax: Axes, found: Curve, key: str, values: list[Any], x: list[float], numeric: bool) -> None:
    low, high = found.bounds.low, found.bounds.high
    ax.set(xlabel=wrapped(key_words(key), 60), ylabel=wrapped(key_words(found.key)))
    ax.set_ylim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    for bound in (low, high):
        ax.axhline(bound, color=FAINT, lw=0.7, ls=DASHED)
    if not numeric:
        names = [shortened(named(value), 16) for value in values]
        ax.set_xticks(x, names, rotation=25 if len(names) > 5 else 0)
        ax.set_xlim(-0.5, len(x) - 0.5)
        return
    if logarithmic(x):
        ax.set_xscale("log")
        if len(x) <= TICKS:
            ax.set_xticks(x)
            ax.minorticks_off()
        ax.xaxis.set_major_formatter("{x:g}")
    ax.plot(x, [low] * len(x), alpha=0)  # the axis holds every value, also those without a boundary


def _sides(ax: Axes, found: Curve, x: list[float], places: list[Place], numeric: bool) -> None:
    """The side on which the event is likelier than not, and the intervals: between neighbours where x is a number."""
    if not numeric:
        for at, place in zip(x, places, strict=True):
            for low, high, look_ in _columns(found, place):
                ax.fill_between([at - BAR, at + BAR], low, high, **look_)
        return
    for points in _runs(x, places):
        along = [at for at, _ in points]
        estimate, low, high = np.array([(b.estimate, b.low, b.high) for _, b in points]).T
        beyond = found.bounds.high if points[0][1].rising else found.bounds.low
        ax.fill_between(along, estimate, beyond, **SIDE)
        ax.fill_between(along, low, high, **BAND)
        ax.plot(along, estimate, color=COLOUR, lw=1.6)


def _columns(found: Curve, place: Place) -> Iterator[tuple[float, float, dict[str, Any]]]:
    """What is shaded of a column: from, to, how."""
    low, high = found.bounds.low, found.bounds.high
    if place.found:
        yield (place.found.estimate, high, SIDE) if place.found.rising else (low, place.found.estimate, SIDE)
        yield place.found.low, place.found.high, BAND
    elif place.nowhere and _always(place):
        yield low, high, SIDE


def _runs(x: list[float], places: list[Place]) -> Iterator[list[tuple[float, Any]]]:
    """Neighbours that have a boundary on the same side of which the event is likely."""
    pairs = list(zip(x, (place.found for place in places), strict=True))
    for way, group in groupby(pairs, key=lambda pair: pair[1] and pair[1].rising):
        if way is not None:
            yield list(group)


def _place(ax: Axes, found: Curve, at: float, place: Place, ways: set[bool]) -> None:
    if place.found:
        fill = COLOUR if place.found.precise else "white"
        style = MARK if place.found.precise else MARK | {"mec": COLOUR, "mew": 1.2}
        ax.vlines(at, place.found.low, place.found.high, color=COLOUR, lw=1.2, zorder=4)
        ax.plot(at, place.found.estimate, "o", **style | {"ms": 5}, color=COLOUR, mfc=fill, zorder=5)
    elif place.nowhere:
        low, high = found.bounds.low, found.bounds.high
        beyond = _beyond(place, ways)
        if beyond == "":
            ax.plot(at, (low + high) / 2, "x", color=INK, ms=6, zorder=5)
            return
        end, way = (high, -1) if beyond == "above" else (low, 1)
        ax.vlines(at, end + way * ARROW * (high - low), end, color=INK, lw=1.2, zorder=4)
        ax.plot(at, end + way * TIP * (high - low), POINTING[beyond], color=INK, ms=5, zorder=5)


def _beyond(place: Place, ways: set[bool]) -> str:
    """Beyond which bound a boundary lies that goes the way of the others; '' where that cannot be said."""
    assert place.search is not None  # nobody can tell that there is none before it is looked for
    seen, of = place.search.seen_at_ends
    if len(ways) != 1 or 0 < seen < of:
        return ""
    return "above" if (seen == 0) == (ways == {True}) else "below"


def _always(place: Place) -> bool:
    seen, of = place.search.seen_at_ends if place.search else (0, 0)
    return seen == of > 0


def _words(ax: Axes, event: str, rising: bool) -> None:
    """Says beside the axes on which side the event is likely: within them the curve may be anywhere."""
    room = {"facecolor": "none", "edgecolor": "none", "pad": 5}  # a browser's letters may be wider than those laid out
    for top in (True, False):
        likely = top == rising
        words = f"{shortened(event, 24)}\n{'likely' if likely else 'unlikely'} {'above' if top else 'below'}"
        place: dict[str, Any] = {"transform": ax.transAxes, "va": "top" if top else "bottom", "bbox": room}
        ax.text(1.02, 0.97 if top else 0.03, words, color=text_colour(1) if likely else FAINT, fontsize=7.5, **place)


def _entries(found: Curve, places: list[Place], ways: set[bool]) -> list:
    """The legend: of what there is."""
    line: dict[str, Any] = {"color": COLOUR, "marker": "o"} | MARK
    entries: list = []
    if any(place.found for place in places):
        entries = [
            Line2D([], [], **line, lw=1.6, label="as likely as not"),
            Patch(**BAND, label="95% interval"),
            Patch(**SIDE, label=wrapped(f"likely: {found.told['event']}", 30)),
        ]
    if any(place.found and not place.found.precise for place in places):
        hollow = line | {"mfc": "white", "mec": COLOUR}
        entries.append(Line2D([], [], **hollow, ls="", label="less precise than asked"))
    nowhere = {_beyond(place, ways) for place in places if place.nowhere}
    if nowhere & {"above", "below"}:
        pointing = POINTING["above" if "above" in nowhere else "below"]
        entries.append(Line2D([], [], color=INK, marker=pointing, ls="", ms=5, label="beyond what was searched"))
    if "" in nowhere:
        entries.append(Line2D([], [], color=INK, marker="x", ls="", ms=6, label="none found"))
    entries.append(Line2D([], [], color=FAINT, lw=0.7, ls=DASHED, label="bounds of the search"))
    return entries
