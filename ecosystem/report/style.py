"""How every figure looks: one palette, one set of sizes, labels at the ends of lines.

Colours are those of Okabe and Ito (jfly.uni-koeln.de/color), which stay apart for the colour-blind; marker shapes and
labels at the line ends carry the same information in grey. Black is kept for theory.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ecosystem.metrics import titles

Colour = tuple[float, float, float]

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8B6F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple = ("-", (0, (6, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
INK, FAINT, GRID = "#1b1f24", "#5b6470", "#e3e6ea"
RAMP = "viridis"  # perceptually uniform, and rising in lightness, so that it reads in grey

FONTS = ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"]

RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#8a929c",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "text.parse_math": False,  # names of arms and models are shown as they are, dollar signs included
    "xtick.color": "#8a929c",
    "ytick.color": "#8a929c",
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.8,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Text stays text: it can be searched, copied and read aloud, the browser draws scripts that DejaVu lacks, and
    # pages are a third smaller. DejaVu, by which matplotlib measures, is wider than browsers' fonts: nothing collides.
    "svg.fonttype": "none",
    "svg.hashsalt": "ecosystem",  # the same study gives the same bytes
    "pdf.fonttype": 42,
}


@contextmanager
def look() -> Iterator[None]:
    """Figures made or drawn inside have the look; the reader's own matplotlib settings are left alone."""
    with matplotlib.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser has the glyph
        yield


def panels(rows: int, columns: int, width: float, height: float, **more) -> tuple[Figure, np.ndarray]:
    """A figure (inches) and its axes (rows, columns), outside pyplot: nothing global, nothing to close."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **more)


def line_style(index: int) -> dict[str, Any]:
    """Colour, dashes and marker of the line with this number; the first seven are solid."""
    return {
        "color": OKABE_ITO[index % len(OKABE_ITO)],
        "linestyle": DASHES[index // len(OKABE_ITO) % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)],
    }


def text_colour(index: int) -> Colour:
    """The line's colour, darkened until text in it stands out from white (contrast 4.5, WCAG 1.4.3)."""
    colour = np.array(to_rgb(OKABE_ITO[index % len(OKABE_ITO)]))
    while _luminance(colour) > 1.05 / 4.5 - 0.05:
        colour = colour * 0.95
    return float(colour[0]), float(colour[1]), float(colour[2])


def _luminance(rgb: np.ndarray) -> float:
    """Relative luminance of an sRGB colour (WCAG 2)."""
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def marks(steps: np.ndarray, index: int) -> list[int]:
    """Where a line carries its marker: about five places, shifted from line to line, and the end."""
    n = len(steps)
    if n <= 6:
        return list(range(n))
    stride = max(1, n // 5)
    return sorted({*range((index * stride // 4) % stride, n - stride // 2, stride), n - 1})


def step_axis(axes: Axes, steps: np.ndarray) -> None:
    """A step axis with whole numbers."""
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    if len(steps) and steps.min() < steps.max():
        axes.set_xlim(steps.min(), steps.max())
    axes.margins(x=0.02)


def value_limits(low: float, high: float, metric: str = "") -> tuple[float, float]:
    """Limits of a value axis: zero is in when near, noise about a constant is not blown up, no share is negative."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 1.0
    if 0 < low <= 0.35 * high:
        low = 0.0
    spread = max(high - low, 0.015 * max(abs(low), abs(high))) or 1.0
    middle, margin = (low + high) / 2, 0.05 * spread
    bottom, top = middle - spread / 2 - margin, middle + spread / 2 + margin
    least = (titles.title(metric).range or (None, None))[0]
    return (max(bottom, least) if least is not None and low >= least else 0.0 if low == 0 else bottom), top


def spaced(wanted: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Positions in [low, high] near the wanted ones and at least `gap` apart (as far as there is room)."""
    order = np.argsort(wanted, kind="stable")
    gap = min(gap, (high - low) / max(len(order) - 1, 1))
    placed = np.clip(np.asarray(wanted, float)[order], low, high)
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    if len(placed):
        placed[-1] = min(placed[-1], high)
    for i in range(len(placed) - 2, -1, -1):
        placed[i] = min(placed[i], placed[i + 1] - gap)
    out = np.empty(len(placed))
    out[order] = placed
    return out


def end_labels(axes: Axes, ends: Sequence[tuple[float, str, Colour]]) -> None:
    """Labels (value, text, colour) at the right edge, moved apart where lines end close together."""
    low, high = axes.get_ylim()
    height = axes.bbox.height / axes.figure.dpi * 72  # points, of axes that are not laid out yet
    places = spaced([value for value, _, _ in ends], 9.5 / height * (high - low), low, high)
    across = axes.get_yaxis_transform()
    for (value, text, colour), place in zip(ends, places, strict=True):
        if abs(place - value) > 0.02 * (high - low):
            axes.plot([1.0, 1.025], [value, place], color=colour, lw=0.6, transform=across, clip_on=False)
        axes.text(1.03, place, shortened(text), color=colour, transform=across, va="center", fontsize=7.5)


def shortened(text: str, most: int = 22) -> str:
    """Text cut to a length that a figure has room for, control characters shown as spaces."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= most else text[: most - 1] + "\u2026"


def wrapped(label: str, width: int = 34) -> str:
    """An axis label on several lines where it is too long (characters) for one."""
    return "\n".join(textwrap.wrap(label, width))


def svg(figure: Figure) -> str:
    """The figure as an `<svg>` element to be set into a page: no declaration, no metadata, no link."""
    buffer = io.StringIO()
    with look():
        # laid out once here; savefig would draw everything once more only to lay it out
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        figure.set_layout_engine("none")
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")), dpi=180)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(?<= d=")[^"]*', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)  # 0.01 of a point
    return re.sub(r"\n\s*", "\n", text).strip()
