"""A recorded run as the panel plays it: a few columns a step, as small as the eye allows.

Letters: N models, n of them drawn, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecosystem.errors import InputError
from ecosystem.metrics import titles
from ecosystem.report.bands import KEYS, finite, measured
from ecosystem.report.network_figure import first_runs, state_metric
from ecosystem.runs.folder import GRAPH
from ecosystem.runs.opened import Run, Study
from ecosystem.scenario import Scenario
from ecosystem.view.packing import packed, quantised
from ecosystem.view.topology import Topology, of_graph

FRAMES = 2000  # of longer runs some are left out, evenly
CURVES, COLOURS = 8, 8  # measures with a curve; of models
ARMS = 4
EVENTS = 60  # of a run; of more the first of each kind
FINE = 60_000  # values of an arm up to which two bytes each are told, not one
TEXTS = 4000  # documents shown in all: two of a model and step at most
ONSETS = ((1e-9, "the first model has collapsed"), (0.5, "half of the models have collapsed"))
VERIFICATION = ("starved", "watermark")  # kinds of events
FLAGS = ("collapsed", "guarded", "starved")  # 1 or 0 for each model: a band over models would say nothing


def recording(study: Study, arms: Sequence[str] = (), seed: int | None = None) -> dict[str, Any]:
    """Everything a page of a study needs: one seed of up to four arms, alike ones on one layout."""
    wrong = [arm for arm in arms if arm not in study.arms]
    if wrong:
        raise InputError(f"--arm: {study.folder} has the arms {', '.join(study.arms)}. Got {wrong[0]!r}.")
    if seed is not None and seed not in study.seeds:
        raise InputError(f"--seed: {study.folder} has the seeds {', '.join(map(str, study.seeds))}. Got {seed}.")
    chosen = list(arms)[:ARMS] or list(study.arms[:ARMS])
    runs = first_runs(study, chosen, seed)
    runs = [run for run in runs if len(run.steps) and (run.folder / GRAPH).is_file()]
    if not runs:
        raise InputError(f"{study.folder}: no run of it has recorded a step and its network; there is nothing to play.")
    topologies = _topologies(runs)
    spec = runs[0].spec
    agents = [run.agents for run in runs]
    of_models = _columns(agents, spec.metrics)[:COLOURS]
    curves = _columns([run.steps for run in runs], spec.metrics)[:CURVES]
    different = list(dict.fromkeys(topologies))
    parts = zip(runs, agents, topologies, strict=True)
    return {
        "name": study.spec.name,
        "question": study.spec.question,
        "left_out": [arm for arm in study.arms if arm not in {run.arm for run in runs}],
        "topologies": [topology.plain for topology in different],
        "titles": {m: told(m) for m in dict.fromkeys([*curves, *of_models])},
        "curves": curves,
        "colour": state_metric(study),
        "arms": [
            _arm(run, frame, topology, of_models, curves)
            | {"topology": different.index(topology), "guarded": _guarded(run, topology)}
            for run, frame, topology in parts
        ],
    }


def _topologies(runs: list[Run]) -> list[Topology]:
    """Where models stand in each run: one and the same for runs of the same models and links."""
    found: list[Topology] = []
    for run in runs:
        made = of_graph(run.spec, run.graph, run.seed)
        found.append(next((t for t in found if t.plain == made.plain), made))
    return found


def told(metric: str) -> dict[str, str]:
    """A measure in words."""
    known = titles.title(metric)
    worse = {"lower": "lower is worse", "higher": "higher is worse", None: ""}[known.worse]
    return {"title": known.title, "about": "; ".join(part for part in (known.unit, worse) if part)}


def bands_of(values_TN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The tenth and the ninetieth percentile over models at each step, (T,) each; NaN where nothing is known."""
    low_T, high_T = np.full((2, len(values_TN)), np.nan)
    known_T = np.isfinite(values_TN).any(axis=1)
    if known_T.any():
        low_T[known_T], high_T[known_T] = np.nanpercentile(values_TN[known_T], [10, 90], axis=1)
    return low_T, high_T


def _columns(frames: list[pd.DataFrame], order: tuple[str, ...]) -> list[str]:
    """Measures with a finite value in some arm, in the scenario's order."""
    found = dict.fromkeys(m for frame in frames for m in measured(frame, order) if np.isfinite(finite(frame[m])).any())
    return [m for m in found if m not in KEYS]


