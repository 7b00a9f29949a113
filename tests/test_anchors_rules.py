"""The contract of those who judge claims, what is measured of it, and the mistakes one can make with their keys."""

from __future__ import annotations

import numpy as np
import pytest
from claimed import at_publishing, facts_world
from good_scenario import lines_of

from agents.humans.facts import Facts
from agents.learners.belief import Belief
from agents.verifiers.debate import Debate
from agents.verifiers.detector import Detector
from agents.verifiers.past_self import PastSelf
from agents.verifiers.third_party import ThirdParty
from agents.verifiers.users import Users
from ecosystem import Ecosystem, Scenario
from ecosystem.checks import CheckFailed, check_verifier
from ecosystem.errors import InputError
from ecosystem.metrics import find
from ecosystem.scenario import Group
from ecosystem.verifier import Amendment


@pytest.mark.parametrize(
    "verifier",
    [
        PastSelf(age=0), PastSelf(age=2, threshold=0.5), ThirdParty(group="free", asks=3),
        Users(share=1, corrects=False), Debate(group="free", ability=1),
    ],
    ids=repr,
)  # fmt: skip
def test_they_keep_the_rules_with_other_keys(verifier):
    check_verifier(verifier)


class CutsShort(Users):
    def amends(self, state, seen, sight):
        return Amendment(seen.content[:, :2], np.zeros(len(seen)))


class BelowPeople(Users):
    def amends(self, state, seen, sight):
        return Amendment(seen.content, np.full(len(seen), -1.0))


class AmendsByDice(Users):
    def amends(self, state, seen, sight):
        return Amendment(np.random.permutation(seen.content), np.zeros(len(seen)))  # noqa: NPY002 - the mistake itself


class WritesIntoIt(Users):
    def amends(self, state, seen, sight):
        seen.content[:] = 0
        return None


@pytest.mark.parametrize(
    ("verifier", "says"),
    [
        (CutsShort(), "CutsShort: amends must write content of shape"),
        (BelowPeople(), "depths of 0 and more, or NaN; got"),
        (AmendsByDice(), "asked twice to amend unpublished documents it must say the same"),
        (WritesIntoIt(), "must not change the documents"),
    ],
    ids=lambda x: type(x).__name__ if not isinstance(x, str) else "",
)
def test_amendments_that_break_a_rule_are_rejected(verifier, says):
    with pytest.raises(CheckFailed, match=says):
        check_verifier(verifier)


def test_who_amends_nothing_publishes_what_was_written():
    worlds = facts_world(at_publishing(Detector, false_negative_rate=1)), facts_world()
    for world in worlds:
        world.step()
    np.testing.assert_array_equal(*(world.corpus.documents(1).content for world in worlds))


def test_the_false_share_published_is_counted_by_author():
    world = facts_world()
    assert np.isnan(find("false_share_published")(world)).all()
    world.step()
    published = world.corpus.documents(1)
    true = world.reference.truth.whole(published.content)
    expected = [1 - true[published.source == i].mean() for i in range(10)]
    assert find("false_share_published")(world) == pytest.approx(expected)


def test_before_answers_are_published_they_are_measured():
    world = facts_world(questions={"since": 2})
    world.step()
    assert world.web_counts.sum() == 0
    assert np.isfinite(world.measured("answer_accuracy")).all()
    world.step()
    assert world.web_counts[:10].tolist() == [100] * 10


def test_communities_of_other_myths_are_misled_about_other_facts():
    one, same, other = (
        Facts(error=0.5, misled=0.4, myths=myths, places=0).writer().misled_F for myths in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    both = (one >= 0) & (other >= 0)
    assert 0 < both.sum() < 0.6 * (one >= 0).sum()


def test_only_models_of_a_group_are_asked_and_an_unknown_one_is_told():
    world = facts_world(groups=(Group(name="judges", count=2, publish=0, read=100, learner=Belief()),))
    sight = world.sight(ThirdParty(name="other"))
    assert set(sight.peers(np.arange(12), 5, "judges").ravel()) == {-1, 10, 11}
    assert (sight.peers(np.array([10]), 5, "judges") == [[11, -1, -1, -1, -1]]).all()
    assert (sight.peers(np.array([3, 12]), 1) == -1).all()  # nobody reads others here, and people none
    with pytest.raises(InputError, match=r"verifiers\.other\.group: must be one of models, judges\. Got 'judge'"):
        sight.peers(np.arange(2), 1, "judge")
    with pytest.raises(InputError, match=r"community: must be one of people\. Got 'folk'"):
        sight.people_say(np.zeros(1, int), np.zeros(1, int), "folk")


FILE = """\
world: {kind: facts}
humans: [{name: people}]
models: [{name: learners, learner: {kind: belief}}]
verifiers: [{kind: third_party, group: learners}]
"""


@pytest.mark.parametrize(
    ("was", "wrong", "says"),
    [
        ("group: learners", "group: learner", "verifiers.0.group: must be a group of models: learners; got 'learner'"),
        ("third_party, group: learners", "users, community: folk", "0.community: must be a community: people; got"),
        ("third_party, group: learners", "debate, ability: 2", "verifiers.0.ability: must be a number from 0 to 1"),
        ("third_party, group: learners", "past_self, age: -1", "verifiers.0.age: must be a whole number"),
        ("{kind: facts}", "{kind: zipf}", None),
        ("group: learners", "asks: 0", "verifiers.0.asks: must be a whole number from 1 to 1,000"),
    ],
)
def test_mistakes_are_told(was, wrong, says, tmp_path):
    text = FILE.replace(was, wrong)
    if says is not None:
        (line,) = lines_of(text, tmp_path)
        assert says in line
        return
    file = tmp_path / "s.yaml"
    file.write_text(text.replace("kind: belief", "kind: categorical"))
    with pytest.raises(InputError, match="a ThirdParty judges claims; this world writes items"):
        Ecosystem(Scenario.from_file(file))
