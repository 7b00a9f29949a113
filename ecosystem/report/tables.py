"""The words and tables of a page: plain data, escaped by the template."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator

import numpy as np
import pandas as pd

from ecosystem.components import kind_of
from ecosystem.report.bands import measured, within
from ecosystem.report.exact import Exact
from ecosystem.report.style import OKABE_ITO
from ecosystem.report.words import between, duration, heading, number, span
from ecosystem.runs import claims as claiming
from ecosystem.runs import folder as run_folder
from ecosystem.runs.findings import findings
from ecosystem.runs.opened import failure
from ecosystem.runs.spending import WORDS, spending
from ecosystem.runs.statistics import Interval, t_interval
from ecosystem.runs.supported import answering
from ecosystem.runs.verified import works
from ecosystem.runs.wording import counted, listed

FIRST = 10  # findings shown before the rest is unfolded


def setting(study) -> list[str]:
    """The experiment in a few facts: how many of what, and the rules of the web."""
    spec = study.spec
    models = [
        f"{g.count:,} {kind_of(g.learner)}" + (f" ({g.name})" if len(spec.models) > 1 else "") for g in spec.models
    ]
    each = [sum(run.arm == arm for run in study.runs) for arm in study.arms]
    many = f"{between(each)} seed{'s' * (max(each, default=0) != 1)}"
    seeds = f"{counted(len(study.arms), 'arm')}, {many}, {counted(spec.steps, 'step')}"
    people = [f"{c.name} ({c.rate_at(0):,} documents a step at first)" for c in spec.humans]
    return [
        seeds,
        f"{counted(spec.agents, 'model')}: {listed(models)}",
        f"humans: {listed(people) or 'none'}; world: {kind_of(spec.world)}",
        f"graph: {spec.graph.kind}; reading: {spec.reading.draw}; corpus keeps: {_keep(spec.corpus.keep)}",
    ]


def _keep(keep) -> str:
    return keep if isinstance(keep, str) else ", ".join(f"{k} {v:,}" for k, v in keep.model_dump().items())


def arms(study) -> list[dict]:
    """Every arm with its colour and what it changes."""
    changes = study.spec.arms
    return [
        {
            "name": arm,
            "colour": OKABE_ITO[i % len(OKABE_ITO)],
            "changes": ", ".join(f"{path} = {value}" for path, value in changes.get(arm, {}).items())
            or "as the scenario stands",
        }
        for i, arm in enumerate(study.arms)
    ]


def failures(study) -> list[str]:
    """Runs that did not come to their end."""
    stopped = [r for r in study.every if r.status in ("running", "interrupted")]
    told = [f"arm {r.arm}, seed {r.seed} is not complete ({r.status}): {_reached(r)}" for r in stopped]
    return [failure(run) for run in study.failed] + told


def _reached(run) -> str:
    return f"step {int(run.steps['step'].max())} of {run.spec.steps}" if len(run.steps) else "nothing measured"


def told(study) -> dict:
    """The findings: those that come first, and the rest."""
    sentences = findings(study)
    shown = len(sentences) if len(sentences) <= FIRST + 2 else FIRST
    return {"first": sentences[:shown], "rest": sentences[shown:]}


def claims(study) -> list[dict]:
    """Each claim with its verdict where the study has the seeds that the claim asks for."""
    told = []
    for claim in study.spec.claims:
        verdict = claiming.judge(claim, study)
        enough = verdict.n >= claim.seeds
        short = f"{counted(verdict.n, 'seed')} of {claim.seeds}; run: ecosystem check {study.spec.name}"
        told.append({
            "says": claim.says,
            "outcome": verdict.outcome if enough else "not tested",
            "figures": verdict.figures,
            "how": "" if enough else short,
            "source": claim.source or "",
        })  # fmt: skip
    return told


def final_values(study) -> dict:
    """Last values: a row a metric, a cell an arm with mean and interval."""
    ends = {arm: _end(study.steps[study.steps["arm"] == arm]) for arm in study.arms}
    metrics = [m for m in measured(study.steps, study.spec.metrics) if any(e[m].notna().any() for e in ends.values())]
    rows = [{"metric": heading(m), "column": m, "cells": [_cell(m, end[m]) for end in ends.values()]} for m in metrics]
    last = sorted({int(end["step"].iloc[0]) for end in ends.values()})
    when = f"step {last[0]}" if len(last) == 1 else "the last step that all runs of an arm have reached"
    return {"arms": list(ends), "rows": rows, "when": when}


def _end(steps: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last step that every run of an arm has reached."""
    return steps[steps["step"] == steps.groupby("seed")["step"].max().min()]


def _cell(metric: str, values) -> dict:
    found = t_interval(values)
    low, high = within(metric, found.low, found.high)
    return {"mean": number(found.estimate), "span": span(float(low), float(high))}


def verifiers(study) -> list[dict]:
    """A row for each verifier of an arm: where it stands, what it did and how right it was."""
    return [
        {
            "arm": work.arm, "verifier": work.verifier, "gate": work.gate,
            "against": "what is true" if work.of_claims else "who wrote",
            "guarded": _figure(work.guarded) if work.gate != "panel" else {"mean": "–", "span": ""},
            "judged": _figure(work.judged), "unjudged": _figure(work.unjudged), "cost": _figure(work.cost),
            "rejected": _figure(work.rejected, True), "false_positives": _figure(work.false_positives, True),
            "false_negatives": _figure(work.false_negatives, True),
        }
        for work in works(study)
        if work.judged.estimate > 0 or (work.guarded.estimate > 0 and work.gate != "panel")
    ]  # fmt: skip


