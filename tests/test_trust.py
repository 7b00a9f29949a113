"""Confidence by comparison over peers, and agreement against correctness: by hand, and asked one model at a time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from agents.humans.facts import Facts
from agents.learners.belief import Belief
from agents.learners.ngram import Ngram
from ecosystem import metrics
from ecosystem.answering.rules import Questions
from ecosystem.checks import check_metric
from ecosystem.metrics import trust
from ecosystem.model import Ecosystem
from ecosystem.scenario import Community, Graph, Group, Reading, Scenario

NAMES = ("peer_over_trust", "peer_confidence_auroc", "agreement", "agreement_when_right", "agreement_when_wrong")


def seen(slot_NF, true_F, sure_NF=None) -> SimpleNamespace:
    """A world of which only answers, how sure models and peers are of them, and the truth are known."""
    slot_NF = np.array(slot_NF)
    sure_NF = np.ones(slot_NF.shape) if sure_NF is None else np.array(sure_NF)
    readout = SimpleNamespace(recalled=(slot_NF, sure_NF), among_peers_NF=sure_NF)
    truth = SimpleNamespace(slot_F=np.array(true_F))
    shape = SimpleNamespace(grammar=SimpleNamespace(slots=3))
    return SimpleNamespace(readout=readout, reference=SimpleNamespace(truth=truth), shape=shape)


def world(graph: str = "ring", steps: int = 1, **keys) -> Ecosystem:
    """Three tabular models and one of n-grams, which have read different claims."""
    people, more = Facts(subjects=12, places=3, error=0.3), keys.pop("questions", None)
    groups = (
        Group(name="tables", count=3, publish=4, read=60, learner=Belief(temperature=0.5), questions=more),
        Group(name="ngrams", count=1, publish=4, read=60, learner=Ngram(order=3)),
    )
    spec = Scenario(
        world=people, humans=(Community(rate=200),), models=groups, graph=Graph(kind=graph), steps=steps,
        reading=Reading(replacement=False), metrics=NAMES, **keys,
    )  # fmt: skip
    made = Ecosystem(spec, rng=3)
    for _ in range(steps):
        made.step()
    return made


def test_agreement_by_hand():
    """Three models, three facts, all true values 0. Fact 0: all say 0. Fact 1: 0, 1, 1. Fact 2: 0, 1, 2."""
    found = seen([[0, 0, 0], [0, 1, 1], [0, 1, 2]], [0, 0, 0])
    assert trust.agreement(found) == pytest.approx([(1 + 0 + 0) / 3, (1 + 0.5 + 0) / 3, (1 + 0.5 + 0) / 3])
    assert trust.agreement_when_right(found) == pytest.approx([1 / 3, 1, 1])
    assert trust.agreement_when_wrong(found)[1:] == pytest.approx([0.25, 0.25])
    assert np.isnan(trust.agreement_when_wrong(found)[0])  # it is never wrong


def test_a_model_alone_agrees_with_nobody():
    found = seen([[0, 1]], [0, 0])
    for name in NAMES[2:]:
        assert np.isnan(metrics.find(name)(found)).all()


def test_over_trust_and_auroc_by_hand():
    """Sure 0.9 and 0.7 of what is right, 0.8 and 0.2 of what is wrong: of 4 pairs right and wrong, 3 are in order."""
    found = seen([[0, 0, 1, 1]], [0, 0, 0, 0], [[0.9, 0.7, 0.8, 0.2]])
    assert trust.peer_over_trust(found) == pytest.approx([(0.9 + 0.7 + 0.8 + 0.2) / 4 - 0.5])
    assert trust.peer_confidence_auroc(found) == pytest.approx([0.75])


def test_peers_are_those_whom_a_model_reads():
    """On a ring model i reads i + 1 alone: the confidence is the mean of two, asked here one fact at a time."""
    made = world("ring")
    slot_NF, sure_NF = made.readout.recalled
    among_NF, desk = made.readout.among_peers_NF, made.answering
    for i in range(4):
        for fact in range(0, made.shape.grammar.facts, 5):
            told = desk.minds.beliefs(np.array([(i + 1) % 4]), np.array([fact]), made.t, "test")[0]
            assert among_NF[i, fact] == pytest.approx((sure_NF[i, fact] + told[slot_NF[i, fact]]) / 2)
    assert (abs(among_NF - sure_NF) > 0.1).any()


def test_without_peers_a_model_asks_itself():
    made = world("isolated")
    assert (made.readout.among_peers_NF == made.readout.recalled[1]).all()


def test_as_many_peers_are_asked_as_the_group_says():
    """One peer of three: the mean of two probabilities, whichever it is."""
    made = world("complete", questions=Questions(source="memory", peers=1))
    slot_NF, sure_NF = made.readout.recalled
    facts = np.arange(made.shape.grammar.facts)
    told = [made.answering.minds.beliefs(np.full(len(facts), j), facts, 1, "test") for j in range(4)]
    found = [(sure_NF[0] + told[j][facts, slot_NF[0]]) / 2 for j in (1, 2, 3)]
    assert sum(np.allclose(made.readout.among_peers_NF[0], one) for one in found) == 1


def test_what_peers_say_is_the_same_however_many_models_are_asked_at_once(monkeypatch):
    whole = world("complete").readout.among_peers_NF
    monkeypatch.setattr("ecosystem.readout.ASKED_AT_ONCE", 50)
    assert world("complete").readout.among_peers_NF == pytest.approx(whole, abs=1e-12)


def test_peers_who_have_read_the_same_and_are_of_one_make_add_nothing():
    spec = Scenario(
        world=Facts(subjects=12, error=0.3), humans=(Community(rate=60),), graph=Graph(kind="complete"), steps=1,
        models=(Group(count=3, publish=0, read=60, learner=Belief()),), reading=Reading(replacement=False),
    )  # fmt: skip
    made = Ecosystem(spec, rng=0)
    assert abs(made.readout.among_peers_NF - made.readout.recalled[1]).max() > 0.1  # pretrained on different documents
    made.step()
    assert made.readout.among_peers_NF == pytest.approx(made.readout.recalled[1])
    assert (trust.agreement(made) == 1).all()


def test_answers_may_be_given_with_the_confidence_of_peers():
    """All three others are asked, as they were before the step: the mean of four probabilities."""
    asked = Questions(source="memory", confidence="peers", peers=3)
    (answers,) = world("complete", questions=asked).answering.answers
    before = world("complete", steps=0, questions=asked).answering.minds
    facts = answers.fact
    told = [before.beliefs(np.full(len(facts), j), facts, 0, "test")[np.arange(12), answers.slot] for j in range(4)]
    assert answers.confidence == pytest.approx(np.mean(told, axis=0))


def test_nobody_needs_to_be_asked_anything():
    """Groups that answer no question in a step: `publish: 0`."""
    spec = Scenario(
        world=Facts(subjects=12), humans=(Community(rate=20),), steps=1,
        models=tuple(
            Group(name=name, count=2, publish=0, read=20, learner=learner, questions=Questions())
            for name, learner in (("tables", Belief()), ("ngrams", Ngram()))
        ),
    )  # fmt: skip
    made = Ecosystem(spec, rng=0)
    made.step()
    assert [len(a) for a in made.answering.answers] == [0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_measures_of_trust_keep_the_rules_of_measures(name):
    check_metric(name)
