"""Who reads whom, coloured by the state of the models at chosen steps.

    from ecosystem.report.network_figure import network
    network(study, metric="tail_coverage", steps=(0, 10, 40)).savefig("network.pdf")

Letters: N models, E links.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ecosystem import network as networks
from ecosystem.metrics.collapse import metric_of
from ecosystem.report.bands import finite, metrics_in
from ecosystem.report.layout import apart, positions
from ecosystem.report.style import FAINT, INK, RAMP, look, panels, shortened
from ecosystem.report.words import axis_label
from ecosystem.streams import Streams

PREFERRED = ("tail_coverage", "within_diversity", "type_coverage", "human_divergence", "entropy", "support")
ARROWS, LINES = 30, 400  # up to so many models links have heads, are drawn at all
MOST_ARROWS, MOST_VECTOR, STRONGEST = 250, 2000, 400  # links
NUMBERED, RASTER = 16, 250  # up to so many models marks are numbered, are drawn as shapes
PANEL = 150.0  # points from edge to edge of a panel
REACH = 1.16  # coordinates from the centre to the edge: the unit disc and a margin
POINT = 2 * REACH / PANEL  # a point in coordinates


@dataclass(frozen=True)
class Drawing:
    """One arm's network: place_N2, audience_N (readers but itself), links reader_E and author_E with weight_E, whom a
    verifier guards.
    """

    place_N2: np.ndarray
    audience_N: np.ndarray
    reader_E: np.ndarray
    author_E: np.ndarray
    weight_E: np.ndarray
    guarded_N: np.ndarray

    @property
    def n(self) -> int:
        return len(self.place_N2)

    @property
    def heads(self) -> bool:
        """True where there is room for arrowheads."""
        return self.n <= ARROWS and len(self.weight_E) <= MOST_ARROWS

    @property
    def area_N(self) -> np.ndarray:
        """Areas of the marks (points^2): in proportion to the audience, above a least."""
        usual = min(0.08 * PANEL**2 / self.n, 220.0)
        relative = self.audience_N / max(self.audience_N.mean(), 1e-12)
        return usual * np.clip(0.35 + 0.65 * relative, 0.35, 3.0 if self.n > NUMBERED else 2.0)


def state_metric(study) -> str | None:
    """The per-agent metric that colours a network: that of the scenario's definition of collapse, or what says most."""
    there = metrics_in(study.agents)
    wanted = metric_of(study.spec.collapse) if study.spec.collapse else None
    return next((m for m in (wanted, *PREFERRED, *study.spec.metrics, *there) if m in there and m != "collapsed"), None)


