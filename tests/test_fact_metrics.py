"""Every measure of facts against a world worked out by hand.

The tiny world (`fact_worlds.tiny`): people tell that Ada lives in Oslo (false) three times, that Bo lives in Oslo, that
Rome lies in the South and Oslo in the South (false). Models have read nothing else and confuse nothing.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from agents.learners.belief import Belief
from ecosystem import metrics
from ecosystem.files.scenario_file import read
from ecosystem.metrics import MetricError
from ecosystem.metrics.facts import auroc
from ecosystem.runs.runner import run
from ecosystem.truth import Truth
from tests.fact_worlds import FILE, TRUE, tiny, told, world

TELLS = [(0, 1), (0, 1), (0, 1), (1, 1), (2, 0), (3, 0)]
ALL = (
    "false_share", "false_share_read", "false_share_written", "fact_recall", "tail_fact_recall",
    "derivable_fact_recall", "web_coverage", "over_trust", "confidence_auroc", "answer_accuracy", "supported_share",
    "supported_accuracy", "unsupported_accuracy",
)  # fmt: skip


def small(asked: int = 4, **more):
    return told(TELLS, asked=asked, metrics=ALL, **more)


def value(made, name: str):
    return metrics.find(name)(made)


def test_truth_tells_right_from_wrong_claims():
    truth = Truth(tiny(), TRUE, np.full(6, 1 / 6))
    assert truth.right(np.array([0, 0, 5, -1]), np.array([0, 1, 1, 0])).tolist() == [True, False, True, False]
    fact, slot = np.array([[0, 1], [0, 5], [2, -1], [-1, -1]]), np.array([[0, 1], [1, 1], [0, 0], [0, 0]])
    documents = truth.grammar.write(fact, slot)
    false, made = truth.false_claims(truth.grammar.read(documents))
    assert false.tolist() == [0, 1, 0, 0]
    assert made.tolist() == [2, 2, 1, 0]
    assert truth.whole(documents).tolist() == [True, False, True, False]  # who claims nothing says nothing true


def test_the_share_of_false_claims_on_the_web():
    assert value(small(), "false_share") == pytest.approx(4 / 6)
    assert np.isnan(value(small(steps=0), "false_share"))  # nothing is on the web yet


def test_the_share_of_false_claims_in_every_diet():
    """What was drawn, counted by a loop; at step 0 pretraining; who reads nothing keeps its last diet's."""
    made = small(steps=0, reach=(0,))
    assert set(np.round(value(made, "false_share_read") * 8)) <= set(range(9))
    assert (made.claims_read.made_N == 8).all()
    count = made.populations[0].params["count"]
    expected = (count[:, 0, 1] + count[:, 3, 0]) / count.sum(axis=(1, 2))
    np.testing.assert_allclose(value(made, "false_share_read"), expected)
    for _ in range(2):
        made.step()
        now = made.populations[0].params["count"]
        np.testing.assert_allclose(value(made, "false_share_read")[0], (now[0, 0, 1] + now[0, 3, 0]) / now[0].sum())
        assert value(made, "false_share_read")[1] == expected[1]  # whom people do not reach, and nobody else publishes
    assert made.measured("false_share_read")[0] != expected[0]


def test_diets_are_counted_only_where_it_is_asked_for():
    assert told(TELLS, asked=0).claims_read is None
    assert small().claims_read is not None


def believes(*read: tuple[int, int], **keys):
    """One model that has read these claims once each (and nothing it can confuse them with)."""
    learner = Belief(**({"confusion": 0.0} | keys))
    made = small(steps=1, count=1, learner=learner)
    (population,) = made.populations
    fact, slot = np.array(read).T
    content = made.shape.grammar.write(fact[:, None], slot[:, None])[None]
    population.train(content, np.ones(content.shape[:2]), 9)
    del made.readout.__dict__["recalled"]
    return made


def test_recall_is_of_all_facts_of_those_asked_for_least_and_of_those_that_follow():
    """Right: Bo's home, where Rome lies, whence Bo is; wrong: Ada's home, whence Ada is. Unread, of values alike the
    first: Oslo in the South, which is wrong."""
    made = believes((0, 1), (1, 1), (2, 0), (4, 1), (5, 1))
    assert value(made, "fact_recall").tolist() == [3 / 6]
    assert value(made, "derivable_fact_recall").tolist() == [1 / 2]
    asked = np.array([0.3, 0.2, 0.1, 0.05, 0.15, 0.2])  # least: 3 (wrong), 2 (right), 4 (wrong)
    object.__setattr__(made.reference.truth, "asked_F", asked)
    assert value(made, "tail_fact_recall").tolist() == [pytest.approx(1 / 3)]


def test_recall_of_a_communitys_facts_is_of_those_it_knows():
    made = world(humans=[{"name": "a", "rate": 20, "writes": {"parts": 2}}, {"name": "b", "rate": 5}])
    known = made.reference.writer("a").known_F
    right = made.readout.recalled[0] == made.reference.truth.slot_F
    assert 0 < known.sum() < len(known)
    np.testing.assert_allclose(value(made, "fact_recall@a"), right[:, known].mean(axis=1))
    np.testing.assert_allclose(value(made, "fact_recall@b"), value(made, "fact_recall"))
    assert (value(made, "fact_recall@a") != value(made, "fact_recall")).any()


def test_over_trust_is_mean_confidence_minus_accuracy():
    """Sure of four facts (two of them right), torn over one (right, the first of two), and over one unread (wrong)."""
    made = believes((0, 1), (1, 1), (2, 0), (2, 1), (4, 1), (5, 1))
    sure = [1, 1, 0.5, 0.5, 1, 1]
    slot, confidence = made.readout.recalled
    # fact 3 was not read: it is answered by where places lie, of which half are in the South
    np.testing.assert_allclose(confidence[0], sure)
    assert slot[0].tolist() == [1, 1, 0, 0, 1, 1]
    assert value(made, "over_trust").tolist() == [pytest.approx(5 / 6 - 3 / 6)]


