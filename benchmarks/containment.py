"""Containment: who collapses at the end when guards stand before some readers, by rule of placement and coverage.

The scenario `containment` on three families of graphs and, where the data is, one real network (the United States
Congress on Twitter, 475 accounts; ECOSYSTEM_DATA names the folder, see tests/conftest.py). What people write a step is
set for each web so that nearly all collapse without guards and nearly nobody with all readers guarded. Printed: attack
rates with 95% intervals over seeds; how much lower each rule's is than random's, mean over coverages, within seeds
(Holm-adjusted for five rules); the least coverage tried at which the whole interval lies below a quarter; how two
theories (`ecosystem.theory.spread`) rank all rules and coverages; and the coverage at which R0 falls below 1, when R0
without guards is the reproduction number measured there. `python -m benchmarks.containment small`: the families alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from ecosystem import Ecosystem, Scenario
from ecosystem.runs.statistics import holm, paired, t_interval
from ecosystem.theory import spread

RULES = ("random", "most_read", "most_reading", "betweenness", "bridges", "community")
COVERAGES = (0.1, 0.2, 0.3, 0.5)
PLACE = "verifiers.guards.placement"
RESERVOIR = ("careless",)  # they sharpen whatever they read
LEVEL = 0.25  # of all models: below it a collapse counts as contained
FAMILIES = {
    "random": {"graph": {"kind": "random", "density": 0.06}},
    "communities": {"graph": {"kind": "communities", "blocks": 4, "inside": 0.2, "across": 0.02}},
    "scale_free": {"graph": {"kind": "scale_free", "links": 4}, "humans.people.rate": 250},
}
DATA = Path(os.environ.get("ECOSYSTEM_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
REAL = {
    "graph": {"kind": "file", "path": str(DATA / "networks/congress_edges.csv"), "self_loops": False},
    "humans.people.rate": 350, "models.careless.count": 25, "models.others.count": 450,
}  # fmt: skip


def ends(spec: Scenario, seeds: int, metric: str = "attack_rate") -> np.ndarray:
    """(seeds,) a metric at the end."""
    found = []
    for seed in range(seeds):
        world = Ecosystem(spec, rng=seed)
        while world.t < spec.steps:
            world.step()
        found.append(world.frame.values[metric])
    return np.array(found)


def theories(spec: Scenario, seeds: int) -> tuple[float, float]:
    """Means over seeds: spectral radius of the reading shares; share of what others read that the careless began."""
    careless_N = np.arange(spec.agents) < spec.models[0].count
    shares = [spread.reading_shares(spec, seed) for seed in range(seeds)]
    radii = [spread.radius(spread.next_generation(spec, 1.0, seed, RESERVOIR)) for seed in range(seeds)]
    return float(np.mean(radii)), float(np.mean([spread.heard_from(a, careless_N)[~careless_N].mean() for a in shares]))


def table(name: str, changes: dict, seeds: int) -> None:
    """Everything about one web."""
    plain = Scenario.from_file("containment").with_({"metrics": ["attack_rate"], "arms": {}, "claims": [], **changes})
    none, every = (ends(plain.with_({f"{PLACE}.share": share}), seeds) for share in (0.0, 1.0))
    print(f"\n{name}: {plain.agents} models, {seeds} seeds; nobody guarded {said(none)}; all {said(every)}")
    print(f"{'rule':>14} | " + " | ".join(f"{share:^18g}" for share in COVERAGES) + " | random - rule, all coverages")
    found, predicted = {}, {}
    for rule in RULES:
        for share in COVERAGES:
            spec = plain.with_({f"{PLACE}.rule": rule, f"{PLACE}.share": share})
            found[rule, share], predicted[rule, share] = ends(spec, seeds), theories(spec, min(seeds, 3))
    mean = {rule: np.mean([found[rule, share] for share in COVERAGES], axis=0) for rule in RULES}
    margins = {rule: paired(mean["random"], mean[rule]) for rule in RULES[1:]}
    adjusted = dict(zip(margins, holm([m.p for m in margins.values()]), strict=True))
    for rule in RULES:
        cells = " | ".join(f"{said(found[rule, share]):>18}" for share in COVERAGES)
        print(f"{rule:>14} | {cells} | {margin(margins.get(rule), adjusted.get(rule))}", flush=True)
    for rule in RULES:
        enough = [share for share in COVERAGES if t_interval(found[rule, share]).high < LEVEL]
        least = f"from coverage {min(enough):g}" if enough else "at none"
        print(f"{rule:>14}: contained below {LEVEL:g} {least} of those tried")
    rates = [found[key].mean() for key in found]
    for i, theory in enumerate(("spectral radius", "traced to the careless")):
        every = rank(rates, [p[i] for p in predicted.values()])
        print(f"rank correlation with {theory}, over rules and coverages: {every}", flush=True)
        for share in COVERAGES:
            at = [found[rule, share].mean() for rule in RULES]
            print(f"    at {share:g}, over rules: {rank(at, [predicted[rule, share][i] for rule in RULES])}")
    thresholds(plain, seeds)


def thresholds(plain: Scenario, seeds: int) -> None:
    """The coverage at which R0 falls below 1, by rule."""
    measured = np.nanmean(ends(plain.with_({"metrics": ["reproduction_number"]}), seeds, "reproduction_number"))
    specs = {rule: plain.with_({f"{PLACE}.rule": rule}) for rule in RULES}
    print(f"reproduction number measured without guards: {measured:.2f}; R0 falls below 1 at coverage")
    for rule, spec in specs.items():
        found = []
        for seed in range(min(seeds, 3)):
            whole = spread.radius(spread.next_generation(plain, 1.0, seed, RESERVOIR))
            rate = measured / whole if whole > 1e-6 else np.nan
            found.append(spread.critical_share(spec, "guards", rate, seed, RESERVOIR) if rate == rate else 0.0)
        print(f"{rule:>14}: {np.mean(found):.2f}", flush=True)


def said(values: np.ndarray) -> str:
    found = t_interval(values)
    return f"{found.estimate:.2f} ({max(found.low, 0):.2f}, {min(found.high, 1):.2f})"


def margin(found, p) -> str:
    if found is None:
        return ""
    d = found.difference
    return f"{d.estimate:+.3f} ({d.low:+.3f} to {d.high:+.3f}), p {p:.2g}"


def rank(first, second) -> str:
    if np.ptp(second) < 1e-9:
        return "none: the theory says the same of all"
    return f"{spearmanr(first, second).statistic:.2f}"


if __name__ == "__main__":
    for name, changes in FAMILIES.items():
        table(name, changes, seeds=8)
    if "small" not in sys.argv and DATA.is_dir():
        table("congress", REAL, seeds=5)
