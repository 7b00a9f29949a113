"""The exact coverage of the tail where all read one pool: against simulation, arithmetic, and a chain by hand.

Every t test over seeds has a false-alarm rate of FALSE_ALARM for all steps together, and a wrong law that it rejects.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from chance import FALSE_ALARM
from scipy.stats import t as student

from ecosystem import Scenario
from ecosystem.files import scenario_file
from ecosystem.theory import NoLaw, law
from ecosystem.theory.coverage import tail_coverage
from ecosystem.value import measured

AT = [0, 1, 4, 9]
SEEDS = 100


def pool(**changes) -> Scenario:
    """Eight models that read what all of them and 20 people wrote in the step."""
    spec = {
        "name": "pool", "steps": 9, "metrics": ["tail_coverage"], "world": {"kind": "zipf", "items": 60},
        "humans": [{"name": "people", "rate": 20}], "graph": {"kind": "complete", "self_loops": True},
        "models": [{"name": "models", "count": 8, "publish": 12, "read": 30, "learner": {"kind": "categorical"}}],
    }  # fmt: skip
    return scenario_file.read(spec).with_(changes)


def fits(found, law_T: np.ndarray) -> bool:
    """t tests of the mean over seeds at the steps AT."""
    for step, values in found.groupby("step")["value"]:
        error = values.std(ddof=1) / np.sqrt(SEEDS)
        if abs(values.mean() - law_T[step]) > student.isf(FALSE_ALARM / 2 / len(AT), SEEDS - 1) * error:
            return False
    return True


CASES = {
    "one pool": {},
    "without people": {"humans.people.rate": 0},
    "a batch": {"humans.people.rate": [[0, 0], [4, 200], [5, 0]]},
    "each its own": {"graph.kind": "isolated"},
    "known well at first": {"models.models.pretrain": 400, "world.exponent": 0.7},
    "many items": {"world.items": 200, "measure.rare_below": 0.004},
}


@pytest.mark.parametrize("case", CASES)
def test_simulated_coverage_lies_on_the_law(case, tmp_path):
    spec = pool(**CASES[case])
    found = measured(spec, [{"record.pairs": False}], "tail_coverage", SEEDS, at=AT, out=tmp_path)
    assert fits(found, tail_coverage(spec))
    # negative control: models that read half as much again hold more
    wrong = {"models.models.read": 45, "models.models.pretrain": spec.models[0].pretraining}
    assert not fits(found, tail_coverage(spec.with_(wrong)))


def test_a_model_that_reads_one_document_holds_an_item_as_often_as_people_write_it():
    law = tail_coverage(pool(**{"models.models.read": 1}))
    p = pool().world.open(pool().human_sources)[0].probabilities
    assert law == pytest.approx(p[p < 0.5 / 60].mean())


def test_the_chain_by_hand():
    """One model that reads two documents and writes two, one human document a step: all outcomes of two steps."""
    spec = pool(**{
        "models.models.count": 1, "models.models.read": 2, "models.models.publish": 2, "humans.people.rate": 1,
        "steps": 2,
    })  # fmt: skip
    p_K = spec.world.open(spec.human_sources)[0].probabilities
    rare = p_K[p_K < 0.5 / 60]
    expected = np.zeros(3)
    for p in rare:
        state = {c: w for c, w in enumerate(((1 - p) ** 2, 2 * p * (1 - p), p * p))}
        expected[0] += 1 - state[0]
        for t in (1, 2):
            following = {0: 0.0, 1: 0.0, 2: 0.0}
            for c, weight in state.items():
                for a, b, h in itertools.product((0, 1), repeat=3):
                    chance = weight * np.prod([c / 2 if x else 1 - c / 2 for x in (a, b)]) * (p if h else 1 - p)
                    q = (a + b + h) / 3
                    for k, times in enumerate((1, 2, 1)):
                        following[k] += chance * times * q**k * (1 - q) ** (2 - k)
            state = following
            expected[t] += 1 - state[0]
    assert tail_coverage(spec) == pytest.approx(expected / len(rare), rel=1e-9)


def test_of_many_items_the_coverage_is_interpolated_closely(monkeypatch):
    from ecosystem.theory import coverage

    spec = pool(**{"world.items": 200})
    between = tail_coverage(spec)
    monkeypatch.setattr(coverage, "NODES", 1000)
    assert between == pytest.approx(tail_coverage(spec), rel=1e-6)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"graph": {"kind": "ring", "self_loops": True}}, "one pool"),
        ({"graph.self_loops": False}, "one pool"),
        ({"humans.people.reach": 0.5}, "people reach all"),
        ({"corpus.keep": "all"}, "documents of the step"),
        ({"reading": {"draw": "share", "human_share": 0.1}}, "drawn alike"),
        ({"models.models.learner.temperature": 0.8}, "neither sharpen nor smooth"),
        ({"measure.rare_below": 0.0001}, "no item is rare"),
        ({"world": {"kind": "gaussian"}, "models.0.learner": {"kind": "gaussian"}, "metrics": ["depth"]}, "neither"),
        ({"humans": [{"name": "a"}, {"name": "b", "writes": {"first": 30}}]}, "write differently"),
        ({"policies": [{"kind": "schedule"}]}, "policies"),
        ({"steps": 10_000_000}, "very long"),
        ({"models.models.read": 50_000, "models.models.publish": 5000}, "read and publish too much"),
    ],
)  # fmt: skip
def test_where_the_chain_does_not_hold_it_says_why(changes, says):
    with pytest.raises(NoLaw, match=says):
        tail_coverage(pool(**changes))


def test_the_tables_of_a_law_have_it_where_it_holds():
    spec = pool(metrics=["within_diversity", "tail_coverage", "support"])
    found = law(spec)
    assert found.steps["tail_coverage"].to_numpy() == pytest.approx(tail_coverage(spec))
    assert found.agents["tail_coverage"].to_numpy() == pytest.approx(np.repeat(tail_coverage(spec), 8))
    assert "No closed form: support." in found.says
    elsewhere = law(spec.with_({"graph": {"kind": "ring", "self_loops": True}}))
    assert "tail_coverage" not in elsewhere.steps
    assert "No closed form: tail_coverage, support." in elsewhere.says
    alone = law(pool())
    assert list(alone.steps.columns) == ["step", "tail_coverage"]
    assert law(pool(**{"record.every": 4})).steps["step"].tolist() == [0, 4, 8, 9]
