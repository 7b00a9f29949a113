"""Past selves, third parties, users and debates: who judges claims, and what stands in place of what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from chance import mean_is
from claimed import GRAMMAR, Look, N, at_publishing, facts_world, said

from agents.humans.facts import Facts
from agents.learners.belief import Belief
from agents.verifiers.debate import Debate
from agents.verifiers.oracle import Oracle
from agents.verifiers.past_self import PastSelf
from agents.verifiers.third_party import ThirdParty
from agents.verifiers.users import Users
from ecosystem.scenario import Group
from ecosystem.streams import Streams
from ecosystem.verifier import Submitted

# Who judges by belief.


def test_a_document_is_as_credible_as_the_claim_believed_least():
    look = Look([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0, 0, 1]])
    seen = said([(0, 0)], [(0, 1)], [(0, 0), (1, 1)], [])
    assert PastSelf(age=0).accepts({}, seen, look) == pytest.approx([0.6, 0.3, 0.3, 0])
    assert ThirdParty().accepts({}, seen, look) == pytest.approx([0.2, 0.7, 0.2, 0])
    assert PastSelf(age=0, threshold=0.5).accepts({}, seen, look).tolist() == [1, 0, 0, 0]


def test_several_judges_give_their_mean_and_missing_ones_do_not_count():
    seen = said([(0, 0)], [(0, 1)])
    beliefs = [[1, 0, 0], [0.2, 0.7, 0.1], [0.6, 0.1, 0.3]]
    assert ThirdParty(asks=2).accepts({}, seen, Look(beliefs, (1, 2))) == pytest.approx([0.4, 0.4])
    assert ThirdParty(asks=2).accepts({}, seen, Look(beliefs, (1, -1))) == pytest.approx([0.2, 0.7])
    assert ThirdParty(asks=2).accepts({}, seen, Look(beliefs, (-1,))).tolist() == [1, 1]
    assert ThirdParty(asks=2).accepts({}, seen, Look(beliefs, ())).tolist() == [1, 1]


def test_people_have_no_past_self_and_pass():
    assert PastSelf(age=0).accepts({}, said([(0, 0)], source=N), Look([[0.5, 0.5, 0]] * N)).tolist() == [1]


@pytest.mark.parametrize(("age", "expected"), [(None, [0, 0, 0, 0]), (1, [0, 0, 1, 2]), (2, [0, 0, 0, 1])])
def test_a_past_self_is_as_old_as_is_said(age, expected):
    """At step t a model is what it was after step t - 1; there is none from before pretraining."""
    world = facts_world(at_publishing(PastSelf, age=age))
    desk, after = world.gates.desks["verifier"], [world.populations[0].params["count"]]
    for selves in expected:
        seen = said_of(world)
        world.gates.begin(world.t + 1)
        judged = desk.verifier.accepts(desk.state, seen, desk.sight)
        now, world.populations[0].params["count"] = world.populations[0].params["count"], after[selves]
        as_then = PastSelf(age=0).accepts({}, seen, desk.sight)
        world.populations[0].params["count"] = now
        np.testing.assert_array_equal(judged, as_then)
        world.step()
        after.append(world.populations[0].params["count"])
    assert len({key.partition("\0")[0] for key in desk.state}) <= (1 if age is None else age + 2)
    assert not np.array_equal(after[0], after[-1])


def said_of(world):
    """One answer of each model to each fact."""
    grammar, n = world.shape.grammar, 10
    fact = np.tile(np.arange(grammar.facts), n)
    source = np.repeat(np.arange(n), grammar.facts).astype(np.int32)
    none = np.full(len(fact), -1)
    content = grammar.write(fact[:, None], np.zeros((len(fact), 1), int))
    return Submitted(content, none, source, np.ones(len(fact), np.float32), none, np.zeros(len(fact), bool))


# Users.


def test_users_refuse_what_they_would_say_otherwise_and_put_that_in_its_place():
    look = Look([[1, 0, 0]] * N)
    seen = said([(0, 0)], [(0, 1)], [(1, 0)], [(0, 2), (1, 0)], [])
    assert Users(share=0.25).accepts({}, seen, look) == pytest.approx([0.75, 1, 1, 0.75, 1])
    amended = Users().amends({}, seen, look)
    assert GRAMMAR.read(amended.content).slot[:, 0].tolist() == [1, 1, 0, 1, -1]
    assert GRAMMAR.read(amended.content).slot[3].tolist() == [1, 0]
    assert amended.depth.tolist() == [0] * 5
    assert Users(corrects=False).amends({}, seen, look) is None


def test_a_correction_is_published_under_the_authors_name_with_the_depth_of_people():
    """People who never err look at everything: all that is published is true; without corrections there is less."""
    plain = facts_world()
    corrected = facts_world(at_publishing(Users, share=1), error=0)
    refused = facts_world(at_publishing(Users, share=1, corrects=False), error=0)
    for world in (plain, corrected, refused):
        world.step()
    assert np.all(corrected.measured("false_share_published") == 0)
    assert np.all(plain.measured("false_share_published") > 0)
    assert corrected.web_counts.tolist() == plain.web_counts.tolist()
    assert refused.web_counts.sum() < plain.web_counts.sum()
    wrong = corrected.answering.answers[0].slot != corrected.reference.truth.slot_F[corrected.answering.answers[0].fact]
    published = corrected.corpus.documents(1)
    np.testing.assert_array_equal(published.depth, np.where(wrong, 0, 1))
    assert corrected.measured("answer_accuracy").mean() == pytest.approx(1 - wrong.mean())  # what it answered stands


def test_whoever_stands_behind_users_judges_what_they_made_of_it():
    behind = at_publishing(Oracle, name="behind")
    alone = facts_world(behind, error=0)
    after = facts_world(at_publishing(Users, share=1, name="users"), behind, error=0)
    for world in (alone, after):
        world.step()
    assert alone.gates.desks["behind"].now.rejected > 0
    assert after.gates.desks["behind"].now.rejected == 0


def test_users_err_as_often_as_people_do():
    """One z-test (false alarms: 1e-6), and another rate that it rejects."""
    (writer,) = Facts(subjects=20, error=0.3, parts=2).open([Facts(subjects=20, error=0.3, parts=2)])
    known = np.flatnonzero(writer.known_F)
    fact = np.tile(known, 500)
    luck = Streams(0).rows("luck", 0, len(fact)).uniform(2)
    wrong = (writer.says(fact, luck) != writer.truth.slot_F[fact]).astype(float)
    assert mean_is(wrong, 0.3)
    assert not mean_is(wrong, 0.33)
    unknown = np.flatnonzero(~writer.known_F)
    assert len(unknown)
    assert set(writer.says(unknown, luck[: len(unknown)])) == {-1}


def test_one_group_more_changes_no_correction():
    more = Group(name="more", count=2, publish=5, read=100, learner=Belief())
    worlds = [facts_world(at_publishing(Users, share=0.5), groups=groups) for groups in ((), (more,))]
    contents = []
    for world in worlds:
        world.step()
        published = world.corpus.documents(1)
        contents.append(published.content[published.source < 10])
    np.testing.assert_array_equal(*contents)


# Debate.


def test_a_judge_of_ability_picks_the_true_side_so_often():
    """The opponent finds slot 0, the true one, most probable; or slot 2."""
    seen = said([(0, 0)], [(0, 1)], [(0, 2)], [])
    right, wrong = Look([[0, 1, 0], [0.5, 0.2, 0.3], [0, 0, 1]]), Look([[0, 1, 0], [0, 0.2, 0.8], [0, 0, 1]])
    debate = Debate(ability=0.8)
    assert debate.accepts({}, seen, right) == pytest.approx([1, 0.2, 0.2, 1])
    assert debate.accepts({}, seen, wrong) == pytest.approx([0.8, 0.5, 1, 1])
    assert debate.accepts({}, seen, Look([[1, 0, 0]] * N, (-1,))).tolist() == [1, 1, 1, 1]
    amended = debate.amends({}, seen, right)
    assert GRAMMAR.read(amended.content).slot[:3, 0].tolist() == [0, 0, 0]
    assert np.nan_to_num(amended.depth, nan=-1).tolist() == [-1, 1.5, 1.5, -1]


@pytest.mark.parametrize("ability", [0.0, 0.5, 1.0])
def test_what_is_published_is_true_as_often_as_the_law_says(ability):
    """a + ability b: where exactly one side is right, what is published is true with that probability.

    One z-test (false alarms: 1e-6), and another ability that it rejects.
    """
    opponents = Group(name="opponents", count=10, publish=0, read=100, learner=Belief(temperature=0.2))
    world = facts_world(at_publishing(Debate, ability=ability, group="opponents"), groups=(opponents,), error=0.4)
    desk, truth = world.gates.desks["verifier"], world.reference.truth
    world.gates.begin(1)
    answers = world.answering.answer(world.populations[0], 1).answered
    other_M = desk.sight.peers(answers.agent, 1, "opponents")[:, 0]
    assert set(other_M) <= set(range(10, 20))
    says = desk.sight.beliefs(other_M, answers.fact).argmax(axis=1)
    own, others = truth.right(answers.fact, answers.slot), truth.right(answers.fact, says)
    world.step()
    published = world.corpus.documents(1)
    true = truth.whole(published.content).astype(float)
    one = own != others
    assert one.mean() > 0.1
    assert np.all(true[~one] == own[~one])
    if 0 < ability < 1:
        assert mean_is(true[one], ability)
        assert not mean_is(true[one], ability + 0.3)
    else:
        assert np.all(true[one] == ability)
        assert not np.all(true[one] == 1 - ability)
