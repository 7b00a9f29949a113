"""Claims: how they are read, and that they are held by chance no more often than said."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ecosystem.effect import parse_effect
from ecosystem.errors import InputError
from ecosystem.runs import claims, comparison
from ecosystem.runs.claims import judge
from ecosystem.scenario import Claim

FALSE_ALARM = 1e-6
TRIALS = 150


def study_of(arms: dict[str, list[float]], metric: str = "tail_coverage", status: str = "complete"):
    """A study of runs of two steps: the metric is 1 at step 0 and ends at the value given, a seed each."""
    runs = []
    for arm, ends in arms.items():
        for seed, end in enumerate(ends):
            steps = pd.DataFrame({"step": [0, 1], metric: [1.0, end]})
            runs.append(SimpleNamespace(arm=arm, seed=seed, status=status, steps=steps))
    frames = [run.steps.assign(arm=run.arm, seed=run.seed) for run in runs]
    return SimpleNamespace(runs=runs, steps=pd.concat(frames), arms=tuple(arms))


def claim(effect: str, *arms: str, **more) -> Claim:
    return Claim(says="", metric="tail_coverage", effect=effect, arms=arms or ("base",), **{"seeds": 8} | more)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("> 0", 0, math.inf), ("<0.5", -math.inf, 0.5), ("= 0.5 +- 0.05", 0.45, 0.55), (" = -1e-3 ± .5 ", -0.501, 0.499)],
)
def test_effects_are_read(text, low, high):
    found = parse_effect(text)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("text", ["", "0", ">= 0", "> x", "= 0.5", "> 0 < 1", "= 1 +- -1", "> nan"])
def test_effects_that_say_nothing_are_refused(text):
    with pytest.raises(ValueError, match="must be"):
        parse_effect(text)


@pytest.mark.parametrize(
    ("effect", "ends", "outcome"),
    [
        ("> 0.5", [0.7, 0.8, 0.75], "held"),
        ("> 0.5", [0.1, 0.2, 0.15], "failed"),
        ("> 0.5", [0.1, 0.9, 0.5], "undecided"),
        ("< 0.5", [0.1, 0.2, 0.15], "held"),
        ("= 0.5 +- 0.1", [0.5, 0.51, 0.49], "held"),
        ("= 0.5 +- 0.1", [0.9, 0.91, 0.89], "failed"),
        ("= 0.5 +- 0.1", [0.1, 0.9, 0.5], "undecided"),
        ("> 0.5", [0.7], "undecided"),
        ("> 0.5", [0.7, 0.7, 0.7], "held"),
        ("> 0.7", [0.7, 0.7, 0.7], "failed"),
        ("> 0.5", [math.inf, math.inf], "held"),
        ("> 0.5", [math.nan, math.nan], "undecided"),
    ],
)
def test_a_level_is_judged_by_its_interval(effect, ends, outcome):
    assert judge(claim(effect), study_of({"base": ends})).outcome == outcome


def test_arms_are_compared_within_seeds():
    luck = np.random.default_rng(0).normal(0, 10, 8)
    study = study_of({"base": luck, "none": luck - 1 + np.random.default_rng(1).normal(0, 0.1, 8)})
    verdict = judge(claim("< 0", "none", "base"), study)
    assert verdict.outcome == "held"
    assert verdict.estimate == pytest.approx(-1, abs=0.2)
    assert judge(claim("< 0", "base", "none"), study).outcome == "failed"


def test_seeds_are_paired_by_number_and_not_by_place():
    study = study_of({"base": [1.0, 2.0, 3.0], "none": [0.5, 1.5, 2.5]})
    study.runs = [run for run in study.runs if (run.arm, run.seed) != ("base", 0)]
    verdict = judge(claim("= 0.5 +- 0", "base", "none"), study)
    assert (verdict.outcome, verdict.n) == ("held", 2)


def test_equal_arms_fail_a_claim_of_difference():
    assert judge(claim("> 0", "a", "b"), study_of({"a": [1.0, 2.0], "b": [1.0, 2.0]})).outcome == "failed"


def test_ratios_are_ratios_of_means():
    rng = np.random.default_rng(2)
    study = study_of({"a": rng.normal(1, 0.02, 8), "b": rng.normal(2, 0.02, 8)})
    assert judge(claim("= 0.5 +- 0.05", "a", "b", ratio=True), study).outcome == "held"
    assert judge(claim("> 0.6", "a", "b", ratio=True), study).outcome == "failed"


def test_only_the_claims_own_seeds_count():
    study = study_of({"base": [0.7, 0.71, 0.72, -50.0, 50.0]})
    assert judge(claim("> 0.5", seeds=3), study).n == 3
    assert judge(claim("> 0.5", seeds=5), study).outcome == "undecided"


def test_a_claim_about_a_step_is_judged_there():
    study = study_of({"base": [0.1, 0.2]})
    assert judge(claim("= 1 +- 0", at=0), study).outcome == "held"
    missing = judge(claim("> 0", at=7), study)
    assert missing.outcome == "undecided"
    assert "not measured at step 7; the nearest is 1" in missing.figures


def test_runs_that_were_not_completed_prove_nothing():
    verdict = judge(claim("> 0"), study_of({"base": [0.7, 0.8]}, status="failed"))
    assert verdict.outcome == "undecided"
    assert math.isnan(verdict.estimate)


def test_figures_are_one_line():
    text = judge(claim("< 0", "none", "base"), study_of({"base": [0.9, 0.8, 0.9], "none": [0.4, 0.5, 0.5]})).figures
    assert text.startswith("coverage of rare items at the end, none minus base: -0.4 (95% interval ")
    assert text.endswith("3 seeds); claimed < 0")


def held_by_chance(effect: str, draw, trials: int = TRIALS) -> int:
    rng = np.random.default_rng(3)
    return sum(judge(claim(effect, "a", "b"), study_of(draw(rng))).outcome == "held" for _ in range(trials))


def test_a_claim_that_is_not_true_is_held_in_at_most_one_experiment_in_forty():
    def no_effect(rng):
        luck = rng.normal(0, 3, 5)
        return {"a": luck + rng.normal(0, 1, 5), "b": luck + rng.normal(0, 1, 5)}

    limit = stats.binom.ppf(1 - FALSE_ALARM, TRIALS, 0.025)
    assert held_by_chance("> 0", no_effect) <= limit

    def small_effect(rng):  # the negative control: a small true effect must be told from none
        luck = rng.normal(0, 3, 5)
        return {"a": luck + rng.normal(1.5, 1, 5), "b": luck + rng.normal(0, 1, 5)}

    assert held_by_chance("> 0", small_effect) > limit


def scenario(**more):
    from ecosystem.files.scenario_file import read

    plain = {"steps": 4, "world": {"kind": "zipf", "items": 20}, "humans": [{"rate": 10}]}
    plain |= {"models": [{"count": 2, "learner": {"kind": "categorical"}}]}
    return read(plain | {"arms": {"none": {"humans.0.rate": 0}}} | more)


def test_check_runs_what_the_claims_need_and_judges_them(tmp_path):
    told = [
        {"says": "a", "metric": "within_diversity", "arms": ["base"], "effect": "> 0", "seeds": 2},
        {"says": "b", "metric": "human_share_read", "arms": ["none", "base"], "effect": "< 0", "seeds": 3},
        {"says": "c", "metric": "human_share_read", "arms": ["none"], "effect": "> 0", "seeds": 3, "group": "models"},
    ]
    spec = scenario(claims=told)
    found = claims.check(spec, out=tmp_path)
    assert [v.outcome for v in found] == ["held", "held", "failed"]
    assert [v.n for v in found] == [2, 3, 3]
    study = next(tmp_path.glob("*/*"))
    assert len(list(study.glob("base/seed-*"))) == 3


def test_a_group_of_models_is_measured_alone(tmp_path):
    from ecosystem.runs.runner import run

    groups = [
        {"name": "fed", "count": 2, "learner": {"kind": "categorical"}},
        {"name": "alone", "count": 2, "learner": {"kind": "categorical"}},
    ]
    people = [{"rate": 10, "reach": [0, 1]}]
    spec = scenario(models=groups, graph={"kind": "isolated", "self_loops": True}, humans=people)
    made = run(spec, out=tmp_path)
    study = SimpleNamespace(runs=[made], arms=("base",), steps=made.steps.assign(arm="base", seed=0))
    share = {g: comparison.values(study, "human_share_read", "base", group=g).item() for g in ("fed", "alone")}
    expected = made.agents[made.agents["step"] == 4].groupby("group_name")["human_share_read"].mean()
    assert share == expected.to_dict()
    assert share["alone"] == 0 < share["fed"]
    with pytest.raises(InputError, match="Metric 'differentiation' was not measured"):
        comparison.values(study, "differentiation", "base", group="fed")
    with pytest.raises(InputError, match="No model of group 'fad'"):
        comparison.values(study, "human_share_read", "base", group="fad")


def test_a_claim_may_be_about_what_changed_since_a_step():
    """Every run begins at 1: divided by that with one arm and `ratio`, else taken off before arms are compared."""
    ends = {"base": [0.2, 0.3, 0.25], "fed": [0.6, 0.65, 0.62]}
    study = study_of(ends)
    assert judge(claim("< 0.5", since=0, ratio=True), study).estimate == pytest.approx(0.25)
    assert judge(claim("< -0.5", since=0), study).estimate == pytest.approx(-0.75)
    found = judge(claim("< 0.6", "fed", "base", since=0, ratio=True), study)
    lost = [np.mean(ends[arm]) - 1 for arm in ("fed", "base")]
    assert found.estimate == pytest.approx(lost[0] / lost[1], rel=0.05)
    assert "that at step 0" in found.figures