def costs(study) -> list[dict]:
    """A row for each kind of things that policies bought in an arm, and for whom."""
    return [
        {
            "arm": spent.arm, "kind": WORDS.get(spent.kind, spent.kind), "whom": spent.whom,
            "cells": [_figure(spent.units), _figure(spent.cost)],
        }
        for spent in spending(study)
    ]  # fmt: skip


def support(study) -> list[dict]:
    """A row for the answers of an arm with support, and one for those without."""
    names = ("share", "answered", "right", "confidence", "cites", "published")
    return [
        {
            "arm": told.arm,
            "kind": "with support" if told.supported else "without support",
            "cells": [_figure(getattr(told, name), True) for name in names],
        }
        for told in answering(study)
    ]


def _figure(found: Interval, share: bool = False) -> dict:
    low, high = (np.clip(b, 0, 1) if share else b for b in (found.low, found.high))
    known = not math.isnan(found.estimate)
    spread = found.n > 1 and low != high
    return {"mean": number(found.estimate) if known else "–", "span": span(float(low), float(high)) if spread else ""}


def laws(exact: Exact | None) -> list[dict]:
    """The laws drawn: name, what they say, source; alike ones once."""
    found = {(law.name, law.says, law.source) for law in exact.laws.values()} if exact else set()
    return [{"name": name, "says": says, "source": source} for name, says, source in sorted(found)]


def origin(study) -> dict:
    """Where the numbers come from, and how to make them again."""
    told = [run.provenance for run in study.every]
    first = told[0]
    wall = [t["wall_seconds"] for t in told if t.get("wall_seconds") is not None]
    commands = list(dict.fromkeys(t["command"] for t in told if t.get("command")))
    peak = max((t["peak_memory_bytes"] or 0 for t in told), default=0)
    rows = {
        "Scenario": study.spec.name,
        "Digest": study.folder.name,
        "Seeds": listed(study.seeds, 40),
        "Finished": max((t["end"] or "" for t in told), default="") or "–",
        "Wall time": f"{duration(sum(wall))} for {counted(len(told), 'run')}" if wall else "–",
        "Peak memory": f"{peak / 2**20:,.0f} MiB" if peak else "–",
        "Platform": ", ".join(str(first.get(key) or "–") for key in ("platform", "device", "device_name")),
        "Threads": str(first.get("threads", "–")),
        "Versions": ", ".join(f"{name} {version}" for name, version in first.get("versions", {}).items()),
        "Code": first.get("code", "–") + _commit(first.get("git")),
        "Data": _data(first.get("data")),
    }
    return {"rows": rows, "commands": commands, "again": list(_again(study)), "mixed": _mixed(told)}


def _data(files) -> str:
    told = [f"{f.get('path')} ({f.get('bytes'):,} bytes, SHA-256 {f.get('sha256')})" for f in files or []]
    return "; ".join(told) or "no data files"


def _commit(git: dict | None) -> str:
    """' (commit ...)' where the code was a checkout."""
    if not git:
        return ""
    return f" (commit {git.get('commit')}{', with changes that are not in it' if git.get('changed') else ''})"


def _mixed(told: list[dict]) -> bool:
    """True when the runs of a page were made by different code, libraries or data, or on different devices."""
    return len({repr([t.get(key) for key in ("versions", "code", "data", "device")]) for t in told}) > 1


def _again(study) -> Iterator[str]:
    """Commands that make the runs again, to be given in the folder of the page."""
    whole = (study.folder / run_folder.SCENARIO).is_file()
    first = study.every[0]
    file = run_folder.SCENARIO if whole else f"{first.arm}/{first.folder.name}/{run_folder.SCENARIO}"
    seeds, device = ",".join(map(str, study.seeds)), first.provenance.get("device", "cpu")
    on = "" if device == "cpu" else f" --device {device}"
    for arm in study.arms if whole else study.arms[:1]:
        chosen = f" --arm {shlex.quote(arm)}" if whole and arm != "base" else ""
        yield f"ecosystem run {shlex.quote(file)}{chosen} --seeds {seeds}{on}"


def runs(study) -> list[dict]:
    """A row a run."""
    return [
        {
            "arm": run.arm, "seed": run.seed, "status": run.status, "reason": run.provenance.get("reason") or "",
            "start": run.provenance.get("start") or "", "wall": duration(run.provenance.get("wall_seconds")),
        }
        for run in study.every
    ]  # fmt: skip


def events(study) -> list[dict]:
    """What happened, counted by kind and arm, with the first case."""
    frame = study.events
    if not len(frame):
        return []
    found = []
    for (arm, kind), rows in frame.groupby(["arm", "kind"], sort=False):
        first = rows.iloc[0]
        who = "" if first["agent"] is None or math.isnan(first["agent"]) else f"model {int(first['agent'])}: "
        found.append(
            {
                "arm": arm,
                "kind": kind,
                "times": len(rows),
                "step": int(first["step"]),
                "first": f"{who}{first['detail']}",
            }
        )
    return found


def scenario(study) -> str:
    """The scenario file, whole."""
    path = study.folder / run_folder.SCENARIO
    path = path if path.is_file() else study.every[0].folder / run_folder.SCENARIO
    return path.read_text(encoding="utf-8", errors="replace")
