"""What is on the web, from the recorded documents: texts to read, shares of items, places of vectors."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ecosystem.components import kind_of
from ecosystem.report.network_figure import first_runs
from ecosystem.report.style import FAINT, INK, RAMP, line_style, look, panels, shortened

EXCERPT = 420  # characters shown of a document
ROWS, MOST_ARMS = 3, 4
ENOUGH, WORDS = 400, 1000  # documents and words that variety is told of
HUMAN = "human writing"
MOST_POINTS = 1500  # drawn in a panel


@dataclass(frozen=True)
class Sample:
    """One document as a page shows it; `step` where it is human, `cut` where there is more of it."""

    author: str
    step: int | None
    text: str
    cut: bool
    words: int


@dataclass(frozen=True)
class Generation:
    """A column of samples: human writing, or the models' of one step."""

    heading: str
    note: str
    samples: list[Sample]


def steps_shown(run) -> list[int]:
    """First, middle and last step with documents (step 0 publishes nothing)."""
    steps = [int(s) for s in run.steps["step"] if s > 0]
    return [steps[i] for i in sorted({0, len(steps) // 2, len(steps) - 1})] if steps else []


def recorded(run) -> dict[int, pd.DataFrame]:
    """Recorded documents of the steps shown; empty where nothing was recorded."""
    if run.spec.record.documents in ("none", 0):
        return {}
    frames = {step: run.frame("documents", step) for step in steps_shown(run)}
    return frames if any(len(frame) for frame in frames.values()) else {}


def generations(documents: dict[int, pd.DataFrame]) -> list[Generation]:
    """Human writing, then the same models' writing at rising steps; variety is told of equally many words."""
    everything = pd.concat(documents.values(), ignore_index=True)
    models = everything[everything["author_kind"] == "model"]
    steady = models.groupby("author")["step"].nunique().sort_values(ascending=False, kind="stable").index[:ROWS]
    parts = {HUMAN.capitalize(): everything[everything["author_kind"] == "human"]}
    parts |= {f"Models, step {step}": frame[frame["author_kind"] == "model"] for step, frame in documents.items()}
    parts = {heading: part for heading, part in parts.items() if len(part)}
    words = {heading: _words(part) for heading, part in parts.items()}
    equal = min(map(len, words.values()))
    return [
        Generation(heading, _note(len(part), words[heading][:equal]), [_sample(row) for row in _shown(part, steady)])
        for heading, part in parts.items()
    ]


def _words(documents: pd.DataFrame) -> list[str]:
    return " ".join(documents["text"].head(ENOUGH)).casefold().split()[:WORDS]


def _note(documents: int, words: list[str]) -> str:
    return f"{documents:,} recorded; {len(set(words)):,} different among {len(words):,} words"


def _shown(documents: pd.DataFrame, steady) -> list:
    """A document of each of the models that write at most steps; the first documents of anyone else."""
    own = documents[documents["author"].isin(steady)].drop_duplicates("author").sort_values("author")
    return list((own if len(own) else documents.head(ROWS)).itertuples())


def _sample(row) -> Sample:
    human = row.author_kind == "human"
    author = "human" if human else f"model {row.author}"
    text = printable(row.text[:EXCERPT])
    return Sample(author, int(row.step) if human else None, text, len(row.text) > EXCERPT, len(row.text.split()))


def printable(text: str) -> str:
    """Text whose control and other invisible characters are shown as U+FFFD; newlines and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


@look()
def items(study) -> Figure | None:
    """Rank-abundance of what models write: share of documents of the most frequent item, the second, and so on.

    Each seed ranks its own items; their mean is drawn, humans exactly (Whittaker 1965,
    doi:10.1126/science.147.3655.250).
    """
    arms = list(study.arms)[:MOST_ARMS]
    figure, axes = panels(1, len(arms), max(4.7, 2.6 * len(arms)), 2.9, sharex=True, sharey=True)
    drawn = [
        _abundance(ax, [run for run in study.runs if run.arm == arm]) for ax, arm in zip(axes[0], arms, strict=True)
    ]
    if not any(drawn):
        return None
    for ax, arm in zip(axes[0], arms, strict=True):
        ax.set(xscale="log", yscale="log", xlabel="item, by rank")
        ax.set_title(shortened(arm, 28) if len(study.arms) > 1 else "")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    axes[0, 0].set_ylabel("Share of documents")
    figure.legend(*max((ax.get_legend_handles_labels() for ax in axes[0]), key=lambda h: len(h[0])),
                  loc="outside upper left", ncols=5, borderpad=0.1, columnspacing=1.4)  # fmt: skip
    return figure


def _abundance(ax, runs: list) -> bool:
    """Draws one arm; True where there was something to draw."""
    found = [recorded(run) for run in runs]
    steps = [step for step in steps_shown(runs[0]) if any(len(f.get(step, ())) for f in found)]
    human = human_probabilities(runs[0].spec)
    if human is not None:
        share = np.sort(human[human > 0])[::-1]
        ax.plot(np.arange(1, len(share) + 1), share, color=INK, lw=1.1, ls=(0, (4, 2.2)), label="human writing")
    for colour, mark, step in zip(ramp(len(steps)), ("o", "s", "^"), steps, strict=False):
        ranked = [_ranked(f[step]) for f in found if len(f.get(step, ()))]
        width = max(len(r) for r in ranked)
        mean = np.mean([np.pad(r, (0, width - len(r))) for r in ranked], axis=0)
        rank = np.arange(1, width + 1)
        every = np.unique(np.geomspace(1, width, 7).astype(int) - 1).tolist()
        ax.plot(
            rank,
            mean,
            color=colour,
            marker=mark,
            ms=3.5,
            mec="white",
            mew=0.4,
            markevery=every,
            lw=1.5,
            label=f"step {step}",
        )
    return bool(steps)


def _ranked(documents: pd.DataFrame) -> np.ndarray:
    """Shares of the items that models wrote, most frequent first."""
    content = documents.loc[documents["author_kind"] == "model", "content"].to_numpy(np.int64)
    counts = np.sort(np.unique(content, return_counts=True)[1])[::-1]
    return counts / max(counts.sum(), 1)


def human_probabilities(spec) -> np.ndarray | None:
    """(K,) of items: the communities in proportion to their rates at step 0; None where a world does not know."""
    writers = spec.world.open(spec.human_sources)
    if any(w.shape.kind != "items" or w.probabilities is None for w in writers):
        return None
    rates = np.array([c.rate_at(0) for c in spec.humans], float)
    return np.average([w.probabilities for w in writers], axis=0, weights=rates if rates.any() else None)


def ramp(n: int) -> np.ndarray:
    """n colours from early (light) to late (dark), none too light to be seen on white."""
    return colormaps[RAMP](np.linspace(0.75, 0.1, n))


@look()
def vectors(study) -> Figure | None:
    """Documents as points: humans, then models at rising steps, a row an arm; one seed. One dimension: densities."""
    runs = first_runs(study, study.arms[:MOST_ARMS])
    found = [(run, points) for run in runs if (points := _points(run))]
    if not found:
        return None
    if next(iter(found[0][1].values())).shape[1] == 1:
        return _densities(found, len(study.arms) > 1)
    columns = list(dict.fromkeys(name for _, points in found for name in points))
    side = 2.1  # inches
    figure, axes = panels(len(found), len(columns), side * len(columns), side * len(found), sharex=True, sharey=True)
    window = _window([points for _, points in found])
    for row, (run, points) in zip(axes, found, strict=True):
        for ax, name in zip(row, columns, strict=True):
            _scatter(ax, points.get(name, np.empty((0, 2))), window, INK if name == HUMAN else line_style(0)["color"])
        row[0].set_ylabel(shortened(run.arm, 24) if len(study.arms) > 1 else "")
    for ax, name in zip(axes[0], columns, strict=True):
        ax.set_title(name)
    return figure


def _window(points: list[dict[str, np.ndarray]]) -> np.ndarray:
    """(2, 2) lowest and highest corner: where humans and the first generation write, and half as much around it."""
    early = np.concatenate([part for parts in points for part in list(parts.values())[:2]])
    low, high = np.quantile(early, (0.005, 0.995), axis=0)
    margin = np.maximum(0.5 * (high - low), 1e-9)
    return np.array([low - margin, high + margin])


def _scatter(ax, points: np.ndarray, window: np.ndarray, colour: str) -> None:
    ax.scatter(
        points[:, 0], points[:, 1], s=9 if len(points) < 300 else 4, color=colour, alpha=0.4, lw=0, rasterized=True
    )
    outside = int(((points < window[0]) | (points > window[1])).any(axis=1).sum())
    if outside:
        ax.text(0.97, 0.03, f"{outside} outside", transform=ax.transAxes, ha="right", fontsize=7, color=FAINT)
    ax.set(xlim=window[:, 0], ylim=window[:, 1])
    ax.grid(False)


def _points(run) -> dict[str, np.ndarray]:
    """Recorded documents by column of the figure, (M, 2) or (M, 1): first coordinate and second (or last)."""
    frames = recorded(run)
    parts = {f"step {step}": frame[frame["author_kind"] == "model"] for step, frame in frames.items()}
    if frames:
        everything = pd.concat(frames.values())
        parts = {HUMAN: everything[everything["author_kind"] == "human"]} | parts
    last = -1 if kind_of(run.spec.world) == "regression" else 1
    return {name: _two(part["content"], last) for name, part in parts.items() if len(part)}


def _two(content, last: int) -> np.ndarray:
    rows = np.array([json.loads(text) for text in content.head(MOST_POINTS)], float)
    return rows[:, [0, last]] if rows.shape[1] > 1 else rows


def _densities(found: list, titled: bool) -> Figure:
    figure, axes = panels(1, len(found), max(4.7, 2.6 * len(found)), 2.9, sharex=True, sharey=True)
    low, high = np.quantile(np.concatenate([p for _, points in found for p in points.values()]), (0.002, 0.998))
    edges = np.linspace(*_roomy(low, high), 40)
    for ax, (run, points) in zip(axes[0], found, strict=True):
        steps = [name for name in points if name != HUMAN]
        for name, colour in [(HUMAN, INK), *zip(steps, ramp(len(steps)), strict=True)]:
            if name in points:
                density = np.histogram(points[name][:, 0], edges, density=True)[0]
                ax.stairs(density, edges, color=colour, lw=1.4, ls="--" if name == HUMAN else "-", label=name)
        ax.set(title=shortened(run.arm, 28) if titled else "", xlabel="document")
    axes[0, 0].set_ylabel("Density")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=5, borderpad=0.1)
    return figure


def _roomy(low: float, high: float) -> tuple[float, float]:
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin
