"""How alike every two models are, as matrices at chosen steps.

Letters: N models.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ecosystem.report.bands import finite
from ecosystem.report.network_figure import first_runs
from ecosystem.report.style import RAMP, look, panels, shortened
from ecosystem.report.words import axis_label

MOST_MODELS, MOST_ARMS = 200, 4


@look()
def similarity(study) -> Figure | None:
    """Recorded similarity of ordered pairs, reader's number by reader's number, a row an arm; one seed."""
    if not study.spec.record.pairs or not 1 < study.spec.agents <= MOST_MODELS:
        return None
    rows = [(run, _matrices(run)) for run in first_runs(study, study.arms[:MOST_ARMS])]
    rows = [(run, matrices) for run, matrices in rows if matrices]
    if not rows:
        return None
    steps = list(rows[0][1])
    known = np.concatenate([m[np.isfinite(m)] for _, matrices in rows for m in matrices.values()])
    figure, axes = panels(len(rows), len(steps), 2.1 * len(steps) + 0.9, 0.3 + 2.1 * len(rows))
    for place, (line, (run, matrices)) in enumerate(zip(axes, rows, strict=True)):
        for ax, step in zip(line, steps, strict=True):
            image = _matrix(ax, matrices.get(step), known.min(initial=0.0), known.max(initial=1e-12))
            ax.set_title(f"step {step}" if place == 0 else "", loc="center")
        line[0].set_ylabel(f"{shortened(run.arm, 24)}\nmodel" if len(study.arms) > 1 else "model")
    bar = figure.colorbar(image, ax=axes, shrink=0.9 / len(rows), aspect=22, pad=0.015)
    bar.set_label(axis_label("between_similarity"))
    bar.outline.set_visible(False)
    return figure


def _matrices(run) -> dict[int, np.ndarray]:
    """(N, N) at the first, middle and last step; the diagonal is NaN (a model with itself is no pair)."""
    steps, n, found = [int(s) for s in run.steps["step"]], run.spec.agents, {}
    for step in [steps[i] for i in sorted({0, len(steps) // 2, len(steps) - 1})] if steps else []:
        pairs = run.frame("pairs", step)
        found[step] = np.full((n, n), np.nan)
        found[step][pairs["agent"], pairs["other"]] = finite(pairs["similarity"])
    return found if any(np.isfinite(m).any() for m in found.values()) else {}


def _matrix(ax, matrix: np.ndarray | None, low: float, high: float):
    n = 1 if matrix is None else len(matrix)
    image = ax.imshow(np.full((1, 1), np.nan) if matrix is None else matrix, cmap=RAMP, vmin=low, vmax=high)
    image.set_interpolation("nearest")
    ticks = list(range(n)) if n <= 12 else [0, n // 2, n - 1]
    ax.set(xticks=ticks, yticks=ticks)
    ax.tick_params(length=0, labelsize=7)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return image