def test_auroc_is_the_statistic_of_mann_and_whitney_and_undefined_for_one_class():
    rng = np.random.default_rng(0)
    score, right = np.round(rng.random((20, 50)), 1), rng.random((20, 50)) < 0.4  # many ties
    above = [mannwhitneyu(s[r], s[~r]).statistic / (r.sum() * (~r).sum()) for s, r in zip(score, right, strict=True)]
    np.testing.assert_allclose(auroc(score, right), above)
    assert np.isnan(auroc(score[:1], np.ones((1, 50), bool))).all()
    made = believes((0, 1), (1, 1), (2, 0), (2, 1), (4, 1), (5, 1))
    pairs = [0.5, 1, 0.5, 0, 0.5, 0, 0.5, 1, 0.5]  # of each right fact (1, 2, 5) with each wrong one (0, 3, 4)
    assert value(made, "confidence_auroc").tolist() == [pytest.approx(np.mean(pairs))]


def test_web_coverage_is_of_what_is_asked_for_and_stated_correctly():
    made = small()
    truth = made.reference.truth
    object.__setattr__(truth, "asked_F", np.array([0.3, 0.2, 0.1, 0.05, 0.15, 0.2]))
    assert value(made, "web_coverage") == pytest.approx(0.2 + 0.1)  # Bo's home, and where Rome lies; not what follows
    assert value(small(steps=0), "web_coverage") == 0


@pytest.mark.parametrize(
    ("asked", "unsupported", "wanted"),
    [
        (1, "memory", [1, 1, 1, np.nan]),  # Bo's home: stated, and right
        (0, "memory", [0, 1, 0, np.nan]),  # Ada's: stated, and false
        (5, "memory", [0, 1, 0, np.nan]),  # composed of Oslo, in the South: false
        (1, "abstain", [1, 1, 1, np.nan]),
    ],
)
def test_answers_are_counted_by_support(asked, unsupported, wanted):
    made = small(asked=asked, questions={"unsupported": unsupported})
    names = ("answer_accuracy", "supported_share", "supported_accuracy", "unsupported_accuracy")
    for name, figure in zip(names, wanted, strict=True):
        np.testing.assert_array_equal(value(made, name), [figure, figure], err_msg=name)


def test_answers_without_support_and_no_answers_are_told_apart():
    tells = [(0, 1), (1, 1), (2, 0)]
    guess = told(tells, asked=3, metrics=ALL, publish=40)  # Oslo: not on the web; guessed as Rome, in the South: false
    assert value(guess, "supported_share").tolist() == [0, 0]
    assert np.isnan(value(guess, "supported_accuracy")).all()
    slots = guess.answering.answers[0].slot.reshape(2, -1)
    np.testing.assert_allclose(value(guess, "unsupported_accuracy"), (slots == 1).mean(axis=1))
    np.testing.assert_allclose(value(guess, "answer_accuracy"), (slots == 1).mean(axis=1))
    none = told(tells, asked=3, metrics=ALL, questions={"unsupported": "abstain"})
    assert np.isnan(value(none, "answer_accuracy")).all()
    assert value(none, "supported_share").tolist() == [0, 0]


def test_false_share_written_is_of_what_a_model_would_write():
    made = small()
    claims = made.shape.grammar.read(made.readout.sample)
    loop = [np.mean([TRUE[f] != s for f, s in zip(row[:, 0], slot[:, 0], strict=True)])
            for row, slot in zip(claims.fact, claims.slot, strict=True)]  # fmt: skip
    np.testing.assert_allclose(value(made, "false_share_written"), loop)
    assert 0 < loop[0] < 1


def test_a_world_in_which_nothing_follows_has_no_recall_of_what_does():
    made = world(**{"world.places": 0})
    with pytest.raises(MetricError, match="no fact follows from others; give it places"):
        value(made, "derivable_fact_recall")


def test_columns_of_a_run_are_those_of_the_contract(tmp_path):
    """false_share in steps; fact_recall in agents, and in steps as the mean over models."""
    made = run(read(FILE, metrics=["false_share", "fact_recall", "tail_fact_recall", "false_share_read"]), out=tmp_path)
    assert {"fact_recall", "tail_fact_recall", "false_share_read"} <= set(made.agents)
    assert "false_share" not in made.agents
    assert {"false_share", "fact_recall", "tail_fact_recall", "false_share_read"} <= set(made.steps)
    means = made.agents.groupby("step")[["fact_recall", "false_share_read"]].mean()
    np.testing.assert_allclose(made.steps[["fact_recall", "false_share_read"]], means)


def test_private_archives_are_not_on_the_readable_web():
    """What models keep for themselves is stated nowhere that another could read."""
    from ecosystem import Ecosystem
    from ecosystem.files.scenario_file import read
    from ecosystem.metrics import find

    group = {"name": "models", "count": 3, "publish": 0, "read": 50, "archive": True, "learner": {"kind": "belief"}}
    given = {
        "name": "kept", "steps": 2, "metrics": ["fact_recall"], "world": {"kind": "facts", "subjects": 20},
        "humans": [{"name": "people", "rate": 0}], "models": [group], "corpus": {"keep": "all"},
    }  # fmt: skip
    world = Ecosystem(read(given))
    world.step()
    assert len(world.corpus) == 150
    assert np.isnan(find("false_share")(world))
    assert find("web_coverage")(world) == 0
