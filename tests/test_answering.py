"""Answers: from what was retrieved or from memory, with citations, as a group's `questions` say."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from agents.learners.belief import Belief
from agents.verifiers.oracle import Oracle
from ecosystem.documents import Answered
from ecosystem.files.scenario_file import read
from ecosystem.interfaces import Params
from ecosystem.model import Ecosystem
from ecosystem.verifier import Sight, Submitted, Verifier
from tests.chance import FALSE_ALARM
from tests.fact_worlds import FILE, told, world

ADA, ROME, OSLO_LIES, ADA_FROM = 0, 0, 3, 4
OSLO, SOUTH, NORTH = 1, 0, 1


def given(made) -> Answered:
    """The answers of the newest step, of one group."""
    (answered,) = made.answering.answers
    return answered


def graph(*links: tuple[int, int], n: int = 3) -> nx.DiGraph:
    """Who reads whom of n models, in the order of their numbers."""
    made = nx.empty_graph(n, nx.DiGraph)
    made.add_edges_from(links)
    return made


def is_share(successes: int, trials: int, share: float) -> bool:
    return bool(binomtest(int(successes), int(trials), share).pvalue > FALSE_ALARM)


def test_an_answer_says_what_was_retrieved_and_cites_it():
    """Also where it is false: people say that Ada lives in Oslo."""
    made = told([(ADA, OSLO)], asked=ADA, questions={"write_back": True})
    answered, corpus = given(made), made.corpus
    assert (answered.fact == ADA).all()
    assert (answered.slot == OSLO).all()
    assert answered.supported.all()
    first = corpus.documents(1)
    human = first.document[first.source == 2]
    stating = set(first.document.tolist())  # models said so from memory in step 1, for they had read nothing else
    assert set(answered.retrieved.ravel()) - {-1} <= stating
    assert set(answered.cited[:, 0]) <= stating
    assert set(answered.cited[:, 1]) == {-1}
    assert len(human) == 1
    assert all(cited in row for cited, row in zip(answered.cited[:, 0], answered.retrieved, strict=True))
    new = corpus.documents(2)
    by_models = new.source < 2
    np.testing.assert_array_equal(new.parent[by_models], answered.cited[:, 0])
    depth = dict(zip(first.document, first.depth, strict=True))
    np.testing.assert_array_equal(new.depth[by_models], [1 + depth[d] for d in answered.cited[:, 0]])
    np.testing.assert_array_equal(made.answering.published[0], new.document[by_models])


def test_what_nobody_states_is_composed_of_two_documents_and_cites_both():
    made = told([(ADA, OSLO), (OSLO_LIES, NORTH)], asked=ADA_FROM)
    answered, numbers = given(made), made.corpus.documents(1).document
    assert answered.supported.all()
    assert (answered.slot == NORTH).all()
    assert answered.cited.tolist() == [numbers.tolist()] * len(answered)
    batch = made.answering.answer(made.populations[0], 3)  # as it would be published
    assert made.show(batch.content[:1]) == ["Ada | is from | North"]
    assert (batch.depth == 1).all()
    assert (batch.parent == -1).all()  # it states what neither of the two does


def test_a_direct_statement_comes_before_a_composition():
    made = told([(ADA, OSLO), (OSLO_LIES, NORTH), (ADA_FROM, SOUTH)], asked=ADA_FROM)
    answered, numbers = given(made), made.corpus.documents(1).document
    assert (answered.slot == SOUTH).all()
    assert answered.cited.tolist() == [[numbers[2], -1]] * len(answered)


@pytest.mark.parametrize("compose", [0.0, 0.3])
def test_composition_is_tried_in_the_share_said(compose):
    tells = [(ADA, OSLO), (OSLO_LIES, NORTH)]
    answered = given(told(tells, asked=ADA_FROM, questions={"compose": compose}, count=20, publish=100))
    assert is_share(answered.supported.sum(), len(answered), compose)
    assert not is_share(answered.supported.sum(), len(answered), compose + 0.1)
    assert (answered.cited[~answered.supported] == -1).all()


def test_what_most_documents_say_is_said_and_ties_go_by_chance():
    most = given(told([(ADA, ROME)] * 3 + [(ADA, OSLO)] * 2, asked=ADA))
    assert (most.slot == ROME).all()
    tied = given(told([(ADA, ROME), (ADA, OSLO)], asked=ADA, count=20, publish=100))
    assert is_share((tied.slot == ROME).sum(), len(tied), 0.5)
    assert tied.supported.all()
    few = given(told([(ADA, ROME)] * 3 + [(ADA, OSLO)] * 2, asked=ADA, questions={"retrieve": 1}, count=20, publish=99))
    assert is_share((few.slot == ROME).sum(), len(few), 0.6)


def test_support_is_followed_with_the_probability_faithful_else_memory_speaks():
    learner = Belief(confusion=10.0, smoothing=1000.0)  # next to what is usual, which is next to nothing
    made = told([(ADA, OSLO)], asked=ADA, questions={"faithful": 0.7}, learner=learner, count=20, publish=200)
    answered = given(made)
    believed = made.populations[0].beliefs(np.array([[ADA]] * 20), 9, "look")[:, 0, OSLO].mean()
    assert 0.5 < believed < 0.8
    share = 0.7 + 0.3 * believed
    assert is_share((answered.slot == OSLO).sum(), len(answered), share)
    assert not is_share((answered.slot == OSLO).sum(), len(answered), 0.7)
    np.testing.assert_array_equal(answered.supported, answered.slot == OSLO)  # what it says is what documents state
    assert (answered.cited[:, 0] >= 0).all()  # who misreads cites what it misread


@pytest.mark.parametrize("fabricates", [0.0, 0.3, 1.0])
def test_answers_without_support_cite_what_was_not_retrieved_in_the_share_said(fabricates):
    made = told([(ADA, OSLO)], asked=1, questions={"fabricates": fabricates}, count=20, publish=100)
    answered = given(made)
    assert not answered.supported.any()
    assert (answered.retrieved == -1).all()
    cites = answered.cited[:, 0] >= 0
    assert is_share(cites.sum(), len(answered), fabricates)
    if fabricates:
        assert not is_share(cites.sum(), len(answered), fabricates / 2)
    supported = given(told([(ADA, OSLO)], asked=ADA, questions={"fabricates": fabricates}))
    assert all(c in row for c, row in zip(supported.cited[:, 0], supported.retrieved, strict=True))


def test_who_abstains_says_nothing_without_support_and_nothing_is_published():
    made = told([(ADA, OSLO)], asked=1, questions={"unsupported": "abstain", "write_back": True})
    answered = given(made)
    assert (answered.slot == -1).all()
    assert (answered.confidence == 0).all()
    assert answered.withheld.all()
    assert made.web_counts.tolist() == [0, 0, 2]
    assert (made.answering.published[0] == -1).all()
    guessed = given(told([(ADA, OSLO)], asked=1))
    assert (guessed.slot >= 0).all()


def test_models_find_only_what_they_read():
    made = told([(ADA, OSLO)], asked=ADA, reach=(0,), learner=Belief(temperature=20.0))
    answered = given(made)
    np.testing.assert_array_equal(answered.supported, answered.agent == 0)
    peers = told(
        [(ADA, OSLO)], asked=ADA, reach=(0,), questions={"write_back": True}, network=graph((1, 0), (2, 1)), count=3,
    )  # fmt: skip
    answered, first = given(peers), peers.corpus.documents(1)
    assert answered.supported.all()  # model 1 reads 0, model 2 reads 1, all of whom wrote in step 1
    author = dict(zip(first.document.tolist(), first.source.tolist(), strict=True))
    cited = {(a, author[c]) for a, c in zip(answered.agent.tolist(), answered.cited[:, 0].tolist(), strict=True)}
    assert cited == {(0, 3), (1, 0), (2, 1)}


def test_the_cap_on_what_models_wrote_is_kept():
    for share, most in ((0.0, 0), (0.4, 2), (1.0, 5)):
        rules = {"write_back": True, "model_share": share}
        made = told([(ADA, OSLO)] * 3, asked=ADA, questions=rules, count=4, publish=9)
        first = made.corpus.documents(1)
        models = first.document[first.source < 4]
        of_models = np.isin(given(made).retrieved, models).sum(axis=1)
        assert of_models.max() <= most
        assert of_models.mean() > most - 1


def test_answers_from_memory_retrieve_nothing():
    answered = given(told([(ADA, OSLO)], asked=ADA, questions={"source": "memory"}))
    assert answered.retrieved.shape[1] == 0
    assert not answered.supported.any()
    assert (answered.slot == OSLO).all()  # as it has read


def test_read_only_answers_are_measured_and_not_published():
    made = told([(ADA, OSLO)], asked=ADA)
    assert len(given(made)) == 8
    assert made.web_counts.tolist() == [0, 0, 2]


def test_confidence_is_ones_own_probability_or_the_mean_with_those_one_reads():
    learner = Belief(confusion=3.0, smoothing=1.0)
    parts = dict(asked=ADA, learner=learner, count=3, network=graph((0, 1), (0, 2), (1, 2)))
    tells = [(ADA, OSLO), (ADA, ROME), (1, ROME), (1, OSLO), (OSLO_LIES, NORTH)]
    made = told(tells, **parts)
    own, slot = given(made).confidence.reshape(3, -1), given(made).slot.reshape(3, -1)
    made = told(tells, questions={"confidence": "peers"}, **parts)
    shared = given(made).confidence.reshape(3, -1)
    np.testing.assert_array_equal(slot, given(made).slot.reshape(3, -1))
    before = told(tells, steps=1, **parts)  # what models believed when they answered in step 2
    believed = before.populations[0].beliefs(np.zeros((3, 1), int), 9, "look")[:, 0]
    assert len(np.unique(believed[:, 0])) == 3
    np.testing.assert_allclose(own, np.take_along_axis(believed, slot, axis=1))
    opinion = np.stack([believed.mean(axis=0), believed[1:].mean(axis=0), believed[2]])
    np.testing.assert_allclose(shared, np.take_along_axis(opinion, slot, axis=1))


class Refuses(Verifier):
    """Refuses every claim of one slot, and leaves a critique."""

    reads = ("claims",)
    critiques = True
    slot: int = 0

    def accepts(self, state: Params, seen: Submitted, sight: Sight) -> np.ndarray:
        return (sight.shape.grammar.read(seen.content).slot[:, 0] != self.slot).astype(float)


@pytest.mark.parametrize("critiques", [True, False])
def test_refused_answers_are_thought_of_where_gates_leave_critiques(critiques, monkeypatch):
    monkeypatch.setattr(Refuses, "critiques", critiques)
    guard = Refuses(name="guard", gate="publish", slot=OSLO)
    rules = {"source": "memory", "write_back": True, "heeds": 1.0}
    made = told([(ADA, OSLO)], asked=ADA, questions=rules, verifiers=(guard,), steps=1)
    assert (given(made).slot == OSLO).all()
    assert made.web_counts.tolist() == [0, 0, 1]
    assert (made.answering.published[0] == -1).all()
    made.step()
    assert (given(made).slot == OSLO).all() != critiques
    if critiques:  # it has read of nothing else: it says nothing more
        assert (given(made).slot == -1).all()
        assert made.answering.experience.critiques_FV[ADA].tolist() == [0, 8]


def test_an_answer_that_is_refused_is_not_written_again_and_told_of_others():
    guard = Oracle(name="guard", gate="publish")
    tells = [(ADA, OSLO), (ADA, ROME)]
    made = told(tells, asked=ADA, questions={"write_back": True}, verifiers=(guard,), publish=30, steps=1)
    answered, (number,) = given(made), made.answering.published
    np.testing.assert_array_equal(number >= 0, answered.slot == ROME)  # Rome is the truth
    assert 0 < (number >= 0).sum() < len(number)
    new = made.corpus.documents(1)
    assert set(number[number >= 0]) == set(new.document[new.source < 2])
    read = made.shape.grammar.read(new.content[new.source < 2])
    np.testing.assert_array_equal(read.slot[:, 0], ROME)


def test_questions_are_asked_as_people_ask():
    made = world(1, **{"models.models.count": 50, "models.models.publish": 200})
    asked_F = made.reference.truth.asked_F
    counts = np.bincount(given(made).fact, minlength=len(asked_F))
    assert chisquare(counts, asked_F * counts.sum()).pvalue > FALSE_ALARM
    alike = np.full(len(asked_F), counts.mean())
    assert chisquare(counts, alike).pvalue < FALSE_ALARM


def test_a_newcomer_whom_nobody_reads_changes_no_ones_answers_or_beliefs():
    """Citations that are made up are numbers of the whole web, which a newcomer adds to; they are left out here."""
    links = [(0, 1), (1, 2), (2, 0), (0, 2)]
    rules = {"questions": {"faithful": 0.8, "confidence": "peers", "heeds": 0.5}, "publish": 12, "read": 40}
    group = {"name": "models", "learner": {"kind": "belief"}} | rules

    def run(n: int, network: nx.DiGraph):
        guard = {"kind": "tests.test_answering:Refuses", "name": "guard", "gate": "publish"}
        guard |= {"placement": {"rule": "list", "models": [0, 1]}}
        made = Ecosystem(read(FILE, models=[group | {"count": n}], verifiers=[guard]), rng=3, network=network)
        told = []
        for _ in range(4):
            made.step()
            told.append(made.answering.answers[0].take(made.answering.answers[0].agent < 3))
        return made, told

    (one, few), (other, many) = run(3, graph(*links)), run(4, graph(*links, (3, 0), (3, 3), n=4))
    for a, b in zip(few, many, strict=True):
        for name in ("agent", "fact", "slot", "confidence", "supported", "withheld"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    np.testing.assert_array_equal(one.populations[0].params["count"], other.populations[0].params["count"][:3])
    assert sum(a.supported.sum() for a in few) > 20
    assert one.answering.experience.critiques_FV.sum() > 0


def test_anyone_can_be_asked_what_it_believes():
    made = told([(ADA, OSLO)], asked=ADA, count=2)
    found = made.answering.minds.beliefs(np.array([1, 0, 2, 1, -1]), np.array([ADA, 1, ADA, -1, ADA]), 2, "look")
    assert np.isnan(found).all(axis=1).tolist() == [False, False, True, True, True]  # 2: people; -1: no fact, no one
    np.testing.assert_allclose(found[0], made.populations[0].beliefs(np.array([[ADA], [ADA]]), 2, "look")[1, 0])
