"""The world of facts: what is true, what follows from it, and how people write of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from agents.humans.facts import Facts
from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.streams import Streams
from tests.chance import FALSE_ALARM
from tests.fact_worlds import FILE, facts


def claimed(people: Facts, k: int = 20_000):
    writer = people.writer()
    content = writer.sample(k, Streams(0).rows("people", 0, 1))[0]
    return writer, writer.grammar.read(content)


def test_what_follows_is_the_composition_of_what_it_follows_from():
    truth = facts(subjects=50, places=7, regions=5).truth()
    grammar, name = truth.grammar, truth.grammar.entity_names
    value = {}
    for f in range(grammar.facts):
        relation = grammar.relation_F[f]
        entity = grammar.low_R[relation] + truth.slot_F[f]
        value[name[grammar.subject_F[f]], grammar.relation_names[relation]] = name[entity]
    for subject in name[:50]:
        home = value[subject, "home"]
        assert home.startswith("place")
        assert value[subject, "is from"] == value[home, "lies in"]
        assert value[subject, "is from"].startswith("region")
    assert len(value) == grammar.facts == 50 * (2 + 2) + 7


def test_truth_is_drawn_from_the_seed_of_the_world_alone():
    slots = [facts(seed=seed, error=error).truth().slot_F.tolist() for seed, error in ((0, 0.1), (0, 0.5), (1, 0.1))]
    assert slots[0] == slots[1] != slots[2]
    one, other = Streams(0), Streams(1)  # a run's seed changes who writes what, not what is true
    assert facts().writer().sample(50, one.rows("p", 0, 1)).tolist() != facts().writer().sample(
        50, other.rows("p", 0, 1)
    ).tolist()


def test_people_ask_for_subjects_by_popularity_and_for_places_as_for_those_who_live_there():
    truth = facts(exponent=1.0, subjects=4, places=2, relations=1).truth()
    people = np.array([1, 1 / 2, 1 / 3, 1 / 4])
    people /= people.sum()
    mass = np.concatenate([people, people, people, [0.5, 0.5]])  # one relation, home, is from; two places lie somewhere
    np.testing.assert_allclose(truth.asked_F, mass / mass.sum())


@pytest.mark.parametrize("error", [0.0, 0.05, 0.5, 1.0])
def test_so_many_claims_are_false_as_people_err(error):
    writer, claims = claimed(facts(error=error, claims=2))
    false, made = writer.truth.false_claims(claims)
    assert made.min() == 2
    assert binomtest(int(false.sum()), int(made.sum()), error).pvalue > FALSE_ALARM
    assert binomtest(int(false.sum()), int(made.sum()), abs(error - 0.03)).pvalue < FALSE_ALARM  # the negative control


def test_errors_are_any_other_value_alike_but_misconceptions_one_and_the_same():
    writer, (fact, slot) = claimed(facts(error=0.6, values=6, misled=0.5, exponent=0.0), 60_000)
    fact, slot = fact[:, 0], slot[:, 0]
    false = slot != writer.truth.slot_F[fact]
    held = writer.misled_F[fact] >= 0
    assert 0.3 < (writer.misled_F >= 0).mean() < 0.7
    assert (slot[false & held] == writer.misled_F[fact][false & held]).all()
    apart = ((slot - writer.truth.slot_F[fact]) % writer.grammar.width_F[fact])[false & ~held & (fact < 24)]
    assert set(apart) == {1, 2, 3, 4, 5}
    assert chisquare(np.bincount(apart)[1:]).pvalue > FALSE_ALARM
    assert not (writer.misled_F == writer.truth.slot_F).any()


def test_people_state_derivable_facts_in_the_share_said():
    for derived in (0.0, 0.25):
        writer, claims = claimed(facts(derived=derived))
        stated = int(writer.grammar.derivable_F[claims.fact].sum())
        assert binomtest(stated, claims.fact.size, derived).pvalue > FALSE_ALARM


def test_a_community_knows_its_part_of_the_subjects_and_all_places():
    writers = facts().open([facts(parts=3, part=part, derived=0.2) for part in range(3)])
    grammar = writers[0].grammar
    person = grammar.subject_F < 12
    for part, writer in enumerate(writers):
        np.testing.assert_array_equal(writer.known_F, ~person | (grammar.subject_F % 3 == part))
        assert (writer.share_F[~writer.known_F] == 0).all()
        assert writer.share_F.sum() == pytest.approx(1)
        fact = grammar.read(writer.sample(2_000, Streams(0).rows("p", 0, 1))[0]).fact
        assert writer.known_F[fact].all()


@pytest.mark.parametrize("keys", [{}, {"claims": 2, "misled": 0.5, "error": 0.3}, {"places": 1, "regions": 2}])
def test_how_likely_a_document_is_is_how_often_it_is_written(keys):
    writer = facts(subjects=2, values=2, relations=1, **keys).writer()
    content = writer.sample(100_000, Streams(0).rows("p", 0, 1))[0]
    documents, counts = np.unique(content, axis=0, return_counts=True)
    expected = np.exp(writer.log_prob(documents))
    often = expected * len(content) >= 5
    assert expected.sum() <= 1 + 1e-9
    table = [*counts[often], counts[~often].sum()], [*expected[often] * 1e5, (1 - expected[often].sum()) * 1e5]
    if table[1][-1] < 5:
        table = [side[:-1] for side in table]
        table[1] = list(np.array(table[1]) * sum(table[0]) / sum(table[1]))
    assert chisquare(*table).pvalue > FALSE_ALARM
    shares = np.bincount(content.ravel(), minlength=writer.grammar.tokens) / content.size
    np.testing.assert_allclose(shares, writer.probabilities, atol=0.01)
    assert writer.probabilities.sum() == pytest.approx(1)


def test_documents_that_people_would_not_write_are_impossible():
    writer = facts(error=0.0).writer()
    true = writer.grammar.write(np.array([[0]]), writer.truth.slot_F[:1, None])
    false = writer.grammar.write(np.array([[0]]), (writer.truth.slot_F[:1, None] + 1) % 4)
    nats = writer.log_prob(np.concatenate([true, false, np.zeros_like(true)]))
    assert np.isfinite(nats).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"world.part": 2, "world.parts": 2}, "part: must be below parts, 2; got 2"),
        ({"world.part": 12, "world.parts": 20}, "part: must be below subjects, 12; got 12"),
        ({"world.derived": 0.1, "world.places": 0}, "derived: needs places"),
        ({"world.error": 1.2}, "error: must be .* from 0 to 1; got 1.2"),
        ({"world.subject": 5}, "subject.*did you mean 'subjects'"),
        ({"world.subjects": 1}, "subjects: must be .*from 2"),
        ({"models.models.questions.source": "wbe"}, "source: must be .*did you mean 'web'"),
        ({"models.models.questions.faithful": 2}, "faithful: must be .*got 2"),
    ],
)
def test_keys_that_make_no_sense_are_told(keys, says):
    with pytest.raises(InputError, match=says):
        read(FILE, **keys)


def test_communities_live_in_one_world_of_facts():
    with pytest.raises(InputError, match=r"humans\.\*\.writes\.seed: must be the same .* got 0 and 3"):
        facts().open([facts(), facts(seed=3)])
    assert len(facts().open([facts(), facts(error=0.5, part=1, parts=2, exponent=2.0, derived=0.3)])) == 2


def test_a_world_without_facts_asks_no_questions():
    from ecosystem.fits import WorldError
    from ecosystem.model import Ecosystem

    changes = {"world": {"kind": "zipf"}, "metrics": ["depth"], "models.models.learner": {"kind": "categorical"}}
    with pytest.raises(WorldError, match=r"models\.models\.questions: goes with worlds of facts; this world writes"):
        Ecosystem(read(FILE, **changes))