def _arm(run: Run, agents: pd.DataFrame, topology: Topology, of_models, curves) -> dict[str, Any]:
    steps = run.steps["step"].to_numpy(np.int64)
    kept = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), FRAMES)).astype(np.int64))
    world = {}
    values = {m: _by_step(agents, m, steps[kept], run.spec.agents) for m in of_models if m in agents}
    for metric in curves:
        if metric not in run.steps:
            continue
        world[metric] = {"values": packed(finite(run.steps[metric])[kept], "f32")}
        if metric in values and metric not in FLAGS:
            low_T, high_T = bands_of(values[metric])
            world[metric] |= {"low": packed(low_T, "f32"), "high": packed(high_T, "f32")}
    fine = len(kept) * len(topology.models) * len(values) < FINE
    shown = {m: quantised(v_TN[:, topology.models], fine) for m, v_TN in values.items()}
    return {
        "name": run.arm,
        "seed": run.seed,
        "steps": packed(steps[kept], "u32"),
        "world": world,
        "agents": shown,
        "events": events(run, values, steps[kept]),
        "texts": _texts(run, topology),
    }


def _by_step(agents: pd.DataFrame, metric: str, steps: np.ndarray, n: int) -> np.ndarray:
    """(T, N) a measure of every model at some steps."""
    values_TN = np.full((len(steps), n), np.nan)
    step, agent = agents["step"].to_numpy(), agents["agent"].to_numpy()
    place = np.searchsorted(steps, step)
    there = (place < len(steps)) & (steps[np.minimum(place, len(steps) - 1)] == step)
    values_TN[place[there], agent[there]] = finite(agents[metric])[there]
    return values_TN


def events(run: Run, values: dict[str, np.ndarray], steps: np.ndarray) -> list[dict[str, Any]]:
    """What happened when, for the timeline: the onset of collapse first, then what the run itself noted."""
    found = []
    collapsed_TN = values.get("collapsed")
    if collapsed_TN is not None:
        share_T = np.nanmean(np.where(np.isfinite(collapsed_TN), collapsed_TN, 0), axis=1)
        for share, text in ONSETS:
            above = np.flatnonzero(share_T >= share)
            if len(above) and above[0] > 0:
                found.append({"step": int(steps[min(above[0], len(steps) - 1)]), "mark": "collapse", "text": text})
    found += [event for step in run.steps["step"].tolist() for event in policy(run.spec, int(step))]
    noted = run.events
    for kind, rows in noted.groupby("kind", sort=False):
        first = rows.head(max(EVENTS // max(noted["kind"].nunique(), 1), 1))
        for step, detail in zip(first["step"].tolist(), first["detail"].tolist(), strict=True):
            found.append({"step": int(step), "mark": mark_of(str(kind)), "text": f"{kind}: {detail}"[:200]})
    return found


def policy(spec: Scenario, step: int) -> list[dict[str, Any]]:
    """What the scenario changes at a step: how much people write."""
    schedules = [(c.name, c.rate) for c in spec.humans if not isinstance(c.rate, int)]
    return [
        {"step": step, "mark": "policy", "text": f"{name} now write {rate} documents a step"}
        for name, schedule in schedules
        for start, rate in schedule
        if 0 < start == step
    ]


def mark_of(kind: str) -> str:
    """How an event of a kind is marked."""
    if kind == "policy":
        return kind
    return "verification" if kind in VERIFICATION else "event"


def _guarded(run: Run, topology: Topology) -> list[bool] | None:
    """Which of the models drawn a verifier guards; None: nobody."""
    told_N = [bool(told) for _, told in sorted(run.graph.nodes(data="verifiers", default=""))]
    return [told_N[i] for i in topology.models] if any(told_N) else None


def _texts(run: Run, topology: Topology) -> dict[str, list[str]]:
    """Some recorded documents by 'step/model', where the run recorded texts."""
    documents = run.documents
    if not len(documents) or "text" not in documents:
        return {}
    mine: pd.DataFrame = documents[(documents["author_kind"] == "model") & documents["author"].isin(topology.models)]
    some = mine.groupby(["step", "author"], sort=True).head(2)
    some = some.iloc[np.unique(np.linspace(0, len(some) - 1, min(len(some), TEXTS)).astype(np.int64))]
    found: dict[str, list[str]] = {}
    for row in some.itertuples():
        found.setdefault(f"{row.step}/{row.author}", []).append(str(row.text)[:280])
    return found
