"""Findings in words: what is said, and that no more is said than the seeds allow."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ecosystem.files.scenario_file import read
from ecosystem.metrics.titles import title
from ecosystem.runs import wording
from ecosystem.runs.findings import findings
from ecosystem.runs.runner import replicate, run

STEPS = (0, 1, 2)


def study_of(metric: str, arms: dict[str, np.ndarray], events: list[tuple] = ()):
    """A study of three steps; each arm's values are (seeds, steps)."""
    runs, frames = [], []
    for arm, values in arms.items():
        for seed, row in enumerate(values):
            steps = pd.DataFrame({"step": STEPS, metric: row})
            runs.append(SimpleNamespace(arm=arm, seed=seed, status="complete", steps=steps))
            frames.append(steps.assign(arm=arm, seed=seed))
    return SimpleNamespace(
        runs=runs, every=runs, failed=(), outdated=(), arms=tuple(arms), seeds=tuple(range(len(runs) // len(arms))),
        steps=pd.concat(frames, ignore_index=True)[["arm", "seed", "step", metric]],
        events=pd.DataFrame(list(events), columns=["arm", "seed", "step", "agent", "kind", "detail"]),
        verifiers=pd.DataFrame(), spec=SimpleNamespace(agents=5), folder=Path(),
    )  # fmt: skip


def test_what_fell_is_said_with_numbers_and_interval():
    study = study_of("within_diversity", {"base": np.array([[0.9, 0.5, 0.41], [0.9, 0.5, 0.43], [0.9, 0.5, 0.42]])})
    assert findings(study) == [
        "Diversity within models fell from 0.9 to 0.42 (95% interval 0.395 to 0.445, 3 seeds) by step 2."
    ]


def test_what_the_seeds_do_not_show_is_not_said():
    study = study_of("within_diversity", {"base": np.array([[0.9, 0.5, 0.4], [0.5, 0.5, 0.9], [0.7, 0.5, 0.75]])})
    assert findings(study)[0].startswith("Diversity within models did not clearly move: 0.7, then 0.683 (95%")


def test_a_single_seed_claims_no_interval():
    told = findings(study_of("within_diversity", {"base": np.array([[0.9, 0.5, 0.4]])}))
    assert told[0] == "Diversity within models fell from 0.9 to 0.4 by step 2."
    assert told[1].startswith("One seed: how much of this is chance cannot be said")


def test_arms_are_told_apart_only_where_the_paired_difference_is_clear():
    luck = np.random.default_rng(0).normal(0, 0.1, (8, 1))
    base = 0.8 + luck + np.random.default_rng(1).normal(0, 0.01, (8, 3))
    apart = study_of("tail_coverage", {"base": base, "none": base - 0.3})
    assert any(
        f.startswith("At the end coverage of rare items was 0.3 lower in arm none than in base (95% interval")
        for f in findings(apart)
    )
    same = study_of("tail_coverage", {"base": base, "other": base[:, ::-1]})
    unclear = "At the end no difference of arm other from base can be shown in coverage of rare items (8 seeds"
    assert f"{unclear}, adjusted for 1 metric)." in findings(same)


def test_collapse_is_dated_and_counted():
    none, some = np.zeros((2, 3)), np.array([[0, 0.2, 0.6], [0, 0, 0.4]])
    told = findings(study_of("collapsed", {"base": none, "rare": some}))
    assert "No model collapsed in arm base." in told
    first = "The first model collapsed at step 1 to 2, by seed in arm rare; at the end 50% ("
    assert any(sentence.startswith(first) for sentence in told)


def test_dry_sources_and_unfed_models_are_named():
    events = [
        ("base", 0, 2, math.nan, "source_dry", "writers: all published"),
        ("base", 1, 2, math.nan, "source_dry", "writers: all published"),
        ("base", 0, 1, 3, "unfed", ""),
        ("base", 1, 1, 3, "unfed", ""),
    ]
    told = findings(study_of("depth", {"base": np.ones((2, 3))}, events))
    words = "Depth of what is read (generations from human writing)"
    assert told[0] == f"{words} stayed at 1 (95% interval 1 to 1, 2 seeds)."
    assert "A human source ran dry: writers: all published." in told
    assert "1 of 5 models (model 3) had nothing to read at some step." in told


def test_a_run_a_study_and_failures_find_their_words(tmp_path):
    plain = {
        "name": "tiny", "steps": 3, "world": {"kind": "zipf", "items": 20}, "humans": [{"rate": 6}],
        "models": [{"count": 3, "publish": 8, "read": 12, "learner": {"kind": "categorical"}}],
        "metrics": ["within_diversity", "human_share_corpus"],
    }  # fmt: skip
    told = findings(run(read(plain), out=tmp_path))
    assert told[0].startswith("Diversity within models ")
    assert "Human share of the web stayed at 0.2." in told
    study = replicate(read(plain), 3, out=tmp_path)
    assert "3 seeds" in findings(study)[0]
    unfed = plain | {"humans": [{"rate": 0}], "graph": {"kind": "hub"}}
    unfed |= {"models": [{"count": 3, "learner": {"kind": "categorical"}}]}
    assert "1 of 3 models (model 0) had nothing to read at some step." in findings(run(read(unfed), out=tmp_path))
    broken = read(unfed | {"reading": {"unfed": "error"}})
    words = findings(replicate(broken, 1, out=tmp_path))
    assert any("A run failed: arm base, seed 0 failed: WorldError: Model 0" in word for word in words)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.41237, "0.412"), (1490.2, "1,490"), (0, "0"), (2.1e-5, "2.10e-05"), (math.nan, "not measured")],
)
def test_numbers_are_short(value, text):
    assert wording.number(value) == text


def test_metrics_have_titles_and_unknown_ones_are_spelled_out():
    assert title("human_divergence@elders").title == "divergence from human writing, elders"
    assert title("tail_coverage").range == (0.0, 1.0)
    assert title("my.module:words_per_document").title == "words per document"
    assert title("human_divergence").label == "divergence from human writing (nats)"
