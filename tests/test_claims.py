"""Claims: how they are read, and that they are held by chance no more often than said."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ecosystem.claim import Claim
from ecosystem.effect import parse_effect
from ecosystem.errors import InputError
from ecosystem.runs import claims, comparison
from ecosystem.runs.claims import judge

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


def along_study(seeds: int, **columns: dict[str, list[float]]):
    """A study of several metrics: columns[metric][arm] is a value a seed at the end; at step 0 all are 1."""
    arms = next(iter(columns.values()))
    runs = []
    for arm in arms:
        for seed in range(seeds):
            steps = pd.DataFrame({"step": [0, 1]} | {m: [1.0, of[arm][seed]] for m, of in columns.items()})
            runs.append(SimpleNamespace(arm=arm, seed=seed, status="complete", steps=steps))
    frames = [run.steps.assign(arm=run.arm, seed=run.seed) for run in runs]
    return SimpleNamespace(runs=runs, steps=pd.concat(frames), arms=tuple(arms))


def test_a_claim_may_be_about_two_metrics_that_go_together_from_arm_to_arm():
    """Ranks by hand: (1, 2, 3, 4) with (1, 2, 4, 3) is 1 - 6 * 2 / (4 * 15) = 0.8; in the other seed the reverse."""
    gain = {"a": [0.1, 0.9], "b": [0.2, 0.5], "c": [0.3, 0.3], "d": [0.9, 0.2]}
    gap = {"a": [5.0, 1.0], "b": [6.0, 2.0], "c": [8.0, 3.0], "d": [7.0, 40.0]}
    study = along_study(2, tail_coverage=gain, support=gap)
    found = judge(claim("> 0", *"abcd", along="support"), study)
    assert (found.outcome, found.n) == ("undecided", 2)
    assert found.estimate == pytest.approx((0.8 - 1) / 2)
    said = "rank correlation of coverage of rare items at the end with support, over a, b, c, d"
    assert found.figures.startswith(said)
    study.runs = [run for run in study.runs if run.seed == 0 or run.arm != "d"]
    assert judge(claim("> 0", *"abcd", along="support"), study).estimate == pytest.approx(0.8)


def test_what_a_metric_goes_along_with_is_taken_before_it_moved():
    """With `since` the other metric is that of the earlier step, where here all arms are alike: nothing to order by."""
    rising, alike = {a: [i, i] for i, a in enumerate("abc")}, {a: [2, 3] for a in "abc"}
    study = along_study(2, tail_coverage=rising, support=alike)
    assert judge(claim("> 0", *"abc", along="support", since=0), study).note == "no complete run has a value"
    for i, run in enumerate(study.runs):
        run.steps.loc[0, "support"] = float(i)
    found = judge(claim("> 0.9", *"abc", along="support", since=0), study)
    assert (found.outcome, found.estimate, found.n) == ("held", pytest.approx(1), 2)
    assert "at the end minus that at step 0 with support at step 0, over a, b, c" in found.figures


def test_a_rank_correlation_of_chance_is_held_in_at_most_one_experiment_in_forty():
    trials = 40

    def held(strength: float) -> int:
        rng = np.random.default_rng(4)
        count = 0
        for _ in range(trials):
            luck = {a: rng.normal(0, 1, 6) for a in "abcdef"}
            gap = {a: (strength * v + rng.normal(0, 1, 6)).tolist() for a, v in luck.items()}
            study = along_study(6, tail_coverage={a: v.tolist() for a, v in luck.items()}, support=gap)
            count += judge(claim("> 0", *"abcdef", along="support", seeds=6), study).outcome == "held"
        return count

    limit = stats.binom.ppf(1 - FALSE_ALARM, trials, 0.025)
    assert held(0.0) <= limit
    assert held(1.0) > limit  # the negative control: an order that is there must be found


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"arms": ["a", "b", "c"]}, "arms: must be one or two, or more with `along`; got 3"),
        ({"arms": ["a", "b"], "along": "support"}, "arms: must be three at least for a rank correlation"),
        ({"arms": ["a", "b", "c"], "along": "support", "ratio": True}, "ratio: goes with one or two arms"),
        ({"arms": ["a", "b", "c"], "along": "tail_coverage"}, "along: must be another metric than `metric`"),
    ],
)
def test_claims_about_the_wrong_number_of_arms_are_refused(keys, told):
    with pytest.raises(ValueError, match=told):
        Claim(says="", metric="tail_coverage", effect="> 0", **keys)


def test_a_metric_may_be_divided_by_another_one():
    rng = np.random.default_rng(5)
    whole = rng.normal(2, 0.2, 6)
    half = (whole / 2 + rng.normal(0, 0.01, 6)).tolist()
    study = along_study(6, tail_coverage={"base": half}, support={"base": whole.tolist()})
    found = judge(claim("= 0.5 +- 0.02", minus="support", ratio=True, seeds=6), study)
    assert found.outcome == "held"
    assert found.figures.startswith("coverage of rare items over support at the end, base: 0.5")
    assert judge(claim("= 0.5 +- 0.02", minus="support", seeds=6), study).outcome == "failed"