def chosen_steps(agents) -> tuple[int, ...]:
    """First, middle and last step with values."""
    steps = np.unique(agents["step"])
    return tuple(int(steps[i]) for i in sorted({0, len(steps) // 2, len(steps) - 1})) if len(steps) else ()


@look()
def network(study, metric: str | None = None, steps=(), arms=(), seed: int | None = None) -> Figure:
    """The reading network at some steps (first, middle, last), a row an arm (at most four); one seed (the first).

    Colour: the metric; area: number of readers; ring: read by humans who publish in that step; square: guarded by
    a verifier; cross: collapsed.
    """
    metric = metric or state_metric(study)
    if metric is None:
        raise ValueError("The network has nothing to be coloured by: no metric of single models was measured.")
    runs = first_runs(study, arms or study.arms[:4], seed)
    agents = study.agents[np.any([_of(study.agents, run) for run in runs], axis=0)]
    steps = steps or chosen_steps(agents)
    shown = agents[agents["step"].isin(steps)]
    colours = ScalarMappable(_range(finite(shown[metric])), RAMP)
    side = 2.45 if len(runs) == 1 else 2.1  # inches
    figure, axes = panels(len(runs), len(steps), side * len(steps) + 0.75, side * len(runs) + 0.35)
    drawings: list[Drawing] = []
    for row, run in zip(axes, runs, strict=True):
        drawings.append(_drawing(run, drawings))
        mine = shown[_of(shown, run)]
        _row(row, run, drawings[-1], mine.assign(value=finite(mine[metric])), steps, colours)
        row[0].set_ylabel(shortened(run.arm, 26) if len(study.arms) > 1 else "", labelpad=2)
    for ax, step in zip(axes[0], steps, strict=True):
        ax.set_title(f"step {step}", loc="center")
    bar = figure.colorbar(colours, ax=axes, shrink=0.85 / len(runs), aspect=22, pad=0.015)
    bar.set_label(axis_label(metric))
    bar.outline.set_visible(False)
    _key(
        figure,
        [fed(run, step) for run in runs for step in steps],
        study.spec.agents <= RASTER and bool(_crossed(shown).any()),
        any(drawing.guarded_N.any() for drawing in drawings),
    )
    return figure


def _row(row, run, drawing: Drawing, rows: pd.DataFrame, steps, colours: ScalarMappable) -> None:
    """One arm at each step."""
    for ax, step in zip(row, steps, strict=True):
        now = rows[rows["step"] == step].set_index("agent").reindex(range(drawing.n))
        _panel(ax, drawing, now["value"].to_numpy(), colours, fed(run, step), _crossed(now))


def first_runs(study, arms, seed: int | None = None) -> list:
    """One run of each arm: of the given seed, else of its first that has values."""
    there = {arm: [r for r in study.runs if r.arm == arm and seed in (None, r.seed)] for arm in arms}
    return [next((r for r in runs if len(r.steps)), runs[0]) for runs in there.values() if runs]


def fed(run, step: int) -> np.ndarray:
    """Models that humans who publish in that step reach, (N,) bool."""
    communities = tuple(c for c in run.spec.humans if c.rate_at(step) > 0)
    n, asked = run.spec.agents, any(c.reach in ("most_read", "least_read") for c in communities)
    audience_N = np.array([run.graph.in_degree(i) for i in range(n)]) if asked else None
    return networks.reach(communities, n, Streams(run.seed), audience_N).any(axis=1).astype(bool)


def _of(frame, run):
    return (frame["arm"] == run.arm) & (frame["seed"] == run.seed)


def _crossed(rows) -> np.ndarray:
    if "collapsed" not in rows:
        return np.zeros(len(rows), bool)
    return np.asarray(finite(rows["collapsed"]) == 1)


def _range(values) -> Normalize:
    """The values' range; a constant still gets a scale."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return Normalize(low, high if high - low > 1e-9 * max(abs(high), 1) else low + max(abs(low) * 0.1, 1e-3))


def _drawing(run, before: list[Drawing]) -> Drawing:
    """The run's network, standing where an equal one of another arm stands."""
    links = [(u, v, w) for u, v, w in run.graph.edges(data="weight", default=1.0) if u != v]
    edges, n = np.array(links, float).reshape(-1, 3), run.spec.agents
    reader, author = edges[:, 0].astype(np.int64), edges[:, 1].astype(np.int64)
    alike = run.spec.graph.kind == "complete"  # whose links are not always written out
    audience = np.full(n, n - 1) if alike else np.bincount(author, minlength=n)
    known = [d for d in before if np.array_equal(d.reader_E, reader) and np.array_equal(d.author_E, author)]
    place = known[0].place_N2 if known else _circle_or(alike, n, reader, author)
    guarded = np.array([bool(told) for _, told in sorted(run.graph.nodes(data="verifiers", default=""))])
    drawing = Drawing(place, audience, reader, author, edges[:, 2], guarded)
    if known or n > LINES:
        return drawing
    return replace(drawing, place_N2=apart(place, (np.sqrt(drawing.area_N) / 2 + 3) * POINT))


def _circle_or(alike: bool, n: int, reader, author) -> np.ndarray:
    return positions(n, reader[:0], author[:0]) if alike else positions(n, reader, author)


def _panel(ax: Axes, drawing: Drawing, values_N, colours: ScalarMappable, fed_N, crossed_N) -> None:
    _links(ax, drawing)
    fill = np.where(np.isfinite(values_N)[:, None], colours.to_rgba(np.nan_to_num(values_N)), 1.0)
    order = np.argsort(-drawing.area_N, kind="stable")  # small marks above large ones
    place, area, fill = drawing.place_N2[order], drawing.area_N[order], fill[order]
    fed_N, crossed = fed_N[order] & ~fed_N.all(), crossed_N[order]  # a ring round everyone would say nothing
    guarded = drawing.guarded_N[order]
    for marker, which in (("o", ~guarded), ("s", guarded)):
        _marks(ax, place[which], area[which], fill[which], fed_N[which], drawing.n, marker)
    if drawing.n <= RASTER:  # on smaller discs crosses would hide the colour
        _dots(ax, place[crossed], np.minimum(area[crossed] * 0.35, 60), c="white", marker="x", lw=1.0, zorder=6)
    if drawing.n <= NUMBERED and not crossed.any():
        _numbers(ax, order, place, fill)
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)


def _marks(ax: Axes, place, area, fill, fed, n: int, marker: str) -> None:
    """Marks, ringed where humans are read: a ring apart from the mark is seen on any colour, a thin line on many."""
    many = n > RASTER
    if not many:
        _dots(ax, place[fed], (np.sqrt(area[fed]) + 5) ** 2, c=INK, lw=0, zorder=3, marker=marker)
        _dots(ax, place, (np.sqrt(area) + 2.4) ** 2, c="white", lw=0, zorder=4, marker=marker)
    edge = np.where((fed & many)[:, None], to_rgba(INK), np.where((fill == 1).all(1)[:, None], to_rgba(FAINT), fill))
    line = 0.5 if n < 1000 else 0.35
    _dots(ax, place, area, c=fill, edgecolors=edge, lw=line, zorder=5, rasterized=many, marker=marker)


def _dots(ax: Axes, place_N2: np.ndarray, area_N: np.ndarray, **style: Any) -> None:
    ax.scatter(place_N2[:, 0], place_N2[:, 1], area_N, **style)


def _numbers(ax: Axes, number_N, place, fill) -> None:
    for i, (x, y), colour in zip(number_N, place, fill, strict=True):
        ink = INK if colour[:3] @ (0.299, 0.587, 0.114) > 0.5 else "white"
        ax.text(x, y, str(i), ha="center", va="center_baseline", fontsize=6.5, color=ink, zorder=7)


def _links(ax: Axes, drawing: Drawing) -> None:
    """Links as the text travels, from author to reader; of many models only the heaviest, where weights differ."""
    chosen = _drawn(drawing)
    if not len(chosen):
        return
    start, end = drawing.place_N2[drawing.author_E[chosen]], drawing.place_N2[drawing.reader_E[chosen]]
    along = end - start
    along = along / np.maximum(np.hypot(*along.T), 1e-12)[:, None]
    aside = np.stack([-along[:, 1], along[:, 0]], 1) * POINT
    heads = drawing.heads
    tip = end - along * (np.sqrt(drawing.area_N[drawing.reader_E[chosen]]) / 2 + 2.4)[:, None] * POINT + aside
    lines = np.stack([start + aside, tip - along * 2.5 * POINT], 1) if heads else np.stack([start, end], 1)
    faint = float(np.clip(60 / len(chosen), 0.0, 1.0))
    style: dict[str, Any] = {"colors": "#7d8894", "lw": 0.35 + 0.55 * faint, "alpha": 0.4 + 0.5 * faint}
    ax.add_collection(LineCollection(list(lines), **style, zorder=1, rasterized=len(chosen) > MOST_VECTOR))
    if heads:
        back = tip - along * 4.5 * POINT
        triangles = np.stack([tip, back + aside * 1.9, back - aside * 1.9], 1)
        ax.add_collection(PolyCollection(list(triangles), facecolors="#7d8894", lw=0, zorder=2))


def _drawn(drawing: Drawing) -> np.ndarray:
    """Which links are drawn; without room for heads a pair that reads each other has one line."""
    chosen = np.arange(len(drawing.weight_E))
    if drawing.n > LINES:
        differ = len(chosen) and np.ptp(drawing.weight_E) > 0
        return np.argsort(-drawing.weight_E, kind="stable")[: STRONGEST if differ else 0]
    if drawing.heads:
        return chosen
    low, high = np.minimum(drawing.reader_E, drawing.author_E), np.maximum(drawing.reader_E, drawing.author_E)
    return np.unique(low * drawing.n + high, return_index=True)[1]


def _key(figure: Figure, fed_somewhere: list[np.ndarray], crosses: bool, squares: bool) -> None:
    entries = []
    if any(f.any() and not f.all() for f in fed_somewhere):
        ring: dict[str, Any] = {"marker": "o", "ms": 7, "mfc": "white", "mec": INK, "mew": 1.3}
        entries.append(Line2D([], [], ls="", **ring, label="ring: reads humans"))
    if squares:
        entries.append(Line2D([], [], ls="", marker="s", ms=6, mfc=FAINT, mec=FAINT, label="square: guarded"))
    if crosses:
        entries.append(Line2D([], [], ls="", marker="x", ms=5, mec=INK, label="cross: collapsed"))
    if entries:
        figure.legend(handles=entries, loc="outside lower left", ncols=3, borderpad=0.1)
