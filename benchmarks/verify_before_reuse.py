"""Verify before reuse: how false the web is, by people's share of it, accuracy of verifiers and share of models gated.

The scenario `verify_before_reuse` on a grid of 324 webs, beside its law (`ecosystem.theory.reuse`). Printed: for each
share gated and each share of people the accuracy from which on less than a tenth of the web is false, simulated and by
the law; and how far the two lie apart. Drawn: docs/figures/verify_before_reuse.svg, or the file named.
`python -m benchmarks.verify_before_reuse [FILE.svg|FILE.png]` (some five minutes).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ecosystem import Ecosystem, Scenario
from ecosystem.report.style import INK, RAMP, look, panels
from ecosystem.theory import reuse

PEOPLE = (0.02, *np.arange(0.1, 0.81, 0.1))  # share of what is published
ACCURACY = tuple(np.arange(0.5, 1.01, 0.0625))  # sensitivity and specificity alike
GATED = (0.25, 0.5, 0.75, 1.0)  # share of models that publish behind a verifier
FINE = np.linspace(0.02, 0.8, 14), np.linspace(0.5, 1, 15)  # where the law is drawn from
SEEDS, LINES = 5, (0.1, 0.4)
FIGURE = Path(__file__).resolve().parents[1] / "docs" / "figures" / "verify_before_reuse.svg"


def web(people: float, accuracy: float, gated: float) -> Scenario:
    """The scenario at one point."""
    plain = Scenario.from_file("verify_before_reuse")
    written = sum(group.count * group.publish for group in plain.models) * people / (1 - people)
    few = round(written / 10)
    return plain.with_({
        "arms": {}, "claims": [], "metrics": ["false_share"], "record.every": plain.steps,
        "humans.islanders.rate": few, "humans.mainland.rate": round(written) - few,
        "verifiers.checkers.sensitivity": accuracy, "verifiers.checkers.specificity": accuracy,
        "verifiers.checkers.placement.share": gated,
    })  # fmt: skip


def simulated(spec: Scenario) -> list[float]:
    """False share at the end, of every seed."""
    found = []
    for seed in range(SEEDS):
        world = Ecosystem(spec, rng=seed)
        while world.t < spec.steps:
            world.step()
        found.append(world.frame.values["false_share"])
    return found


def everywhere(value, people, accuracy) -> np.ndarray:
    """(gated, accuracy, people[, seeds]) a value of each web of a grid."""
    return np.array([[[value(web(h, a, g)) for h in people] for a in accuracy] for g in GATED])


def expected(spec: Scenario) -> float:
    """The law's false share at the end."""
    return float(reuse.false_shares(spec)[-1])


def enough(share_AP: np.ndarray, accuracy) -> list[float]:
    """Least accuracy, between those of a grid, at which each share of people has less than a tenth false; NaN: none."""
    found = []
    for share in share_AP.T:
        below = np.flatnonzero(share < LINES[0])
        i = int(below[0]) if len(below) else -1
        found.append(np.nan if i < 0 else accuracy[0] if i == 0 else _between(accuracy, share, i))
    return found


def _between(accuracy, share, i: int) -> float:
    part = (share[i - 1] - LINES[0]) / (share[i - 1] - share[i])
    return float(accuracy[i - 1] + part * (accuracy[i] - accuracy[i - 1]))


def table(found: np.ndarray, law: np.ndarray) -> None:
    """What is printed."""
    print(f"accuracy from which on less than a tenth is false (simulated, {SEEDS} seeds / law); -: at none")
    print(f"{'gated':>6} | people " + " | ".join(f"{h:^11.2f}" for h in PEOPLE))
    for gated, mean, exact in zip(GATED, found.mean(axis=-1), law, strict=True):
        cells = zip(enough(mean, ACCURACY), enough(exact, ACCURACY), strict=True)
        print(f"{gated:>6} |        " + " | ".join(f"{said(one)} / {said(other)}" for one, other in cells))
    apart = found.mean(axis=-1) - law
    most = np.unravel_index(np.abs(apart).argmax(), apart.shape)
    where = f"gated {GATED[most[0]]}, accuracy {ACCURACY[most[1]]:.2f}, people {PEOPLE[most[2]]:.2f}"
    print(f"mean minus law: {apart.mean():+.4f} on average, {apart[most]:+.4f} at most ({where})")
    settled = (found < LINES[0]).all(axis=-1) | (found >= LINES[0]).all(axis=-1)
    print(f"all {SEEDS} seeds on one side of a tenth at {settled.mean():.0%} of {settled.size} points")
    print(f"from {found.mean(axis=-1).min():.3f} to {found.mean(axis=-1).max():.3f} false")


def said(accuracy: float) -> str:
    return "  - " if np.isnan(accuracy) else f"{accuracy:.2f}"


@look()
def figure(mean: np.ndarray, law: np.ndarray):
    """A panel for each share gated: simulated means as colours, their 10% and 40% lines, and the law's."""
    drawn, axes = panels(1, len(GATED), 9.4, 3.1, sharey=True)
    for ax, gated, here, exact in zip(axes[0], GATED, mean, law, strict=True):
        colours = ax.pcolormesh(PEOPLE, ACCURACY, here, shading="nearest", cmap=RAMP, vmin=0, vmax=0.8)
        ax.contour(PEOPLE, ACCURACY, here, LINES, colors="white", linewidths=3.2)
        ax.contour(*FINE, exact, LINES, colors="black", linewidths=1.2, linestyles=["solid", "dashed"])
        for people, level, side in zip((0.755, 0.295), LINES, ("right", "left"), strict=True):
            ax.text(people, 0.515, f"{level:.0%}", color="white", ha=side, fontsize=7.5)  # beside its line
        ax.set(title=f"{gated:.0%} of models gated", xlim=(0.02, 0.8), ylim=(0.5, 1))
        ax.grid(visible=False)
        ax.set_xticks([0.2, 0.4, 0.6, 0.8])
    axes[0, 0].set_ylabel("accuracy of verifiers")
    told = "lines: a tenth (solid) and four tenths (dashed) of the web false; white: simulated; black: the law"
    drawn.supxlabel(f"human share of what is published\n{told}", fontsize=8.5, color=INK)
    bar = drawn.colorbar(colours, ax=axes[0].tolist(), pad=0.01, aspect=18)
    bar.set_label("false share of the web")
    bar.outline.set_visible(False)
    return drawn


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FIGURE
    found = everywhere(simulated, PEOPLE, ACCURACY)
    table(found, everywhere(expected, PEOPLE, ACCURACY))
    drawn = figure(found.mean(axis=-1), everywhere(expected, *FINE))
    with look():
        drawn.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {}, dpi=140)
