"""The law of verification before reuse: against simulated webs, in limits known by hand, and where it does not hold."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom, t

from ecosystem import Ecosystem, Scenario
from ecosystem.theory import NoLaw, law, reuse
from tests.chance import FALSE_ALARM

SEEDS, STEPS, CHECKERS = 20, 8, "verifiers.checkers"


def spec(**changes) -> Scenario:
    """The scenario, which the law is beside, without arms."""
    plain = {"arms": {}, "claims": [], "steps": STEPS, "metrics": ["false_share"]}
    return Scenario.from_file("verify_before_reuse").with_({**plain, **changes})


BIASED = {"placement": {"share": 1.0, "humans": True}, "blind": "islanders", "blind_sensitivity": 0.2}
MODES = {
    "nobody gated": {},
    "half gated, half wrong": {f"{CHECKERS}.placement.share": 0.5, f"{CHECKERS}.specificity": 0.7},
    "all gated, no second try": {f"{CHECKERS}.placement.share": 1.0, f"{CHECKERS}.refill": False},
    "a blind spot": {f"{CHECKERS}.{key}": value for key, value in BIASED.items()} | {f"{CHECKERS}.specificity": 0.6},
    "three steps kept": {"corpus.keep": {"window": 3}, f"{CHECKERS}.placement.share": 0.3},
    "all kept": {"corpus.keep": "all"},
}


@cache
def simulated(mode: str) -> np.ndarray:
    """(STEPS, SEEDS) false shares of webs that differ in nothing but their luck."""
    found = []
    for seed in range(SEEDS):
        world = Ecosystem(spec(**MODES[mode]), rng=seed)
        shares = []
        for _ in range(STEPS):
            world.step()
            shares.append(world.frame.values["false_share"])
        found.append(shares)
    return np.array(found).T


def fits(values: np.ndarray, expected: float) -> bool:
    """Two-sided t-test of the mean over seeds, FALSE_ALARM a comparison."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return bool(abs(values.mean() - expected) < t.isf(FALSE_ALARM / 2, len(values) - 1) * error)


@pytest.mark.parametrize("mode", MODES)
def test_simulated_webs_are_as_false_as_the_law_says(mode):
    """At every step; 1e-6 false alarms each. Controls: laws with half as many slips, and of people twice as wrong."""
    expected = reuse.false_shares(spec(**MODES[mode]))[1:]
    values = simulated(mode)
    assert all(fits(found, law) for found, law in zip(values, expected, strict=True))
    for wrong in ({"models.writers.learner.confusion": 1}, {"world.error": 0.06}):
        other = reuse.false_shares(spec(**MODES[mode], **wrong))[1:]
        assert not all(fits(found, law) for found, law in zip(values, other, strict=True))


def test_a_law_of_another_gate_is_rejected():
    """Control of the gate itself: specificity 0.8 in place of 0.7."""
    other = spec(**MODES["half gated, half wrong"] | {f"{CHECKERS}.specificity": 0.8})
    assert not fits(simulated("half gated, half wrong")[-1], reuse.false_shares(other)[-1])


@pytest.mark.parametrize("accuracy", [0.5, 0.6, 0.9])
@pytest.mark.parametrize("rate", [250, 4000])
def test_where_all_facts_are_alike_it_is_a_root_of_one_equation(accuracy, rate):
    """Within the chance of a slip to the true value, one in 60 (each fact has its own), by which it is less."""
    rules = {"sensitivity": accuracy, "specificity": accuracy, "placement": {"share": 1.0}}
    alike = {"kind": "facts", "subjects": 60, "relations": 1, "exponent": 0, "values": 2000, "places": 0, "error": 0.03}
    made = spec(
        humans=[{"name": "people", "rate": rate}], steps=40, world=alike,
        verifiers=[{"name": "checkers", "kind": "oracle", "gate": "publish", **rules}],
    )  # fmt: skip
    slip = reuse._slips(np.array([1 / 60]), 400, 2.0)[0]
    found, root = reuse.false_shares(made)[-1], reuse.alike(rate / (rate + 2000), 0.03, slip, accuracy)
    assert root - 1 / 60 < found <= root


def test_the_equation_has_the_error_threshold_where_hardly_anyone_writes():
    """At odds of accuracy 1 / (1 - s). Above, r s / ((1 - s) (1 - r)) is false, with r the inverse odds; below, all."""
    assert reuse.alike(1e-9, 0.03, 0.2, 0.54) == pytest.approx(1, abs=1e-6)
    odds = 0.3 / 0.7
    assert reuse.alike(1e-9, 0.03, 0.2, 0.7) == pytest.approx(odds * 0.2 / (0.8 * (1 - odds)), abs=1e-6)
    assert reuse.alike(1.0, 0.03, 0.2, 0.7) == pytest.approx(0.03)


def test_slips_are_those_of_a_binomial_by_brute_force():
    """200,000 draws; five standard errors are 6e-7 false alarms. Control: a slip of another confusion."""
    count = np.random.default_rng(0).binomial(39, 0.05, 200_000)
    drawn = 1.5 / (count + 2.5)
    error = 5 * drawn.std() / np.sqrt(len(drawn))
    assert reuse._slips(np.array([0.05]), 40, 1.5)[0] == pytest.approx(drawn.mean(), abs=error)
    assert reuse._slips(np.array([0.05]), 40, 1.0)[0] != pytest.approx(drawn.mean(), abs=error)


@pytest.mark.parametrize("confusion", [0.0, 0.3, 2.0, 50.0])
@pytest.mark.parametrize("weight", [0.0, 1e-4, 0.05, 0.6, 1.0])
def test_slips_are_the_binomial_sum(weight, confusion):
    """Of 5,000 documents; to 1e-6, far below what any figure shows."""
    count = np.arange(5000)
    exact = binom.pmf(count, 4999, weight) @ (confusion / (count + 1 + confusion))
    assert reuse._slips(np.array([weight]), 5000, confusion)[0] == pytest.approx(exact, abs=1e-6)


def test_the_law_has_a_row_for_each_measured_step():
    found = law(spec(**{"record.every": 3}))
    assert found.steps["step"].tolist() == [0, 3, 6, 8]
    assert found.steps["false_share"].isna().tolist() == [True, False, False, False]
    assert found.agents.empty


NONE = {
    "one web": {"graph.self_loops": False},
    "drawn alike": {"reading.replacement": False},
    "temperature": {"models.writers.learner.temperature": 0.5},
    "write freely": {"models.writers.questions": {"source": "memory"}},
    "cover all": {f"{CHECKERS}.covers": 0.5},
    "before models publish": {f"{CHECKERS}.gate": "read"},
    "one claim": {"world.claims": 2},
    "what people write": {"humans.mainland.rate": 0, "humans.islanders.rate": 0},
    "hardly anything passes": {f"{CHECKERS}.placement.share": 1.0, f"{CHECKERS}.sensitivity": 0.05},
}


@pytest.mark.parametrize("why", NONE)
def test_it_says_where_it_does_not_hold(why):
    with pytest.raises(NoLaw, match=why):
        law(spec(**NONE[why]))
