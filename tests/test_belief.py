"""The tabular belief learner against hand-worked cases, and as neutral drift where nothing is confused or sharpened."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from agents.learners.belief import Belief
from ecosystem.checks import check_learner
from ecosystem.documents import DocumentShape
from ecosystem.interfaces import by_likelihood
from ecosystem.streams import Streams
from tests.chance import FALSE_ALARM, mean_is
from tests.fact_worlds import facts, tiny

GRAMMAR = tiny(claims=1)


def shape(grammar=GRAMMAR) -> DocumentShape:
    return DocumentShape("tokens", grammar.tokens, 3 * grammar.claims, grammar=grammar)


def trained(learner: Belief, fact, slot, weight=None, n=1, grammar=GRAMMAR):
    """n agents that read the same claims."""
    rng = Streams(0).rows("train", 0, n)
    content = grammar.write(np.array(fact)[:, None], np.array(slot)[:, None])
    content = np.repeat(content[None], n, axis=0)
    weight = np.ones(content.shape[:2]) if weight is None else np.repeat(np.array(weight, float)[None], n, axis=0)
    return learner.train(learner.init(n, shape(grammar), rng), content, weight, rng)


def believed(learner: Belief, params, fact, grammar=GRAMMAR):
    asked = np.tile(np.array(fact), (len(params["count"]), 1))
    return learner.beliefs(params, grammar, asked, Streams(0).rows("ask", 0, len(asked)))


def test_checks_hold():
    for learner in (Belief(), Belief(confusion=0, temperature=0.5), Belief(keep=0.5, confusion=5)):
        check_learner(learner)


def test_belief_is_what_was_read_and_what_is_usual_for_others():
    """Ada's home read thrice as Rome, once as Oslo; Bo's once as Oslo."""
    fact, slot = [0, 0, 0, 0, 1], [0, 0, 0, 1, 1]
    for confusion in (0.0, 1.0, 2.5):
        learner = Belief(confusion=confusion, smoothing=0.5)
        prior = np.array([3.5, 2.5]) / 6  # homes of anyone: three in Rome, two in Oslo, half of one each
        wanted = np.array([[3, 1], [0, 1]]) + confusion * prior
        wanted /= wanted.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(believed(learner, trained(learner, fact, slot), [0, 1])[0], wanted, rtol=1e-12)


def test_temperature_sharpens_what_is_believed():
    fact, slot = [0, 0, 0, 0], [0, 0, 0, 1]
    cold, warm = Belief(confusion=0, temperature=0.5), Belief(confusion=0, temperature=2)
    np.testing.assert_allclose(believed(cold, trained(cold, fact, slot), [0])[0, 0], [0.9, 0.1])
    root = np.sqrt(3)
    flat = [root / (1 + root), 1 / (1 + root)]
    np.testing.assert_allclose(believed(warm, trained(warm, fact, slot), [0])[0, 0], flat)


def test_a_fact_never_read_of_is_answered_by_what_is_usual():
    """Also where nothing is confused; with nothing read of a relation all values are alike, impossible ones never."""
    for confusion in (0.0, 3.0):
        learner = Belief(confusion=confusion, smoothing=0.5)
        found = believed(learner, trained(learner, [0, 0], [1, 1]), [1, 2])[0]
        np.testing.assert_allclose(found[0], [0.5 / 3, 2.5 / 3])
        np.testing.assert_allclose(found[1], [0.5, 0.5])
    grammar = facts(values=6, places=3, regions=2).truth().grammar  # a home is one of 3, a region one of 2
    learner = Belief()
    some = trained(learner, [0], [5], grammar=grammar)
    found = believed(learner, some, np.arange(grammar.facts), grammar)[0]
    np.testing.assert_array_equal(found > 0, np.arange(6) < grammar.width_F[:, None])
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_weights_count_as_so_many_copies_and_padding_not_at_all():
    learner = Belief()
    weighed = trained(learner, [0, 0, 1], [0, 1, 1], [3, 1, 0])
    copied = trained(learner, [0, 0, 0, 0], [0, 0, 0, 1])
    for name in ("count", "claims"):
        np.testing.assert_array_equal(weighed[name], copied[name])


def test_claims_that_cannot_be_are_not_learned():
    learner = Belief()
    rng = Streams(0).rows("train", 0, 1)
    content = np.array([[[1, 7, 6], [1, 8, 5], [1, 7, 3]]])  # a home in the North; Ada lies; Ada's home is Rome
    params = learner.train(learner.init(1, shape(), rng), content, np.ones((1, 3)), rng)
    assert params["count"].sum() == params["count"][0, 0, 0] == 1
    assert params["claims"].tolist() == [[2, 1]]


def test_earlier_counts_fade_where_a_fit_goes_on():
    learner = Belief(keep=0.5)
    rng = Streams(0).rows("train", 0, 1)
    params = trained(learner, [0, 0], [0, 0])
    again = learner.train(params, GRAMMAR.write(np.array([[[0]]]), np.array([[[1]]])), np.ones((1, 1)), rng)
    assert again["count"][0, 0].tolist() == [1, 1]


@pytest.mark.parametrize("keys", [{}, {"confusion": 0.0}, {"temperature": 0.5, "confusion": 2.0}])
def test_it_writes_what_it_says_it_believes(keys):
    """Frequencies of documents against `log_prob`, and beliefs against those that the same likelihood implies."""
    learner = Belief(**keys)
    params = trained(learner, [0, 0, 0, 1, 2, 4], [0, 0, 1, 1, 0, 1])
    content = learner.sample(params, 60_000, Streams(0).rows("write", 0, 1))[0]
    documents, counts = np.unique(content, axis=0, return_counts=True)
    share = np.exp(learner.log_prob(params, documents)[0])
    common = share * len(content) > 5
    assert share.sum() == pytest.approx(1, abs=1e-3)
    wrong = np.roll(share, 1)
    for given, holds in ((share, True), (wrong, False)):  # the second is the negative control
        expected = given[common] / given[common].sum() * counts[common].sum()
        assert bool(chisquare(counts[common], expected).pvalue > FALSE_ALARM) is holds
    read = np.array([[0, 1, 2, 4]])
    implied = by_likelihood(lambda c: learner.log_prob_own(params, c), GRAMMAR, read)
    np.testing.assert_allclose(implied, believed(learner, params, read[0]), rtol=1e-9)


def heterozygosity(params) -> np.ndarray:
    p = params["count"].reshape(len(params["count"]), -1)
    return 1 - ((p / p.sum(axis=1, keepdims=True)) ** 2).sum(axis=1)


@pytest.mark.parametrize(("keys", "neutral"), [({}, True), ({"temperature": 0.7}, False), ({"confusion": 1.0}, False)])
def test_with_nothing_confused_or_sharpened_it_drifts_as_the_categorical_learner_does(keys, neutral):
    """1 - sum p^2 over claims falls by 1 - 1/b a generation (law 2), b claims read of one's own writing."""
    learner, n, b = Belief(**({"confusion": 0.0} | keys)), 4000, 12
    rng = Streams(1)
    fact, slot = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]), np.tile([0, 1], 6)
    params = trained(learner, fact, slot, n=n)
    np.testing.assert_allclose(heterozygosity(params), 11 / 12)
    for t in (1, 2, 3):
        content = learner.sample(params, b, rng.rows("write", t, n))
        params = learner.train(learner.init(n, shape(), rng.rows("init", t, n)), content, np.ones((n, b)), None)
    assert mean_is(heterozygosity(params), 11 / 12 * (1 - 1 / b) ** 3) is neutral


def test_who_has_read_no_claim_writes_none():
    learner, rng = Belief(), Streams(0).rows("train", 0, 2)
    params = learner.init(2, shape(), rng)
    assert not learner.sample(params, 5, rng).any()
    empty = np.zeros((1, 3), np.int32)
    claim = GRAMMAR.write(np.array([[0]]), np.array([[0]]))
    assert learner.log_prob(params, np.concatenate([empty, claim]))[0].tolist() == [0, -np.inf]
