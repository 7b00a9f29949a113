"""Figures of the README and the docs, from real runs: `python docs/figures/make.py [NAME ...]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecosystem import Scenario, law, replicate
from ecosystem.report import curve_figure
from ecosystem.report.response import curve
from ecosystem.runs.boundary_along import along
from ecosystem.runs.sweep_design import grid
from ecosystem.theory.laws import selection_threshold

METRICS = {"within_diversity": "diversity within models", "differentiation": "differentiation between models"}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
SEEDS = 8
WRONG_KEPT = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def exact(spec: Scenario, arm: str) -> pd.DataFrame:
    """The law's expectation, averaged over the graphs of the seeds."""
    return pd.concat([law(spec.arm(arm), seed).steps for seed in range(SEEDS)]).groupby("step").mean()


def main() -> None:
    made = {"hivemind": hivemind, "containment": containment, "tipping_curve": tipping_curve}
    for name in sys.argv[1:] or made:
        made[name]()


def tipping_curve() -> None:
    """Where students are lost, against the share of wrong answers that their verifier keeps, with law 9 (dashed)."""
    spec = Scenario.from_file("tipping_point")
    checkers = grid({"verifiers.checker.probabilities.0": WRONG_KEPT})
    with tempfile.TemporaryDirectory() as out:
        found = along(spec, checkers, "world.exponent", (0.1, 3.0), "tail_coverage < 0.5", 0.1, out=out, jobs=2)
        figure = curve_figure.curve(found)
    assert figure is not None  # one other key varies
    print(found.table.to_string())
    kept = np.linspace(0.9 / 2**3.0, 0.9 / 2**0.1, 200)
    wrong = np.array([selection_threshold(0.9, phi) for phi in kept])
    ax = figure.axes[0]
    ax.plot(kept, np.log2(wrong / (1 - wrong)), color="black", lw=1, dashes=(4, 2), zorder=6)
    ax.annotate("law 9 (dashed)", (0.36, 1.33), (8, 8), textcoords="offset points", fontsize=7.5)
    ax.set(xlabel="share of wrong answers that the verifier keeps", ylabel="exponent: how wrong the generator is")
    with matplotlib.rc_context({"svg.hashsalt": "tipping_curve"}):
        figure.savefig(Path(__file__).parent / "tipping_curve.svg", metadata={"Date": None})


def containment() -> None:
    """Who collapses, against the share of readers guarded, by rule of placement."""
    spec = Scenario.from_file("containment")
    with tempfile.TemporaryDirectory() as out:
        figure = curve(replicate(spec, seeds=SEEDS, arms=("base", *spec.arms), out=out), "attack_rate")
    assert figure is not None  # its arms turn up a number
    with matplotlib.rc_context({"svg.hashsalt": "containment"}):
        figure.savefig(Path(__file__).parent / "containment.svg", metadata={"Date": None})


def hivemind() -> None:
    """Two axes that graphs move apart, with the exact law."""
    spec = Scenario.from_file("hivemind")
    with tempfile.TemporaryDirectory() as out:
        arms = ("base", *spec.arms)
        summary = replicate(spec, seeds=SEEDS, arms=arms, out=out).summary
    matplotlib.rcParams.update({"svg.hashsalt": "hivemind", "font.size": 9})
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for arm, colour in zip(arms, COLOURS, strict=True):
        theory = exact(spec, arm)
        for ax, metric in zip(axes, METRICS, strict=True):
            rows = summary[(summary.arm == arm) & (summary.metric == metric)].sort_values("step")
            ax.fill_between(rows.step, rows.low, rows.high, color=colour, alpha=0.2, lw=0)
            ax.plot(rows.step, rows["mean"], color=colour, lw=1.6)
            ax.plot(theory.index, theory[metric], color="black", lw=1, dashes=(4, 2))
            ax.annotate(
                {"base": "isolated"}.get(arm, arm.replace("_", " ")), (spec.steps, rows["mean"].iloc[-1]), (4, 0),
                textcoords="offset points", va="bottom" if arm == "small_world" else "top" if arm == "complete" else
                "center", color=colour,
            )  # fmt: skip
    for ax, title in zip(axes, METRICS.values(), strict=True):
        ax.set(xlabel="step", ylabel=title, xlim=(0, spec.steps * 1.22))
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xticks(range(0, spec.steps + 1, 20))
    figure.savefig(Path(__file__).parent / "hivemind.svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
